# Prints the admin user of a file without the blanks around it; exit 1 where that is no name for a user.

BEGIN {
	name = trimmed(slurp(ARGV[1]))
	printf "%s", name
	exit (name == "root" || length(name) > 32 || name ~ /^[0-9]+$/ || name !~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/)
}
