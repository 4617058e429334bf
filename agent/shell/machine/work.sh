# work.sh: the run's private directory, and whether it has room.

# work_begin_in PLACE: a work directory there, if nobody else can exchange it and it has room.
work_begin_in() {
	# shellcheck disable=SC2012,SC2046  # words of one line
	set -- "$1" $(ls -ldn "$1/." 2>/dev/null)
	case ${2-} in d????-??-* | d????????[tT]*) ;; *) return 1 ;; esac
	case ${4-} in 0 | "$sys_me") ;; *) return 1 ;; esac
	# A run that was killed may have left the name of this number.
	for work_try in '' .1 .2 .3 .4 .5 .6 .7 .8 .9; do
		work=$1/azready.$$$work_try
		if place_make_private "$work" 2>/dev/null; then
			# The namespace at once: a container that shares this place would take it for one that a dead run
			# has left. The owner last, see work_took_owner.
			{ printf '%s\n' "$alive_space" >"$work/namespace" && work_make_room &&
				printf '%s\n' "$alive_record" >"$work/owner"; } 2>/dev/null && work_took_owner && return $?
			rm -rf "$work"
			return 1
		fi
	done
	return 1
}

# work_need_room: for what writes more than a few words.
work_need_room() {
	[ "$sys_roomy" = no ] || return 0
	log_error 'no space in /run, /tmp, /dev/shm, /var/tmp' \
		'the shell engine needs 1 MiB in one of them, in a directory of root that nobody else can change'
	exit 3
}

# work_make_room: write as much as the run asked for, to see that it fits. A part of it stays, for the words
# about a place that is full in the end.
work_make_room() {
	[ "$sys_roomy" = yes ] || return 0
	work_fill reserve "$(((work_wants + 15) / 16))" && work_fill room "$work_wants"
}

# work_fill NAME COUNT: a file of so many times 8 KiB in the work directory.
work_fill() {
	work_filling=$2
	while [ "$work_filling" -gt 0 ]; do
		printf '%08192d' 0 || return 1
		work_filling=$((work_filling - 1))
	done >"$work/$1"
}

# work_took_owner: whether the record is there that was written last, behind all that the place was filled
# with. Not every shell says that it could not write; but then this has found no room either.
work_took_owner() {
	{ IFS= read -r work_record <"$work/owner"; } 2>/dev/null && [ "$work_record" = "$alive_record" ] &&
		{ [ "$sys_roomy" = no ] || printf '' >"$work/room"; }
}

# work_has_room: whether the work directory takes a few kilobytes more.
work_has_room() {
	{ printf '%08192d' 0 >"$work/room"; } 2>/dev/null
	text_size "$work/room"
	[ "$_size" -eq 8192 ]
	set -- $?
	rm -f "$work/room"
	return "$1"
}
