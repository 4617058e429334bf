# user.sh: the step `user`: the admin user, its groups and its shell; rights.sh has its right to become root.

# step_user: make the admin user, or take the one that is there.
step_user() {
	# A name of blanks is a mistake and not a missing name.
	[ -s "$work/wanted.admin-user" ] || [ "$wanted_names_user" = yes ] || return 3
	user_there && user_mend && rights_give "$user" || return 1
	new_user_label /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/sudoers.d/zz-azready
}

# user_there: the account and its home, made if need be.
user_there() {
	user_means=
	account_find_in "$work/wanted.admin-user"
	set -- $?
	user=$_name
	case $1 in
	0) ;;
	3) return 1 ;;
	4)
		new_user_refuse "$hint_USER_NAME"
		return
		;;
	*)
		new_user "$1"
		return
		;;
	esac
	new_user_require_person || return
	log_info "user: $user is there already (uid $_uid, home $_home, shell $_shell)"
	user_mend_shell || return
	place_exists "$_home" || new_user_make_home
}

# user_mend: `!` alone locks the account, which keeps keys out too (sshd); `*` only says that no password
# fits. And the groups of USER_GROUPS that are there, or in the image's /usr. What azready made itself has all
# that.
user_mend() {
	[ "$user_means" = files ] || account_edit "$user" unlock join "$set_USER_GROUPS" || return
	text_by_line
	for user_line in $account_done; do
		text_by_word
		case $user_line in
		unlocked*) log_info "user: $user was locked with '!', which keeps its keys out: now it has '*'" ;;
		joined*) log_info "user: $user joined the group ${user_line#* }" ;;
		lacks*) log_warning "user: there is no group ${user_line#* } that $user could join" ;;
		esac
	done
	text_by_word
}

# user_mend_shell: give the account of $user that account_find has found a shell that lets its user in:
# USER_SHELL, else what a new one gets; sets _shell.
user_mend_shell() {
	account_shell_is_shut "$_shell" || return 0
	new_user_shell || return
	[ "$user_shell" != "$_shell" ] || return 0
	account_edit "$user" shell "$user_shell" || return
	log_info "user: the shell $_shell lets nobody in: $user now has $user_shell"
	_shell=$user_shell
}
