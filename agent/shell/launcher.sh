# launcher.sh: where azready starts: reads the command line, stops at once where nothing is to do, picks the engine.

# self FILE: sets _self, the path of this very file; `sh azready` leaves no slash in $0.
self() {
	_self=$1
	case $_self in
	*/*) ;;
	*) if [ -f "./$_self" ]; then _self=./$_self; else _self=$(command -v "$_self"); fi ;;
	esac
}

# python_works INTERPRETER: whether it can import all that the Python engine needs. "python3 exists" says little: it may
# be 3.6, Debian's python3-minimal, without zlib or expat, a broken link, or hang.
python_works() {
	command -v "$1" >/dev/null 2>&1 || return 1
	(sys_become "$1" -I -S "$_self" --preflight) </dev/null >"$work/preflight" 2>/dev/null &
	python_pid=$!
	sys_watch "$python_pid" "$python_patience" python_is_loading </dev/null >/dev/null 2>&1 &
	sys_reap "$python_pid" "$!"
	[ "$(head -n 1 "$work/preflight" | tr -d '\000')" = azready-python-ok ]
}

# python_is_loading PID: at 0.8 s a Python that sleeps hangs; one that runs or waits for the disk is still loading, on a
# machine that boots, and gets five times as long.
python_is_loading() {
	python_rounds=$((${python_rounds:-0} + 1))
	[ "$python_rounds" -lt 5 ] && grep -q '^State:[[:space:]]*[RD]' "/proc/$1/status" 2>/dev/null
}

# pick_python: sets _python, or fails. A hanging one uses up the patience for all.
pick_python() {
	# shellcheck disable=SC2154  # set by the build: whether this file has a zip behind it
	[ "$azready_zip" = yes ] && [ "$engine" != shell ] || return 1
	# Hundredths of a second. Who asks for Python by name would rather wait: a cold disk, a busy machine.
	if [ "$engine" = python ]; then sys_seconds 1000; else sys_seconds 80; fi
	python_patience=$_seconds
	for _python in python3 python; do
		python_works "$_python" && return
		[ "${_ended:-0}" -ne 137 ] || return
	done
	return 1
}

# run_engine FUNCTION [ARGUMENT ..]: Python where it works, else FUNCTION of the shell engine.
run_engine() {
	run_function=$1
	shift
	if pick_python; then
		log_debug "engine: python ($_python)"
		# exec forgets the trap.
		rm -rf "$work"
		exec "$_python" -I -S "$_self" "$@"
	fi
	[ "$engine" != python ] || die_usage 'no Python that works' 'install Python 3.7 or newer with its standard library, or use --engine shell'
	log_debug 'engine: shell'
	"$run_function"
}

main() {
	parse ${1+"$@"}
	if [ "${wants_version-}" = yes ]; then set_command=version; else set_command=${word_1-help}; fi
	if [ "${wants_help-}" = yes ]; then
		show_help "${word_1-}"
		exit
	fi
	case $set_command in
	provision | report | status | install | uninstall | generalize | version | help) check_options "$set_command" ;;
	*) die_usage "unknown command '$set_command'" 'run azready help' ;;
	esac
	case $set_command in
	install | uninstall | generalize)
		command -v "main_$set_command" >/dev/null || die_usage "$set_command is not in azready.sh" "take the file azready: azready --engine shell install puts the shell engine alone into an image"
		;;
	esac
	case $set_command in
	version) printf 'azready %s\n' "$azready_version" ;;
	help) show_help "${word_2-}" ;;
	*)
		sys_begin
		"main_$set_command" ${1+"$@"}
		;;
	esac
}

main_status() {
	show_status
}

main_report() {
	config_read
	run_engine run_report ${1+"$@"}
}

# main_provision: the fast path first: no Python, no request on a machine that is done or that is not on Azure.
main_provision() {
	config_read
	[ "$has_only" = no ] || config_set STEPS "$only" --only
	split_steps "$skip" --skip
	vm_id_from_dmi
	if [ "$force" = no ]; then
		! is_not_azure || exit 0
		! is_done || exit 0
	fi
	run_engine run_provision ${1+"$@"}
}

# Called by their own names, yash keeps loop variables local and zsh does not split words.
# shellcheck disable=SC3040  # yash alone gets here
[ -z "${YASH_VERSION-}" ] || set -o posixlycorrect
[ -z "${ZSH_VERSION-}" ] || emulate sh
self "$0"
main ${1+"$@"}
exit $?
