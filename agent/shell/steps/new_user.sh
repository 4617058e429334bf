# new_user.sh: an account for the admin user where there is none: by useradd, by busybox' adduser, or in the
# files themselves.

# new_user FOUND: a new account with its home, by the first means that this system has. FOUND: status of
# account_find.
new_user() {
	user_home=${account_default_home:-/home}/$user
	new_user_shell || return
	user_error=
	[ "$1" -ne 2 ] || user_error=malformed_line
	place_exists /etc/passwd || user_error=missing
	[ -z "$user_error" ] || {
		fail user_not_created 'mend /etc/passwd of the image' file=/etc/passwd "error=$user_error"
		return
	}
	user_had_home=no
	! place_exists "$user_home" || user_had_home=yes
	user_means=
	new_user_by_useradd && new_user_by_adduser && new_user_by_files || return
	account_forget
	account_find "$user" || {
		[ $? -ne 3 ] || return
		fail user_not_created "$user_means wrote it elsewhere" "command=$user_means" error=not_in_passwd
		return
	}
	new_user_require_person || return
	log_info "user: made $user (uid $_uid, home $user_home, shell $user_shell) with $user_means"
	if [ "$user_had_home" = yes ]; then
		home_need_roots "$_home" && file_give "$_home" "$_uid" "$_gid"
	else
		new_user_make_home
	fi
}

# new_user_shell: sets user_shell.
new_user_shell() {
	if [ -n "$set_USER_SHELL" ] && ! place_is_executable "$set_USER_SHELL"; then
		fail user_not_created "$hint_USER_SHELL" "shell=$set_USER_SHELL" \
			error=not_executable
		return
	fi
	new_user_default=$account_default_shell
	# Debian's default is /bin/sh, and everybody takes bash there; one that lets nobody in is no login shell.
	case $new_user_default in /bin/sh | /usr/bin/sh) new_user_default= ;; esac
	! account_shell_is_closed "$new_user_default" || new_user_default=
	for user_shell in "$set_USER_SHELL" "$new_user_default" /bin/bash; do
		[ -z "$user_shell" ] || ! place_is_executable "$user_shell" || return 0
	done
	# OpenWrt lists /bin/ash alone, and its dropbear goes by that.
	account_knows_shell /bin/sh || while IFS=$account_blanks read -r user_shell _ || [ -n "$user_shell" ]; do
		user_shell=${user_shell%%#*}
		case $user_shell in
		/*) account_shell_is_closed "$user_shell" || ! place_is_executable "$user_shell" || return 0 ;;
		esac
	done <"$account_shells"
	user_shell=/bin/sh
}

# new_user_by_useradd: sets user_means where it made the account, or user_refused where it takes no such name.
# The home is ours to make: so it is the same everywhere.
new_user_by_useradd() {
	user_refused=no
	program_which useradd || return 0
	set -- "$_which" -M -d "$user_home" -s "$user_shell"
	[ -z "$account_group" ] || set -- "$@" -g "$user"
	user_command=useradd
	if program_run 60 /dev/null "$@" "$user" || [ "$_ended" -ne 3 ]; then
		new_user_judge "$@" "$user"
	# Shadow refuses `Ada.Lovelace` and its like, unless it is asked twice; before 4.9 it cannot be.
	elif program_run 60 /dev/null "$@" --badname "$user"; then
		user_means=useradd
	else
		log_warning "user: useradd refuses the name $user"
		user_refused=yes
	fi
}

# new_user_by_adduser: busybox's: the adduser of Debian is another program. Short options: a build may have no
# long ones.
new_user_by_adduser() {
	# The files take any name that the contract allows.
	[ -z "$user_means" ] && [ "$user_refused" = no ] && program_which adduser || return 0
	set -- "$_which"
	program_run 10 /dev/null "$1" --help
	cat "$work/run.out" "$work/run.err" | grep -q BusyBox || return 0
	set -- "$1" -D -H -h "$user_home" -s "$user_shell"
	[ -z "$account_group" ] || set -- "$@" -G "$user"
	new_user_ran adduser "$@" "$user"
}

# new_user_ran NAME COMMAND ARGUMENT ..: 126 and above: it did not run at all, crashed, or was killed.
new_user_ran() {
	user_command=$1
	shift
	program_run 60 /dev/null "$@" || :
	new_user_judge "$@"
}

# new_user_judge COMMAND ARGUMENT ..: what became of it.
new_user_judge() {
	if [ "$_ended" -eq 0 ]; then
		user_means=$user_command
	elif [ "$_ended" -ge 126 ]; then
		program_last_line
		{
			printf 'user: %s does not work (status %s, ' "$user_command" "$_ended"
			cat "$work/last"
			printf ')'
		} | log_emit 'warning: '
	else
		program_failed user_not_created "run $* by hand" "$user_command"
	fi
}

# new_user_by_files: and what user_mend does, in one go. Under the locks it looks again: a useradd may have
# made the account or its group meanwhile.
new_user_by_files() {
	[ -z "$user_means" ] || return 0
	user_means=files
	new_user_files='passwd group'
	for new_user_file in shadow gshadow; do
		! place_exists "/etc/$new_user_file" || new_user_files="$new_user_files $new_user_file"
	done
	account_write "$new_user_files" "$user" make "$user_home" "$user_shell" unlock join "$set_USER_GROUPS" ||
		return
	[ "$_verdict" != malformed ] ||
		fail user_not_created 'mend /etc/passwd of the image' file=/etc/passwd error=malformed_line
}

# new_user_refuse HINT
new_user_refuse() {
	fail_value=value=$work/wanted.admin-user
	fail user_invalid "$1"
}

# new_user_require_person: that the account of $_uid is not the system's.
new_user_require_person() {
	account_is_person || new_user_refuse "uid $_uid $hint_USER_OF_SYSTEM"
}

# new_user_make_home: for the account of $_home, $_uid and $_gid, with the content of /etc/skel; one that the
# command has made gets the right mode. GNU chmod takes setgid away only with five digits.
new_user_make_home() {
	case $_home in /*) ;; *) return 0 ;; esac
	new_user_mode=${account_mode:-700}
	if place_exists "$_home"; then
		home_need_roots "$_home" && file_make_directory "$_home" "00$new_user_mode" &&
			file_give "$_home" "$_uid" "$_gid"
	else
		home_make "$_home" /etc/skel "00$new_user_mode" "$_uid" "$_gid"
	fi || return
	new_user_label "$_home"
}

# new_user_label FILE ..: SELinux: what is new has the label of its directory, and sshd would not read the
# keys of such a home.
new_user_label() {
	! program_which restorecon || program_run 60 /dev/null "$_which" -iR "$@" || :
}
