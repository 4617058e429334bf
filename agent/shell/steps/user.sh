# user.sh: the step `user`: the admin user, its groups and its shell; rights.sh has its right to become root.

# step_user: make the admin user, or take the one that is there.
step_user() {
	# A name of blanks is a mistake and not a missing name.
	[ -s "$work/wanted.admin-user" ] || [ "$wanted_names_user" = yes ] || return 3
	edit_ask "$work" "$awk_user_name" "$work/wanted.admin-user" || return 1
	user=$_answer
	[ "$_verdict" = good ] || {
		new_user_refuse 'at most 32 of A-Z a-z 0-9 _ . -, not only digits, no . or - in front, and not root'
		return 1
	}
	user_there && user_unlock && user_join_groups && rights_give "$user" || return 1
	new_user_label /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/sudoers.d/zz-azready
}

# user_there: the account and its home, made if need be.
user_there() {
	account_find "$user"
	set -- $?
	[ "$1" -ne 3 ] || return
	[ "$1" -eq 0 ] || {
		new_user "$1"
		return
	}
	new_user_require_person || return
	log_info "user: $user is there already (uid $_uid, home $_home, shell $_shell)"
	user_mend_shell || return
	place_exists "$_home" || new_user_make_home
}

# user_unlock: `!` alone locks the account, which keeps keys out too (sshd); `*` only says that no password
# fits.
user_unlock() {
	user_changed=
	account_edit unlock "$user" /etc/passwd && account_edit unlock "$user" /etc/shadow || return
	[ -z "$user_changed" ] ||
		log_info "user: $user was locked with '!', which keeps its keys out: now it has '*'"
}

# user_join_groups: those of USER_GROUPS that are there.
user_join_groups() {
	for user_group in $(printf '%s' "$set_USER_GROUPS" | tr ',' ' '); do
		account_gid "$user_group" || return
		[ -n "$_gid" ] || user_copy_group "$user_group" || return
		[ -n "$_gid" ] || {
			log_warning "user: there is no group $user_group that $user could join"
			continue
		}
		user_changed=
		account_edit join "$user_group" /etc/group "$user" &&
			account_edit join "$user_group" /etc/gshadow "$user" || return
		[ -z "$user_changed" ] || log_info "user: $user joined the group $user_group"
	done
}

# user_mend_shell: give the account of $user that account_find has found a shell that lets its user in:
# USER_SHELL, else what a new one gets; sets _shell.
user_mend_shell() {
	account_shell_is_shut "$_shell" || return 0
	new_user_shell || return
	[ "$user_shell" != "$_shell" ] || return 0
	user_changed=
	account_edit shell "$user" /etc/passwd "$user_shell" || return
	log_info "user: the shell $_shell lets nobody in: $user now has $user_shell"
	_shell=$user_shell
}

# user_copy_group GROUP: a group of the image in /usr gets its line in /etc, where it can have members; sets
# _gid, empty where there is none.
user_copy_group() {
	account_ask row "$1" /usr/lib/group || return
	[ "$_verdict" = found ] || return 0
	account_edit add "$1" /etc/group "$_answer" && account_gid "$1"
}
