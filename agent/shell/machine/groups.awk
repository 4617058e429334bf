# The groups of a user, for the programs that ask for them; behind edit.awk.

# The files of ARGV from place `at` on, such as /etc/group: prints the groups of this user: name, TAB, number.
function put_groups(user, gid, at,    i, k, f, n, seen) {
	for (i = at; i < ARGC; i++) {
		take(ARGV[i])
		for (k = 1; k <= count; k++) {
			sub(/\r$/, "", row[k])
			n = split(row[k], f, /[:]/)
			if (n != 4 || f[3] !~ /^[0-9]+$/ || f[1] in seen) continue
			if (f[3] + 0 != gid + 0 && !index("," f[4] ",", "," user ",")) continue
			seen[f[1]] = 1
			sub(/^0+/, "", f[3])
			put(f[1] "\t" (f[3] == "" ? 0 : f[3]))
		}
	}
}

# What put_groups has printed: sets groups, group[] and number[].
function read_groups(file) {
	take(file)
	for (groups = 0; groups < count; ) {
		groups++
		group[groups] = row[groups]
		sub(/\t.*/, "", group[groups])
		number[groups] = row[groups]
		sub(/.*\t/, "", number[groups])
	}
}
