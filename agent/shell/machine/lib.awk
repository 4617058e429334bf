# Shared by the awk programs. Everything is bytes: the engine runs awk with LC_ALL=C.
# Runs under mawk, gawk, busybox awk and the one true awk: no \xHH, no high bytes in a regular expression, no RT; and
# split() gets a bracket expression, because the one true awk splits at newlines too when it gets a single character.
#
# Behind a name stands no parenthesis but that of a call, not even behind a blank: busybox before 1.32 takes `name (x)` for
# one. In brackets no slash stands behind a backslash: busybox takes the backslash for one of the characters.
#
# Long texts: mawk and busybox awk copy a text with every bit that is added to it, busybox awk one that it hands to a
# function, and measures one that it searches, cuts from or splits. So what may be long is taken apart in pieces, and put
# together by rope(). A pattern that is no constant is compiled anew each time. And substr() from 0 on is not the same
# everywhere.
#
# Exit status: 1 and a reason on stdout for a document that is refused; 3 where a file cannot be read or written.

# The whole of a file, lines joined by \n; a NUL byte must have been ruled out before.
function slurp(file,    line, n, got) {
	while ((got = (getline line < file)) > 0) rope((n++ ? "\n" : "") line)
	if (got < 0) exit 3
	close(file)
	return roped()
}

# One more piece of a long text, which roped() returns; one such text at a time.
function rope(piece) {
	ROPE_1 = ROPE_1 piece
	if (length(ROPE_1) < 512) return
	ROPE_2 = ROPE_2 ROPE_1
	ROPE_1 = ""
	if (length(ROPE_2) < 16384) return
	ROPE_3 = ROPE_3 ROPE_2
	ROPE_2 = ""
}

function roped(    s) {
	s = ROPE_3 ROPE_2 ROPE_1
	ROPE_1 = ROPE_2 = ROPE_3 = ""
	return s
}

# A document that was read record by record: `got` is what getline said last, `count` the bytes with a separator behind
# each record, `size` what the shell has counted.
function require_whole(got, count, size) {
	# To busybox awk nothing at all is no number.
	count += 0
	if (got < 0 || count != size && count != size + 1) exit 3
}

# NUL bytes, by those awks that have them in a text; the others stop at one, and then the count is short.
function has_nul(s) {
	return length(NUL) && index(s, NUL)
}

function byte_table(    i) {
	NUL = sprintf("%c", 0)
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
function is_utf8(s, xml,    at, max, piece, more, next_byte) {
	if (s !~ /[^\001-\177]/) return 1
	max = length(s)
	for (at = 1; at <= max; at += length(piece)) {
		piece = substr(s, at, 512)
		# What the cut has parted: no character has more than three such bytes.
		for (more = 0; more < 3; more++) {
			next_byte = substr(s, at + length(piece), 1)
			if (next_byte == "" || ORD[next_byte] < 128 || ORD[next_byte] > 191) break
			piece = piece next_byte
		}
		if (!piece_is_utf8(piece, xml)) return 0
	}
	return 1
}

# Run by run of bytes that are not ASCII.
function piece_is_utf8(s, xml,    run) {
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

# Without the blanks at both ends. No pattern that ends in $: in a text with long runs of blanks it is tried at each.
function trimmed(s,    n) {
	if (!match(s, /[^ \t\r\n]/)) return ""
	s = substr(s, RSTART)
	n = length(s)
	while (n > 256 && substr(s, n - 255, 256) !~ /[^ \t\r\n]/) n -= 256
	while (substr(s, n, 1) ~ /[ \t\r\n]/) n--
	return substr(s, 1, n)
}

# What a program has saved is read again, because busybox awk does not notice a short write. Its last act is saved(): what
# was killed, or did nothing, has not said so.
function save(directory, name, text,    file) {
	file = directory "/" name
	printf "%s", text > file
	if (close(file) != 0) exit 3
	require_saved(file, length(text), substr(text, length(text) > 0 ? length(text) : 1))
}

# A file must have so many bytes, of which this is the last. It is read by a separator that is another one: behind its
# last record then stands none, and each byte that is missing makes the count less.
function require_saved(file, size, last,    line, got, count) {
	RS = last == "\n" ? "/" : "\n"
	while ((got = (getline line < file)) > 0) count += length(line) + 1
	RS = "\n"
	close(file)
	if (got < 0 || count + 0 != (size ? size + 1 : 0)) exit 3
}

function saved() {
	print "whole"
}

# Public keys as the platform gave them, in one file: what begins a key stands behind =, its further lines behind +.
# Blank ones are none. end_keys() ends the file.
function save_key(directory, name, text,    file, n, at, piece) {
	if (text !~ /[^ \t\r\n]/) return
	file = directory "/" name
	n = length(text)
	printf "=" > file
	KEYS_BYTES += 2
	for (at = 1; at <= n; at += 1024) {
		piece = substr(text, at, 1024)
		gsub(/\n/, "\n+", piece)
		printf "%s", piece > file
		KEYS_BYTES += length(piece)
	}
	printf "\n" > file
}

function end_keys(directory, name) {
	printf "" > (directory "/" name)
	if (close(directory "/" name) != 0) exit 3
	require_saved(directory "/" name, KEYS_BYTES + 0, "\n")
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
