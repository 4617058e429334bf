# accounts.sh: the step `user`: the admin user, its groups, its shell, and its right to become root.

# find_account NAME: sets _uid, _gid, _home (a path of the image) and _shell from /etc/passwd; fails where it has no such line.
find_account() {
	sys_path /etc/passwd
	while IFS=: read -r account_name _ _uid _gid _ _home _shell; do
		[ "$account_name" != "$1" ] || case $_uid/$_gid in /* | */ | *[!0-9/]*) ;; *) return 0 ;; esac
	done <"$_path"
	return 1
}

step_user() {
	_result=skipped
}
