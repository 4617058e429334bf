# The one editor of account files: all changes of one account at once. usage: awk PROGRAM DIRECTORY FILES NAME PASSWD GROUP
# SHADOW GSHADOW GROUP_OF_IMAGE WORD .., behind edit.awk and account_line.awk. Those files that change go to DIRECTORY, if
# it is one of FILES; without DIRECTORY nothing is written. A missing file is an empty argument. The words, one behind
# another:
# make HOME SHELL    a new account, and a group of its own unless there is one of that name
# unlock             `*` where `!` alone locks the account
# shell SHELL        another shell
# join GROUPS        into these groups, with commas between; one of the image alone gets its line first
# hash FILE FIELD    the second field in FILE is what the file FIELD holds
# hash FILE FIELD dated SECONDS: of shadow also the third, the day of change, and a line where that lacks
# Puts what was done: a verb and its object. The verdict is `changed`, `same`, or `malformed` for a line of that name which
# is no account's.

function load(what, file,    i) {
	there[what] = file != ""
	lines[what] = 0
	if (!there[what]) return
	take(file)
	for (i = 1; i <= count; i++) line[what, i] = old[what, i] = row[i]
	lines[what] = had[what] = count
}

# A line, before those of NIS, which must come last, and instead of any of that name.
function add(what, who, text,    i, n, placed) {
	for (i = 1; i <= lines[what]; i++) {
		if (index(line[what, i], who ":") == 1) {
			gone[what]++
			continue
		}
		if (!placed && line[what, i] ~ /^[+-]/) {
			placed = 1
			kept[++n] = text
		}
		kept[++n] = line[what, i]
	}
	if (!placed) kept[++n] = text
	for (i = 1; i <= n; i++) line[what, i] = kept[i]
	lines[what] = n
}

# The number of the line of a group that is one; 0 where there is none.
function group_at(what, who,    i) {
	for (i = 1; i <= lines[what]; i++) if (fields(line[what, i]) == 4 && f[1] "" == who "" && id(f[3]) != "") return i
	return 0
}

# The lowest id from FIRST_ID that nobody has.
function free(with_groups,    i, n) {
	for (i = 1; i <= lines["passwd"]; i++) if (fields(line["passwd", i]) > 2 && id(f[3]) != "") taken[id(f[3])]
	for (i = 1; with_groups && i <= lines["group"]; i++) if (fields(line["group", i]) > 2 && id(f[3]) != "") taken[id(f[3])]
	for (n = @FIRST_ID@; n in taken; n++);
	return n
}

function has(what,    i) {
	for (i = 1; i <= lines[what]; i++) if (fields(line[what, i]) > 1 && f[1] "" == name "") return 1
	return 0
}

# Somebody else may have made the account, or its group, meanwhile.
function make(home, shell,    i, n, uid, gid, malformed) {
	for (i = 1; i <= lines["passwd"]; i++) {
		n = fields(line["passwd", i])
		if (n < 2 || f[1] "" != name "") continue
		if (n == 7 && id(f[3]) != "" && id(f[4]) != "") return
		malformed = 1
	}
	if (malformed) verdict("malformed")
	i = group_at("group", name)
	if (i) {
		fields(line["group", i])
		gid = id(f[3])
		uid = free(0)
	} else {
		gid = uid = free(1)
		add("group", name, name ":x:" gid ":")
	}
	if (there["gshadow"] && !has("gshadow")) add("gshadow", name, name ":!::")
	# No date of the last change: the clock may not be set yet, and day 0 means `must be changed`.
	if (there["shadow"]) add("shadow", name, name ":*:::::::")
	add("passwd", name, name ":" (there["shadow"] ? "x" : "*") ":" uid ":" gid "::" home ":" shell)
}

function unlock(what,    i) {
	for (i = 1; i <= lines[what]; i++) if (fields(line[what, i]) > 2 && f[1] "" == name "" && f[2] ~ /^!+[*]?$/) {
		line[what, i] = name ":*" substr(line[what, i], length(f[1] f[2]) + 2)
		if (!unlocked++) put("unlocked " name)
	}
}

