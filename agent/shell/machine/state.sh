# state.sh: what azready remembers of its runs: marker, status file, last report, and whether its service runs again.

# is_done: whether the marker holds this VM's id.
is_done() {
	[ -n "$vm_id" ] && [ "$(sys_read "$state_directory/provisioned" | tr -d "\000 $log_controls")" = "$vm_id" ]
}

say_done() {
	log_info "VM $vm_id is provisioned already: nothing to do"
}

# begin: write that a run began. Fails where nothing can be remembered: a full disk, a read-only root.
begin() {
	pending_forget
	run_began=yes
	write_status running
}

# interrupted SIGNAL: what the status file says of a run that a signal ended. Who was told Ready keeps that.
interrupted() {
	[ "$run_began" = yes ] || return 0
	pending_forget
	{ printf 'signal_%s' "$1" >"$work/failure"; } 2>/dev/null
	fail_reason=signal_$1
	finish interrupted
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
		log_warning "status not kept: $(fail_cause)"
}

# write_status OUTCOME [KEY=VALUE ..]
write_status() {
	status_outcome=$1
	shift
	sys_make_directory "$state_directory" 0700 || return
	rm -f "$work/status"
	{ status_lines ${1+"$@"} >"$work/status"; } 2>/dev/null || {
		rm -f "$work/reserve"
		{ status_lines ${1+"$@"} >"$work/status"; } 2>/dev/null || {
			rm -f "$work/status"
			[ -s "$work/failure" ] || fail file_not_writable 'make room there' "file=${work%/*}" 'error=No space left on device'
			return 1
		}
	}
	sys_write "$state_directory/status" 0600 "$work/status"
}

# status_lines [KEY=VALUE ..]: prints the status file. Where this run only does what an earlier one has left, it is about that
# one.
status_lines() {
	printf 'OUTCOME=%s\n' "$status_outcome" || return
	if [ -e "$work/earlier" ]; then
		# A script that was cut off has a line already.
		LC_ALL=C awk -v done="$(sed 's/=.*//' "$work/scripts" 2>/dev/null | tr '\n' ' ')" '
			BEGIN { for (n = split(done, name, " "); n; n--) again[name[n]] = 1 }
			{ key = $0; sub(/=.*/, "", key) }
			key !~ /^(OUTCOME|REASON|FINISHED|SECONDS)$/ && !(key in again)' "$work/earlier" && printf 'FINISHED=%s\n' "$finished_at" || return
	else
		[ ! -e "$work/failure" ] || printf 'REASON=%s\n' "$(fail_cause)" || return
		printf '%s\n' "VERSION=$azready_version" "ENGINE=shell" "HTTP_CLIENT=$http_client" || return
		[ -z "$vm_id" ] || printf 'VM_ID=%s\n' "$vm_id" || return
		printf '%s\n' "STARTED=$started_at" ${1+"$@"} || return
		[ ! -e "$work/steps" ] || {
			{ ! grep -q '^STEP_USER=done' "$work/steps" || printf 'ADMIN_USER=%s\n' "$(cat "$work/wanted.admin-user")"; } &&
				{ [ ! -e "$work/login" ] || printf 'LOGIN=%s\n' "$(cat "$work/login")"; } && cat "$work/steps"
		} || return
	fi
	[ ! -e "$work/scripts" ] || cat "$work/scripts"
}

# keep_report: keep the report that was accepted last.
keep_report() {
	if [ "$goal_state" = known ]; then state_kind=xml; else state_kind=json; fi
	{ sys_make_directory "$state_directory" 0700 && sys_write "$state_directory/report.$state_kind" 0600 "$work/report"; } ||
		log_warning "report not kept: $(fail_cause)"
}

# mark_provisioned: remember that this VM is done. Only after Ready was accepted.
mark_provisioned() {
	{ printf '%s\n' "$vm_id" >"$work/marker"; } 2>/dev/null || {
		rm -f "$work/reserve"
		{ printf '%s\n' "$vm_id" >"$work/marker"; } 2>/dev/null || rm -f "$work/marker"
	}
	sys_write "$state_directory/provisioned" 0600 "$work/marker" ||
		log_warning "marker not kept: $(fail_cause); the next boot provisions again"
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
	sys_by_line
	for units_row in $units_table; do
		sys_by_word
		sys_cells "$units_row"
		# shellcheck disable=SC2034  # install.sh reads the other columns
		units_name=$_cell_1 units_found=$_cell_2 units_places=$_cell_3 units_files=$_cell_4 units_enabled=$_cell_5 units_disabled=$_cell_6
		"$@" && units_hit=yes && break
	done
	sys_by_word
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
			sys_by_line
			for unit_link in $_found; do
				sys_by_word
				"$1" || log_warning "service not disabled: $(fail_cause)"
			done
			sys_by_word
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
		sys_write "$unit_link/down" 0644 /dev/null && log_info "service disabled: made $unit_link/down"
		;;
	~*)
		sys_read "$unit_link" | grep -q "$unit_line" || return 0
		# sed leaves a last line without a newline as it is.
		sys_read "$unit_link" | LC_ALL=C sed "\\,$unit_line,d" >"$work/mended" && is_shorter "$unit_link" &&
			keep_edited "$unit_link" && log_info "service disabled: line removed from $unit_link"
		;;
	esac
}

# is_shorter FILE: whether $work/mended has all of its lines but those that start azready.
is_shorter() {
	sys_path "$1"
	[ "$(($(grep -vc "$unit_line" "$_path")))" -eq "$(($(grep -c '' "$work/mended")))" ] ||
		fail file_not_writable '' "file=$1" 'error=not copied whole'
}

# start_item: $unit_link is a service directory of runit or s6: its supervisor starts it, unless somebody wants it down.
start_item() {
	case $unit_item in +*) ! sys_exists "$unit_link/down" || return 0 ;; *) return 0 ;; esac
	sys_path "$unit_link/supervise/control"
	# Opened for both, it does not wait for a supervisor that is not there.
	[ ! -p "$_path" ] || printf u 1<>"$_path" || :
}
