# What the dates of a line of shadow say against its account. usage: awk PROGRAM FILE NOW, behind edit.awk

BEGIN {
	judge_ages(ARGV[1], ARGV[2])
	verdict("done")
}

function is_number(s) {
	return s ~ /^[0-9]+$/ && length(s) < 10
}

# The clock counts if it says more than November 2023: one that was never set says less.
function judge_ages(file, now,    f, today) {
	take(file)
	if (!count) return
	sub(/\r$/, "", row[1])
	split(row[1], f, /[:]/)
	today = int(now / 86400)
	if (is_number(f[3]) && f[3] + 0 == 0) put("the password must be changed at the first login")
	if (now < 1700000000) return
	if (is_number(f[3]) && f[3] + 0 && is_number(f[5]) && f[3] + f[5] < today) put("the password has expired")
	if (is_number(f[8]) && f[8] + 0 <= today) put("the account has expired")
}
