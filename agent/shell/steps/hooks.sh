# hooks.sh: the step `hooks`: the executables of /etc/azready.d, the way to set any other property of a
# machine.

# step_hooks: every executable, in the order of the bytes of their names; the first that fails ends the step.
step_hooks() {
	place_of /etc/azready.d
	hooks_directory=$_path
	hooks_result=3
	[ -d "$hooks_directory" ] || return 3
	# No list is not an empty one.
	{ LC_ALL=C ls "$hooks_directory" >"$work/hooks"; } 2>"$work/err" || {
		file_blame /etc/azready.d $?
		return
	}
	while read -r hook; do
		place_of "/etc/azready.d/$hook"
		if [ ! -f "$_path" ] || [ ! -x "$_path" ]; then continue; fi
		hooks_run "$hook" "$_path" || return 1
		hooks_result=0
	done <"$work/hooks"
	return "$hooks_result"
}

# hooks_run NAME FILE
hooks_run() {
	log_info "hooks: running $1"
	clock_now
	# A tenth of what is left is kept, so that a hook that never ends can still be told of.
	hook_time=$(((deadline - _now) * 9 / 10))
	[ "$hook_time" -ge 100 ] || hook_time=100
	sys_before=$! sys_child=starting
	hooks_start "$2" "hook $1" </dev/null >"$work/hook.out" 2>"$work/hook.err" &
	child_supervise "$!" "$hook_time"
	lock_child_ended
	cat "$work/hook.out" "$work/hook.err" | log_lines "hooks: $1"
	tail -n 1 "$work/hook.err" >"$work/hook.last" 2>/dev/null
	# However much it printed, the rest of the run needs the room.
	rm -f "$work/hook.out" "$work/hook.err"
	[ "$_ended" -ne 0 ] || return 0
	if [ "$_late" = yes ]; then
		fail hook_timed_out '' "hook=$1"
		return
	fi
	[ -s "$work/hook.last" ] || printf 'none' >"$work/hook.last"
	fail_value="stderr=$work/hook.last"
	fail hook_failed "run /etc/azready.d/$1 by hand" "hook=$1" "status=$_ended"
}

# hooks_start FILE NAME: in a process of its own, which becomes the hook.
hooks_start() {
	# posh loses the exit status of a script that names no interpreter.
	text_head "$1" 4
	case $_head in
	'#!'*)
		hooks_interpreter "$1" || exit 127
		hooks_start_program "$1" "$2"
		;;
	?ELF) hooks_start_program "$1" "$2" ;;
	*) hooks_start_program "$1" "$2" sh ;;
	esac
}

# hooks_interpreter FILE: fails where the one of its first line is missing, and says so on stderr: the kernel
# says of the hook itself that it is not there.
hooks_interpreter() {
	hook_line=
	IFS= read -r hook_line <"$1" || :
	hook_line=${hook_line#'#!'}
	while case $hook_line in [" $tab"]*) ;; *) false ;; esac do hook_line=${hook_line#?}; done
	hook_line=${hook_line%%[ "$tab"]*}
	case $hook_line in /*) ;; *) return 0 ;; esac
	[ ! -e "$hook_line" ] || return 0
	case $hook_line in
	*"$(printf '\r')") printf 'its lines end in CR LF, as on Windows\n' >&2 ;;
	*) printf 'no interpreter %s\n' "$hook_line" >&2 ;;
	esac
	return 1
}

# hooks_start_program FILE NAME [INTERPRETER ARGUMENT ..]: become it, in the root, with what a hook learns
# about the machine. Signed before, so that there is no moment in which nobody knows of it.
hooks_start_program() {
	lock_child_begins "$2"
	AZREADY_HOSTNAME=$hostname_set
	AZREADY_ADMIN_USER=$(cat "$work/wanted.admin-user")
	AZREADY_VM_ID=$vm_id
	program=$1
	place_of "$run_directory/instance.json"
	AZREADY_INSTANCE_JSON=${instance_json:-$_path}
	AZREADY_ROOT=${root:-/}
	export AZREADY_HOSTNAME AZREADY_ADMIN_USER AZREADY_VM_ID AZREADY_INSTANCE_JSON AZREADY_ROOT
	cd "$AZREADY_ROOT" || exit 126
	shift 2
	set -- ${1+"$@"} "$program"
	# What the unit limits is azready's own work.
	if [ "${azready_confined-}" = yes ] && [ -z "$root" ]; then
		set -- sh -c "$outside_text" "$run_directory/outside" "$((hook_time / 100 + 2))" "$@"
	fi
	child_become "$@"
}
