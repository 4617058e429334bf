# The health report. usage: awk PROGRAM DIRECTORY '' TEMPLATE: DIRECTORY/report is the template with each @KEY@ replaced by
# the XML-escaped content of DIRECTORY/KEY; a line whose value is empty is left out. A goal state has all of its own.

function escaped(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	return s
}

# A line with its values; empty where one of them is.
function filled(row,    key, value, line) {
	while (match(row, /@[A-Z_]+@/)) {
		key = substr(row, RSTART + 1, RLENGTH - 2)
		value = slurp(ARGV[1] "/" key)
		if (value == "" && key != "DESCRIPTION") exit 3
		if (value == "") return ""
		line = line substr(row, 1, RSTART - 1) escaped(value)
		row = substr(row, RSTART + RLENGTH)
	}
	return line row "\n"
}

BEGIN {
	n = split(ARGV[3], row, /[\n]/)
	for (i = 1; i <= n; i++) report = report filled(row[i])
	save(ARGV[1], "report", report)
	saved()
}
