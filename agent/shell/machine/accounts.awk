# All that the files of accounts say of one account, read once. usage: awk PROGRAM NAME PASSWD GROUP GROUP_OF_IMAGE SHADOW
# LOGIN_DEFS USERADD_DEFAULTS [FILE], behind edit.awk and account_line.awk; FILE has a name that is still to be judged, and
# NAME is empty then.
# The verdict is `found`, `malformed` where the line of that name is no account's, `none`, or `bad` where that is no name
# for a user. Puts lines: the name; UID GID, home, shell, the second fields in passwd and in shadow, what stands behind
# it there; the groups, NAME:NUMBER with commas between; the gid of the group of that name; UID_MIN, HOME_MODE; HOME and
# SHELL of useradd; `others`, and then the homes of others.

function read_passwd(file,    i, n) {
	take(file)
	for (i = 1; i <= count; i++) {
		n = fields(row[i])
		if (f[1] "" != name "") {
			if (f[6] ~ /^\// && !(f[6] in home_of)) home_of[f[6]] = ++others
			continue
		}
		if (mark == "") mark = "=" f[2]
		if (said == "found" || n < 2) continue
		said = "malformed"
		if (n != 7 || id(f[3]) == "" || id(f[4]) == "") continue
		said = "found"
		uid = id(f[3])
		gid = id(f[4])
		home = f[6]
		shell = f[7]
	}
}

function read_shadow(file,    i, line) {
	take(file)
	for (i = 1; i <= count && hash == ""; i++) if (index(row[i], name ":") == 1) {
		line = substr(row[i], length(name) + 2)
		hash = "=" substr(line, 1, index(line ":", ":") - 1)
		ages = substr(line, length(hash))
	}
}

function read_groups_of(file,    i, n) {
	take(file)
	for (i = 1; i <= count; i++) {
		n = fields(row[i])
		if (n != 4 || f[3] !~ /^[0-9]+$/) continue
		if (own == "" && f[1] "" == name "") own = id(f[3])
		if (said != "found" || f[1] in seen || f[3] + 0 != gid + 0 && !index("," f[4] ",", "," name ",")) continue
		seen[f[1]] = 1
		sub(/^0+/, "", f[3])
		groups = groups "" (groups == "" ? "" : ",") f[1] ":" (f[3] == "" ? 0 : f[3])
	}
}

# The last line of such a file that gives KEY a path, as useradd itself takes it.
function default_of(key,    i, line) {
	for (i = count; i && index(row[i], key "=/") != 1; i--);
	line = substr(row[i], length(key) + 2)
	gsub(/\r/, "", line)
	sub(/(\/|[ \t])+$/, "", line)
	return line
}

function read_login_defs(file,    i, n, word) {
	take(file)
	for (i = 1; i <= count; i++) {
		n = split(trimmed(row[i]), word, /[ \t]+/)
		if (n != 2) continue
		if (first == "" && word[1] == "UID_MIN" && word[2] ~ /^[0-9]+$/ && length(word[2]) < 10) {
			first = word[2]
			sub(/^0+/, "", first)
		}
		if (mode == "" && word[1] == "HOME_MODE" && word[2] ~ /^0?[0-7][0-7][0-7]$/) mode = substr(word[2], length(word[2]) - 2)
	}
}

BEGIN {
	name = ARGV[1]
	if (ARGV[8] != "") {
		name = trimmed(slurp(ARGV[8]))
		if (name == "root" || length(name) > 32 || name ~ /^[0-9]+$/ || name !~ /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/) verdict("bad")
	}
	said = "none"
	read_passwd(ARGV[2])
	read_groups_of(ARGV[3])
	group = own
	read_groups_of(ARGV[4])
	read_shadow(ARGV[5])
	read_login_defs(ARGV[6])
	take(ARGV[7])
	put(name)
	put(uid " " gid)
	put(home)
	put(shell)
	put(substr(mark, 2))
	put(substr(hash, 2))
	put(ages)
	put(groups)
	put(group)
	put(first)
	put(mode)
	put(default_of("HOME"))
	put(default_of("SHELL"))
	put("others")
	for (home in home_of) put(home)
	verdict(said)
}
