# state.sh: what azready remembers of its runs: marker, status file, last report.

state_times='' state_steps='' state_scripts='' finished_at=''

# state_time NAME: note when this was there for the first time, in seconds since the kernel's start; without a
# /proc that tells it nothing.
state_time() {
	case $state_times in *"TIME_$1="*) return 0 ;; esac
	{ read -r state_now _ </proc/uptime; } 2>/dev/null || return 0
	state_times="${state_times}TIME_$1=$state_now$sys_newline"
}

# state_time_of_start: when this very process was started, in the kernel's hundredths of a second.
state_time_of_start() {
	case ${alive_me--} in '' | *[!0-9]*) return 0 ;; esac
	state_now=$((alive_me / 10 % 10))$((alive_me % 10))
	state_times="TIME_AGENT=$((alive_me / 100)).$state_now$sys_newline$state_times"
}

# state_is_done: whether the marker holds this VM's id.
state_is_done() {
	[ -n "$vm_id" ] && place_exists "$state_directory/provisioned" || return 1
	# As azready writes it; somebody may have written it by hand.
	state_more=
	{ { IFS= read -r state_marker && ! IFS= read -r state_more; } <"$_path"; } 2>/dev/null &&
		[ "$state_marker$state_more" = "$vm_id" ] && return 0
	log_know_controls
	[ "$(file_read "$state_directory/provisioned" | tr -d "\000 $log_controls")" = "$vm_id" ]
}

state_say_done() {
	log_info "VM $vm_id is provisioned already: nothing to do"
}

# state_begin: write that a run began. Fails where nothing can be remembered: a full disk, a read-only root.
state_begin() {
	pending_forget
	run_began=yes
	sys_stopping=state_interrupted
	state_write running
}

# state_note_steps: what became of the steps: a run that is cut off after Ready has no other place for them.
state_note_steps() {
	fail_minor 'status not kept' '' state_write running
}

# state_interrupted SIGNAL: what the status file says of a run that a signal ended. Who was told Ready keeps
# that. Sets run_outlook, what comes of it.
state_interrupted() {
	if [ "$run_began" = told ]; then
		pending_do status state_finish ready
		[ -z "$pending_items" ] || run_outlook=': the next start does what is left'
		return 0
	fi
	run_outlook=': the platform was not told, the next start tries again'
	pending_forget
	{ printf 'signal_%s' "$1" >"$work/failure"; } 2>/dev/null
	fail_reason=signal_$1
	state_finish interrupted
}

# state_finish OUTCOME: write how the run ended; a disk that takes no more is a warning, the report was what
# mattered.
state_finish() {
	[ -n "$finished_at" ] || {
		clock_timestamp
		finished_at=$_timestamp
		clock_now
		finished=$_now
	}
	fail_minor 'status not kept' '' state_write "$1" "FINISHED=$finished_at" \
		"SECONDS=$(((finished - started) / 100)).$(((finished - started) / 10 % 10))"
}

# state_write OUTCOME [KEY=VALUE ..]
state_write() {
	file_make_directory "$state_directory" 0700 || return $?
	state_describe "$@" && own_write "$state_directory/status" "$state_text"
}

# state_describe OUTCOME [KEY=VALUE ..]: sets state_text, the status file. Where this run only does what an
# earlier one has left, it is about that one.
state_describe() {
	state_text=
	state_add "OUTCOME=$1"
	shift
	if [ -e "$work/earlier" ]; then
		state_line=$(state_earlier) || return $?
		[ -z "$state_line" ] || state_add "$state_line"
		state_add "FINISHED=$finished_at"
	else
		[ ! -e "$work/failure" ] || state_add "REASON=$(fail_cause)"
		for state_line in "VERSION=$azready_version" ENGINE=shell "HTTP_CLIENT=$http_client" \
			${vm_id:+"VM_ID=$vm_id"} "STARTED=$started_at" ${1+"$@"}; do
			state_add "$state_line"
		done
		state_text=$state_text$state_times
		state_add_steps
	fi
	state_text=$state_text$state_scripts
}

# state_add LINE
state_add() {
	state_text=$state_text$1$sys_newline
}

# state_add_file KEY FILE: a line of that key for each of its lines, if it is there.
state_add_file() {
	[ -e "$2" ] || return 0
	state_line=
	while IFS= read -r state_line || [ -n "$state_line" ]; do
		state_add "$1=$state_line"
		state_line=
	done <"$2"
}

# state_took_step KEY RESULT: note it.
state_took_step() {
	state_steps="${state_steps}STEP_$1=$2$sys_newline"
}

# state_ran_script KEY RESULT: note it, in no file: Ready is told, and there may be no room left.
state_ran_script() {
	state_scripts="${state_scripts}SCRIPT_$1=$2$sys_newline"
}

# state_add_steps: the user and how it logs in, if there are any, and what became of the steps.
state_add_steps() {
	[ -n "$state_steps" ] || return 0
	case $sys_newline$state_steps in
	*"${sys_newline}STEP_USER=done"*) state_add_file ADMIN_USER "$work/wanted.admin-user" ;;
	esac
	state_add_file LOGIN "$work/login"
	state_text=$state_text$state_steps
}

# state_earlier: prints what an earlier run has noted. A script that was cut off has a line already.
state_earlier() {
	LC_ALL=C awk -v done="$(printf '%s' "$state_scripts" | sed 's/=.*//' | tr '\n' ' ')" '
		BEGIN { for (n = split(done, name, " "); n; n--) again[name[n]] = 1 }
		{ key = $0; sub(/=.*/, "", key) }
		key !~ /^(OUTCOME|REASON|FINISHED|SECONDS)$/ && !(key in again)' "$work/earlier"
}

# state_keep_report FILE: keep the report that was accepted last.
state_keep_report() {
	if [ "$goal_state" = known ]; then state_kind=xml; else state_kind=json; fi
	set -- "$1" "$state_directory/report.$state_kind"
	fail_minor "$2 not kept" '' state_copy "$1" "$2"
}

# state_copy FILE NAME
state_copy() {
	file_make_directory "$state_directory" 0700 && own_copy "$1" "$2"
}

# state_mark: remember that this VM is done. Only after Ready was accepted.
state_mark() {
	fail_minor "$state_directory/provisioned not kept" '; the next boot provisions again' \
		own_write "$state_directory/provisioned" "$vm_id$sys_newline" durable
}
