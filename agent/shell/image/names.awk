# The names of a machine, without a domain, a line each. usage: awk PROGRAM NAME all FILE.. keyed FILE..: each line of the
# files behind `all` is a name; in those behind `keyed` one stands behind a word with `hostname` in it.

function consider(line,    words, name) {
	if (line ~ /^[ \t]*#/ || !match(line, /[Hh]ostname|HOSTNAME/)) return
	split(substr(line, RSTART + RLENGTH), words, /[ "'=\t]+/)
	name = words[2]
	sub(/[.].*/, "", name)
	if (words[1] == "" && name ~ /^[A-Za-z0-9_-]+$/ && name != "localhost" && !seen[name]++) put(name)
}

BEGIN {
	for (a = 2; a < ARGC; a++) {
		if (substr(ARGV[a], 1, 1) != "/") {
			before = ARGV[a] == "all" ? "hostname " : ""
			continue
		}
		take(ARGV[a])
		for (i = 1; i <= count; i++) consider(before row[i])
	}
	consider("hostname " ARGV[1])
	verdict("seen")
}
