# groups.sh: which groups a user is in, by the files that say so.

# groups_of USER GID: $work/groups: name, TAB, number; sets _gids, the numbers with a blank on each side.
groups_of() {
	# Images that are updated as a whole keep the groups of their packages in /usr.
	file_fetch /etc/group "$work/group.etc" && file_fetch /usr/lib/group "$work/group.usr" || return
	edit_derive /etc/group "$work/groups" "$awk_groups$awk_ssh_rules" groups "$1" "$2" \
		"$work/group.etc" "$work/group.usr" || return
	_gids=" $2 "
	while IFS=$tab read -r _ groups_number; do _gids="$_gids$groups_number "; done <"$work/groups"
}
