# Public keys. usage: awk PROGRAM check DIRECTORY COUNT, or awk PROGRAM add OLD GOOD; sshkeys.py has the same rules.
# check: DIRECTORY/wanted.key.N that are good go to DIRECTORY/keys.good, a warning for each of the others is printed, and
# what is wrong with the last of them goes to DIRECTORY/keys.why.
# add: prints those keys of GOOD that are not in OLD, which holds lines of authorized_keys.
# types (awk PROGRAM types FILE): prints the types of the keys in the file.
# only (awk PROGRAM only FILE): whether the file holds keys, comments and empty lines alone.
# edit.awk stands before it.

BEGIN {
	byte_table()
	DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	n = split("ssh-ed25519 ssh-rsa ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521 sk-ssh-ed25519@openssh.com sk-ecdsa-sha2-nistp256@openssh.com", type, /[ ]/)
	for (i = 1; i <= n; i++) KNOWN[type[i]] = 1
	if (ARGV[1] == "add") add(ARGV[2], ARGV[3])
	else if (ARGV[1] == "types") types(ARGV[2])
	else if (ARGV[1] == "only") only(ARGV[2])
	else check(ARGV[2], ARGV[3] + 0)
}

function check(directory, count,    i, key, fault, why, good) {
	for (i = 1; i <= count; i++) {
		key = trimmed(slurp(directory "/wanted.key." i))
		fault = key_fault(key)
		if (fault == "") good = good key "\n"
		else {
			why = fault
			key = substr(key, 1, 20)
			gsub(/[^ -~]/, "?", key)
			put("ssh-keys: key " i " (" key ") is left out: " fault)
		}
	}
	keep(directory "/keys.good", good)
	keep(directory "/keys.why", why)
	verdict("done")
}

# Why a trimmed text is no public key, or an empty text.
function key_fault(key,    part, kind) {
	if (key == "") return "it is empty"
	if (substr(key, 1, 10) == "-----BEGIN" || substr(key, 1, 10) == "---- BEGIN") return "it is a PEM or SSH2 file; give one line as in a .pub file"
	if (key ~ /[\001-\010\012-\037]/ || index(key, sprintf("%c", 127))) return "it has several lines or control characters"
	split(key, part, /[ \t]+/)
	kind = part[1]
	BLOB = part[2]
	if (kind ~ /-cert-v01@openssh[.]com$/) return "it is a certificate"
	if (kind == "ssh-dss") return "SSH servers take no DSA keys any more"
	if (!(kind in KNOWN)) return "it does not begin with a known type; options are not taken"
	if (BLOB !~ /^[A-Za-z0-9+\/]+=?=?$/ || length(BLOB) % 4) return "it is not base64"
	return is_whole(kind) ? "" : "its base64 is cut off or of another type"
}

# Whether BLOB is made of whole fields (four bytes of length, then so many), `kind` the first of them.
function is_whole(kind,    size, at, n, i, fields) {
	size = length(BLOB) / 4 * 3 - (BLOB ~ /=$/) - (BLOB ~ /==$/)
	while (at + 4 <= size) {
		n = ((octet(at) * 256 + octet(at + 1)) * 256 + octet(at + 2)) * 256 + octet(at + 3)
		at += 4
		if (!fields++) {
			if (n != length(kind)) return 0
			for (i = 0; i < n; i++) if (octet(at + i) != ORD[substr(kind, i + 1, 1)]) return 0
		}
		at += n
	}
	return at == size && fields > 1
}

# Byte number `i`, from 0, of what BLOB stands for.
function octet(i,    at, a, b) {
	at = int(i / 3) * 4 + i % 3 + 1
	a = index(DIGITS, substr(BLOB, at, 1)) - 1
	b = index(DIGITS, substr(BLOB, at + 1, 1)) - 1
	if (i % 3 == 0) return a * 4 + int(b / 16)
	return i % 3 == 1 ? a % 16 * 16 + int(b / 4) : a % 4 * 64 + b
}

function add(old, good,    i, there) {
	take(old)
	for (i = 1; i <= count; i++) if (row[i] !~ /^[ \t\r]*#/) there[key_of(row[i])] = 1
	take(good)
	for (i = 1; i <= count; i++) if (!(key_of(row[i]) in there)) {
		there[key_of(row[i])] = 1
		put(row[i])
	}
	verdict("done")
}

# Whether a file holds nothing but keys, comments and empty lines: `keys`, else `more`.
function only(file,    i, part) {
	take(file)
	for (i = 1; i <= count; i++) if (row[i] !~ /^[ \t\r]*(#.*)?$/) {
		split(key_of(row[i]), part, /[ ]/)
		BLOB = part[2]
		if (part[1] != "ssh-dss" && !(part[1] in KNOWN) || BLOB !~ /^[A-Za-z0-9+\/]+=?=?$/ || length(BLOB) % 4 || !is_whole(part[1])) verdict("more")
	}
	verdict("keys")
}

function types(file,    i, part, seen) {
	take(file)
	for (i = 1; i <= count; i++) if (row[i] !~ /^[ \t\r]*#/) {
		split(key_of(row[i]), part, /[ ]/)
		if (!(part[1] in KNOWN) || part[2] == "" || part[1] in seen) continue
		seen[part[1]] = 1
		put(part[1])
	}
	verdict("done")
}

# Type and base64 of a line of authorized_keys, or what stands in their place.
function key_of(line,    part) {
	sub(/^[ \t\r]+/, "", line)
	sub(/[ \t\r]+$/, "", line)
	split(line, part, /[ \t]+/)
	if (!(part[1] in KNOWN)) {
		line = substr(line, options(line) + 1)
		sub(/^[ \t]+/, "", line)
		split(line, part, /[ \t]+/)
	}
	return part[1] " " part[2]
}

# How long the options in front are: up to the first blank outside of quotes, as sshd has it.
function options(line,    at, c, quoted) {
	for (at = 1; at <= length(line); at++) {
		c = substr(line, at, 1)
		if (!quoted && (c == " " || c == "\t")) break
		if (substr(line, at, 2) == "\\\"") at++
		else if (c == "\"") quoted = !quoted
	}
	return at - 1
}
