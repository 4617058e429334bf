# The row of a failure report. usage: awk PROGRAM MAX AGENT VM_ID URL TIMESTAMP DETAILS [REASON [KEY=VALUE ..]]
# DETAILS, a file as `fail` has written it, has reason and details, of which one may be the content of DETAILS.value; with an
# empty one they are arguments. Prints the row without a newline.
# report.py cuts and quotes in the same way, byte for byte.

# The value without what XML cannot hold: control characters go, bytes that are not UTF-8 become `?`.
function clean(s,    i, n, out, c) {
	# Cut twice: no character has more than four bytes, and busybox awk copies what it hands to a function.
	s = substr_characters(substr(s, 1, 4 * max), max)
	for (i = 1; i <= length(s); i += n ? n : 1) {
		n = utf8_length(s, i)
		c = substr(s, i, n ? n : 1)
		if (!n || is_noncharacter(c)) c = "?"
		else if (n == 1 && (c == sprintf("%c", 127) || c < " " && c != "\t" && c != "\n" && c != "\r")) c = ""
		out = out c
	}
	return out
}

# The first `count` characters; a byte that is not UTF-8 counts as one.
function substr_characters(s, count,    i, n) {
	for (i = 1; i <= length(s) && count > 0; count--) {
		n = utf8_length(s, i)
		i += n ? n : 1
	}
	return substr(s, 1, i - 1)
}

function without_last(s,    i) {
	i = length(s)
	while (i > 1 && ORD[substr(s, i, 1)] >= 128 && ORD[substr(s, i, 1)] < 192) i--
	return substr(s, 1, i - 1)
}

function encoded(field) {
	if (field !~ /[|'\r\n]/) return field
	gsub(/'/, "''", field)
	return "'" field "'"
}

# Append the encoded pair if it fits, shortened if need be; 0 once there is no room.
function fit(key, value,    field) {
	value = clean(value)
	field = encoded(key "=" value)
	while (value != "" && length(field) + 1 > room) {
		value = without_last(value)
		field = encoded(key "=" value)
	}
	if (length(field) + 1 > room) return 0
	room -= length(field) + 1
	FIELD[++fields] = field
	return 1
}

function detail(pair,    p) {
	p = index(pair, "=")
	return fit(substr(pair, 1, p - 1), substr(pair, p + 1))
}

# Sets pair[1] to pair[pairs], and key, that of the file's content.
function read_details(file,    line, sign) {
	while ((getline line < file) > 0) {
		sign = substr(line, 1, 1)
		if (sign == "=") pair[++pairs] = substr(line, 2)
		else if (sign == "+") pair[pairs] = pair[pairs] "\n" substr(line, 2)
		else if (sign == "@") key = substr(line, 2)
	}
	close(file)
}

BEGIN {
	byte_table()
	max = ARGV[1] + 0
	agent = "agent=" ARGV[2]
	tail = "vm_id=" (ARGV[3] == "" ? "unknown" : ARGV[3]) "|timestamp=" ARGV[5] "|documentation_url=" ARGV[4]
	room = max - length("result=error||" agent tail) - 1
	if (ARGV[6] != "") read_details(ARGV[6])
	else for (i = 7; i < ARGC; i++) pair[++pairs] = (i == 7 ? "reason=" : "") ARGV[i]
	going = 1
	for (i = 1; going && i <= pairs; i++) going = detail(pair[i])
	value = ARGV[6] ".value"
	# A report without this value is better than none.
	if (going && key != "" && (getline row < value) >= 0) {
		close(value)
		fit(key, trimmed(slurp(value)))
	}
	row = "result=error" (fields ? "|" FIELD[1] : "") "|" agent
	for (i = 2; i <= fields; i++) row = row "|" FIELD[i]
	printf "%s|%s", row, tail
}
