# Instance document parser. usage: awk PROGRAM DOCUMENT SIZE DIRECTORY PATH..: writes the string at each PATH (compute.name)
# to DIRECTORY/PATH, or prints why the document is refused and exits 1. With a + before it, PATH may also hold true or
# false itself. Of an array, compute.publicKeys.*.keyData, the strings that are there go to DIRECTORY/compute.publicKeys, as
# save_key writes them; and DIRECTORY/compute holds something if there is an object of this name.
#
# It reads the document from quote to quote, and keeps of it where it is and what is wanted, however long it is.

function refuse(why) {
	print why
	exit 1
}

# What stands between two strings.
function take_structure(s,    piece, at, max, c, part, word) {
	while (s != "") {
		piece = substr(s, 1, 512)
		s = substr(s, 513)
		max = length(piece)
		for (at = 1; at <= max; at++) {
			c = substr(piece, at, 1)
			if (c in PART_OF_WORD) {
				part = part c
				continue
			}
			if (word part != "") {
				take_word(word part)
				word = part = ""
			}
			if (c in BLANK) continue
			if (c == ",") {
				if (expected != "more") refuse("a comma too many")
				expected = KIND[depth] == "{" ? "key" : "value"
			} else if (c == ":") {
				if (expected != "colon") refuse("a colon too many")
				expected = "value"
			} else if (c == "{" || c == "[") open_container(c)
			else if (c == "}" || c == "]") close_container(c)
			else refuse("an unexpected character")
		}
		# It may go on in the next piece.
		word = word part
		part = ""
	}
	if (word != "") take_word(word)
}

# `expected` is what comes next: value; item, a value or the end of an empty array; key; member, a key or the end of an
# empty object; colon; more, a comma or the end; nothing.

# A value begins here with this character, if it matters: sets `path`, which leads to what is wanted or is a dot. What was
# found there before, by the same key, counts no more.
function begin_value(first,    i, name) {
	if (!depth && first != "{") refuse("not a JSON object")
	if (expected != "value" && expected != "item") refuse("not JSON")
	if (depth > MAX_DEPTH) refuse("nested too deeply")
	path = NEXT[depth]
	if (path == ".") return
	if (path == "compute") COMPUTE = first
	if (path ~ /[*]$/) ITEM[PATH[depth]]++
	for (i = 1; i <= BELOW[path]; i++) {
		name = BELOW[path, i]
		if (name in ARRAY && length(path) <= length(ARRAY[name])) ITEM[ARRAY[name]] = 0
		else delete FOUND[name, item_of(name)]
	}
}

function end_value() {
	expected = depth ? "more" : "nothing"
}

# Which item of its array a wanted text stands in; 0 for one outside of arrays.
function item_of(name) {
	return (name in ARRAY) ? ITEM[ARRAY[name]] : 0
}

function open_container(c) {
	begin_value(c)
	KIND[++depth] = c
	PATH[depth] = path
	if (c == "{") expected = "member"
	else {
		expected = "item"
		NEXT[depth] = child(path, "*")
	}
}

function close_container(c) {
	if (!depth || KIND[depth] c != "{}" && KIND[depth] c != "[]") refuse("a bracket that closes nothing")
	if (expected != "more" && expected != (c == "}" ? "member" : "item")) refuse("something is missing before " c)
	depth--
	end_value()
}

function take_word(s) {
	begin_value()
	if (s !~ /^(true|false|null|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?)$/) refuse("not JSON")
	if (path in WORDS && s ~ /^(true|false)$/) FOUND[path, 0] = s
	end_value()
}

function take_string(s) {
	if (expected == "key" || expected == "member") {
		s = decoded(s)
		# No wanted path has such a key: empty, with the separator in it, or what stands for the items of an array.
		NEXT[depth] = s == "" || s == "*" || index(s, ".") ? "." : child(PATH[depth], s)
		expected = "colon"
		return
	}
	begin_value()
	s = decoded(s)
	if (path in WANTED) FOUND[path, item_of(path)] = s
	end_value()
}

function child(above, key) {
	if (above == ".") return "."
	key = above == "" ? key : above "." key
	return (key in LEADS) ? key : "."
}

# Whether `s` ends in an odd number of backslashes: then the quote behind it is part of the string.
function goes_on(s,    n, odd) {
	n = length(s)
	while (n > 256 && substr(s, n - 255, 256) !~ /[^\\]/) n -= 256
	for (; n > 0 && substr(s, n, 1) == "\\"; n--) odd = !odd
	return odd
}

