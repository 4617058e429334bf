# account_files.sh: the one reader and the one editor of account files, and what tells a person's account from
# one of the system: its number, its shell, its home.

# account_shell_is_closed SHELL: whether it is a shell that lets nobody in.
account_shell_is_closed() {
	case ${1##*/} in nologin | false | true) ;; *) return 1 ;; esac
}

# account_knows_shell SHELL: whether /etc/shells has it; sets account_shells, where to read that, by
# $account_blanks. dropbear lets nobody in with any other shell, if there is such a file.
account_knows_shell() {
	account_shells=/dev/null
	if edit_source /etc/shells; then account_shells=$_source; else forgive; fi
	# Only here: it is a fork.
	account_blanks=$(printf ' \t\r')
	while IFS=$account_blanks read -r account_line _ || [ -n "$account_line" ]; do
		[ "${account_line%%#*}" != "$1" ] || return 0
	done <"$account_shells"
	return 1
}

# account_shell_is_shut SHELL: whether nobody comes in with it here. An image without a /bin/sh has no
# programs yet to judge by.
account_shell_is_shut() {
	! account_shell_is_closed "$1" || return 0
	[ -n "$1" ] && place_is_executable /bin/sh && ! place_is_executable "$1"
}

# account_is_person: whether a person may have the account that account_find has found: by the system's
# UID_MIN, else by its login shell and its own home. Compared as text: 32 bits are too few for some.
account_is_person() {
	case $_uid in
	0 | 65534) return 1 ;;
	? | ?? | ???) ;;
	*) return 0 ;;
	esac
	[ "$_uid" -lt "${account_first:-$fact_FIRST_ID}" ] || return 0
	if account_shell_is_closed "$_shell"; then return 1; fi
	account_has_own_home "$fact_FOLDERS_OF_DAEMONS"
}

# account_clean PATH: sets _clean, the same without what means nothing in it.
account_clean() {
	_clean=
	text_by /
	for account_part in $1; do
		case $account_part in '' | .) ;; *) _clean=$_clean/$account_part ;; esac
	done
	text_by_word
}

