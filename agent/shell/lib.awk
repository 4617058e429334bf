# Shared by the awk programs. Everything is bytes: the engine runs awk with LC_ALL=C.
# Runs under mawk, gawk, busybox awk and the one true awk: no \xHH, no high bytes in a regular expression, no RT; and
# split() gets a bracket expression, because the one true awk splits at newlines too when it gets a single character.

# The whole of a file, lines joined by \n; a NUL byte must have been ruled out before.
function slurp(file,    text, line, n) {
	while ((getline line < file) > 0) text = text (n++ ? "\n" : "") line
	close(file)
	return text
}

function byte_table(    i) {
	for (i = 1; i < 256; i++) ORD[sprintf("%c", i)] = i
}

# How many bytes the UTF-8 sequence at `i` has; 0 where there is none (RFC 3629: shortest form, no surrogates).
function utf8_length(s, i,    a, b, n, k) {
	a = ORD[substr(s, i, 1)]
	if (a < 128) return 1
	if (a < 194 || a > 244) return 0
	n = a < 224 ? 2 : a < 240 ? 3 : 4
	b = ORD[substr(s, i + 1, 1)]
	if (a == 224 && b < 160 || a == 237 && b > 159 || a == 240 && b < 144 || a == 244 && b > 143) return 0
	for (k = 1; k < n; k++) {
		b = ORD[substr(s, i + k, 1)]
		if (b < 128 || b > 191) return 0
	}
	return n
}

# U+FFFE and U+FFFF: UTF-8, but not in XML.
function is_noncharacter(sequence) {
	return sequence == sprintf("%c%c%c", 239, 191, 190) || sequence == sprintf("%c%c%c", 239, 191, 191)
}

# Whether `s` is UTF-8 throughout, and with `xml` also free of what XML forbids.
# Run by run of bytes that are not ASCII, because busybox awk copies a string with every call that it is handed to.
function is_utf8(s, xml,    run) {
	while (match(s, /[^\001-\177]+/)) {
		run = substr(s, RSTART, RLENGTH)
		s = substr(s, RSTART + RLENGTH)
		if (!run_is_utf8(run, xml)) return 0
	}
	return 1
}

function run_is_utf8(s, xml,    i, n, max) {
	max = length(s)
	for (i = 1; i <= max; i += n) {
		n = utf8_length(s, i)
		if (!n || xml && n == 3 && is_noncharacter(substr(s, i, 3))) return 0
	}
	return 1
}

function utf8_encode(code) {
	if (code < 128) return sprintf("%c", code)
	if (code < 2048) return sprintf("%c%c", 192 + int(code / 64), 128 + code % 64)
	if (code < 65536) return sprintf("%c%c%c", 224 + int(code / 4096), 128 + int(code / 64) % 64, 128 + code % 64)
	return sprintf("%c%c%c%c", 240 + int(code / 262144), 128 + int(code / 4096) % 64, 128 + int(code / 64) % 64, 128 + code % 64)
}

function hex_value(digits,    i, value) {
	digits = tolower(digits)
	for (i = 1; i <= length(digits); i++) value = value * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
	return value
}

function without_bom(s) {
	return substr(s, 1, 3) == sprintf("%c%c%c", 239, 187, 191) ? substr(s, 4) : s
}

function trimmed(s) {
	sub(/^[ \t\r\n]+/, "", s)
	sub(/[ \t\r\n]+$/, "", s)
	return s
}

function save(file, text) {
	printf "%s", text > file
	close(file)
}

# Every match of `pattern` (in brackets, see above) replaced. Not gsub: how many backslashes stand for one in what it
# puts in differs from awk to awk.
function replaced(s, pattern, text,    parts, n, i, out) {
	n = split(s, parts, pattern)
	out = parts[1]
	for (i = 2; i <= n; i++) out = out text parts[i]
	return out
}

# A JSON string. Of the control characters only these three can occur: the others were dropped before.
function json_string(s) {
	s = replaced(replaced(s, "[\\\\]", "\\\\"), "[\"]", "\\\"")
	return "\"" replaced(replaced(replaced(s, "[\t]", "\\t"), "[\r]", "\\r"), "[\n]", "\\n") "\""
}
