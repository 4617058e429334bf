# XML parser for the programs behind it: goal_state.awk and ovf.awk. read_elements(FILE, SIZE) keeps the text of every
# element at a path in WANTED (made of local names) in FOUND[PATH, N], N from 1 to COUNT[PATH]; with namespaces in
# NAMESPACES, elements of others do not count. A document without an
# element at REQUIRED is another one. Or it prints why the document is refused and exits 1. A real parser, not a
# line grep: documents come on one line, with CDATA, comments, decoy names and decoy values in URLs. What it cannot read
# (other encodings, a DOCTYPE) it refuses; elements.py refuses the same.
#
# It reads the document from < to <, so that no more of it than that is ever in hand. An element costs the same wherever it
# stands: nothing looks at what is above it, or came before.

function refuse(why) {
	print why
	exit 1
}

# Put together the text with its entities replaced. There are references in it, as a rule.
function decode(s,    piece, p) {
	while (s != "" || piece != "") {
		if (!(p = index(piece, "&"))) {
			rope(piece)
			piece = substr(s, 1, 1024)
			s = substr(s, 1025)
			continue
		}
		rope(substr(piece, 1, p - 1))
		piece = substr(piece, p + 1)
		while (!(p = index(piece, ";"))) {
			if (s == "") refuse("a bare &")
			piece = piece substr(s, 1, 1024)
			s = substr(s, 1025)
		}
		rope(entity(substr(piece, 1, p - 1)))
		piece = substr(piece, p + 1)
	}
}

