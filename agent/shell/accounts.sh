# accounts.sh: the step `user`: the admin user, its groups and its shell; rights.sh has its right to become root.

# find_account NAME: sets _name, _uid, _gid, _home (a path of the image) and _shell from /etc/passwd; fails where it has no such
# line: 1, or 2 where that line is malformed.
find_account() {
	_name=$1
	user_lines find "$1" /etc/passwd >"$work/account" || return
	{ read -r _uid _gid && IFS= read -r _home && IFS= read -r _shell; } <"$work/account"
}

# user_lines WHAT NAME FILE [VALUE]: what accounts.awk prints of an image's file.
user_lines() {
	sys_path "$3"
	sys_awk "$awk_accounts" "$1" "$2" "$_path" "${4-}"
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
	sys_awk "$awk_user_name" "$user_given" >"$work/user" || {
		user_invalid 'at most 32 of A-Z a-z 0-9 _ . -, not only digits, no . or - in front, and not root'
		return
	}
	cp "$work/user" "$work/wanted.admin-user"
	user=$(cat "$work/user")
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
	sys_require_readable /etc/group && sys_require_readable /etc/passwd || return
	find_account "$user"
	set -- $?
	[ "$1" -eq 0 ] || {
		user_make "$1"
		return
	}
	if ! user_is_person; then
		user_invalid "uid $_uid is an account of the system, choose another name"
		return
	fi
	log_info "user: $user is there already (uid $_uid, home $_home, shell $_shell)"
	user_mend_shell || return
	sys_exists "$_home" || user_make_home
}

# user_make FOUND: a new account with its home, by the first means that this system has. FOUND: status of find_account.
user_make() {
	user_default HOME
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
		fail user_not_created "$user_means wrote it elsewhere" "command=$user_means" error=not_in_passwd
		return
	}
	log_info "user: made $user (uid $_uid, home $user_home, shell $user_shell) with $user_means"
	if [ "$user_had_home" = yes ]; then
		sys_give "$_home" "$_uid" "$_gid"
	else
		user_make_home
	fi
}

# user_default KEY: sets _default, a path that /etc/default/useradd gives, the last one as useradd itself takes it.
user_default() {
	_default=$(sys_read /etc/default/useradd | sed -n "s|^$1=/|/|p" | tr -d '\r' | sed -n '$s|[/[:blank:]]*$||p')
}

# user_pick_shell: sets user_shell.
user_pick_shell() {
	if [ -n "$set_USER_SHELL" ] && ! sys_is_executable "$set_USER_SHELL"; then
		fail user_not_created 'USER_SHELL must be an executable of the image' "shell=$set_USER_SHELL" error=not_executable
		return
	fi
	user_default SHELL
	# Debian's default is /bin/sh, and everybody takes bash there; one that lets nobody in is no login shell.
	case $_default in /bin/sh | /usr/bin/sh) _default= ;; esac
	! user_is_closed "$_default" || _default=
	for user_shell in "$set_USER_SHELL" "$_default" /bin/bash; do
		[ -z "$user_shell" ] || ! sys_is_executable "$user_shell" || return 0
	done
	user_shell=/bin/sh
}

# user_with_useradd: sets user_means where it made the account, or user_refused where it takes no such name. The home is
# ours to make: so it is the same everywhere.
user_with_useradd() {
	user_refused=no
	sys_which useradd || return 0
	set -- "$_which" -M -d "$user_home" -s "$user_shell"
	! user_gid "$user" || set -- "$@" -g "$user"
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
	! user_gid "$user" || set -- "$@" -G "$user"
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

# user_gid GROUP: sets _gid; fails where there is no such group.
user_gid() {
	_gid=$(user_lines gid "$1" /etc/group)
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

# user_add_lines: passwd comes last: without its line a try that was cut off begins anew.
user_add_lines() {
	if user_gid "$user"; then
		_uid=$(user_lines free '' /etc/passwd)
	else
		sys_path /etc/group
		_uid=$(user_lines free '' /etc/passwd "$_path")
		_gid=$_uid
		user_add /etc/group "x:$_gid:" || return
		! sys_exists /etc/gshadow || user_add /etc/gshadow '!::' || return
	fi
	user_mark='*'
	if sys_exists /etc/shadow; then
		user_mark=x
		# No date of the last change: the clock may not be set yet, and day 0 means `must be changed`.
		user_add /etc/shadow '*:::::::' || return
	fi
	user_add /etc/passwd "$user_mark:$_uid:$_gid::$user_home:$user_shell"
}

# user_add FILE FIELDS
user_add() {
	sys_require_readable "$1" || return
	user_lines add "$user" "$1" "$user:$2" >"$work/edited"
	sys_write "$1" 0644 <"$work/edited"
}

# user_make_home: for the account of $_home, $_uid and $_gid, with the content of /etc/skel; one that the command has made
# gets the right mode. GNU chmod takes setgid away only with five digits.
user_make_home() {
	case $_home in /*) ;; *) return 0 ;; esac
	user_mode=$(sys_read /etc/login.defs | sys_awk '
		/^[ \t]*HOME_MODE[ \t]+0?[0-7][0-7][0-7][ \t\r]*$/ { sub(/\r$/, ""); print substr($2, length($2) - 2); exit }')
	if sys_exists "$_home"; then
		sys_make_directory "$_home" "00${user_mode:-700}" && sys_give "$_home" "$_uid" "$_gid"
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
		user_gid "$user_group" || user_copy_group "$user_group" || {
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
	sys_require_readable "$3" || return
	user_lines "$@" >"$work/edited" || return 0
	sys_lock "$3" || return
	! user_lines "$@" >"$work/edited" || sys_write "$3" 0644 <"$work/edited"
	set -- $?
	sys_unlock
	user_changed=yes
	return "$1"
}
