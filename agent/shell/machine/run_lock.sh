# run_lock.sh: one run at a time for a root. The lock is a file with a record (alive.sh) that appears with its
# content, because it is a link to one that was written before.

# lock_find: sets $lock_place, the directory of the lock, made if need be; fails where there is none that can
# be written. $lock_made is what had to be made for it.
lock_find() {
	lock_made=
	for lock_name in "$run_directory" "$state_directory"; do
		lock_make "$lock_name" || continue
		{ printf '%s\n' "$alive_record" >"$lock_place/lock.$$"; } 2>/dev/null && return $?
		rm -f "$lock_place/lock.$$"
		lock_take_down
	done
	return 1
}

# lock_make NAME: a directory of that name, and the one above it. Another run may make them at the same
# moment.
lock_make() {
	place_of "${1%/*}"
	if [ ! -d "$_path" ]; then
		if mkdir -p "${_path%/*}" 2>/dev/null && mkdir "$_path" 2>/dev/null; then lock_made=$_path; fi
		[ -d "$_path" ] || return 1
	fi
	place_of "$1"
	lock_place=$_path
	[ ! -d "$lock_place" ] || return 0
	if place_make_private "$lock_place" 2>/dev/null; then
		lock_made="$lock_place${lock_made:+$sys_newline}$lock_made"
		file_directories="${file_directories}0700 $lock_place$sys_newline"
	elif [ ! -d "$lock_place" ]; then
		lock_take_down
		return 1
	fi
}

# lock_take_down: what lock_find made, unless something is in it by now.
lock_take_down() {
	text_by_line
	for lock_name in $lock_made; do rmdir "$lock_name" 2>/dev/null; done
	text_by_word
	lock_made=
}

# lock_take: take the lock; 0: it is ours, or no place for one was found; 1: $lock_holder, who lives, has it;
# 2: look again.
lock_take() {
	lock_find || {
		log_debug 'no place for a lock: going on without'
		return 0
	}
	if ln "$lock_place/lock.$$" "$lock_place/lock" 2>/dev/null; then
		lock_read || lock_text=
		[ "$lock_text" = "$alive_record" ] || return 2
		# The link beside it goes with it.
		lock_file=$lock_place/lock
		run_at_end lock_give_back
		return $?
	fi
	rm -f "$lock_place/lock.$$"
	if ! lock_read; then
		# Given back meanwhile; or a file system without links.
		lock_odd=$((${lock_odd:-0} + 1))
		# A power cut can take a file's content.
		[ ! -e "$lock_place/lock" ] || [ -s "$lock_place/lock" ] || lock_break
		[ "$lock_odd" -ge 40 ] || return 2
		log_debug 'the lock cannot be made: going on without'
		return 0
	fi
	if alive_is "$lock_text"; then
		lock_holder=$_pid
		return 1
	fi
	lock_break
	return 2
}

# lock_read: sets lock_text, the lock's record; fails where there is none, or nothing is in it.
lock_read() {
	lock_text=
	{ IFS= read -r lock_text <"$lock_place/lock"; } 2>/dev/null && [ -n "$lock_text" ]
}

# lock_break: take away the lock whose record, of a process that is gone, is $lock_text. Only who holds
# `lock.break` may: so what is read there cannot be somebody's who was faster when it is removed.
lock_break() {
	lock_dead=$lock_text
	lock_mine=$lock_place/lock.break.$$
	{ printf '%s\n' "$alive_record" >"$lock_mine"; } 2>/dev/null
	if ln "$lock_mine" "$lock_place/lock.break" 2>/dev/null; then
		if lock_read; then
			[ "$lock_text" != "$lock_dead" ] || rm -f "$lock_place/lock"
		elif [ -e "$lock_place/lock" ] && [ ! -s "$lock_place/lock" ]; then
			rm -f "$lock_place/lock"
		fi
		rm -f "$lock_place/lock.break"
	else
		# Of one that was killed in these few lines.
		! { IFS= read -r lock_text <"$lock_place/lock.break"; } 2>/dev/null || alive_is "$lock_text" ||
			rm -f "$lock_place/lock.break"
		child_pause 5
	fi
	rm -f "$lock_mine"
}

# lock_wait UNTIL: until the lock is ours; fails at that time, $lock_holder has it.
lock_wait() {
	lock_told=no
	while :; do
		lock_take
		case $? in
		0) break ;;
		2) continue ;;
		esac
		if [ "$lock_told" = no ]; then
			lock_told=yes
			log_info "another azready (process $lock_holder) is at work: waiting for it"
		fi
		clock_now
		[ "$_now" -lt "$1" ] || {
			lock_take_down
			return 1
		}
		child_pause 25
	done
	sweep
}

# lock_give_back: unless it is somebody else's by now.
lock_give_back() {
	[ -n "$lock_file" ] || return 0
	if lock_read && [ "$lock_text" = "$alive_record" ]; then
		own_drop "$lock_place/child" "$lock_file" "$lock_place/lock.$$"
	else
		rm -f "$lock_place/lock.$$"
	fi
	lock_file=
	[ "${lock_leaves_no_trace-}" != yes ] || lock_take_down
}

# lock_command: for the commands that change an image: none of them waits long.
lock_command() {
	# Trees must stay what they were, byte for byte.
	lock_leaves_no_trace=yes
	clock_now
	lock_wait "$((_now + 1500))" || {
		log_error "another azready (process $lock_holder) is at work" 'try again when it has ended'
		exit 2
	}
}

# lock_child_begins NAME: note this very process, about to become a hook or a script, for the run that finds
# it still there.
lock_child_begins() {
	[ -n "${lock_file-}" ] || return 0
	{ [ "$alive_sees" = yes ] && read -r child_pid _ </proc/self/stat; } 2>/dev/null || return 0
	alive_start "$child_pid" || return 0
	{ printf '%s\n%s\n' "$child_pid $_start $alive_boot" "$1" >"$lock_place/.child.azready" &&
		mv -f "$lock_place/.child.azready" "$lock_place/child"; } 2>/dev/null || :
}

lock_child_ended() {
	[ -z "${lock_file-}" ] || rm -f "$lock_place/child"
}