function entity(name,    code) {
	if (name in ENTITY) return ENTITY[name]
	# Without its zeros: busybox awk takes 065 for octal.
	if (name ~ /^#x[0-9A-Fa-f]+$/) {
		sub(/^#x0*/, "", name)
		code = length(name) > 6 ? 1114112 : hex_value(name)
	} else if (name ~ /^#[0-9]+$/) {
		sub(/^#0*/, "", name)
		code = length(name) > 7 ? 1114112 : name + 0
	} else refuse("unknown entity")
	if (code < 32 && code != 9 && code != 10 && code != 13 || code >= 55296 && code <= 57343 || code == 65534 || code == 65535 || code > 1114111)
		refuse("a reference to no character")
	return utf8_encode(code)
}

# Text that comes after a tag.
function take_text(s) {
	if (s == "") return
	if (index(s, "]]>")) refuse("]]> in text")
	if (!depth) {
		if (s ~ /[^ \t\r\n]/) refuse("text outside the root element")
	} else if (index(s, "&")) {
		decode(s)
		if (wanted == "") roped()
	} else if (wanted != "") rope(s)
}

# \r\n and \r become \n.
function without_returns(s,    at, max, piece, cut, out) {
	max = length(s)
	for (at = 1; at <= max; at += 1024) {
		piece = substr(s, at, 1024)
		if (cut && substr(piece, 1, 1) == "\n") piece = substr(piece, 2)
		cut = substr(s, at + 1023, 1) == "\r"
		gsub(/\r\n?/, "\n", piece)
		out = out piece
	}
	return out
}

function declaration(s,    encoding) {
	if (records != 2 || before != "") refuse("an XML declaration inside the document")
	if (s !~ DECLARATION) refuse("a malformed XML declaration")
	if (match(s, /encoding[ \t\r\n]*=[ \t\r\n]*["'][^"']*/)) {
		encoding = substr(s, RSTART, RLENGTH)
		sub(/^[^"']*["']/, "", encoding)
		if (tolower(encoding) != "utf-8" && tolower(encoding) != "us-ascii") refuse("another encoding than UTF-8")
	}
}

function start_tag(s,    name, seen, attribute, value, count) {
	if (!match(s, /^[A-Za-z_:][-A-Za-z0-9._:]*/)) refuse("a malformed tag")
	name = substr(s, 1, RLENGTH)
	s = substr(s, RLENGTH + 1)
	while (match(s, /^[ \t\r\n]+[A-Za-z_:][-A-Za-z0-9._:]*[ \t\r\n]*=[ \t\r\n]*("[^"]*"|'[^']*')/)) {
		if (++count > MAX_ATTRIBUTES) refuse("too many attributes")
		value = substr(s, 1, RLENGTH)
		s = substr(s, RLENGTH + 1)
		sub(/^[ \t\r\n]+/, "", value)
		match(value, /^[A-Za-z_:][-A-Za-z0-9._:]*/)
		attribute = substr(value, 1, RLENGTH)
		if (attribute in seen) refuse("an attribute twice")
		seen[attribute] = 1
		sub(/^[^"']*/, "", value)
		value = substr(value, 2, length(value) - 2)
		if (index(value, "&")) {
			decode(value)
			value = roped()
		}
		if (namespaces && (attribute == "xmlns" || attribute ~ /^xmlns:/)) bind(depth + 1, substr(attribute, 7), value)
	}
	if (!match(s, /^[ \t\r\n]*\/?>/)) refuse("a malformed tag")
	value = substr(s, RLENGTH - 1, 1)
	s = substr(s, RLENGTH + 1)
	open_element(name)
	if (value == "/") close_element(name)
	take_text(s)
}

# Bind a namespace's prefix for an element of this depth and what is in it; remembers what it stood for.
function bind(d, prefix, namespace) {
	BOUND[++bindings] = prefix
	BEFORE[bindings] = (prefix in OURS) ? OURS[prefix] : 0
	BINDINGS[d]++
	OURS[prefix] = (namespace in NAMESPACES)
}

# Whether the name's prefix stands for one of the wanted namespaces.
function is_ours(name, local_name,    prefix) {
	if (length(local_name) < length(name)) prefix = substr(name, 1, length(name) - length(local_name) - 1)
	return (prefix in OURS) && OURS[prefix]
}

# The path of an element is kept where it leads to one that is wanted; all others have the path ?.
function open_element(name,    local_name, path) {
	if (wanted != "") refuse("an element inside " wanted)
	if (!depth && rooted++) refuse("a second root element")
	if (++depth > MAX_DEPTH) refuse("nested too deeply")
	OPEN[depth] = name
	local_name = name
	sub(/^.*:/, "", local_name)
	path = depth > 1 ? PATH[depth - 1] "/" local_name : local_name
	if (!(path in LEADS) || namespaces && !is_ours(name, local_name)) path = "?"
	PATH[depth] = path
	if (path == REQUIRED) REQUIRED = ""
	if (path in WANTED) {
		wanted = path
		COUNT[wanted]++
	}
}

function close_element(name) {
	if (!depth || OPEN[depth] != name) refuse("a tag that closes nothing")
	for (; BINDINGS[depth] > 0; BINDINGS[depth]--) {
		OURS[BOUND[bindings]] = BEFORE[bindings]
		bindings--
	}
	depth--
	if (wanted != "") {
		FOUND[wanted, COUNT[wanted]] = roped()
		wanted = ""
	}
}

function end_tag(s,    name) {
	if (!match(s, /^.[A-Za-z_:][-A-Za-z0-9._:]*[ \t\r\n]*>/)) refuse("a malformed tag")
	name = substr(s, 2, RLENGTH - 2)
	s = substr(s, RLENGTH + 1)
	sub(/[ \t\r\n].*/, "", name)
	close_element(name)
	take_text(s)
}

# What stands behind a < up to the next one. Only what is `inside` a comment, CDATA or an instruction goes on behind it.
function take(s,    p) {
	if (inside == "") {
		if (s ~ /^[A-Za-z_:]/) {
			start_tag(s)
			return
		}
		if (s ~ /^\//) {
			end_tag(s)
			return
		}
		if (substr(s, 1, 3) == "!--") {
			inside = "-->"
			s = substr(s, 4)
		} else if (substr(s, 1, 8) == "![CDATA[") {
			if (!depth) refuse("text outside the root element")
			inside = "]]>"
			s = substr(s, 9)
		} else if (substr(s, 1, 1) == "?") {
			inside = "?>"
			s = substr(s, 2)
			instruction(s)
		} else refuse(substr(s, 1, 1) == "!" ? "it has a DOCTYPE" : "a malformed tag")
	}
	p = index(s, inside == "-->" ? "--" : inside)
	if (inside == "-->" && p && substr(s, p + 2, 1) != ">") refuse("-- in a comment")
	if (inside == "]]>" && wanted != "") rope(p ? substr(s, 1, p - 1) : s "<")
	if (p) {
		s = substr(s, p + length(inside))
		inside = ""
		take_text(s)
	}
}

function instruction(s,    p) {
	p = index(s, "?>")
	s = p ? substr(s, 1, p - 1) : s "<"
	if (s !~ /^[A-Za-z_:][-A-Za-z0-9._:]*([ \t\r\n]|$)/) refuse("a nameless instruction")
	if (tolower(substr(s, 1, 3)) == "xml" && s ~ /^...([ \t\r\n]|$)/) declaration(s)
}

function read_elements(file, size,    s, got, count) {
	RS = "<"
	while ((got = (getline s < file)) > 0) {
		count += length(s) + 1
		if (has_nul(s)) refuse("NUL bytes: UTF-16?")
		if (s ~ /[\001-\010\013\014\016-\037]/) refuse("control characters")
		if (!is_utf8(s, 1)) refuse("not UTF-8")
		if (index(s, "\r")) s = without_returns(s)
		if (++records > 1) take(s)
		else {
			before = without_bom(s)
			if (before ~ /[^ \t\r\n]/) refuse("not XML")
		}
	}
	RS = "\n"
	require_whole(got, count, size)
	# The last < ends the last record.
	if (records < 2 || count == size) refuse("not XML")
	if (inside != "" || depth || !rooted) refuse("it ends too early")
	if (REQUIRED != "") refuse("it holds no " REQUIRED)
}

# An element at this path is wanted.
function want(path) {
	WANTED[path]
	for (; path != ""; sub("/?[^/]*$", "", path)) LEADS[path]
}

BEGIN {
	byte_table()
	MAX_DEPTH = 64
	MAX_ATTRIBUTES = 256
	SPACE = "[ \t\r\n]"
	VALUE = "(\"[^\"]*\"|'[^']*')"
	DECLARATION = "^xml" SPACE "+version" SPACE "*=" SPACE "*(\"[-A-Za-z0-9._]*\"|'[-A-Za-z0-9._]*')(" SPACE "+encoding" SPACE "*=" SPACE "*" VALUE ")?(" SPACE "+standalone" SPACE "*=" SPACE "*(\"(yes|no)\"|'(yes|no)'))?" SPACE "*$"
	ENTITY["amp"] = "&"; ENTITY["lt"] = "<"; ENTITY["gt"] = ">"; ENTITY["quot"] = "\""; ENTITY["apos"] = "'"
}
