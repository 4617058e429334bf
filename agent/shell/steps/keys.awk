# Public keys; ssh_keys.py has the same rules.
# usage: awk PROGRAM FILE SIZE DIRECTORY check: FILE is what save_key wrote. Good keys go to DIRECTORY/keys.good, a warning
# for each of the first others to DIRECTORY/keys.bad, and what is wrong with the last of them to DIRECTORY/keys.why.
# usage: awk PROGRAM OLD '' DIRECTORY add GOOD NEW: those keys of GOOD that are not in OLD, which holds lines of
# authorized_keys, go to DIRECTORY/NEW; prints how many bytes that is, and how many OLD has.
# usage: awk PROGRAM OLD '' '' types: prints the types of the keys in OLD.
# usage: awk PROGRAM OLD '' '' only: exit 0 if OLD holds nothing but keys, comments and empty lines, else 2.

BEGIN {
	byte_table()
	# More than a server reads of a line (16 KiB); and a bound for what a key costs.
	MAX_LENGTH = 16384
	MAX_LINES = 1024
	MAX_WARNINGS = 20
	DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	# The types, and how many fields a key of each has.
	for (n = split("@SSH_KEY_TYPES@", kinds, /[ ]/); n; n--) {
		split(kinds[n], kind_and_fields, /[:]/)
		KNOWN[kind_and_fields[1]] = kind_and_fields[2] + 0
	}
	directory = ARGV[3]
	if (ARGV[4] == "types") {
		print_types(ARGV[1])
		exit 0
	}
	if (ARGV[4] == "only") only(ARGV[1])
	if (ARGV[4] == "add") {
		add(ARGV[1], ARGV[5], ARGV[6])
		exit 0
	}
	check(ARGV[1], ARGV[2] + 0)
	saved()
}

function check(file, size,    line, got, count) {
	while ((got = (getline line < file)) > 0) {
		count += length(line) + 1
		if (substr(line, 1, 1) == "=") {
			end_given()
			number++
		}
		take(trimmed(substr(line, 2)))
	}
	require_whole(got, count, size)
	end_given()
	bad -= MAX_WARNINGS
	if (bad > 0) warnings = warnings "ssh-keys: " bad " more are left out\n"
	end_lines("keys.good")
	save(directory, "keys.bad", warnings)
	save(directory, "keys.why", why)
}

# A line of what was given as one key, as a rule all of it. One that begins with a known type begins a key. Base64 goes on
# in further lines as long as it is not whole, the last of which may have a comment. Every other line is a key of its own.
function take(line,    kind) {
	if (line == "") return
	kind = word_of(line)
	if (in_file) {
		# A PEM or SSH2 file.
		if (line ~ /^-----END|^---- END/) in_file = 0
		if (!(kind in KNOWN)) return
		in_file = 0
	}
	if (substr(line, 1, 1) == "#") {
		remark = line
		return
	}
	if (may_go_on && !(kind in KNOWN) && is_more(kind)) {
		go_on(line, kind)
		return
	}
	end_key()
	KEY = line
	KIND = kind
	line = behind(line, kind)
	BLOB = word_of(line)
	FIELDS = FIELD_AT = lines = 0
	may_go_on = (kind in KNOWN) && BLOB == line && (BLOB == "" || is_base64(BLOB) && is_open())
	in_file = is_file(KEY)
}

function go_on(line, word) {
	may_go_on = word == line
	# Too much already: the rest is no key of its own.
	if (++lines > MAX_LINES || length(KEY) > MAX_LENGTH) return
	KEY = KEY "" (BLOB == "" ? " " : "") line
	BLOB = BLOB word
	may_go_on = may_go_on && is_open()
}

# Whether this may be more of BLOB: behind a = only another one.
function is_more(word) {
	if (substr(BLOB, length(BLOB)) == "=") return word == "="
	return word ~ /^[A-Za-z0-9+\057]*=?=?$/
}

# Whether BLOB lacks something that may still come.
function is_open(    size) {
	size = length(BLOB)
	if (size % 4 == 0) return substr(BLOB, size) != "=" && !is_whole()
	return substr(BLOB, size - 1) != "=="
}

# The slash is \057: busybox awk takes a backslash before it for one more letter.
function is_base64(s) {
	return s ~ /^[A-Za-z0-9+\057]+=?=?$/
}

# The first word.
function word_of(s) {
	sub(/[ \t].*/, "", s)
	return s
}

# What follows the first word.
function behind(s, word) {
	s = substr(s, length(word) + 1)
	sub(/^[ \t]+/, "", s)
	return s
}

function is_file(key) {
	return substr(key, 1, 10) == "-----BEGIN" || substr(key, 1, 10) == "---- BEGIN"
}

# Judge the key that has come so far.
function end_key(    fault) {
	if (KEY == "") return
	fault = key_fault()
	if (fault == "") line_to("keys.good", KEY)
	else leave_out(KEY, fault)
	KEY = ""
	may_go_on = 0
	judged = 1
}

function end_given() {
	end_key()
	if (!judged && remark != "") leave_out(remark, "it is a comment")
	judged = in_file = 0
	remark = ""
}

function leave_out(text, fault) {
	why = fault
	if (++bad > MAX_WARNINGS) return
	text = substr(text, 1, 20)
	gsub(/[^ -~]/, "?", text)
	warnings = warnings "ssh-keys: key " number " (" text ") is left out: " fault "\n"
}

