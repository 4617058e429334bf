# Look into the files of accounts, or print one with a change. usage: awk PROGRAM WHAT NAME FILE [VALUE]
# find    passwd: prints `UID GID`, home and shell on three lines; exit 2 where the line of that name is malformed
# gid     group: prints the gid
# free    passwd, and group as VALUE if that counts too: prints the lowest id from 1000 that nobody has
# add     the file with the line VALUE: before those of NIS, which must come last, and instead of any of that name
# unlock  the file with `*` where `!` alone locks the account
# join    group or gshadow: the file with the member VALUE
# row     group: prints the line
# shell   passwd: the file with the shell VALUE
# Exit 1: no such line, or nothing to change.

function rows(file,    line) {
	for (count = 0; (getline line < file) > 0; ) row[++count] = line
	close(file)
}

# The fields in f; a line end of CRLF stays apart.
function take(line) {
	end = sub(/\r$/, "", line) ? "\r" : ""
	return split(line, f, /[:]/)
}

function number(s) {
	return s ~ /^[0-9]+$/
}

function print_all(    i) {
	for (i = 1; i <= count; i++) print row[i]
}

function note_ids(file,    i) {
	rows(file)
	for (i = 1; i <= count; i++) if (take(row[i]) > 2 && number(f[3])) taken[f[3] + 0]
}

BEGIN {
	what = ARGV[1]
	name = ARGV[2]
	value = ARGV[4]
	rows(ARGV[3])
	status = 1
	if (what == "free") {
		note_ids(ARGV[3])
		if (value != "") note_ids(value)
		for (id = 1000; id in taken; id++);
		print id
		exit 0
	}
	if (what == "add") {
		for (i = 1; i <= count; i++) if (index(row[i], name ":") != 1) {
			if (!placed && row[i] ~ /^[+-]/) placed = print_line(value)
			print row[i]
		}
		if (!placed) print value
		exit 0
	}
	for (i = 1; i <= count; i++) {
		n = take(row[i])
		if (n < 2 || f[1] != name) continue
		if (what == "find") {
			if (n == 7 && number(f[3]) && number(f[4])) {
				print f[3], f[4]
				print f[6]
				print f[7]
				exit 0
			}
			status = 2
		} else if (what == "gid") {
			if (n == 4 && number(f[3])) {
				print f[3]
				exit 0
			}
		} else if (what == "row") {
			if (n == 4 && number(f[3])) {
				print substr(row[i], 1, length(row[i]) - length(end))
				exit 0
			}
		} else if (what == "shell") {
			if (n == 7 && f[7] != value) {
				row[i] = substr(row[i], 1, length(row[i]) - length(end f[7])) value end
				status = 0
			}
		} else if (what == "unlock") {
			if (n > 2 && f[2] ~ /^!+[*]?$/) {
				row[i] = name ":*" substr(row[i], length(f[1] f[2]) + 2)
				status = 0
			}
		} else if (n == 4) {
			if (index("," f[4] ",", "," value ",")) exit 1
			row[i] = substr(row[i], 1, length(row[i]) - length(end)) (f[4] == "" ? "" : ",") value end
			print_all()
			exit 0
		}
	}
	if ((what == "unlock" || what == "shell") && !status) print_all()
	exit status
}

function print_line(line) {
	print line
	return 1
}
