# alive.sh: which process is which. A number alone says little: it is given to somebody else once its process
# is gone. A record is one line, PID STARTTIME BOOTID; each of the last two is - where there is no /proc.

# alive_begin: sets $alive_record, this run's own, and _start. A /proc that belongs to other numbers than
# ours (a namespace of processes without a /proc of its own) says nothing about us.
alive_begin() {
	alive_sees=no
	# Of two redirections zsh lets the one that fails speak: hence the braces, here and below.
	alive_line=
	{ IFS= read -r alive_line </proc/self/stat; } 2>/dev/null &&
		[ "${alive_line%% *}" = "$$" ] && alive_sees=yes
	{ read -r alive_boot </proc/sys/kernel/random/boot_id; } 2>/dev/null || alive_boot=-
	case $alive_boot in '' | *[!0-9a-f-]*) alive_boot=- ;; esac
	_start=-
	# shellcheck disable=SC2086  # words
	if [ "$alive_sees" = yes ]; then alive_fields ${alive_line##*') '} || :; fi
	alive_me=$_start
	alive_record="$$ $alive_me $alive_boot"
	# Numbers count within a namespace of processes: what another one left behind in a shared directory says
	# nothing here. The first process of each began at a time of its own; to ask for the name of the namespace
	# takes a program.
	if [ "$alive_sees" = yes ] && alive_start 1; then
		alive_space=$_start
	else
		alive_space=$(readlink /proc/self/ns/pid 2>/dev/null) || alive_space=-
	fi
}

# alive_start PID: sets _start, when this process began, - where nobody can say; fails where there is no such
# process. One that has ended and that nobody has asked about yet is none.
alive_start() {
	_start=-
	if [ "${alive_sees-no}" = yes ]; then
		{ IFS= read -r alive_line <"/proc/$1/stat"; } 2>/dev/null || return $?
		# The name, in parentheses, may hold blanks and parentheses. posh would make a field of a blank in
		# front.
		# shellcheck disable=SC2086  # words
		alive_fields ${alive_line##*') '}
		return $?
	fi
	alive_signal 0 "$1"
}

# alive_fields STATE PARENT ..: sets _start from what stands behind the name in /proc/PID/stat; STARTTIME is
# its field 22.
alive_fields() {
	case ${1-} in '' | Z | X) return 1 ;; esac
	_start=${20-}
	[ -n "$_start" ]
}

# alive_is RECORD: whether it is that of a process that runs.
alive_is() {
	# shellcheck disable=SC2086  # words
	alive_words $1 || return $?
	case $_boot in "${alive_boot--}" | -) ;; *) [ "${alive_boot--}" = - ] || return 1 ;; esac
	set -- "$_began"
	alive_start "$_pid" || return $?
	[ "$1" = - ] || [ "$_start" = - ] || [ "$_start" = "$1" ]
}

# alive_words PID STARTTIME BOOTID: sets _pid, _began and _boot; fails where it is no record.
alive_words() {
	_pid=0 _began=- _boot=-
	[ $# -eq 3 ] || return 1
	case $1 in '' | 0* | *[!0-9]* | ???????????*) return 1 ;; esac
	case $2 in - | *[0-9]) ;; *) return 1 ;; esac
	case $2 in ?*[!0-9]*) return 1 ;; esac
	_pid=$1 _began=$2 _boot=$3
}

# alive_run: whether the run that this shell belongs to is still there; for its watchers, which it starts as
# shells of its own.
alive_run() {
	[ -d "$work" ] || return 1
	[ "${alive_sees-no}" = yes ] || {
		alive_can_signal || return 0
		alive_signal 0 "$$"
		return $?
	}
	alive_start "$$" && [ "$_start" = "$alive_me" ]
}

# alive_can_signal: whether there is anything here that sends signals; sets $alive_killer. posh has no kill of
# its own, and procps is missing in small images; then another shell may have one.
alive_can_signal() {
	[ -z "${alive_killer-}" ] || {
		[ "$alive_killer" != none ]
		return $?
	}
	alive_killer=$(command -v kill)
	case $alive_killer in
	kill) ;;
	?*) alive_killer=program ;;
	*)
		for alive_killer in sh dash bash; do
			# Its own: a program would have been found.
			! "$alive_killer" -c 'kill -0 "$$"' >/dev/null 2>&1 || return 0
		done
		alive_killer=none
		return 1
		;;
	esac
}

# alive_signal NAME PID: without a word; a PID below zero means a group.
alive_signal() {
	alive_can_signal || return $?
	# shellcheck disable=SC2016  # for another shell to expand
	case $alive_killer,$2 in
	kill,*) kill -s "$1" -- "$2" 2>/dev/null ;;
	# The program of procps may take -123 for -1, which is everybody.
	program,-*) return 1 ;;
	program,*) kill -s "$1" "$2" 2>/dev/null ;;
	*) "$alive_killer" -c 'kill -s "$1" -- "$2"' kill "$1" "$2" 2>/dev/null ;;
	esac
}

# alive_kill PID STARTTIME: end it and its group, if that number still is the process that began then.
alive_kill() {
	alive_start "$1" || return 0
	[ "$_start" = "$2" ] || return 0
	alive_signal KILL "-$1" || alive_signal KILL "$1" || :
}
