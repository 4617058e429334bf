# carry.sh: the plan of `generalize` carried out: each thing, whatever became of the one before.

# carry_out: the plan; and what has to be last only if all else is done.
carry_out() {
	text_by_line
	for carry_item in $plan_items; do
		text_by_word
		# Not inside double quotes: ash of busybox before 1.26 takes single ones in there as they are.
		carry_stage=${carry_item%%'|'*}
		[ "$carry_stage" = first ] || [ -z "$plan_left" ] || continue
		carry_item=${carry_item#*'|'}
		carry_verb=${carry_item%%'|'*}
		carry_item=${carry_item#*'|'}
		plan_kind=${carry_item%%'|'*}
		carry_place=${carry_item#*'|'}
		carry_do "$carry_place"
	done
	text_by_word
}

# carry_do PLACE: and note what went wrong; never the end. What has gone since it was planned is not made
# anew.
carry_do() {
	[ -e "$1" ] || [ -h "$1" ] || return 0
	carry_cause="$work is full"
	if { printf '' >"$work/leave.err"; } 2>/dev/null; then
		"carry_$carry_verb" "$1" 2>"$work/leave.err" && [ ! -s "$work/leave.err" ] && return 0
		carry_cause=$(tail -n 1 "$work/leave.err")
	fi
	plan_missed "$carry_verb ${1#"$root"}: ${carry_cause##*: }"
}

# carry_remove FILE_OR_TREE: never what a symlink points to, never what is mounted there. find -xdev
# would not see a directory of the same file system that is mounted.
carry_remove() {
	if [ -h "$1" ] || [ ! -d "$1" ]; then
		rm -f "$1"
	elif carry_holds_mount "$1"; then
		printf 'something is mounted in it\n' >&2
	else
		# The user may be at work in it, and exchange what is in it for a link.
		rm -f "$work/err"
		if (user_file_take_tree "$1" &&
			find . -xdev -depth ! -name . \( \( ! -type d -exec rm -f {} \; \) -o -exec rmdir {} \; \)); then
			rmdir "$1"
		else
			cat "$work/err" >&2
			return 1
		fi
	fi
}

# carry_holds_mount DIRECTORY: by the shell itself: what is mounted there must not go with it.
carry_holds_mount() {
	# As the kernel writes it.
	text_replaced "$1" ' ' '\040'
	{
		while read -r _ carry_mount _; do
			case $carry_mount in "$_replaced"/*) return 0 ;; esac
		done </proc/mounts
	} 2>/dev/null
	return 1
}

# carry_empty FILE: daemons rely on its mode and owner.
carry_empty() {
	cp /dev/null "$1"
}

# carry_mend FILE: once more, and an account file under its lock.
carry_mend() {
	carry_locks=
	case ${1#"$root"} in /etc/passwd | /etc/group | /etc/shadow | /etc/gshadow) carry_locks=${1#"$root"} ;; esac
	if { [ -z "$carry_locks" ] || account_lock "$carry_locks"; } && plan_mended "$1" &&
		file_write "${1#"$root"}" 0644 "$work/mended"; then
		set -- 0
	else
		set -- 1
	fi
	[ -z "$carry_locks" ] || account_lock_give_back
	[ "$1" -eq 0 ] || cat "$work/failure" >&2
}

carry_reset() {
	hostname_set_kernel localhost || cat "$work/failure" >&2
}

# carry_clear DIRECTORY: logs that were rotated go, the others are emptied. Daemons own some of its
# directories.
carry_clear() {
	find "$1" -xdev -type d >"$work/logs" || return
	carry_status=0
	while IFS= read -r carry_file; do (carry_clear_in "$carry_file") || carry_status=1; done <"$work/logs"
	return "$carry_status"
}

# carry_clear_in DIRECTORY: in a subshell, with what is seized given back.
carry_clear_in() {
	user_here=$1
	user_at=${1#"$root"}
	user_seized=
	trap user_file_release EXIT
	trap 'exit 143' HUP INT TERM
	# One that is gone, or never was: the second line of a name.
	[ ! -h "$1" ] && cd -P "$1" 2>/dev/null && user_file_is_here || return 0
	user_file_seize '' '' ''
	find . ! -name . -prune -type f \( \
		\( \( -name '*.[0-9]*' -o -name '*.gz' -o -name '*-20[0-9]*' -o -name "$old_named" \) \
		-exec rm -f {} \; \) \
		-o \( -size +0 -exec cp /dev/null {} \; \) \)
}
