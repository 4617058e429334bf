# XML parser for the programs behind it: goal_state.awk and ovf.awk. read_elements(FILE) keeps the text of every element
# at a path in WANTED (made of local names) in FOUND[PATH, N], N from 1 to COUNT[PATH]; with namespaces in NAMESPACES,
# elements of others do not count. A document without an element at REQUIRED is another one. Or it prints why the document is refused and exits 1. A real parser, not a line
# grep: documents come on one line, with CDATA, comments, decoy names and decoy values in URLs. What it cannot read
# (other encodings, a DOCTYPE) it refuses; elements.py refuses the same.

function refuse(why) {
	print why
	refused = 1
	exit 1
}

# Text with its entities replaced.
function decoded(s,    parts, n, i, p, out) {
	n = split(s, parts, /[&]/)
	if (n < 2) return s
	out = parts[1]
	for (i = 2; i <= n; i++) {
		p = index(parts[i], ";")
		if (!p) refuse("a bare &")
		out = out entity(substr(parts[i], 1, p - 1)) substr(parts[i], p + 1)
	}
	return out
}

function entity(name,    code) {
	if (name in ENTITY) return ENTITY[name]
	if (name ~ /^#x[0-9A-Fa-f]+$/) code = hex_value(substr(name, 3))
	else if (name ~ /^#[0-9]+$/) {
		# Without its zeros: busybox awk takes 065 for octal.
		sub(/^#0*/, "", name)
		code = name + 0
	}
	else refuse("unknown entity")
	if (code < 32 && code != 9 && code != 10 && code != 13 || code >= 55296 && code <= 57343 || code == 65534 || code == 65535 || code > 1114111)
		refuse("a reference to no character")
	return utf8_encode(code)
}

# Text that comes after a tag.
function text(s) {
	if (index(s, "]]>")) refuse("]]> in text")
	if (!depth && index(s, "&")) refuse("text outside the root element")
	s = decoded(s)
	if (!depth && s !~ /^[ \t\r\n]*$/) refuse("text outside the root element")
	collect(s)
}

function collect(s) {
	if (wanted != "") FOUND[wanted, COUNT[wanted]] = FOUND[wanted, COUNT[wanted]] s
}

# The rest of a construct that may hold <, up to its end mark: joins parts from number `at` on; sets `rest`.
function until(mark, s,    p) {
	while (!(p = index(s, mark))) {
		if (at >= parts_count) refuse("unfinished markup")
		s = s "<" PARTS[++at]
	}
	rest = substr(s, p + length(mark))
	return substr(s, 1, p - 1)
}

function comment(s) {
	s = until("-->", substr(s, 4))
	if (index(s, "--") || s ~ /-$/) refuse("-- in a comment")
}

function instruction(s,    body) {
	body = until("?>", substr(s, 2))
	if (body !~ /^[A-Za-z_:][-A-Za-z0-9._:]*([ \t\r\n]|$)/) refuse("a nameless instruction")
	if (tolower(substr(body, 1, 3)) == "xml" && body ~ /^...([ \t\r\n]|$)/) declaration(body)
}

function declaration(s,    encoding) {
	if (at != 2 || PARTS[1] != "") refuse("an XML declaration inside the document")
	if (s !~ DECLARATION) refuse("a malformed XML declaration")
	if (match(s, /encoding[ \t\r\n]*=[ \t\r\n]*["'][^"']*/)) {
		encoding = substr(s, RSTART, RLENGTH)
		sub(/^[^"']*["']/, "", encoding)
		if (tolower(encoding) != "utf-8" && tolower(encoding) != "us-ascii") refuse("encoding " encoding)
	}
}

function start_tag(s,    name, seen, attribute, value, key) {
	if (!match(s, NAME)) refuse("a malformed tag")
	name = substr(s, 1, RLENGTH)
	s = substr(s, RLENGTH + 1)
	while (match(s, ATTRIBUTE)) {
		attribute = trimmed(substr(s, 1, RLENGTH))
		s = substr(s, RLENGTH + 1)
		value = attribute
		sub(/[ \t\r\n=].*/, "", attribute)
		if (attribute in seen) refuse("an attribute twice")
		seen[attribute] = 1
		sub(/^[^"']*/, "", value)
		value = decoded(substr(value, 2, length(value) - 2))
		if (attribute == "xmlns" || attribute ~ /^xmlns:/) bind(depth + 1, substr(attribute, 7), value)
	}
	if (!match(s, /^[ \t\r\n]*\/?>/)) refuse("a malformed tag")
	rest = substr(s, RLENGTH + 1)
	open_element(name)
	if (substr(s, RLENGTH - 1, 1) == "/") close_element(name)
}

# Bind a namespace's prefix for an element of this depth and what is in it.
function bind(d, prefix, namespace) {
	BOUND[d, ++BOUND_COUNT[d]] = prefix
	SPACE_OF[d, BOUND_COUNT[d]] = namespace
}

# Whether the prefix stands for one of the wanted namespaces; the innermost binding counts.
function is_ours(prefix,    d, i) {
	for (d = depth; d > 0; d--) for (i = BOUND_COUNT[d]; i > 0; i--) if (BOUND[d, i] == prefix) return SPACE_OF[d, i] in NAMESPACES
	return 0
}

function open_element(name,    local_name) {
	if (wanted != "") refuse("an element inside " wanted)
	if (!depth && rooted++) refuse("a second root element")
	OPEN[++depth] = name
	local_name = name
	sub(/^.*:/, "", local_name)
	if (namespaces && !is_ours(length(local_name) < length(name) ? substr(name, 1, length(name) - length(local_name) - 1) : "")) local_name = "?" local_name
	PATH[depth] = depth > 1 ? PATH[depth - 1] "/" local_name : local_name
	if (PATH[depth] == REQUIRED) REQUIRED = ""
	if (PATH[depth] in WANTED) {
		wanted = PATH[depth]
		FOUND[wanted, ++COUNT[wanted]] = ""
	}
}

function close_element(name) {
	if (!depth || OPEN[depth] != name) refuse("a tag that closes nothing")
	BOUND_COUNT[depth--] = 0
	wanted = ""
}

function end_tag(s,    name) {
	if (!match(s, END_TAG)) refuse("a malformed tag")
	rest = substr(s, RLENGTH + 1)
	name = substr(s, 2, RLENGTH - 2)
	sub(/[ \t\r\n]+$/, "", name)
	close_element(name)
}

function markup(s) {
	if (substr(s, 1, 3) == "!--") comment(s)
	else if (substr(s, 1, 8) == "![CDATA[") {
		if (!depth) refuse("text outside the root element")
		collect(until("]]>", substr(s, 9)))
	} else if (substr(s, 1, 1) == "!") refuse("it has a DOCTYPE")
	else if (substr(s, 1, 1) == "?") instruction(s)
	else if (substr(s, 1, 1) == "/") end_tag(s)
	else start_tag(s)
	text(rest)
}

function read_elements(file,    document) {
	document = without_bom(slurp(file))
	gsub(/\r\n?/, "\n", document)
	if (document ~ CONTROL) refuse("control characters")
	if (!is_utf8(document, 1)) refuse("not UTF-8")
	parts_count = split(document, PARTS, /[<]/)
	if (parts_count < 2 || PARTS[1] !~ /^[ \t\r\n]*$/) refuse("not XML")
	for (at = 2; at <= parts_count; at++) markup(PARTS[at])
	if (depth || !rooted) refuse("it ends too early")
	if (REQUIRED != "") refuse("it holds no " REQUIRED)
}

BEGIN {
	byte_table()
	NAME = "^[A-Za-z_:][-A-Za-z0-9._:]*"
	SPACE = "[ \t\r\n]"
	VALUE = "(\"[^\"]*\"|'[^']*')"
	ATTRIBUTE = "^" SPACE "+[A-Za-z_:][-A-Za-z0-9._:]*" SPACE "*=" SPACE "*" VALUE
	END_TAG = "^/[A-Za-z_:][-A-Za-z0-9._:]*" SPACE "*>"
	DECLARATION = "^xml" SPACE "+version" SPACE "*=" SPACE "*(\"[-A-Za-z0-9._:]+\"|'[-A-Za-z0-9._:]+')(" SPACE "+encoding" SPACE "*=" SPACE "*" VALUE ")?(" SPACE "+standalone" SPACE "*=" SPACE "*(\"(yes|no)\"|'(yes|no)'))?" SPACE "*$"
	CONTROL = "[\001-\010\013\014\016-\037]"
	ENTITY["amp"] = "&"; ENTITY["lt"] = "<"; ENTITY["gt"] = ">"; ENTITY["quot"] = "\""; ENTITY["apos"] = "'"
}
