# The health report of a failure. usage: awk PROGRAM DIRECTORY '' TEMPLATE: DIRECTORY/report is the template, filled in with the
# files there. Stands behind fill.awk.

BEGIN {
	save(ARGV[1], "report", fill(ARGV[1], ARGV[3]))
	saved()
}
