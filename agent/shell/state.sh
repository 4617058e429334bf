# state.sh: what azready remembers of its runs: marker, status file, last report, and whether its service runs again.

state_directory=/var/lib/azready

# is_done: whether the marker holds this VM's id.
is_done() {
	[ -n "$vm_id" ] && [ "$(sys_read "$state_directory/provisioned" | tr -d '\000-\040\177')" = "$vm_id" ] || return 1
	log_info "VM $vm_id is provisioned already: nothing to do"
}

# begin: write that a run began. Fails where nothing can be remembered: a full disk, a read-only root.
begin() {
	write_status running
}

# finish OUTCOME: write how the run ended; a disk that takes no more is a warning, the report was what mattered.
finish() {
	[ -n "$finished_at" ] || {
		sys_timestamp
		finished_at=$_timestamp
		sys_now
		finished=$_now
	}
	write_status "$1" "FINISHED=$finished_at" "SECONDS=$(((finished - started) / 100)).$(((finished - started) / 10 % 10))" ||
		log_warning "status not kept: $(cat "$work/failure")"
}

# write_status OUTCOME [KEY=VALUE ..]
write_status() {
	status_outcome=$1
	shift
	sys_make_directory "$state_directory" 0700 || return
	{
		printf 'OUTCOME=%s\n' "$status_outcome"
		[ ! -e "$work/failure" ] || printf 'REASON=%s\n' "$(cat "$work/failure")"
		printf '%s\n' "VERSION=$azready_version" "ENGINE=shell" "HTTP_CLIENT=$http_client"
		[ -z "$vm_id" ] || printf 'VM_ID=%s\n' "$vm_id"
		printf '%s\n' "STARTED=$started_at" "$@"
		[ ! -e "$work/steps" ] || cat "$work/steps"
		[ ! -e "$work/scripts" ] || cat "$work/scripts"
	} | sys_write "$state_directory/status" 0600
}

# keep_report: keep the report that was accepted last.
keep_report() {
	if [ "$goal_state" = known ]; then state_kind=xml; else state_kind=json; fi
	{ sys_make_directory "$state_directory" 0700 && sys_write "$state_directory/report.$state_kind" 0600 <"$work/report"; } ||
		log_warning "report not kept: $(cat "$work/failure")"
}

# mark_provisioned: remember that this VM is done. Only after Ready was accepted.
mark_provisioned() {
	printf '%s\n' "$vm_id" | sys_write "$state_directory/provisioned" 0600 ||
		log_warning "marker not kept: $(cat "$work/failure"); the next boot provisions again"
}

# disable_service: RUN=once: take away the links that start the service at boot.
disable_service() {
	sys_path /etc/systemd/system
	for state_link in "$_path"/*.wants/azready.service; do
		[ -h "$state_link" ] || continue
		if rm -f "$state_link" 2>"$work/err"; then
			log_info "service disabled: removed ${state_link#"$root"}"
		else
			log_warning "service not disabled: $(tail -n 1 "$work/err")"
		fi
	done
}
