# The list of what install made, WORD PATH a line; an older azready had signs for the words.
# usage: awk PROGRAM FILE note LINE: with that line, once. FILE reverse: the last line first.

function in_words(s) {
	if (s ~ /^%/) return "edited " substr(s, 2)
	if (s ~ /^=/) return "replaced " substr(s, 2)
	if (s ~ /^!/) return "gone " substr(s, 2)
	if (s ~ /^\/.*\/$/) return "directory " substr(s, 1, length(s) - 1)
	if (s ~ /^\//) return "file " s
	return s
}

BEGIN {
	take(ARGV[1])
	if (ARGV[2] == "reverse") {
		for (i = count; i; i--) put(in_words(row[i]))
		verdict("done")
	} else {
		for (i = 1; i <= count; i++) {
			line = in_words(row[i])
			if (line == ARGV[3]) there = 1
			put(line)
		}
		if (!there) put(ARGV[3])
		verdict_of_edit(0)
	}
}
