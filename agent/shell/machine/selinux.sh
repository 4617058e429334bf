# selinux.sh: labels for what was written into an image: an enforcing system starts no file and reads no
# configuration that has none, and a file of a --root gets its label from nobody.

# selinux_label FILE ..: those that are there get the label that the image's policy has for them; where nobody
# here can ask it, the image labels itself at its next boot. Without SELinux nothing is done.
selinux_label() {
	selinux_read || selinux_read ||
		log_warning "/etc/selinux/config cannot be read: $1 and others get no label"
	[ -n "$selinux_kind" ] || return 0
	selinux_count=$#
	for selinux_file; do
		place_itself "$selinux_file"
		if [ -e "$_path" ] || [ -h "$_path" ]; then set -- "$@" "$_path"; fi
	done
	shift "$selinux_count"
	[ $# -gt 0 ] || return 0
	selinux_label_places "$@" || selinux_label_later
}

# selinux_read: sets selinux_kind, the policy of the image, empty where it has none.
selinux_read() {
	selinux_kind=
	place_to_read /etc/selinux/config
	[ -r "$_path" ] || return 0
	selinux_kind=$(LC_ALL=C awk '
		BEGIN { kind = "targeted" }
		{ gsub(/[" \t\r]/, "") }
		/^SELINUX=(enforcing|permissive)$/ { on = 1 }
		/^SELINUXTYPE=[A-Za-z0-9_-]+$/ { kind = substr($0, 13) }
		END { if (on) print kind }' "$_path")
}

# selinux_relabel WORD ..: restorecon, on a machine with SELinux: what is renamed keeps the label of the
# directory that it was made in.
selinux_relabel() {
	program_which restorecon && place_exists /sys/fs/selinux || return 0
	program_run 60 /dev/null "$_which" "$@"
}

# selinux_label_places PLACE ..
selinux_label_places() {
	if [ -z "$root" ]; then
		program_which restorecon && program_run 60 /dev/null "$_which" -iF "$@"
		return
	fi
	place_of "/etc/selinux/$selinux_kind/contexts/files/file_contexts"
	[ -r "$_path" ] && program_has setfiles &&
		program_run 60 /dev/null setfiles -q -F -r "$root" "$_path" "$@"
}

selinux_label_later() {
	place_of /
	if cp /dev/null "${_path%/}/.autorelabel" 2>/dev/null; then
		log_info 'SELinux: the labels are set at the next boot (/.autorelabel): no setfiles here, or it does not know this policy'
	else
		log_warning 'SELinux: the new files have no label: run restorecon on them'
	fi
}