# A string with its escapes replaced.
function decoded(s,    piece, p, c) {
	if (!index(s, "\\")) return s
	while (s != "" || piece != "") {
		# The longest escape is a surrogate pair.
		if (length(piece) < 12 && s != "") {
			piece = piece substr(s, 1, 512)
			s = substr(s, 513)
		}
		p = index(piece, "\\")
		if (p != 1) {
			if (!p) p = length(piece) + 1
			rope(substr(piece, 1, p - 1))
			piece = substr(piece, p)
			continue
		}
		c = substr(piece, 2, 1)
		if (c in ESCAPE) {
			rope(ESCAPE[c])
			piece = substr(piece, 3)
		} else if (c == "u") {
			rope(unicode(substr(piece, 1, 12)))
			piece = substr(piece, pair ? 13 : 7)
		} else refuse("an unknown escape")
	}
	return roped()
}

# The character of \uXXXX, or of two that are a surrogate pair; sets `pair`.
function unicode(s,    code, low) {
	pair = 0
	code = hex4(s)
	if (code == 0) refuse("NUL in a string")
	if (code < 55296 || code > 57343) return utf8_encode(code)
	if (code > 56319) refuse("half a surrogate pair")
	low = hex4(substr(s, 7))
	if (low < 56320 || low > 57343) refuse("half a surrogate pair")
	pair = 1
	return utf8_encode(65536 + (code - 55296) * 1024 + low - 56320)
}

function hex4(s) {
	if (s !~ /^\\u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]/) refuse("a malformed escape")
	return hex_value(substr(s, 3, 4))
}

function read_document(file, size,    s, got, count, records, in_string) {
	RS = "\""
	expected = "value"
	while ((got = (getline s < file)) > 0) {
		count += length(s) + 1
		if (has_nul(s)) refuse("NUL bytes: UTF-16?")
		if (++records == 1) s = without_bom(s)
		if (!in_string) {
			take_structure(s)
			in_string = 1
			continue
		}
		if (s ~ /[\001-\037]/) refuse("a control character in a string")
		if (!is_utf8(s, 0)) refuse("not UTF-8")
		rope(s)
		if (goes_on(s)) rope("\"")
		else {
			take_string(roped())
			in_string = 0
		}
	}
	RS = "\n"
	require_whole(got, count, size)
	# A quote at the very end would end the last record.
	if (expected != "nothing" || count == size) refuse("it ends too early")
}

# A text at this path is wanted.
function want(path,    name, star) {
	name = path
	WANTED[name]
	star = index(name, ".*")
	if (star) ARRAY[name] = substr(name, 1, star - 1)
	for (; path != ""; sub(/[.]?[^.]*$/, "", path)) {
		LEADS[path]
		BELOW[path, ++BELOW[path]] = name
	}
	BELOW["", ++BELOW[""]] = name
}

# The strings of an array, in their order; or the one at a path without *.
function save_all(name,    i, file) {
	if (!(name in ARRAY)) {
		save(ARGV[3], name, FOUND[name, 0])
		return
	}
	file = ARRAY[name]
	for (i = 1; i <= ITEM[file]; i++) if ((name SUBSEP i) in FOUND) save_key(ARGV[3], file, FOUND[name, i])
	end_keys(ARGV[3], file)
}

BEGIN {
	byte_table()
	MAX_DEPTH = 64
	ESCAPE["\""] = "\""; ESCAPE["/"] = "/"; ESCAPE["\\"] = "\\"
	ESCAPE["b"] = "\b"; ESCAPE["f"] = "\f"; ESCAPE["n"] = "\n"; ESCAPE["r"] = "\r"; ESCAPE["t"] = "\t"
	BLANK[" "]; BLANK["\t"]; BLANK["\r"]; BLANK["\n"]
	for (i = 1; i < 128; i++) if (sprintf("%c", i) ~ /[-+.A-Za-z0-9]/) PART_OF_WORD[sprintf("%c", i)]
	for (i = 4; i < ARGC; i++) {
		if (sub(/^[+]/, "", ARGV[i])) WORDS[ARGV[i]]
		want(ARGV[i])
	}
	read_document(ARGV[1], ARGV[2] + 0)
	for (i = 4; i < ARGC; i++) save_all(ARGV[i])
	# Whether it describes a machine at all.
	save(ARGV[3], "compute", COMPUTE == "{" ? "object" : "")
	saved()
}