# Why KEY is none, or an empty text.
function key_fault() {
	if (is_file(KEY)) return "it is a PEM or SSH2 file; give one line as in a .pub file"
	if (KEY ~ /[\001-\010\012-\037]/ || index(KEY, sprintf("%c", 127))) return "it has control characters"
	if (KIND ~ /-cert-v01@openssh[.]com$/) return "it is a certificate"
	if (KIND == "ssh-dss") return "SSH servers take no DSA keys any more"
	if (!(KIND in KNOWN)) return "it does not begin with a known type; options are not taken"
	if (length(KEY) > MAX_LENGTH) return "it is too long"
	if (!is_base64(BLOB) || length(BLOB) % 4) return "it is not base64"
	return is_whole() ? "" : "its base64 is cut off or of another type"
}

# Whether BLOB is made of the fields of its type (four bytes of length, then so many), KIND the first of them. FIELDS of them are
# known already, up to FIELD_AT: asked again when BLOB has grown, it goes on there.
function is_whole(    size, n, i, s) {
	size = length(BLOB)
	if (size % 4 || length(KEY) > MAX_LENGTH) return 0
	s = substr(BLOB, size - 1)
	size = size / 4 * 3 - (s ~ /=$/) - (s == "==")
	while (FIELDS < KNOWN[KIND] && FIELD_AT + 4 <= size) {
		s = substr(BLOB, int(FIELD_AT / 3) * 4 + 1, 8)
		i = FIELD_AT % 3
		n = ((octet(s, i) * 256 + octet(s, i + 1)) * 256 + octet(s, i + 2)) * 256 + octet(s, i + 3)
		if (!FIELDS) {
			if (n != length(KIND) || n + 4 > size) return 0
			for (i = 0; i < n; i++) if (octet(BLOB, i + 4) != ORD[substr(KIND, i + 1, 1)]) return 0
		}
		FIELDS++
		FIELD_AT += n + 4
	}
	return FIELD_AT == size && FIELDS == KNOWN[KIND]
}

# Byte number `i`, from 0, of what this base64 stands for.
function octet(s, i,    at, a, b) {
	at = int(i / 3) * 4 + i % 3 + 1
	a = index(DIGITS, substr(s, at, 1)) - 1
	b = index(DIGITS, substr(s, at + 1, 1)) - 1
	if (i % 3 == 0) return a * 4 + int(b / 16)
	return i % 3 == 1 ? a % 16 * 16 + int(b / 4) : a % 4 * 64 + b
}

# Lines for a file in the directory, which end_lines() ends.
function line_to(name, line) {
	print line > (directory "/" name)
	bytes += length(line) + 1
}

function end_lines(name) {
	printf "" > (directory "/" name)
	if (close(directory "/" name) != 0) exit 3
	require_saved(directory "/" name, bytes + 0, "\n")
}

function add(old, good, name,    line, there, got, size) {
	for (; (got = (getline line < old)) > 0; size += length(line) + 1) if (line !~ /^[ \t\r]*#/) there[key_of(line)]
	if (got < 0) exit 3
	while ((got = (getline line < good)) > 0) if (!(key_of(line) in there)) {
		there[key_of(line)]
		line_to(name, line)
	}
	if (got < 0) exit 3
	end_lines(name)
	printf "%d %d\n", bytes, size
}

function print_types(file,    line, part, seen, got) {
	while ((got = (getline line < file)) > 0) {
		if (line ~ /^[ \t\r]*#/) continue
		split(key_of(line), part, /[ ]/)
		if (!(part[1] in KNOWN) || part[2] == "" || part[1] in seen) continue
		seen[part[1]] = 1
		print part[1]
	}
	if (got < 0) exit 3
}

# Of a type that is not known the base64 itself says whether it is a key.
function only(file,    line, part, got) {
	while ((got = (getline line < file)) > 0) {
		if (line ~ /^[ \t\r]*(#.*)?$/) continue
		split(key_of(line), part, /[ ]/)
		KIND = part[1]
		KEY = BLOB = part[2]
		FIELDS = FIELD_AT = 0
		if (!(KIND in KNOWN) && (BLOB !~ BASE64 || length(BLOB) % 4 || !is_whole())) exit 2
	}
	exit got < 0 ? 3 : 0
}

# Type and base64 of a line of authorized_keys, or what stands in their place.
function key_of(line,    kind) {
	line = trimmed(line)
	if (!(word_of(line) in KNOWN)) {
		line = substr(line, options(line) + 1)
		sub(/^[ \t]+/, "", line)
	}
	kind = word_of(line)
	return kind " " word_of(behind(line, kind))
}

# How long the options in front are: up to the first blank outside of quotes, as sshd has it.
function options(line,    at, max, piece, i, c, quoted, escaped) {
	max = length(line)
	for (at = 0; at < max; at += 512) {
		piece = substr(line, at + 1, 512)
		for (i = 1; i <= length(piece); i++) {
			c = substr(piece, i, 1)
			if (escaped && c == "\"") escaped = 0
			else {
				if (!quoted && (c == " " || c == "\t")) return at + i - 1
				escaped = c == "\\"
				if (c == "\"") quoted = !quoted
			}
		}
	}
	return max
}
