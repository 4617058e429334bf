# pending.sh: what is still to be done once Ready was accepted, noted before it is reported: so a power cut
# loses none of it. A file of lines: VM_ID=, HOSTNAME= and ADMIN_USER=, then one item a line in the order of
# doing. Both engines read and write it.

pending_items='' pending_hostname='' pending_user='' pending_said=no

# pending_keep: write what is left. A disk that takes no more is a warning: then a run that is cut off loses
# it.
pending_keep() {
	if [ -z "$pending_items" ]; then
		pending_forget
		return $?
	fi
	pending_text=VM_ID=$vm_id$sys_newline${pending_hostname:+HOSTNAME=$pending_hostname$sys_newline}
	pending_text=$pending_text${pending_user:+ADMIN_USER=$pending_user$sys_newline}$pending_items$sys_newline
	file_make_directory "$state_directory" 0700 &&
		own_write "$state_directory/pending" "$pending_text" durable && return 0
	[ "$pending_said" = yes ] || log_warning \
		"$state_directory/pending not kept: $(fail_cause); what a power cut interrupts now is not made up for"
	pending_said=yes
	forgive
}

# pending_forget: nothing is left, or it is of a run that did not get to Ready, or for another VM.
pending_forget() {
	pending_items=
	place_of "$state_directory/pending"
	[ ! -e "$_path" ] || rm -f "$_path" 2>/dev/null || :
}

# pending_is_there: whether an earlier run has left something for this VM.
pending_is_there() {
	place_of "$state_directory/pending"
	[ -e "$_path" ] && { IFS= read -r pending_line <"$_path"; } 2>/dev/null &&
		[ "$pending_line" = "VM_ID=$vm_id" ]
}

# pending_read: what it is.
pending_read() {
	pending_is_there || return $?
	pending_items='' scripts=''
	while IFS= read -r pending_line; do
		case $pending_line in
		HOSTNAME=*) pending_hostname=${pending_line#*=} ;;
		ADMIN_USER=*) pending_user=${pending_line#*=} ;;
		status | kvp | host-keys | service)
			pending_items="$pending_items${pending_items:+$sys_newline}$pending_line"
			;;
		'script custom-data '[0-9] | 'script user-data '[0-9])
			pending_items="$pending_items${pending_items:+$sys_newline}$pending_line"
			pending_line=${pending_line#script }
			scripts="$scripts ${pending_line% ?}"
			;;
		esac
	done <"$_path"
	:
}

# pending_has ITEM: whether it is still to be done.
pending_has() {
	case "$sys_newline$pending_items$sys_newline" in *"$sys_newline$1$sys_newline"*) ;; *) return 1 ;; esac
}

# pending_do ITEM COMMAND ..: if it is still to be done.
pending_do() {
	pending_has "$1" || return 0
	pending_item=$1
	shift
	"$@" || :
	pending_drop "$pending_item"
}

# pending_drop PATTERN: the item is done. What else there is to do but scripts takes no time, and can be done
# twice: that is not worth a file each.
pending_drop() {
	pending_old=$pending_items
	pending_items=
	text_by_line
	for pending_line in $pending_old; do
		# shellcheck disable=SC2254  # a pattern
		case $pending_line in
		$1) ;;
		*) pending_items="$pending_items${pending_items:+$sys_newline}$pending_line" ;;
		esac
	done
	text_by_word
	case $pending_old in *script*) pending_keep ;; esac
}

# pending_start NAME: note that the script is started once more; fails where it was cut off twice: it may be
# what cuts the run off.
pending_start() {
	pending_old=$pending_items
	pending_items='' pending_count=0
	text_by_line
	for pending_line in $pending_old; do
		case $pending_line in
		"script $1 "*)
			pending_count=${pending_line##* }
			pending_line="script $1 $((pending_count + 1))"
			;;
		esac
		pending_items="$pending_items${pending_items:+$sys_newline}$pending_line"
	done
	text_by_word
	if [ "$pending_count" -ge 2 ]; then
		log_warning "$1: not started again, it was cut off $pending_count times"
		pending_drop "script $1 [0-9]*"
		return 1
	fi
	pending_keep
}
