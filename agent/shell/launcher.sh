# launcher.sh: where azready starts: reads the command line, stops at once where nothing is to do, picks the
# engine.

# self FILE: sets _self, the path of this very file; `sh azready` leaves no slash in $0.
self() {
	_self=$1
	case $_self in
	*/*) ;;
	*) if [ -f "./$_self" ]; then _self=./$_self; else _self=$(command -v "$_self"); fi ;;
	esac
}

# run_engine FUNCTION [ARGUMENT ..]: Python where it works, else FUNCTION of the shell engine.
run_engine() {
	run_function=$1
	shift
	become_python ${1+"$@"}
	[ "$engine" != python ] ||
		log_die 'no Python that works' 'install Python 3.7 or newer with its standard library, or use --engine shell'
	log_debug 'engine: shell'
	"$run_function"
}

main() {
	run_prepare
	parse ${1+"$@"}
	program_complete_path
	place_own
	if [ "$words_count${wants_version-}${wants_help-}" = 0 ]; then
		show_help >&2
		exit 2
	fi
	if [ "${wants_version-}" = yes ]; then set_command=version; else set_command=${word_1-help}; fi
	if [ "${wants_help-}" = yes ]; then
		show_help "${word_1-}"
		exit
	fi
	case $set_command in
	provision | report | status | install | uninstall | generalize | version | help) check_options "$set_command" ;;
	*) log_die "unknown command '$set_command'" 'run azready help' ;;
	esac
	case $set_command in
	version) { printf 'azready %s\n' "$azready_version"; } 2>/dev/null ;;
	help) show_help "${word_2-}" ;;
	install | uninstall | generalize)
		program_need_all
		run_begin
		work_need_room
		lock_command
		"main_$set_command"
		;;
	*) "main_$set_command" ${1+"$@"} ;;
	esac
}

main_status() {
	show_status
}

main_report() {
	config_read
	run_begin
	run_engine run_report ${1+"$@"}
}

# main_provision: the fast path first: no Python, no request on a machine that is done or that is not on
# Azure.
main_provision() {
	config_read
	[ "$has_only" = no ] || config_set STEPS "$only" --only
	config_split_steps "$skip" --skip
	vm_id_from_dmi
	if [ "$force" = no ]; then
		! is_not_azure || exit 0
		! state_is_done || pending_is_there || {
			state_say_done
			exit 0
		}
	fi
	run_begin
	run_engine run_provision ${1+"$@"}
}

# Called by their own names, yash keeps loop variables local and zsh does not split words.
# shellcheck disable=SC3040  # yash alone gets here
[ -z "${YASH_VERSION-}" ] || set -o posixlycorrect
[ -z "${ZSH_VERSION-}" ] || emulate sh
self "$0"
main ${1+"$@"}
exit $?
