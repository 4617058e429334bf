# The health report, for the programs behind it: fill(DIRECTORY, TEMPLATE) returns the template with each @KEY@ replaced by
# GIVEN[KEY], or the content of DIRECTORY/KEY, escaped for XML. A line whose value is empty is left out: only a report of
# Ready lacks one, its description.

function escaped(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	return s
}

# A line with its values; empty where one of them is.
function filled(directory, row,    key, value, line) {
	while (match(row, /@[A-Z_]+@/)) {
		key = substr(row, RSTART + 1, RLENGTH - 2)
		value = (key in GIVEN) ? GIVEN[key] : slurp(directory "/" key)
		if (value == "" && key != "DESCRIPTION") exit 3
		if (value == "") return ""
		line = line substr(row, 1, RSTART - 1) escaped(value)
		row = substr(row, RSTART + RLENGTH)
	}
	return line row "\n"
}

function fill(directory, template,    n, row, i, report) {
	n = split(template, row, /[\n]/)
	for (i = 1; i <= n; i++) report = report filled(directory, row[i])
	return report
}
