# Instance document parser. usage: awk PROGRAM DOCUMENT DIRECTORY PATH..: writes the string at each PATH (compute.name)
# to DIRECTORY/PATH, or prints why the document is refused and exits 1. Of an array, compute.publicKeys.*.keyData, the
# strings that are there go to DIRECTORY/compute.publicKeys.1.keyData and so on; with a + before it, PATH may also hold true or false
# itself.

function refuse(why) {
	print why
	exit 1
}

# Cut the document into tokens: TYPE is s (string, in VALUE as it stands), w (number or word) or the character itself.
function tokenize(s,    parts, n, i, text) {
	n = split(s, parts, /["]/)
	for (i = 1; i <= n; i++) {
		structure(parts[i])
		if (i == n) return
		text = parts[++i]
		while (text ~ /\\$/ && odd_backslashes(text)) {
			if (i == n) refuse("unfinished string")
			text = text "\"" parts[++i]
		}
		if (i == n) refuse("unfinished string")
		TYPE[++tokens] = "s"
		VALUE[tokens] = text
	}
}

function odd_backslashes(s) {
	match(s, /\\+$/)
	return RLENGTH % 2
}

function structure(s,    c) {
	while (s != "") {
		c = substr(s, 1, 1)
		if (match(s, /^[ \t\r\n]+/)) s = substr(s, RLENGTH + 1)
		else if (index("{}[]:,", c)) {
			TYPE[++tokens] = c
			s = substr(s, 2)
		} else if (match(s, /^[-+.A-Za-z0-9]+/)) {
			TYPE[++tokens] = "w"
			VALUE[tokens] = substr(s, 1, RLENGTH)
			s = substr(s, RLENGTH + 1)
		} else refuse("an unexpected character")
	}
}

# A string with its escapes replaced.
function decoded(s,    parts, n, i, c, out) {
	if (s ~ /[\001-\037]/) refuse("a control character in a string")
	n = split(s, parts, /[\\]/)
	out = parts[1]
	for (i = 2; i <= n; i++) {
		c = substr(parts[i], 1, 1)
		if (parts[i] == "" && i < n) out = out "\\" parts[++i]
		else if (c in ESCAPE) out = out ESCAPE[c] substr(parts[i], 2)
		else if (c == "u") {
			out = out unicode(parts[i], parts[i + 1])
			if (pair) i++
			out = out substr(parts[i], 6)
		} else refuse("an unknown escape")
	}
	return out
}

# The character of uXXXX, or of two that are a surrogate pair; sets `pair`.
function unicode(first, second,    code, low) {
	pair = 0
	code = hex4(first)
	if (code == 0) refuse("NUL in a string")
	if (code < 55296 || code > 57343) return utf8_encode(code)
	if (code > 56319 || length(first) > 5 || second !~ /^u/) refuse("half a surrogate pair")
	low = hex4(second)
	if (low < 56320 || low > 57343) refuse("half a surrogate pair")
	pair = 1
	return utf8_encode(65536 + (code - 55296) * 1024 + low - 56320)
}

function hex4(s) {
	if (s !~ /^u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]/) refuse("a malformed escape")
	return hex_value(substr(s, 2, 4))
}

function value(path, depth,    type, found) {
	if (depth > MAX_DEPTH) refuse("nested too deeply")
	# Of a key that is given twice the last counts, with all that is below it.
	for (found in FOUND) if (found == path || index(found, path ".") == 1) delete FOUND[found]
	delete LENGTH[path]
	type = TYPE[++at]
	if (path == "compute") compute = type == "{"
	if (type == "{") object(path, depth)
	else if (type == "[") array(path, depth)
	else if (type == "s") text(path, decoded(VALUE[at]))
	else if (type != "w" || VALUE[at] !~ WORD) refuse("not JSON")
	else if (path in WORDS && VALUE[at] ~ /^(true|false)$/) FOUND[path] = VALUE[at]
}

function text(path, s,    parts) {
	if (path in WANTED) FOUND[path] = s
	else if (split(path, parts, /[.][0-9]+[.]/) == 2 && (parts[1] ".*." parts[2]) in WANTED) FOUND[path] = s
}

# The path of a member; one that no wanted path can name has a key that is empty or holds the separator.
function member(path, key) {
	if (key == "" || index(key, ".")) return "."
	return path == "" ? key : path "." key
}

function object(path, depth,    key) {
	if (TYPE[at + 1] == "}") {
		at++
		return
	}
	do {
		if (TYPE[++at] != "s") refuse("a key is missing")
		key = decoded(VALUE[at])
		if (TYPE[++at] != ":") refuse("a colon is missing")
		value(member(path, key), depth + 1)
		at++
	} while (TYPE[at] == ",")
	if (TYPE[at] != "}") refuse("an object does not end")
}

function array(path, depth,    n) {
	if (TYPE[at + 1] == "]") {
		at++
		return
	}
	do {
		value(path "." n++, depth + 1)
		at++
	} while (TYPE[at] == ",")
	LENGTH[path] = n
	if (TYPE[at] != "]") refuse("an array does not end")
}

# The strings of an array, numbered without gaps; or the one at a path without *.
function save_all(path,    star, before, behind, i, n, found) {
	star = index(path, ".*.")
	if (!star) {
		save(ARGV[2] "/" path, FOUND[path])
		return
	}
	before = substr(path, 1, star)
	behind = substr(path, star + 2)
	for (i = 0; i < LENGTH[substr(path, 1, star - 1)]; i++) {
		found = before i behind
		if (found in FOUND) save(ARGV[2] "/" before (++n) behind, FOUND[found])
	}
}

BEGIN {
	byte_table()
	MAX_DEPTH = 64
	WORD = "^(true|false|null|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?)$"
	ESCAPE["\""] = "\""; ESCAPE["/"] = "/"
	ESCAPE["b"] = "\b"; ESCAPE["f"] = "\f"; ESCAPE["n"] = "\n"; ESCAPE["r"] = "\r"; ESCAPE["t"] = "\t"
	for (i = 3; i < ARGC; i++) {
		if (sub(/^[+]/, "", ARGV[i])) WORDS[ARGV[i]] = 1
		WANTED[ARGV[i]] = 1
	}
	document = without_bom(slurp(ARGV[1]))
	if (!is_utf8(document, 0)) refuse("not UTF-8")
	tokenize(document)
	if (TYPE[1] != "{") refuse("not a JSON object")
	value("", 0)
	if (at != tokens) refuse("text behind the end")
	for (i = 3; i < ARGC; i++) save_all(ARGV[i])
	# Whether it describes a machine at all.
	if (compute) print "compute"
}
