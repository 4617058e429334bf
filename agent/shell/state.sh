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
		[ ! -e "$work/steps" ] || {
			! grep -q '^STEP_USER=done' "$work/steps" || printf 'ADMIN_USER=%s\n' "$(cat "$work/wanted.admin-user")"
			[ ! -e "$work/login" ] || printf 'LOGIN=%s\n' "$(cat "$work/login")"
			cat "$work/steps"
		}
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

# A line of an inittab that starts azready.
unit_line='^[^#].*/azready provision'

# disable_service: RUN=once: take away what starts azready at boot, whatever the init.
disable_service() {
	service=azready
	units_rows service_row disable_item || :
}

# units_rows FUNCTION [ARGUMENT]: read the table of init systems into $units_... until FUNCTION succeeds; fails where it never does.
units_rows() {
	units_flags=$-
	# The columns hold patterns that are not for this machine's files.
	set -f
	units_hit=no
	# shellcheck disable=SC2034  # install.sh reads the other columns
	while IFS='|' read -r units_name units_found units_places units_files units_enabled units_disabled; do
		"$@" && units_hit=yes && break
	done <<EOT
$units_table
EOT
	case $units_flags in *f*) ;; *) set +f ;; esac
	[ "$units_hit" = yes ]
}

# unit_path ITEM PLACE: sets _item, a path of the table with the init's directory in it.
unit_path() {
	case $1 in
	@*) _item=$2${1#@} ;;
	'^'*) _item=${2%/*}${1#?} ;;
	*) _item=$1 ;;
	esac
}

# service_row FUNCTION: call it for all that starts $service at boot by the init of this row.
service_row() {
	for unit_place in $units_places; do
		for unit_item in $units_disabled; do
			unit_path "${unit_item#?}" "$unit_place"
			case $service$unit_item in
			azready~*) ;;
			# A line of a file is azready's alone.
			*~*) continue ;;
			*) _item=${_item%azready*}$service${_item##*azready} ;;
			esac
			sys_glob "$_item" || continue
			while IFS= read -r unit_link; do
				"$1" || log_warning "service not disabled: $(cat "$work/failure")"
			done <<EOT
$_found
EOT
		done
	done
	return 1
}

# disable_item: $unit_link, as the first character of $unit_item says.
disable_item() {
	case $unit_item in
	-*)
		sys_place "$unit_link"
		# A script that somebody put there instead of a link would be lost.
		[ -h "$_path" ] || [ ! -s "$_path" ] || return 0
		sys_remove "$unit_link" && log_info "service disabled: removed $unit_link"
		;;
	+*)
		! sys_exists "$unit_link/down" || return 0
		sys_write "$unit_link/down" 0644 </dev/null && log_info "service disabled: made $unit_link/down"
		;;
	~*)
		sys_read "$unit_link" | grep -q "$unit_line" || return 0
		# sed leaves a last line without a newline as it is.
		sys_read "$unit_link" | LC_ALL=C sed "\\,$unit_line,d" >"$work/mended"
		keep_edited "$unit_link" && log_info "service disabled: line removed from $unit_link"
		;;
	esac
}

# start_item: $unit_link is a service directory of runit or s6: its supervisor starts it, unless somebody wants it down.
start_item() {
	case $unit_item in +*) ! sys_exists "$unit_link/down" || return 0 ;; *) return 0 ;; esac
	sys_path "$unit_link/supervise/control"
	# Opened for both, it does not wait for a supervisor that is not there.
	[ ! -p "$_path" ] || printf u 1<>"$_path" || :
}

# keep_edited FILE: as keep_mended, with the time that the file had: so `uninstall` leaves no trace.
keep_edited() {
	sys_path "$1"
	touch -r "$_path" "$work/time"
	keep_mended "$1" && touch -r "$work/time" "$_path"
}
