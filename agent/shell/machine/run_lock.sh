# run_lock.sh: one run at a time for a root, and what a run that was killed has left. The lock is a file with a record (alive.sh)
# that appears with its content, because it is a link to one that was written before.

# lock_find: sets $lock_place, the directory of the lock, made if need be; fails where there is none that can be written.
# $lock_made is what had to be made for it.
lock_find() {
	lock_made=
	for lock_name in "$run_directory" "$state_directory"; do
		lock_make "$lock_name" || continue
		{ printf '%s\n' "$alive_record" >"$lock_place/lock.$$"; } 2>/dev/null && return
		rm -f "$lock_place/lock.$$"
		lock_take_down
	done
	return 1
}

# lock_make NAME: a directory of that name, and the one above it. Another run may make them at the same moment.
lock_make() {
	sys_path "${1%/*}"
	if [ ! -d "$_path" ]; then
		if mkdir -p "${_path%/*}" 2>/dev/null && mkdir "$_path" 2>/dev/null; then lock_made=$_path; fi
		[ -d "$_path" ] || return
	fi
	sys_path "$1"
	lock_place=$_path
	[ ! -d "$lock_place" ] || return 0
	if (umask 077 && mkdir "$lock_place") 2>/dev/null; then
		lock_made="$lock_place${lock_made:+$sys_newline}$lock_made"
	elif [ ! -d "$lock_place" ]; then
		lock_take_down
		return 1
	fi
}

# lock_take_down: what lock_find made, unless something is in it by now.
lock_take_down() {
	sys_by_line
	for lock_name in $lock_made; do rmdir "$lock_name" 2>/dev/null; done
	sys_by_word
	lock_made=
}

# lock_take: take the lock; 0: it is ours, or no place for one was found; 1: $lock_holder, who lives, has it; 2: look again.
lock_take() {
	lock_find || {
		log_debug 'no place for a lock: going on without'
		return 0
	}
	ln "$lock_place/lock.$$" "$lock_place/lock" 2>/dev/null
	set -- $?
	rm -f "$lock_place/lock.$$"
	if [ "$1" -eq 0 ]; then
		lock_read || lock_text=
		[ "$lock_text" = "$alive_record" ] || return 2
		lock_file=$lock_place/lock
		return
	fi
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

# lock_break: take away the lock whose record, of a process that is gone, is $lock_text. Only who holds `lock.break` may: so
# what is read there cannot be somebody's who was faster when it is removed.
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
		! { IFS= read -r lock_text <"$lock_place/lock.break"; } 2>/dev/null || alive_is "$lock_text" || rm -f "$lock_place/lock.break"
		sys_pause 5
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
		sys_now
		[ "$_now" -lt "$1" ] || {
			lock_take_down
			return 1
		}
		sys_pause 25
	done
	sweep
}

# lock_give_back: unless it is somebody else's by now.
lock_give_back() {
	lock_read && [ "$lock_text" = "$alive_record" ] && rm -f "$lock_place/child" "$lock_file"
	lock_file=
	[ "${lock_leaves_no_trace-}" != yes ] || lock_take_down
}

# lock_command: for the commands that change an image: none of them waits long.
lock_command() {
	# Trees must stay what they were, byte for byte.
	lock_leaves_no_trace=yes
	sys_now
	lock_wait "$((_now + 1500))" || {
		log_error "another azready (process $lock_holder) is at work" 'try again when it has ended'
		exit 2
	}
}

# sweep: what runs that were killed have left. Only with the lock held: none of them is at work.
sweep() {
	[ -z "${lock_file-}" ] || {
		sweep_child
		for sweep_name in "$lock_place"/lock.*; do
			sys_number=${sweep_name##*.}
			case $sys_number in *[!0-9]*) continue ;; esac
			alive_start "$sys_number" || rm -f "$sweep_name"
		done
	}
	sweep_media
	sweep_work
}

# sweep_child: end the hook or script that the run before was busy with; it would run a second time beside itself.
sweep_child() {
	[ -e "$lock_place/child" ] || return 0
	{ IFS= read -r sweep_record && IFS= read -r sweep_name; } <"$lock_place/child" || sweep_record=
	[ -n "$sweep_record" ] || return 0
	# Without a time of its start the number may be anybody's.
	if alive_is "$sweep_record" && [ "$_began" != - ] && [ "$_start" != - ]; then
		log_warning "$sweep_name of a run that was cut off is still at work (process $_pid): ended"
		set -- "$_pid" "$_began"
		sys_kill "$1" "$2"
		# Gone, or at least for good.
		for _ in 1 2 3 4; do ! alive_start "$1" || sys_pause 25; done
	fi
	rm -f "$lock_place/child"
}

# sweep_work: work directories whose run is gone: what the platform gave is in them.
sweep_work() {
	for sweep_place in /run /tmp /dev/shm /var/tmp ${TMPDIR:+"$TMPDIR"}; do
		for sweep_name in "$sweep_place"/azready.[0-9]*; do
			if [ "$sweep_name" = "$work" ] || [ -h "$sweep_name" ] || [ ! -d "$sweep_name" ]; then continue; fi
			[ "$(sys_look "$sweep_name" 3)" = "$sys_me" ] || continue
			sweep_is_dead "$sweep_name" || continue
			log_debug "removing $sweep_name, left by a run that was cut off"
			sweep_unmount "$sweep_name/media"
			rm -rf "$sweep_name" 2>/dev/null
		done
	done
}

# sweep_is_dead DIRECTORY: whether the run of this work directory is gone; before there was a record in it, its name tells.
sweep_is_dead() {
	# A container may share /run with its host: neither sees the other's processes.
	if [ -e "$1/namespace" ]; then
		{ IFS= read -r sweep_record <"$1/namespace"; } 2>/dev/null || return
		[ "$sweep_record" = "$alive_space" ] || return
	fi
	if { IFS= read -r sweep_record <"$1/owner"; } 2>/dev/null; then
		! alive_is "$sweep_record"
		return
	fi
	sweep_record=${1##*/azready.}
	sweep_record=${sweep_record%%.*}
	case $sweep_record in "$$") return 0 ;; *[!0-9]*) return 1 ;; esac
	! alive_start "$sweep_record"
}

# sweep_media: the password is on it.
sweep_media() {
	[ -z "$root" ] || return 0
	# As the kernel names it.
	sys_path "$run_directory/media"
	sweep_unmount "$_path" && rmdir "$_path" 2>/dev/null
	:
}

# sweep_unmount PLACE: if something is mounted there.
sweep_unmount() {
	{ grep -qF " $1 " /proc/mounts; } 2>/dev/null || return
	log_info "provisioning media: $1 was left mounted, unmounting it"
	sys_run 30 /dev/null umount "$1" || sys_run 30 /dev/null umount -l "$1" || :
}

# child_begins NAME: note this very process, about to become a hook or a script, for the run that finds it still there.
child_begins() {
	[ -n "${lock_file-}" ] || return 0
	{ [ "$alive_sees" = yes ] && read -r child_pid _ </proc/self/stat; } 2>/dev/null || return 0
	alive_start "$child_pid" || return 0
	{ printf '%s\n%s\n' "$child_pid $_start $alive_boot" "$1" >"$lock_place/.child.azready" && mv -f "$lock_place/.child.azready" "$lock_place/child"; } 2>/dev/null || :
}

child_ended() {
	[ -z "${lock_file-}" ] || rm -f "$lock_place/child"
}