# account_has_own_home FOLDERS: whether the home that account_find has found is this account's alone, and no
# directory of the system, of which FOLDERS are some more.
account_has_own_home() {
	account_clean "$_home"
	case $_clean in
	/var/home/* | /usr/home/*) ;;
	/*)
		account_part=${_clean#/}
		case " $fact_FOLDERS_OF_SYSTEM $1 " in *" ${account_part%%/*} "*) return 1 ;; esac
		;;
	*) return 1 ;;
	esac
	case $_clean/ in */../* | /home/ | /opt/ | /srv/ | /mnt/ | /media/ | /export/) return 1 ;; esac
	place_of "$_home"
	account_place=$_path
	text_by_line
	for account_part in $account_homes; do
		case $account_part in /*) place_of "$account_part" ;; *) continue ;; esac
		[ "$_path" = "$account_place" ] || continue
		text_by_word
		return 1
	done
	text_by_word
}

account_asked=
# The lines of accounts.awk.
account_parts='_name _uid _home _shell account_field account_hash account_ages account_groups account_group'
account_parts="$account_parts account_first account_mode account_default_home account_default_shell"
_name='' _uid='' _home='' _shell=''
account_field='' account_hash='' account_ages='' account_groups='' account_default_shell=''

# account_forget: what account_find has read holds no more: the files were changed, or are about to be.
account_forget() {
	account_asked=
}

# account_find NAME: sets _name, _uid, _gid, _home (a path of the image) and _shell from /etc/passwd, and
# $account_NAME, what else the files say of it (accounts.awk); fails where there is no such line: 1, or 2
# where that line is malformed; 3 where that cannot be found out, for which it has a failure.
account_find() {
	[ "$account_asked" = "=$1" ] || account_read "$1" '' || return 3
	account_rest=$account_said
	for account_part in $account_parts; do
		eval "$account_part=\${account_rest%%\"\$sys_newline\"*}"
		account_rest=${account_rest#*"$sys_newline"}
	done
	_gid=${_uid#* }
	_uid=${_uid% *}
	account_homes=$account_rest
	case $account_verdict in
	found) ;;
	malformed) return 2 ;;
	*) return 1 ;;
	esac
}

# account_read NAME FILE: sets account_said and account_verdict; the name is in FILE where NAME is empty.
account_read() {
	account_in=$2
	set -- "$1"
	for account_file in passwd group ../usr/lib/group shadow login.defs default/useradd; do
		edit_source "/etc/$account_file" || return
		set -- "$@" "$_source"
	done
	edit_ask /etc/passwd "$awk_account_line$awk_accounts" "$@" "$account_in" || return
	account_asked="=${_answer%%"$sys_newline"*}" account_said=$_answer account_verdict=$_verdict
}

# account_find_in FILE: the same for a name that the platform gave; fails with 4, and sets no _name, where it
# is none for a user.
account_find_in() {
	_name=
	account_forget
	account_read '' "$1" || return 3
	[ "$account_verdict" != bad ] || {
		account_forget
		return 4
	}
	account_find "${account_asked#=}"
}

# account_edit NAME WORD ..: have account_edit.awk do this to the account of that name; sets account_done,
# what it did, a verb and its object a line. Where that would change nothing, no lock is taken.
account_edit() {
	account_done=
	account_run '' '' "$@" || return
	[ "$_verdict" = changed ] || {
		account_done=$_answer
		return 0
	}
	account_kinds "$_answer"
	account_write "$_kinds" "$@"
}

# account_kinds TEXT: sets _kinds, the files that account_edit.awk names in it.
account_kinds() {
	_kinds=
	text_by_line
	for account_line in $1; do
		case $account_line in 'file '*) _kinds="$_kinds ${account_line#file }" ;; esac
	done
	text_by_word
}

# account_run DIRECTORY FILES NAME WORD ..: the program: without a DIRECTORY it only says what it would do.
account_run() {
	account_folder=$1 account_only=$2 account_name=$3
	shift 3
	for account_file in /usr/lib/group /etc/gshadow /etc/shadow /etc/group /etc/passwd; do
		place_of "$account_file"
		if [ -e "$_path" ]; then set -- "$_path" ${1+"$@"}; else set -- '' ${1+"$@"}; fi
	done
	set -- "$account_folder" "$account_only" "$account_name" "$@"
	if [ -z "$account_folder" ]; then
		edit_ask /etc/passwd "$awk_account_line$awk_account_edit" "$@"
	else
		edit_derive /etc/passwd "$work/edited" "$awk_account_line$awk_account_edit" "$@"
	fi
}

# account_write FILES NAME WORD ..: the same to these files (passwd, group ..) under their locks; the others
# stay as they are.
account_write() {
	account_only=$1
	shift
	# shellcheck disable=SC2086  # words
	account_lock $account_only || return
	account_forget
	account_publish "$@"
	set -- $?
	account_lock_give_back
	return "$1"
}

# account_publish NAME WORD ..: all that change are made in a directory beside them, which takes over their
# modes and owners, and are whole and on the disk before the first of them gets its place.
account_publish() {
	place_of /etc
	account_etc=$_path account_new=$_path/.accounts.azready
	account_copy && account_run "$account_new" "$account_only" "$@" && account_store
	set -- $?
	rm -rf "$account_new" 2>/dev/null
	return "$1"
}

# account_copy: the files in $account_new.
account_copy() {
	[ ! -e "$account_new" ] || rm -rf "$account_new" 2>/dev/null
	set --
	for account_file in $account_only; do
		place_exists "/etc/$account_file" || file_write "/etc/$account_file" 0644 /dev/null || return
		place_of "/etc/$account_file"
		set -- "$@" "$_path"
	done
	{ (umask 077 && LC_ALL=C mkdir "$account_new") && LC_ALL=C cp -p "$@" "$account_new"; } 2>"$work/err" ||
		file_blame "/etc/${account_only%% *}"
}

# account_store: what account_edit.awk has made of them takes their places.
account_store() {
	account_done=
	while IFS= read -r account_line; do
		account_done=$account_done$account_line$sys_newline
	done <"$work/edited"
	account_kinds "$account_done"
	account_near=
	for account_file in $_kinds; do
		# One that lies elsewhere is written where it is.
		place_of "/etc/$account_file"
		[ "$_path" != "$account_etc/$account_file" ] || account_near="$account_near $account_file"
	done
	account_keeps_modes || {
		file_blame "/etc/${_kinds##* }"
		return
	}
	account_move || return
	settle "$account_etc"
}

# account_keeps_modes: whether the new files have the modes of the old ones.
account_keeps_modes() {
	[ -n "$account_near" ] || return 0
	set --
	for account_file in $account_near; do
		set -- "$@" "$account_new/$account_file" "$account_etc/$account_file"
	done
	LC_ALL=C ls -dn "$@" 2>"$work/err" >"$work/modes" || return
	account_new_modes='' account_old_modes=''
	# Both in the order of the same names.
	while read -r account_mode _ account_line; do
		account_mode="${account_mode%"${account_mode#??????????}"} "
		case $account_line in
		*" $account_new/"*) account_new_modes=$account_new_modes$account_mode ;;
		*) account_old_modes=$account_old_modes$account_mode ;;
		esac
	done <"$work/modes"
	[ "$account_new_modes" = "$account_old_modes" ]
}

# account_move: the new files take the places of the old ones, in the order of $_kinds; one that is a mount of
# its own is written where it is.
account_move() {
	set -- "$account_new"/*
	sync "$@" 2>/dev/null || sync
	set --
	for account_file in $account_near; do set -- "$@" "$account_new/$account_file"; done
	[ $# -eq 0 ] || LC_ALL=C mv -f "$@" "$account_etc" 2>/dev/null
	for account_file in $_kinds; do
		[ ! -e "$account_new/$account_file" ] ||
			file_write "/etc/$account_file" 0644 "$account_new/$account_file" || return
	done
}
