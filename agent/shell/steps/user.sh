# user.sh: the step `user`: the admin user, its groups and its shell; rights.sh has its right to become root.

# find_account NAME: sets _name, _uid, _gid, _home (a path of the image) and _shell from /etc/passwd; fails where it has no
# such line: 1, or 2 where that line is malformed; 3 where that cannot be found out, for which it has a failure.
find_account() {
	_name=$1
	sys_fetch /etc/passwd "$work/accounts" && sys_derive /etc/passwd "$work/account" "$awk_accounts" find "$1" "$work/accounts" || return 3
	case $_verdict in
	found) { read -r _uid _gid && IFS= read -r _home && IFS= read -r _shell; } <"$work/account" || return 3 ;;
	malformed) return 2 ;;
	*) return 1 ;;
	esac
}

# user_lines WHAT NAME FILE [VALUE ..]: sets _verdict; what accounts.awk prints of an image's file is in $work/edited.
user_lines() {
	sys_fetch "$3" "$work/accounts" || return
	user_what=$1 user_name=$2 user_file=$3
	shift 3
	sys_derive "$user_file" "$work/edited" "$awk_accounts" "$user_what" "$user_name" "$work/accounts" ${1+"$@"}
}

# step_user: make the admin user, or take the one that is there.
step_user() {
	user_given=$work/wanted.admin-user
	# A name of blanks is a mistake and not a missing name, whatever becomes of it among what is wanted.
	! is_blank "$user_given" || user_given=$work/compute.osProfile.adminUsername
	[ -s "$user_given" ] || {
		_result=skipped
		return 0
	}
	sys_derive "$work" "$work/user" "$awk_user_name" "$user_given" || return
	[ "$_verdict" = good ] || {
		user_invalid 'at most 32 of A-Z a-z 0-9 _ . -, not only digits, no . or - in front, and not root'
		return
	}
	sys_copy "$work/user" "$work/wanted.admin-user" || return
	IFS= read -r user <"$work/user" || [ -n "$user" ] || return
	user_there && user_unlock && user_join_groups && give_rights "$user" || return
	user_label /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/sudoers.d/zz-azready
	_result='done'
}

# user_invalid HINT
user_invalid() {
	fail_value=value=$work/user
	fail user_invalid "$1"
}

# user_there: the account and its home, made if need be.
user_there() {
	sys_fetch /etc/group "$work/accounts" || return
	find_account "$user"
	set -- $?
	[ "$1" -ne 3 ] || return
	[ "$1" -eq 0 ] || {
		user_make "$1"
		return
	}
	user_require_person || return
	log_info "user: $user is there already (uid $_uid, home $_home, shell $_shell)"
	user_mend_shell || return
	sys_exists "$_home" || user_make_home
}

# user_require_person: that the account of $_uid is not the system's.
user_require_person() {
	user_is_person
	case $? in
	0) ;;
	2) return 1 ;;
	*) user_invalid "uid $_uid is an account of the system, choose another name" ;;
	esac
}

# user_make FOUND: a new account with its home, by the first means that this system has. FOUND: status of find_account.
user_make() {
	user_default HOME || return
	user_home=${_default:-/home}/$user
	user_pick_shell || return
	user_error=
	[ "$1" -ne 2 ] || user_error=malformed_line
	sys_exists /etc/passwd || user_error=missing
	[ -z "$user_error" ] || {
		fail user_not_created 'mend /etc/passwd of the image' file=/etc/passwd "error=$user_error"
		return
	}
	user_had_home=no
	! sys_exists "$user_home" || user_had_home=yes
	user_means=
	user_with_useradd && user_with_adduser && user_with_files || return
	find_account "$user" || {
		[ $? -ne 3 ] || return
		fail user_not_created "$user_means wrote it elsewhere" "command=$user_means" error=not_in_passwd
		return
	}
	user_require_person || return
	log_info "user: made $user (uid $_uid, home $user_home, shell $user_shell) with $user_means"
	if [ "$user_had_home" = yes ]; then
		sys_need_roots "$_home" && sys_give "$_home" "$_uid" "$_gid"
	else
		user_make_home
	fi
}

# user_default KEY: sets _default, a path that /etc/default/useradd gives, the last one as useradd itself takes it.
user_default() {
	sys_edit /etc/default/useradd 'BEGIN {
		take(ARGV[1])
		for (i = count; i && index(row[i], ARGV[2] "=/") != 1; i--);
		line = substr(row[i], length(ARGV[2]) + 2)
		gsub(/\r/, "", line)
		sub(/(\/|[ \t])+$/, "", line)
		put_word(line)
		verdict("done")
	}' "$1" || return
	_default=
	IFS= read -r _default <"$work/edited" || :
}

