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
	install_step edit_file "$install_list" "$awk_made" reverse
	install_step file_copy "$work/edited" "$work/reverse"
	while read -r install_word install_path install_text; do
		case $install_word in
		file | directory | edited | replaced | gone) ;;
		*) log_die "$install_list: a line that says nothing: $install_word" 'mend it, or take azready out by hand' ;;
		esac
		install_step "uninstall_$install_word" "$install_path" "$install_text"
	done <"$work/reverse"
	install_step file_remove "$install_list"
	# shellcheck disable=SC2046  # paths without blanks
	selinux_label $(sed -n 's/^edited //p' "$work/reverse") /etc/inittab
	install_reload
	! place_exists "$state_directory" ||
		log_info "uninstall: $state_directory stays: what azready knows of this machine"
}

# uninstall_replaced NAME TARGET: a link of another agent, or an empty file, comes back; nothing where there
# is one again.
uninstall_replaced() {
	place_itself "$1"
	if [ -e "$_path" ] || [ -h "$_path" ]; then return; fi
	{
		if [ -n "$2" ]; then ln -s "$2" "$_path"; else cp /dev/null "$_path"; fi
	} 2>"$work/err" || file_blame "$1" || return
	log_info "uninstall: $1 is back"
}

uninstall_gone() {
	log_warning "uninstall: $1 is gone for good, install --replace-agents removed it"
}

# uninstall_edited NAME: the line, or the word, that is ours goes.
uninstall_edited() {
	keep_timed "$1" 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (row[i] ~ /: azready$/) gone++; else {
			at = index(row[i] " ", " azready ")
			if (at) row[i] = substr(row[i], 1, at - 1) substr(row[i], at + 8)
			put(row[i])
		}
		verdict_of_edit(gone)
	}'
}

# uninstall_directory NAME: ours as a whole with what the supervisor left in it, or if it is empty.
uninstall_directory() {
	place_itself "$1"
	case $1 in
	*/azready) rm -rf "$_path" 2>"$work/err" || file_blame "$1" ;;
	*) rmdir "$_path" 2>/dev/null || rmdir "$_path" 2>/dev/null || : ;;
	esac
}

uninstall_file() {
	place_itself "$1"
	[ -e "$_path" ] || [ -h "$_path" ] || return 0
	if [ "$1" = /etc/azready.conf ]; then
		install_config_text
		file_has "$_path" "$install_settings" || {
			log_info "uninstall: $1 stays: it was edited"
			return 0
		}
	fi
	file_remove "$1" && log_info "uninstall: $1 removed"
}
