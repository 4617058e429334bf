# provision.sh: the story: what `provision` does, in order. The Python engine's provision.py tells the same
# one.

# provision: everything this VM needs once, then Ready. The launcher has already stopped where this is not
# Azure, or where the marker holds the id that DMI gives.
provision() {
	identify || tell
	[ "$force" = yes ] || ! state_is_done || do_the_rest
	begin || tell
	read_goal_state || tell
	read_wanted || tell
	make_host_keys
	take_steps || tell
	note_the_rest
	report_ready || tell
	mark_provisioned
	finish announced_now
	leave
}

# begin: note that a run is at work. Fails where nothing can be remembered.
begin() {
	sweep_files
	state_begin || return
	log_info "version $azready_version, shell engine, $http_client: provisioning VM $vm_id"
}

# note_the_rest: all that comes after Ready, written down before that: a run that is cut off then loses none
# of it.
note_the_rest() {
	pending_items=status
	[ "$set_KVP" = no ] || ! place_exists "$proto_KVP_POOL" || pending_items="$pending_items${sys_newline}kvp"
	for pending_name in $scripts; do pending_items="$pending_items${sys_newline}script $pending_name 0"; done
	! host_keys_are_left || pending_items="$pending_items${sys_newline}host-keys"
	[ "$set_RUN" != once ] || pending_items="$pending_items${sys_newline}service"
	pending_hostname=$hostname_set
	wanted_user
	log_plain "$_wanted_user"
	pending_user=$_plain
	pending_keep
	settle_all
	state_note_steps
}

# mark_provisioned: Ready was accepted, and whoever was told that keeps it.
mark_provisioned() {
	run_began=told
	state_time READY
	state_mark
}

# finish WHEN: what is to be done once Ready was accepted, in the order of the items (pending.sh).
finish() {
	pending_do status state_finish ready
	pending_do kvp provision_tell_ready
	if [ "$1" = announced_now ]; then
		announce 'provisioned, the platform accepted Ready'
		media_eject
	fi
	publish_hostname
	run_scripts
	# The host keys are made by a run of their own, and what comes after them is its too.
	pending_has host-keys || pending_do service service_disable
	pending_keep
}

# leave: the run is over, and what is left to one of its own may begin.
leave() {
	lock_give_back
	leave_host_keys
	exit 0
}

# provision_tell_ready: the host.
provision_tell_ready() {
	[ -n "$finished_at" ] || {
		clock_timestamp
		finished_at=$_timestamp
	}
	kvp_tell "result=success|agent=$azready_agent|vm_id=$vm_id|timestamp=$finished_at"
}

# do_the_rest: what a run that was cut off after Ready has left, and end. No request is sent.
do_the_rest() {
	pending_read || {
		state_say_done
		exit 0
	}
	log_info "VM $vm_id is provisioned; doing what an earlier run has left: $(
		printf '%s' "$pending_items" | tr '\n' ','
	)"
	run_began=told sys_stopping=state_interrupted
	file_read "$state_directory/status" >"$work/earlier" 2>/dev/null
	hostname_set=$pending_hostname
	{ printf '%s' "$pending_user" >"$work/wanted.admin-user"; } 2>/dev/null
	finish announced_before
	leave
}

# take_steps: the chosen ones, in the order of the table.
take_steps() {
	settles_late=yes
	for current_step in $steps_chosen; do provision_take_step || return; done
	current_step=
	state_time STEPS
}

# provision_take_step: run it and note what became of it.
provision_take_step() {
	clock_now
	step_began=$_now
	config_step_words "$current_step"
	"step_$_step"
	step_status=$?
	case $step_status in 0) step_result='done' ;; 3) step_result=skipped ;; *) step_result=failed ;; esac
	clock_now
	clock_decimal "$((_now - step_began))"
	state_took_step "$_step_key" "$step_result $_seconds"
	if [ "$step_result" = skipped ] && [ ! -e "$work/unusable.$current_step" ]; then
		log_info "$current_step: skipped, nothing was given for it"
	fi
	[ "$step_result" != failed ]
}

# tell: report the failure and end; the platform that could not be told of Ready is told nothing.
tell() {
	settle_all
	[ -z "$untold" ] || provision_end not-told 3
	fail_log
	current_step=
	report_failed || provision_end not-told 3
	provision_end failed 1
}

# provision_end OUTCOME STATUS
provision_end() {
	pending_forget
	state_finish "$1"
	run_began=told
	if report_describe; then
		kvp_tell "$(cat "$work/DESCRIPTION")"
	else
		kvp_tell "$(report_row "$finished_at" "${untold:-$fail_reason}" "${_problem:-error=no_space}")"
	fi
	if [ "$1" = failed ]; then
		announce "not provisioned: $(fail_cause); the platform was told"
	else
		announce "not provisioned: $(fail_cause); the platform could not be told, the next boot tries again"
	fi
	exit "$2"
}

# announce TEXT: the outcome, in the log and on the console.
announce() {
	log_info "$1"
	case $set_LOG_CONSOLE in
	yes) log_to_console "azready: $1" ;;
	auto) [ -t 2 ] || log_to_console "azready: $1" ;;
	esac
}
