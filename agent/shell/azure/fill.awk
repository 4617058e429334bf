# Fill the template on stdin. usage: awk PROGRAM DIRECTORY: @KEY@ becomes the XML-escaped content of DIRECTORY/KEY;
# a line whose value is empty is left out.

function escaped(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	return s
}

BEGIN {
	directory = ARGV[1]
	ARGC = 1
}

{
	line = ""
	while (match($0, /@[A-Z_]+@/)) {
		value = slurp(directory "/" substr($0, RSTART + 1, RLENGTH - 2))
		if (value == "") next
		line = line substr($0, 1, RSTART - 1) escaped(value)
		$0 = substr($0, RSTART + RLENGTH)
	}
	print line $0
}
