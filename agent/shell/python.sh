# python.sh: whether there is a Python that the zip behind this file can run in. azready.sh has no zip.

# python_works INTERPRETER: whether it can import all that the Python engine needs. "python3 exists" says
# little: it may be 3.6, Debian's python3-minimal, without zlib or expat, a broken link, or hang.
python_works() {
	command -v "$1" >/dev/null 2>&1 || return 1
	[ -d "$work" ] || return 1
	sys_before=$! sys_child=starting
	child_become "$1" -I -S "$_self" --preflight </dev/null >"$work/preflight" 2>/dev/null &
	child_supervise "$!" "$python_patience" python_is_loading
	{ IFS= read -r python_said <"$work/preflight"; } 2>/dev/null && [ "$python_said" = azready-python-ok ]
}

# python_is_loading PID: at 0.8 s a Python that sleeps hangs; one that runs or waits for the disk is still
# loading: 4 s are too short for a machine that boots on a busy host (seen in QEMU).
python_is_loading() {
	python_rounds=$((${python_rounds:-0} + 1))
	[ "$python_rounds" -lt "$python_most" ] && grep -q '^State:[[:space:]]*[RD]' "/proc/$1/status" 2>/dev/null
}

# python_pick: sets _python, or fails. A hanging one uses up the patience for all.
python_pick() {
	[ "$azready_zip" = yes ] && [ "$engine" != shell ] || return 1
	# Hundredths of a second. Who asks for Python by name would rather wait: a cold disk, a busy machine.
	if [ "$engine" = python ]; then
		python_patience=1000 python_most=5
	else
		python_patience=80 python_most=25
	fi
	for _python in python3 python; do
		python_works "$_python" && return
		[ "${_ended:-0}" -ne 137 ] || return
	done
	return 1
}

# python_become ARGUMENT ..: comes back only where no Python works.
python_become() {
	python_pick || return 0
	log_debug "engine: python ($_python)"
	# exec forgets the trap.
	rm -rf "$work" 2>/dev/null || rm -rf "$work"
	trap - PIPE
	exec "$_python" -I -S "$_self" ${1+"$@"}
}