# user_pick_shell: sets user_shell.
user_pick_shell() {
	if [ -n "$set_USER_SHELL" ] && ! sys_is_executable "$set_USER_SHELL"; then
		fail user_not_created 'USER_SHELL must be an executable of the image' "shell=$set_USER_SHELL" error=not_executable
		return
	fi
	user_default SHELL || return
	# Debian's default is /bin/sh, and everybody takes bash there; one that lets nobody in is no login shell.
	case $_default in /bin/sh | /usr/bin/sh) _default= ;; esac
	! user_is_closed "$_default" || _default=
	for user_shell in "$set_USER_SHELL" "$_default" /bin/bash; do
		[ -z "$user_shell" ] || ! sys_is_executable "$user_shell" || return 0
	done
	# OpenWrt lists /bin/ash alone, and its dropbear goes by that.
	sys_fetch /etc/shells "$work/shells" || return
	user_knows_shell /bin/sh || while IFS=$user_blanks read -r user_shell _ || [ -n "$user_shell" ]; do
		user_shell=${user_shell%%#*}
		case $user_shell in /*) user_is_closed "$user_shell" || ! sys_is_executable "$user_shell" || return 0 ;; esac
	done <"$work/shells"
	user_shell=/bin/sh
}

# user_with_useradd: sets user_means where it made the account, or user_refused where it takes no such name. The home is
# ours to make: so it is the same everywhere.
user_with_useradd() {
	user_refused=no
	sys_which useradd || return 0
	set -- "$_which" -M -d "$user_home" -s "$user_shell"
	user_gid "$user" || return
	[ -z "$_gid" ] || set -- "$@" -g "$user"
	user_command=useradd
	if sys_run 60 /dev/null "$@" "$user" || [ "$_ended" -ne 3 ]; then
		user_judge "$@" "$user"
	# Shadow refuses `Ada.Lovelace` and its like, unless it is asked twice; before 4.9 it cannot be.
	elif sys_run 60 /dev/null "$@" --badname "$user"; then
		user_means=useradd
	else
		log_warning "user: useradd refuses the name $user"
		user_refused=yes
	fi
}

# user_with_adduser: busybox's: the adduser of Debian is another program. Short options: a build may have no long ones.
user_with_adduser() {
	# The files take any name that the contract allows.
	[ -z "$user_means" ] && [ "$user_refused" = no ] && sys_which adduser || return 0
	set -- "$_which"
	sys_run 10 /dev/null "$1" --help
	cat "$work/run.out" "$work/run.err" | grep -q BusyBox || return 0
	set -- "$1" -D -H -h "$user_home" -s "$user_shell"
	user_gid "$user" || return
	[ -z "$_gid" ] || set -- "$@" -G "$user"
	user_ran adduser "$@" "$user"
}

# user_ran NAME COMMAND ARGUMENT ..: 126 and above: it did not run at all, crashed, or was killed.
user_ran() {
	user_command=$1
	shift
	sys_run 60 /dev/null "$@" || :
	user_judge "$@"
}

# user_judge COMMAND ARGUMENT ..: what became of it.
user_judge() {
	if [ "$_ended" -eq 0 ]; then
		user_means=$user_command
	elif [ "$_ended" -ge 126 ]; then
		sys_last_line
		{
			printf 'user: %s does not work (status %s, ' "$user_command" "$_ended"
			cat "$work/last"
			printf ')'
		} | log_emit 'warning: '
	else
		fail_command user_not_created "run $* by hand" "$user_command"
	fi
}

# fail_command REASON HINT COMMAND: the failure of what sys_run has just run.
fail_command() {
	sys_last_line
	fail_value="stderr=$work/last"
	fail "$1" "$2" "command=$3" "status=$_ended"
}

# user_gid GROUP: sets _gid; empty where there is no such group.
user_gid() {
	_gid=
	user_lines gid "$1" /etc/group || return
	[ "$_verdict" != found ] || read -r _gid <"$work/edited"
}

# user_with_files
user_with_files() {
	[ -z "$user_means" ] || return 0
	user_means=files
	set --
	for user_file in /etc/passwd /etc/group /etc/shadow /etc/gshadow; do
		! sys_exists "$user_file" || set -- "$@" "$user_file"
	done
	sys_lock "$@" || return
	user_add_lines
	set -- $?
	sys_unlock
	return "$1"
}

# user_add_lines: under the locks, so it looks again: a useradd may have made the account or its group meanwhile. passwd
# comes last: without its line a try that was cut off begins anew, and takes what it finds.
user_add_lines() {
	find_account "$user"
	case $? in
	0) return 0 ;;
	1) ;;
	2)
		fail user_not_created 'mend /etc/passwd of the image' file=/etc/passwd error=malformed_line
		return
		;;
	*) return 1 ;;
	esac
	user_gid "$user" || return
	if [ -n "$_gid" ]; then
		user_free_id || return
	else
		sys_fetch /etc/group "$work/groups" && user_free_id "$work/groups" || return
		_gid=$_uid
		user_add /etc/group "x:$_gid:" || return
	fi
	if sys_exists /etc/gshadow; then
		user_lines has "$user" /etc/gshadow || return
		[ "$_verdict" = found ] || user_add /etc/gshadow '!::' || return
	fi
	user_mark='*'
	if sys_exists /etc/shadow; then
		user_mark=x
		# No date of the last change: the clock may not be set yet, and day 0 means `must be changed`.
		user_add /etc/shadow '*:::::::' || return
	fi
	user_add /etc/passwd "$user_mark:$_uid:$_gid::$user_home:$user_shell"
}

# user_free_id [GROUPS]: sets _uid, one that neither passwd nor these groups have.
user_free_id() {
	user_lines free '' /etc/passwd ${1+"$@"} && read -r _uid <"$work/edited"
}

# user_add FILE FIELDS
user_add() {
	user_lines add "$user" "$1" "$user:$2" && sys_write "$1" 0644 "$work/edited"
}

# user_make_home: for the account of $_home, $_uid and $_gid, with the content of /etc/skel; one that the command has made
# gets the right mode. GNU chmod takes setgid away only with five digits.
user_make_home() {
	case $_home in /*) ;; *) return 0 ;; esac
	sys_edit /etc/login.defs 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (row[i] ~ /^[ \t]*HOME_MODE[ \t]+0?[0-7][0-7][0-7][ \t\r]*$/) {
			sub(/[ \t\r]+$/, "", row[i])
			put_word(substr(row[i], length(row[i]) - 2))
			break
		}
		verdict("done")
	}' || return
	user_mode=
	read -r user_mode <"$work/edited" || :
	if sys_exists "$_home"; then
		sys_need_roots "$_home" && sys_make_directory "$_home" "00${user_mode:-700}" && sys_give "$_home" "$_uid" "$_gid"
	else
		sys_make_home "$_home" /etc/skel "00${user_mode:-700}" "$_uid" "$_gid"
	fi || return
	user_label "$_home"
}

# user_label FILE ..: SELinux: what is new has the label of its directory, and sshd would not read the keys of such a home.
user_label() {
	! sys_which restorecon || sys_run 60 /dev/null "$_which" -iR "$@" || :
}

# user_unlock: `!` alone locks the account, which keeps keys out too (sshd); `*` only says that no password fits.
user_unlock() {
	user_changed=
	user_edit unlock "$user" /etc/passwd && user_edit unlock "$user" /etc/shadow || return
	[ -z "$user_changed" ] || log_info "user: $user was locked with '!', which keeps its keys out: now it has '*'"
}

# user_join_groups: those of USER_GROUPS that are there.
user_join_groups() {
	for user_group in $(printf '%s' "$set_USER_GROUPS" | tr ',' ' '); do
		user_gid "$user_group" || return
		[ -n "$_gid" ] || user_copy_group "$user_group" || return
		[ -n "$_gid" ] || {
			log_warning "user: there is no group $user_group that $user could join"
			continue
		}
		user_changed=
		user_edit join "$user_group" /etc/group "$user" && user_edit join "$user_group" /etc/gshadow "$user" || return
		[ -z "$user_changed" ] || log_info "user: $user joined the group $user_group"
	done
}

# user_edit WHAT NAME FILE [VALUE]: change a file under its lock; sets user_changed, unless that changes nothing.
user_edit() {
	user_lines "$@" || return
	[ "$_verdict" = changed ] || return 0
	sys_lock "$3" || return
	user_lines "$@" && { [ "$_verdict" != changed ] || sys_write "$3" 0644 "$work/edited"; }
	set -- $?
	sys_unlock
	user_changed=yes
	return "$1"
}
