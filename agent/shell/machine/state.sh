# state.sh: what azready remembers of its runs: marker, status file, last report.

# state_is_done: whether the marker holds this VM's id.
state_is_done() {
	[ -n "$vm_id" ] &&
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
	state_write running || log_warning "status not kept: $(fail_cause)"
}

# state_interrupted SIGNAL: what the status file says of a run that a signal ended. Who was told Ready keeps
# that.
state_interrupted() {
	[ "$run_began" = yes ] || return 0
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
	state_write "$1" "FINISHED=$finished_at" \
		"SECONDS=$(((finished - started) / 100)).$(((finished - started) / 10 % 10))" ||
		log_warning "status not kept: $(fail_cause)"
}

# state_write OUTCOME [KEY=VALUE ..]
state_write() {
	status_outcome=$1
	shift
	file_make_directory "$state_directory" 0700 || return $?
	rm -f "$work/status"
	{ state_lines ${1+"$@"} >"$work/status"; } 2>/dev/null || {
		rm -f "$work/reserve"
		{ state_lines ${1+"$@"} >"$work/status"; } 2>/dev/null || {
			rm -f "$work/status"
			[ -s "$work/failure" ] || fail file_not_writable 'make room there' "file=${work%/*}" \
				'error=No space left on device'
			return 1
		}
	}
	file_write "$state_directory/status" 0600 "$work/status"
}

# state_lines [KEY=VALUE ..]: prints the status file. Where this run only does what an earlier one has left,
# it is about that one.
state_lines() {
	printf 'OUTCOME=%s\n' "$status_outcome" || return $?
	if [ -e "$work/earlier" ]; then
		# A script that was cut off has a line already.
		LC_ALL=C awk -v done="$(sed 's/=.*//' "$work/scripts" 2>/dev/null | tr '\n' ' ')" '
			BEGIN { for (n = split(done, name, " "); n; n--) again[name[n]] = 1 }
			{ key = $0; sub(/=.*/, "", key) }
			key !~ /^(OUTCOME|REASON|FINISHED|SECONDS)$/ && !(key in again)' "$work/earlier" &&
			printf 'FINISHED=%s\n' "$finished_at" || return $?
	else
		[ ! -e "$work/failure" ] || printf 'REASON=%s\n' "$(fail_cause)" || return $?
		printf '%s\n' "VERSION=$azready_version" "ENGINE=shell" "HTTP_CLIENT=$http_client" || return $?
		[ -z "$vm_id" ] || printf 'VM_ID=%s\n' "$vm_id" || return $?
		printf '%s\n' "STARTED=$started_at" ${1+"$@"} || return $?
		[ ! -e "$work/steps" ] || {
			{ ! grep -q '^STEP_USER=done' "$work/steps" ||
				printf 'ADMIN_USER=%s\n' "$(cat "$work/wanted.admin-user")"; } &&
				{ [ ! -e "$work/login" ] || printf 'LOGIN=%s\n' "$(cat "$work/login")"; } && cat "$work/steps"
		} || return $?
	fi
	[ ! -e "$work/scripts" ] || cat "$work/scripts"
}

# state_keep_report: keep the report that was accepted last.
state_keep_report() {
	if [ "$goal_state" = known ]; then state_kind=xml; else state_kind=json; fi
	{ file_make_directory "$state_directory" 0700 &&
		file_write "$state_directory/report.$state_kind" 0600 "$work/report"; } ||
		log_warning "report not kept: $(fail_cause)"
}

# state_mark: remember that this VM is done. Only after Ready was accepted.
state_mark() {
	{ printf '%s\n' "$vm_id" >"$work/marker"; } 2>/dev/null || {
		rm -f "$work/reserve"
		{ printf '%s\n' "$vm_id" >"$work/marker"; } 2>/dev/null || rm -f "$work/marker"
	}
	file_write "$state_directory/provisioned" 0600 "$work/marker" ||
		log_warning "marker not kept: $(fail_cause); the next boot provisions again"
}