function change_shell(shell,    i, s) {
	for (i = 1; i <= lines["passwd"]; i++) {
		s = line["passwd", i]
		if (fields(s) == 7 && f[1] "" == name "") line["passwd", i] = substr(s, 1, length(s) - length(end f[7])) shell end
	}
}

# Whether that changes something.
function add_member(what, group,    i, s) {
	for (i = 1; i <= lines[what]; i++) {
		s = line[what, i]
		if (fields(s) != 4 || f[1] "" != group "") continue
		if (index("," f[4] ",", "," name ",")) return 0
		line[what, i] = substr(s, 1, length(s) - length(end)) (f[4] == "" ? "" : ",") name end
		return 1
	}
	return 0
}

function join_groups(list,    part, n, i, k, s) {
	n = split(list, part, /[,]/)
	for (i = 1; i <= n; i++) {
		if (part[i] == "") continue
		if (!group_at("group", part[i])) {
			k = group_at("image", part[i])
			if (!k) {
				put("lacks " part[i])
				continue
			}
			s = line["image", k]
			sub(/\r$/, "", s)
			add("group", part[i], s)
		}
		if (add_member("group", part[i]) + add_member("gshadow", part[i])) put("joined " part[i])
	}
}

# The secret is no argument: those are there for all to see.
function set_hash(what, file, dated, seconds,    i, k, n, day, secret, text) {
	secret = slurp(file)
	if (secret == "") exit 3
	day = int(seconds / 86400)
	if (!day) day = ""
	for (i = 1; i <= lines[what]; i++) if ((n = split(line[what, i], f, /[:]/)) && f[1] "" == name "") {
		f[2] = secret
		if (n < 2) n = 2
		if (dated) f[3] = day
		if (dated && n < 3) n = 3
		text = f[1]
		for (k = 2; k <= n; k++) text = text ":" f[k]
		line[what, i] = text
		return
	}
	if (dated) line[what, ++lines[what]] = name ":" secret ":" day ":0:99999:7:::"
}

# Of the lines, those alone may go in whose place another one of that name came.
function store(what, directory, files,    i, file, differs, bytes) {
	differs = lines[what] != had[what]
	for (i = 1; i <= lines[what] && !differs; i++) differs = line[what, i] != old[what, i]
	if (!differs || !there[what]) return
	if (lines[what] < had[what] - gone[what]) exit 3
	changed = 1
	put("file " what)
	if (directory == "" || !index(" " files " ", " " what " ")) return
	file = directory "/" what
	printf "" > file
	for (i = 1; i <= lines[what]; i++) {
		printf "%s\n", line[what, i] > file
		bytes += length(line[what, i]) + 1
	}
	close(file)
	note_made(bytes, file)
}

BEGIN {
	name = ARGV[3]
	load("passwd", ARGV[4])
	load("group", ARGV[5])
	# A missing one is made.
	there["group"] = 1
	load("shadow", ARGV[6])
	load("gshadow", ARGV[7])
	load("image", ARGV[8])
	for (at = 9; at < ARGC; at += 2) {
		if (ARGV[at] == "make") make(ARGV[at + 1], ARGV[++at + 1])
		else if (ARGV[at] == "shell") change_shell(ARGV[at + 1])
		else if (ARGV[at] == "join") join_groups(ARGV[at + 1])
		else if (ARGV[at] == "hash") {
			dated = ARGV[at + 3] == "dated"
			set_hash(ARGV[at + 1], ARGV[at + 2], dated, ARGV[at + 4])
			at += dated ? 3 : 1
		} else if (ARGV[at] == "unlock") {
			unlock("passwd")
			unlock("shadow")
			at--
		}
	}
	# passwd comes last: without its line a try that was cut off begins anew, and takes what it finds.
	store("group", ARGV[1], ARGV[2])
	store("gshadow", ARGV[1], ARGV[2])
	store("shadow", ARGV[1], ARGV[2])
	store("passwd", ARGV[1], ARGV[2])
	verdict(changed ? "changed" : "same")
}
