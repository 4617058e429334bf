# Look into the files of accounts, or print one with a change. usage: awk PROGRAM WHAT NAME FILE [VALUE], behind edit.awk
# find    passwd: prints `UID GID`, home and shell on three lines; the verdict is `malformed` where the line of that name is
# gid     group: prints the gid
# has     whether there is a line of that name
# free    passwd, and group as VALUE if that counts too: prints the lowest id from FIRST_ID that nobody has
# add     the file with the line VALUE: before those of NIS, which must come last, and instead of any of that name
# unlock  the file with `*` where `!` alone locks the account
# join    group or gshadow: the file with the member VALUE
# row     group: prints the line
# shell   passwd: the file with the shell VALUE
# hash    the file with the second field that is the text of VALUE; of shadow also the third, a day, which is the argument
#         behind it, and a line where that lacks
# Verdicts: `found`, `none`, and of an edit `changed`, `same`.

# The fields in f; a line end of CRLF stays apart.
function fields(line) {
	end = sub(/\r$/, "", line) ? "\r" : ""
	return split(line, f, /[:]/)
}

# Without the zeros in front, which mean octal to busybox; empty where it is no id: 4294967295 is -1 to the kernel.
function id(s) {
	if (s !~ /^[0-9]+$/) return ""
	sub(/^0+/, "", s)
	if (s == "") return "0"
	return length(s) > 10 || length(s) == 10 && (s "") > "4294967294" ? "" : s
}

function note_ids(    i) {
	for (i = 1; i <= count; i++) if (fields(row[i]) > 2 && id(f[3]) != "") taken[id(f[3])]
}

function put_all(    i) {
	for (i = 1; i <= count; i++) put(row[i])
	verdict_of_edit(0)
}

# Of the lines of that name, which alone may go, one stays.
function add(    i, placed, gone) {
	for (i = 1; i <= count; i++) {
		if (index(row[i], name ":") == 1) {
			gone++
			continue
		}
		if (!placed && row[i] ~ /^[+-]/) {
			placed = 1
			put(value)
		}
		put(row[i])
	}
	if (!placed) put(value)
	verdict_of_edit(gone)
}

# The secret is no argument: those are there for all to see.
function hash(    i, k, n, found, secret, day, line) {
	secret = slurp(value)
	if (secret == "") exit 3
	day = int(ARGV[5] / 86400)
	if (!day) day = ""
	for (i = 1; i <= count; i++) if (!found && (n = split(row[i], f, /[:]/)) && f[1] "" == name "") {
		found = 1
		f[2] = secret
		if (n < 2) n = 2
		if (ARGV[5] != "") {
			f[3] = day
			if (n < 3) n = 3
		}
		line = f[1]
		for (k = 2; k <= n; k++) line = line ":" f[k]
		row[i] = line
	}
	for (i = 1; i <= count; i++) put(row[i])
	if (!found && ARGV[5] != "") put(name ":" secret ":" day ":0:99999:7:::")
	verdict_of_edit(0)
}

function look(    i, n, malformed) {
	for (i = 1; i <= count; i++) {
		n = fields(row[i])
		if (n < 2 || f[1] != name) continue
		if (what == "has") verdict("found")
		if (what == "find") {
			if (n == 7 && id(f[3]) != "" && id(f[4]) != "") {
				put(id(f[3]) " " id(f[4]))
				put(f[6])
				put(f[7])
				verdict("found")
			}
			malformed = 1
		} else if (what == "gid") {
			if (n == 4 && id(f[3]) != "") {
				put(id(f[3]))
				verdict("found")
			}
		} else if (what == "row") {
			if (n == 4 && id(f[3]) != "") {
				put(substr(row[i], 1, length(row[i]) - length(end)))
				verdict("found")
			}
		} else if (what == "shell") {
			if (n == 7) row[i] = substr(row[i], 1, length(row[i]) - length(end f[7])) value end
		} else if (what == "unlock") {
			if (n > 2 && f[2] ~ /^!+[*]?$/) row[i] = name ":*" substr(row[i], length(f[1] f[2]) + 2)
		} else if (what == "join" && n == 4) {
			if (!index("," f[4] ",", "," value ",")) row[i] = substr(row[i], 1, length(row[i]) - length(end)) (f[4] == "" ? "" : ",") value end
			break
		}
	}
	if (what == "unlock" || what == "join" || what == "shell") put_all()
	verdict(malformed ? "malformed" : "none")
}

BEGIN {
	what = ARGV[1]
	name = ARGV[2]
	value = ARGV[4]
	take(ARGV[3])
	if (what == "free") {
		note_ids()
		if (value != "") {
			take(value)
			note_ids()
		}
		for (n = @FIRST_ID@; n in taken; n++);
		put(n)
		verdict("found")
	}
	if (what == "add") add()
	if (what == "hash") hash()
	look()
}
