# The groups of a user, for the programs that ask for them: NAME:NUMBER with commas between, as accounts.awk puts them: sets
# groups, group[] and number[].

function read_groups(text,    i, part, f) {
	groups = split(text, part, /[,]/)
	for (i = 1; i <= groups; i++) {
		split(part[i], f, /[:]/)
		group[i] = f[1]
		number[i] = f[2]
	}
}
