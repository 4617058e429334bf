# What the dates of a line of shadow say against its account. usage: awk PROGRAM DATES NOW, behind edit.awk; DATES is
# what stands there behind the hash.

BEGIN {
	judge_ages(ARGV[1], ARGV[2])
	verdict("done")
}

function is_number(s) {
	return s ~ /^[0-9]+$/ && length(s) < 10
}

# The clock counts if it says more than November 2023: one that was never set says less.
function judge_ages(dates, now,    f, today) {
	sub(/\r$/, "", dates)
	split("name:" dates, f, /[:]/)
	today = int(now / 86400)
	if (is_number(f[3]) && f[3] + 0 == 0) put("the password must be changed at the first login")
	if (now < 1700000000) return
	if (is_number(f[3]) && f[3] + 0 && is_number(f[5]) && f[3] + f[5] < today) put("the password has expired")
	if (is_number(f[8]) && f[8] + 0 <= today) put("the account has expired")
}
