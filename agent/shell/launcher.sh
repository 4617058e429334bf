# launcher.sh: where azready starts: reads the command line, stops at once where nothing is to do, picks the
# engine.

# launcher_self FILE: sets _self, the path of this very file; `sh azready` leaves no slash in $0.
launcher_self() {
	_self=$1
	case $_self in
	*/*) ;;
	*) if [ -f "./$_self" ]; then _self=./$_self; else _self=$(command -v "$_self"); fi ;;
	esac
}

# launcher_run_engine FUNCTION ROOM [ARGUMENT ..]: Python where it works, else FUNCTION of the shell engine,
# which needs so much room (run_begin).
launcher_run_engine() {
	run_function=$1
	run_room=$2
	shift 2
	[ "$azready_zip" = no ] || [ "$engine" = shell ] || python_run ${1+"$@"}
	[ "$engine" != python ] ||
		log_die 'no Python that works' \
			'install Python 3.7 or newer with its standard library, or use --engine shell'
	run_begin "$run_room"
	log_debug 'engine: shell'
	"$run_function"
}

main() {
	run_prepare
	cli_parse ${1+"$@"}
	program_complete_path
	place_own
	if [ "$words_count${wants_version-}${wants_help-}" = 0 ]; then
		cli_help >&2
		exit 2
	fi
	if [ "${wants_version-}" = yes ]; then set_command=version; else set_command=${word_1-help}; fi
	if [ "${wants_help-}" = yes ]; then
		cli_help "${word_1-}"
		exit
	fi
	case $set_command in
	provision | report | status | install | uninstall | generalize | version | help)
		cli_check_options "$set_command"
		;;
	*) log_die "unknown command '$set_command'" 'run azready help' ;;
	esac
	case $set_command in
	version) { printf 'azready %s\n' "$azready_version"; } 2>/dev/null ;;
	help) cli_help "${word_2-}" ;;
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
	status_show
}

main_report() {
	config_read
	# A report and a goal state are small; to try for 1 MiB would cost more than all the rest.
	launcher_run_engine cli_report 4 ${1+"$@"}
}

# main_provision: the fast path first: no Python, no request on a machine that is done or that is not on
# Azure.
main_provision() {
	config_read
	# shellcheck disable=SC2031  # of the environment
	if [ "${azready_alone-}" = yes ]; then
		engine=shell
		launcher_run_engine cli_host_keys 120
	fi
	[ "$has_only" = no ] || config_set STEPS "$only" --only
	config_split_steps "$skip" --skip
	identity_from_dmi
	if [ "$force" = no ]; then
		! identity_is_not_azure || exit 0
		! state_is_done || pending_is_there || {
			state_say_done
			exit 0
		}
	fi
	launcher_run_engine cli_provision 120 ${1+"$@"}
}

launcher_self "$0"
main ${1+"$@"}
exit $?
