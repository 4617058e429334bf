# uninstall.sh: takes out of an image what install made, as its list names it.

# main_uninstall: all that stands in the list, last thing first.
main_uninstall() {
	set -f
	program_need_awk
	place_exists "$install_list" || {
		log_info "uninstall: nothing to do, there is no $install_list"
		return
	}
	service_disable
	install_step edit_file "$install_list" 'BEGIN {
		take(ARGV[1])
		for (i = count; i; i--) put(row[i])
		verdict("done")
	}'
	install_step file_copy "$work/edited" "$work/reverse"
	while IFS= read -r install_line; do install_step uninstall_take_away "$install_line"; done \
		<"$work/reverse"
	install_step file_remove "$install_list"
	# shellcheck disable=SC2046  # paths without blanks
	selinux_label $(sed -n 's/^%//p' "$work/reverse") /etc/inittab
	install_reload
	! place_exists "$state_directory" ||
		log_info "uninstall: $state_directory stays: what azready knows of this machine"
}

# uninstall_put_back NAME TARGET: a link, or an empty file; nothing where there is one again.
uninstall_put_back() {
	place_itself "$1"
	if [ -e "$_path" ] || [ -h "$_path" ]; then return; fi
	{
		if [ -n "$2" ]; then ln -s "$2" "$_path"; else cp /dev/null "$_path"; fi
	} 2>"$work/err" || file_blame "$1" || return
	log_info "uninstall: $1 is back"
}

# uninstall_take_away LINE
uninstall_take_away() {
	place_itself "${1%/}"
	case $1 in
	!*) log_warning "uninstall: ${1#?} is gone for good, install --replace-agents removed it" && return ;;
	=*)
		agent_link=${1#=}
		uninstall_put_back "${agent_link%% *}" "${agent_link#* }"
		return
		;;
	%*)
		keep_timed "${1#?}" 'BEGIN {
			take(ARGV[1])
			for (i = 1; i <= count; i++) if (row[i] ~ /: azready$/) gone++; else {
				at = index(row[i] " ", " azready ")
				if (at) row[i] = substr(row[i], 1, at - 1) substr(row[i], at + 8)
				put(row[i])
			}
			verdict_of_edit(gone)
		}'
		return
		;;
	# Ours as a whole, with what the supervisor left in it.
	*/azready/) rm -rf "$_path" 2>"$work/err" || file_blame "$1" && return ;;
	*/) rmdir "$_path" 2>/dev/null || : && return ;;
	esac
	[ -e "$_path" ] || [ -h "$_path" ] || return 0
	if [ "$1" = /etc/azready.conf ] && ! install_config_text | cmp -s - "$_path"; then
		log_info "uninstall: $1 stays: it was edited"
	else
		file_remove "$1" && log_info "uninstall: $1 removed"
	fi
}
