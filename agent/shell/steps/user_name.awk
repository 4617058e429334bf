# Puts the admin user of a file; the verdict is `bad` where that is no name for a user. Behind
# edit.awk.

BEGIN {
	name = trimmed(slurp(ARGV[1]))
	put_word(name)
	verdict(name == "root" || length(name) > 32 || name ~ /^[0-9]+$/ || name !~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/ ? "bad" : "good")
}
