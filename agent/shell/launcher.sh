# launcher.sh: where azready starts: reads the command line, stops at once where nothing is to do, picks the
# engine. It runs as soon as it is read, in the middle of the text: nothing behind it is there yet.

# launcher_self FILE: sets _self, the path of this very file; `sh azready` leaves no slash in $0.
launcher_self() {
	_self=$1
	case $_self in
	*/*) ;;
	*) if [ -f "./$_self" ]; then _self=./$_self; else _self=$(command -v "$_self"); fi ;;
	esac
}

# What is done once the whole text is read (last.sh). This file runs before that, and ends what it can.
launcher_rest=

# launcher_choose_engine ROOM [ARGUMENT ..]: Python where it works, and then this does not return; else the
# shell engine, which needs so much room (run_begin).
launcher_choose_engine() {
	run_room=$1
	shift
	[ "$azready_zip" = no ] || [ "$engine" = shell ] || python_run ${1+"$@"}
	[ "$engine" != python ] ||
		log_die 'no Python that works' \
			'install Python 3.7 or newer with its standard library, or use --engine shell'
	run_begin "$run_room"
	log_debug 'engine: shell'
}

main() {
	run_prepare
	cli_parse ${1+"$@"}
	program_complete_path
	place_own
	if [ "${wants_version-}" = yes ]; then set_command=version; else set_command=${word_1-help}; fi
	if [ "$words_count${wants_version-}${wants_help-}" = 0 ]; then
		launcher_rest=launcher_usage
	elif [ "${wants_help-}" = yes ]; then
		launcher_rest=launcher_help
	else
		launcher_start ${1+"$@"}
	fi
}

# launcher_start ARGUMENT ..: what $set_command asks for.
launcher_start() {
	case $set_command in
	provision | report | status | install | uninstall | generalize | version | help)
		cli_check_options "$set_command"
		;;
	*) log_die "unknown command '$set_command'" 'run azready help' ;;
	esac
	case $set_command in
	version)
		{ printf 'azready %s\n' "$azready_version"; } 2>/dev/null
		exit
		;;
	help)
		word_1=${word_2-}
		launcher_rest=launcher_help
		;;
	status) launcher_rest=status_show ;;
	install | uninstall | generalize) launcher_rest=launcher_change ;;
	*) "launcher_$set_command" ${1+"$@"} ;;
	esac
}

launcher_usage() {
	cli_help >&2
	exit 2
}

launcher_help() {
	cli_help "${word_1-}"
}

# launcher_change: install, uninstall or generalize.
launcher_change() {
	program_need_all
	run_begin
	work_need_room
	lock_command
	sweep_files
	"main_$set_command"
}

launcher_report() {
	config_read
	# A report and a goal state are small; to try for 1 MiB would cost more than all the rest.
	launcher_choose_engine 4 ${1+"$@"}
	cli_report
}

# launcher_provision: the fast path first: no Python, no request on a machine that is done or that is not on
# Azure.
launcher_provision() {
	config_read
	# shellcheck disable=SC2031  # of the environment
	if [ "${azready_alone-}" = yes ]; then
		engine=shell
		launcher_choose_engine 120
		launcher_rest=cli_host_keys
		return
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
	launcher_choose_engine 120 ${1+"$@"}
	launcher_rest=cli_provision
}

launcher_self "$0"
main ${1+"$@"}
