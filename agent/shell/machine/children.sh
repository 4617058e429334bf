# children.sh: processes that the run starts and waits for: none outlives its limit, and none outlives the
# run.

# child_pause HUNDREDTHS: sleep, in slices, so that a signal ends it at once and a run that was killed leaves
# no long sleep.
child_pause() {
	child_pausing=$1
	while [ "$child_pausing" -gt 0 ]; do
		child_slice "$child_pausing"
		child_pausing=$((child_pausing - _slice))
	done
}

# child_slice HUNDREDTHS: sleep as long, but at most a second; sets _slice, how long.
child_slice() {
	_slice=$1
	[ "$_slice" -le 100 ] || _slice=100
	clock_seconds "$_slice"
	sleep "$_seconds" >/dev/null 2>&1 &
	child_nap=$!
	child_wait "$child_nap"
	child_nap=
}

# child_supervise PID HUNDREDTHS [CONDITION]: wait for a child that was just started, at most so long, then
# kill it, unless `CONDITION PID` gives it as long again. Sets _ended, the exit status, 128 + signal for a
# signal, and _late: whether it was the time that ended it. `timeout` is missing on Buildroot, Yocto and
# OpenWrt.
child_supervise() {
	alive_start "$1" || :
	child_started=$_start
	sys_child=$1
	child_watch "$1" "$_start" "$2" "${3-}" </dev/null >/dev/null 2>&1 &
	child_dog=$!
	child_reap "$1" "$child_dog"
	sys_child='' child_dog=''
}

# child_attend PID: wait for a child that was just started and ends by itself in time; sets _ended.
child_attend() {
	alive_start "$1" || :
	child_started=$_start
	sys_child=$1
	child_wait "$1"
	sys_child=
}

# child_watch PID STARTTIME HUNDREDTHS [CONDITION]: in the background: kill it then, and also once the run is
# gone that it belongs to. Looks every second, because whoever kills the run does not tell its watchers.
child_watch() {
	child_nap=''
	trap '' HUP INT
	# KILL, because a TERM that comes before the child has become `sleep` would be lost.
	trap '[ -z "$child_nap" ] || alive_signal KILL "$child_nap"; exit 0' TERM
	child_left=$3
	clock_now
	child_until=$((_now + $3))
	while :; do
		# What was sent before the trap was set is lost; and where nothing can send, this file has to do.
		[ ! -e "$work/reaped.$1" ] || exit 0
		alive_run || break
		if [ "$child_left" -le 0 ]; then
			if [ -n "${4-}" ] && "$4" "$1"; then
				child_until=$((_now + $3))
				child_left=$3
			else
				{ printf '' >"$work/late.$1"; } 2>/dev/null
				break
			fi
		fi
		child_slice "$child_left"
		# The time of day may leap while this sleeps; how long it slept does not.
		child_left=$((child_left - _slice))
		if [ -r /proc/uptime ]; then
			clock_now
			child_left=$((child_until - _now))
		fi
	done
	alive_kill "$1" "$2"
	exit 0
}

# child_become COMMAND ..: exec it, in a session of its own where there is a setsid: so child_watch kills its
# children too.
child_become() {
	trap - PIPE
	if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; fi
	exec "$@"
}

# child_reap PID WATCHER: wait for it and send the watcher home; sets _ended and _late, as child_supervise.
child_reap() {
	child_wait "$1"
	child_reaped=$_ended
	{ printf '' >"$work/reaped.$1"; } 2>/dev/null
	# Where nothing can send, the watcher goes by itself.
	! alive_signal TERM "$2" || child_wait "$2"
	_late=no
	[ ! -e "$work/late.$1" ] || {
		_late=yes
		rm -f "$work/late.$1"
	}
	! alive_can_signal || rm -f "$work/reaped.$1"
	_ended=$child_reaped
}

# child_wait PID: wait for it; sets _ended, as child_reap.
child_wait() {
	if [ -z "${POSH_VERSION-}" ]; then
		wait "$1" 2>/dev/null
		_ended=$?
	else
		child_wait_in_posh "$1"
	fi
	child_status "$_ended"
}

# child_status STATUS: sets _ended, 128 + signal for a signal.
child_status() {
	_ended=$1
	# ksh93 adds 256 to the signal, yash 384.
	[ "$_ended" -le 384 ] || _ended=$((_ended - 256))
	[ "$_ended" -le 256 ] || _ended=$((_ended - 128))
}

# child_wait_in_posh PID: sets _ended. Its wait goes on where the options of an earlier `read -r` ended, in
# memory that may hold something else by now: "invalid option -- 'Q'", status 1, nothing waited for. Each call
# takes one character of it away.
child_wait_in_posh() {
	while :; do
		wait "$1" 2>"$work/wait.$1"
		_ended=$?
		if [ "$_ended" -ne 1 ] || [ ! -s "$work/wait.$1" ]; then break; fi
	done
	rm -f "$work/wait.$1"
}

# child_end_all: the child of this moment, the watcher behind it, and what only sleeps.
child_end_all() {
	# It would say in the log which of them were killed.
	# shellcheck disable=SC3044  # bash alone gets here
	[ -z "${BASH_VERSION-}" ] || disown -a 2>/dev/null
	case ${sys_child-} in
	'') ;;
	# The signal came between its start and the line behind it.
	starting) [ "$!" = "$sys_before" ] || alive_signal KILL "-$!" || alive_signal KILL "$!" ;;
	*) alive_kill "$sys_child" "$child_started" ;;
	esac
	sys_child=
	if { read -r child_number child_rest <"$work/client"; } 2>/dev/null; then
		alive_kill "$child_number" "$child_rest"
	fi
	[ -z "${child_dog-}" ] || alive_signal TERM "$child_dog"
	child_dog=
	[ -z "${child_nap-}" ] || alive_signal KILL "$child_nap"
	child_nap=
}
