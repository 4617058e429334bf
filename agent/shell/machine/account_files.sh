# account_files.sh: the one reader and the one editor of account files, and what tells a person's account from
# one of the system: its number, its shell, its home.

# account_shell_is_closed SHELL: whether it is a shell that lets nobody in.
account_shell_is_closed() {
	case ${1##*/} in nologin | false | true) ;; *) return 1 ;; esac
}

user_blanks=$(printf ' \t\r')

# account_knows_shell SHELL: whether $work/shells, a copy of /etc/shells, has it. dropbear lets nobody in with
# any other shell, if there is such a file.
account_knows_shell() {
	while IFS=$user_blanks read -r user_line _ || [ -n "$user_line" ]; do
		[ "${user_line%%#*}" != "$1" ] || return 0
	done <"$work/shells"
	return 1
}

# account_shell_is_shut SHELL: whether nobody comes in with it here. An image without a /bin/sh has no
# programs yet to judge by.
account_shell_is_shut() {
	! account_shell_is_closed "$1" || return 0
	[ -n "$1" ] && place_is_executable /bin/sh && ! place_is_executable "$1"
}

# account_is_person: whether a person may have the account that account_find has found: by the system's
# UID_MIN, else by its login shell and its own home; fails with 2 where that cannot be found out. Compared as
# text: 32 bits are too few for some.
account_is_person() {
	case $_uid in
	0 | 65534) return 1 ;;
	? | ?? | ???) ;;
	*) return 0 ;;
	esac
	edit_look /etc/login.defs 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (row[i] ~ /^[ \t]*UID_MIN[ \t]+[0-9]+[ \t\r]*$/) {
			split(trimmed(row[i]), word, /[ \t]+/)
			if (length(word[2]) < 10) {
				sub(/^0+/, "", word[2])
				put_word(word[2])
				break
			}
		}
		verdict("done")
	}' || return 2
	user_first=$_answer
	[ "$_uid" -lt "${user_first:-$fact_FIRST_ID}" ] || return 0
	if account_shell_is_closed "$_shell"; then return 1; fi
	account_has_own_home "$fact_FOLDERS_OF_DAEMONS"
}

# account_has_own_home FOLDERS: whether the home that account_find has found is this account's alone, and no
# directory of the system, of which FOLDERS are some more.
account_has_own_home() {
	user_words=$(printf '%s' "$_home" | sed 's,//*,/,g; s,/\./,/,g; s,/\.$,,; s,/$,,')
	case $user_words in
	/var/home/* | /usr/home/*) ;;
	/*)
		user_part=${user_words#/}
		case " $fact_FOLDERS_OF_SYSTEM $1 " in *" ${user_part%%/*} "*) return 1 ;; esac
		;;
	*) return 1 ;;
	esac
	case $user_words/ in */../* | /home/ | /opt/ | /srv/ | /mnt/ | /media/ | /export/) return 1 ;; esac
	place_of "$_home"
	user_place=$_path
	file_fetch /etc/passwd "$work/passwd.homes" || return 2
	while IFS=: read -r user_other _ _ _ _ user_part _ || [ -n "$user_other" ]; do
		[ "$user_other" != "$_name" ] || continue
		case $user_part in /*) ;; *) continue ;; esac
		place_of "$user_part"
		[ "$_path" != "$user_place" ] || return 1
	done <"$work/passwd.homes"
}

# account_find NAME: sets _name, _uid, _gid, _home (a path of the image) and _shell from /etc/passwd; fails
# where it has no such line: 1, or 2 where that line is malformed; 3 where that cannot be found out, for which
# it has a failure.
account_find() {
	_name=$1
	account_ask find "$1" /etc/passwd || return 3
	case $_verdict in
	found) ;;
	malformed) return 2 ;;
	*) return 1 ;;
	esac
	# UID GID, home and shell on three lines.
	_uid=${_answer%% *}
	_shell=${_answer#* }
	_gid=${_shell%%"$sys_newline"*}
	_shell=${_shell#*"$sys_newline"}
	_home=${_shell%%"$sys_newline"*}
	_shell=${_shell#*"$sys_newline"}
}

# account_ask WHAT NAME FILE [FILE]: sets _verdict and _answer, what accounts.awk says of an image's files.
account_ask() {
	edit_source "$3"
	user_where=$3
	set -- "$1" "$2" "$_source" ${4+"$4"}
	[ $# -eq 3 ] || {
		edit_source "$4"
		set -- "$1" "$2" "$3" "$_source"
	}
	edit_ask "$user_where" "$awk_accounts" "$@"
}

# account_lines WHAT NAME FILE [VALUE ..]: sets _verdict; what accounts.awk makes of an image's file is in
# $work/edited.
account_lines() {
	user_what=$1 user_name=$2
	user_file=$3
	shift 3
	edit_source "$user_file"
	edit_derive "$user_file" "$work/edited" "$awk_accounts" "$user_what" "$user_name" "$_source" ${1+"$@"}
}

# account_gid GROUP: sets _gid; empty where there is no such group.
account_gid() {
	account_ask gid "$1" /etc/group || return
	_gid=$_answer
}

# account_edit WHAT NAME FILE [VALUE]: change a file under its lock; sets user_changed, unless that changes
# nothing.
account_edit() {
	account_lines "$@" || return
	[ "$_verdict" = changed ] || return 0
	account_lock "$3" || return
	account_lines "$@" && { [ "$_verdict" != changed ] || file_write "$3" 0644 "$work/edited"; }
	set -- $?
	account_lock_give_back
	user_changed=yes
	return "$1"
}
