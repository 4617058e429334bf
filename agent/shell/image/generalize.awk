# One file without the lines, or the words, that name who and what leaves; the verdict is `same` where there
# are none in it. usage: awk PROGRAM FILE KIND USER UID NAMES, behind edit.awk: KIND is a word of
# generalize.conf, NAMES are the hostnames.

# Whether a word is a name of the machine, with or without a domain.
function is_old(word,    i) {
	word = tolower(word)
	for (i = 1; i <= olds; i++) if (word == old[i] || index(word, old[i] ".") == 1) return 1
	return 0
}

# A comma list without the user.
function without(list,    parts, n, i, out) {
	n = split(list, parts, /[,]/)
	for (i = 1; i <= n; i++) if (parts[i] != user) out = (out == "" ? "" : out ",") parts[i]
	return out
}

# A group of the user's name goes, unless others are in it. Root keeps its account and loses its password: `*`
# is a hash of nothing, and unlike `!` it lets keys pass in every sshd.
function account(line,    f, n, i) {
	n = split(line, f, /[:]/)
	if (n < 2) return line
	if (kind == "group") {
		# gshadow has administrators where group has the number.
		f[3] = without(f[3])
		f[4] = without(f[4])
		if (f[1] == user && f[4] == "") return gone
	} else if (f[1] == user || f[1] == uid) return gone
	# Of passwd and shadow; what has less fields has numbers there.
	if (n > 6 && f[1] == "root" && f[2] !~ /^([*!].*|x)$/) f[2] = "*"
	line = f[1]
	for (i = 2; i <= n; i++) line = line ":" f[i]
	return line
}

function hosts(line,    f, n, i, out, hit) {
	n = split(trimmed(line), f, /[ \t]+/)
	for (i = 2; i <= n; i++) if (is_old(f[i])) hit = 1; else out = out " " f[i]
	if (!hit) return line
	if (out == "" && f[1] !~ /^(127[.]|::1$)/) return gone
	return f[1] (out == "" ? " localhost" : out)
}

# Whether a line of /etc/hosts has the form of the one that azready adds at its end.
function is_added(line,    f, n, i) {
	if (line !~ /^127[.]0[.]1[.]1\t/) return 0
	n = split(line, f, /[ \t]+/)
	for (i = 2; i <= n; i++) if (!is_old(f[i])) return 0
	return 1
}

function names(line,    rest, word, out) {
	for (rest = line; match(rest, /[A-Za-z0-9._-]+/); rest = substr(rest, RSTART + RLENGTH)) {
		word = substr(rest, RSTART, RLENGTH)
		out = out substr(rest, 1, RSTART - 1) (is_old(word) ? "localhost" : word)
	}
	out = out rest
	# What a DHCP client tells of itself: rather nothing than this.
	if (out != line && line ~ /^[ \t]*hostname[ \t]/) return gone
	if (out != line && line ~ /^[ \t]*send[ \t]+host-name/) return "send host-name = gethostname();"
	return out
}

# A line of sudo or doas that gives the user a right, and what azready says of its own in such a file.
function rights(line,    f, n, i) {
	if (line ~ /^#.*azready/) return gone
	n = split(trimmed(line), f, /[ \t]+/)
	i = f[1] ~ /^(permit|deny)$/ ? 2 : 1
	while (i < n && index(" @DOAS_OPTIONS@ ", " " f[i] " ")) i++
	return user != "" && (f[i] == user || f[i] == "Defaults:" user) ? gone : line
}

function mended(line) {
	if (kind == "hosts") return hosts(line)
	if (kind == "names") return names(line)
	if (kind == "rights") return rights(line)
	# cloud-init turns the user's keys away with these words when they are tried as root.
	if (kind == "drop") return line ~ /^(HWADDR|MACADDR|DHCP_HOSTNAME)=|Please login as the user/ ? gone : line
	return account(line)
}

BEGIN {
	gone = "\n"
	kind = ARGV[2]
	user = ARGV[3]
	uid = ARGV[4]
	olds = split(tolower(ARGV[5]), old, /[ ]/)
	take(ARGV[1])
	for (i = 1; i <= count; i++) {
		# The last line of all: azready adds it again where it is needed.
		new = i == count && kind == "hosts" && is_added(row[i]) ? gone : mended(row[i])
		if (new == gone) lines++
		else put(new)
	}
	verdict_of_edit(lines)
}
