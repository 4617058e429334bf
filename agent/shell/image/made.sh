# made.sh: what install puts into an image, and the list of it: WORD PATH a line. `file` and `directory` are
# ours, `edited` is a file that is not, `replaced` (with its text behind) is a link of another agent that was
# taken away, and `gone` is a file that does not come back.

install_list=/etc/azready.installed

made_say() {
	log_info "install: $1"
}

# made_link NAME TARGET [TEXT]
made_link() {
	place_itself "$1"
	if [ "$(readlink "$_path")" = "$2" ]; then
		made_say "${3-}$1 is there already"
		return
	fi
	made_parents "$1" && made_note file "$1" && file_remove "$1" || return
	place_itself "$1"
	ln -s "$2" "$_path" 2>"$work/err" || file_blame "$1" || return
	made_say "${3-}$1"
}

# made_put NAME MODE FILE [TEXT]: a file with FILE's content.
made_put() {
	place_of "$1"
	if cmp -s "$3" "$_path" && { [ "$2" != 0755 ] || [ -x "$_path" ]; }; then
		made_say "$1 is there already${4-}"
		return
	fi
	made_parents "$1" && made_note file "$1" && file_write "$1" "$2" "$3" && chmod "$2" "$_path" &&
		made_say "$1 written${4-}"
}

# made_parents NAME: the directories that lead to it; those that are new are noted.
made_parents() {
	install_above=${1%/*}
	install_missing=
	while ! place_exists "$install_above"; do
		install_missing="$install_above $install_missing"
		install_above=${install_above%/*}
	done
	for install_above in $install_missing; do
		made_note directory "$install_above" && file_make_directory "$install_above" 0755 || return
	done
}

# made_note WORD PATH [TEXT]: in the list of what uninstall takes away.
made_note() {
	# shellcheck disable=SC2154  # embedded by the build
	edit_keep "$install_list" 0644 "$awk_made" note "$*"
}
