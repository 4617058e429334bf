# sweep.sh: what runs that were cut off have left: programs, locks, temporary files, a media that is mounted.

# sweep: what runs that were killed have left. Only with the lock held: none of them is at work.
sweep() {
	[ -z "${lock_file-}" ] || {
		sweep_child
		for sweep_name in "$lock_place"/lock.*; do
			sweep_number=${sweep_name##*.}
			case $sweep_number in *[!0-9]*) continue ;; esac
			alive_start "$sweep_number" || rm -f "$sweep_name"
		done
	}
	sweep_media
	sweep_work
}

# sweep_child: end the hook or script that the run before was busy with; it would run a second time beside
# itself.
sweep_child() {
	[ -e "$lock_place/child" ] || return 0
	{ IFS= read -r sweep_record && IFS= read -r sweep_name; } <"$lock_place/child" || sweep_record=
	[ -n "$sweep_record" ] || return 0
	# Without a time of its start the number may be anybody's.
	if alive_is "$sweep_record" && [ "$_began" != - ] && [ "$_start" != - ]; then
		log_warning "$sweep_name of a run that was cut off is still at work (process $_pid): ended"
		set -- "$_pid" "$_began"
		alive_kill "$1" "$2"
		# Gone, or at least for good.
		for _ in 1 2 3 4; do ! alive_start "$1" || child_pause 25; done
	fi
	rm -f "$lock_place/child"
}

# sweep_work: work directories whose run is gone: what the platform gave is in them.
sweep_work() {
	for sweep_place in $fact_WORK_PLACES ${TMPDIR:+"$TMPDIR"}; do
		for sweep_name in "$sweep_place"/azready.[0-9]*; do
			if [ "$sweep_name" = "$work" ] || [ -h "$sweep_name" ] || [ ! -d "$sweep_name" ]; then
				continue
			fi
			file_facts "$sweep_name" || continue
			[ "$_owner" = "$sys_me" ] || continue
			sweep_is_dead "$sweep_name" || continue
			log_debug "removing $sweep_name, left by a run that was cut off"
			sweep_unmount "$sweep_name/media"
			rm -rf "$sweep_name" 2>/dev/null
		done
	done
}

# sweep_is_dead DIRECTORY: whether the run of this work directory is gone; before there was a record in it,
# its name tells.
sweep_is_dead() {
	# A container may share /run with its host: neither sees the other's processes.
	if [ -s "$1/namespace" ]; then
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
	# As the kernel names it.
	place_of "$run_directory/media"
	[ -d "$_path" ] || return 0
	[ -n "$root" ] || sweep_unmount "$_path"
	rmdir "$_path" 2>/dev/null
	:
}

# sweep_unmount PLACE: if something is mounted there.
sweep_unmount() {
	{ grep -qF " $1 " /proc/mounts; } 2>/dev/null || return
	log_info "provisioning media: $1 was left mounted, unmounting it"
	program_run 30 /dev/null umount "$1" || program_run 30 /dev/null umount -l "$1" || :
}

# sweep_files: take away what runs left that were cut off: their temporary files, and their locks of account
# files. Only while no other run is at work; in /home also a home that is not finished. What stays is in
# nobody's way.
sweep_files() {
	for sweep_folder in passwd group shadow gshadow; do sweep_lock "$sweep_folder"; done
	for sweep_folder in $fact_SWEPT_FOLDERS /home "$state_directory" "$run_directory"; do
		place_of "$sweep_folder"
		sweep_at=$_path
		sweep_flags=$-
		set +f
		for sweep_hit in "$sweep_at"/.*.azready; do
			[ "$sweep_folder" != /home ] || [ -d "$sweep_hit" ] || continue
			if [ -e "$sweep_hit" ] || [ -h "$sweep_hit" ]; then
				place_is_roots "$sweep_at" || break
				home_clear_tree "$sweep_hit"
			fi
		done
		case $sweep_flags in *f*) set -f ;; esac
	done
}

# sweep_lock NAME: a partner proves that the lock is of a run that is gone; what names no living process of
# this boot would have useradd and passwd refuse, too.
sweep_lock() {
	place_of /etc
	sweep_partner=$_path/.$1.azready.lock
	set -- "$_path/$1"
	if [ -e "$sweep_partner" ]; then
		! file_same "$sweep_partner" "$1.lock" || rm -f "$1.lock" 2>/dev/null
		rm -f "$sweep_partner" 2>/dev/null
	fi
	if [ -e "$1.lock" ] || [ -h "$1.lock" ]; then
		account_lock_is_held "$1.lock" || rm -f "$1.lock" 2>/dev/null
	fi
	sweep_flags=$-
	set +f
	for sweep_hit in "$1".[0-9]*; do
		account_lock_holder "$sweep_hit" || continue
		case $_holder in
		"${sweep_hit##*.}")
			[ ! -f "$sweep_hit" ] || account_lock_is_held "$sweep_hit" || rm -f "$sweep_hit" 2>/dev/null
			;;
		esac
	done
	case $sweep_flags in *f*) set -f ;; esac
}
