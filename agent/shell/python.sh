# python.sh: the run in the hands of a Python, where there is one that the zip behind this file can run in.
# azready.sh has neither.

# "python3 exists" says little: it may be 3.6, Debian's python3-minimal, without zlib or expat, a broken link,
# or hang. So it is started, once, and is given a file: $work/handover. Whoever takes the file away has the
# run: the engine, once it has imported all that it may need and before it changes anything; or this shell,
# which then goes on by itself. What Python says before goes nowhere: the real descriptors wait at 7, 8 and 9.

# python_run ARGUMENT ..: comes back only where no Python has taken over.
python_run() {
	# Seconds. Who asks for Python by name would rather wait: a cold disk, a busy machine.
	python_patience=1 python_most=20
	[ "$engine" = auto ] || python_patience=10 python_most=50
	for python_name in python3 python; do
		command -v "$python_name" >/dev/null 2>&1 || continue
		[ -d "$work" ] || run_begin 0
		[ -d "$work" ] || return 0
		if python_is_compiled; then
			python_try "$python_name" "$_self.pyc" ${1+"$@"}
			# A hanging one uses up the patience for all.
			[ "$_ended" -ne 137 ] || break
			log_debug "engine: $_self.pyc is of another Python or azready, or damaged"
		fi
		python_try "$python_name" "$_self" ${1+"$@"}
		[ "$_ended" -ne 137 ] || break
	done
	[ ! -d "$work" ] || rm -rf "$work"
	work=/nonexistent
}

# python_is_compiled: whether `install` has put compiled code beside this file, and nobody but this user can
# have written it: azready/compiled.py looks at the rest. posh has no -O, and takes the source.
python_is_compiled() {
	# shellcheck disable=SC3067
	[ -f "$_self.pyc" ] && [ -O "$_self.pyc" ] 2>/dev/null
}

# python_try INTERPRETER FILE ARGUMENT ..: start it with this file; end with it, if it takes over. Sets
# _ended.
python_try() {
	_ended=1
	{ printf '' >"$work/handover"; } 2>/dev/null || return 0
	trap 'python_signal HUP 1' HUP
	trap 'python_signal INT 2' INT
	trap 'python_signal TERM 15' TERM
	sys_before=$! sys_child=starting
	# A background job of a shell has no stdin.
	python_name=$1 python_file=$2
	shift 2
	{ child_become "$python_name" -I -S "$python_file" --handover "$work/handover" ${1+"$@"} \
		</dev/null >/dev/null 2>&1 & } 7<&0 8>&1 9>&2
	python_pid=$!
	alive_start "$python_pid" || :
	child_started=$_start
	sys_child=$python_pid
	python_watch "$python_pid" "$_start" </dev/null >/dev/null 2>&1 &
	child_dog=$!
	python_wait
	sys_child=
	{ printf '' >"$work/reaped.$python_pid"; } 2>/dev/null
	python_ended=$_ended
	# Where nothing can send, the watcher goes by itself.
	! alive_signal TERM "$child_dog" || child_wait "$child_dog"
	child_dog='' _ended=$python_ended
	[ -e "$work/handover" ] || [ -e "$work/late" ] || {
		[ "$set_command$_ended" != provision0 ] || leave_host_keys
		exit "$python_ended"
	}
	rm -f "$work/handover" "$work/late"
}

# python_wait: for the child, however often a signal calls this shell away; sets _ended.
python_wait() {
	python_told=no
	child_wait "$python_pid"
	while [ "$python_told" = yes ]; do
		python_told=no python_ended=$_ended
		child_wait "$python_pid"
		# It had ended before the signal came.
		[ "$_ended" -ne 127 ] || _ended=$python_ended
	done
}

# python_signal NAME NUMBER: hand it on to a Python that has taken over; any other one is ended with this run.
python_signal() {
	run_is_main || exit "$((128 + $2))"
	! mv "$work/handover" "$work/late" 2>/dev/null || run_stop "$@"
	python_told=yes
	alive_signal "$1" "$python_pid"
}

# python_watch PID STARTTIME: in the background: end it where it hangs before it takes over, and also once
# this run is gone: whoever kills that does not tell its child.
python_watch() {
	child_nap=''
	trap '' HUP INT
	trap '[ -z "$child_nap" ] || alive_signal KILL "$child_nap"; exit 0' TERM
	python_waited=0
	while :; do
		# Where nothing can send, or what was sent before the trap was set.
		[ ! -e "$work/reaped.$1" ] || exit 0
		alive_run || break
		# Once the run is dead, another one may have taken its directory away.
		[ -d "$work" ] || exit 0
		[ ! -e "$work/handover" ] || ! python_hangs "$1" || ! mv "$work/handover" "$work/late" || break
		child_slice 100
		python_waited=$((python_waited + 1))
	done
	alive_kill "$1" "$2"
	exit 0
}

# python_hangs PID: whether its time is over. One that sleeps by then hangs; one that runs or waits for the
# disk is still loading: 4 s are too short for a machine that boots on a busy host (seen in QEMU).
python_hangs() {
	[ "$((python_waited % python_patience))" -eq 0 ] && [ "$python_waited" -gt 0 ] || return
	[ "$python_waited" -ge "$python_most" ] ||
		! grep -q '^State:[[:space:]]*[RD]' "/proc/$1/status" 2>/dev/null
}
