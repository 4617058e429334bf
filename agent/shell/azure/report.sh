# report.sh: the health report: its row of details, its document, and sending it until it is accepted.

# report_ready: fails at the deadline.
report_ready() {
	# Left over they would make this a failure.
	{ printf '' >"$work/details"; } 2>/dev/null
	{ printf '' >"$work/DESCRIPTION"; } 2>/dev/null
	report_send Ready
}

# report_failed: the failure that was noted last. Fails at the deadline.
report_failed() {
	report_describe
	report_send NotReady
}

# report_send STATE: post until the report is accepted, and keep it. A refused report may be addressed wrongly
# (410: stale incarnation), so each further try reads the goal state again.
report_send() {
	report_state=$1
	report_say "$1"
	tries_begin health "$deadline"
	[ -n "$goal_state" ] || read_goal_state || return
	while ! report_try; do
		tries_another health 'health report' || {
			fail_not_told report_not_accepted
			return
		}
		read_goal_state || return
	done
	log_info "the platform accepted the report $1"
	state_keep_report "$report_file"
}

# report_say STATE
report_say() {
	[ "$log_level" -ge 1 ] || return 0
	if [ -s "$work/DESCRIPTION" ]; then
		{ printf 'reporting %s: ' "$1" && cat "$work/DESCRIPTION"; } | log_emit ''
	else
		log_info "reporting $1"
	fi
}

report_try() {
	tries_limit health
	report_made && wire_post "$report_file" "$_limit"
}

# report_made: $report_file for the goal state of this moment, whole. What is cut off or lacks its cause is
# never sent: fails then, and sets _problem, _why and _retry_after.
report_made() {
	report_one || {
		rm -f "$work/reserve"
		report_one
	} && return
	_retry_after=0 _why=''
	_problem='error=report_not_made'
	work_has_room || _problem='error=no_space'
	return 1
}

# report_one: one try to make it. What is no Ready has a cause. Ready came with the goal state.
report_one() {
	case $report_state,$goal_state in
	Ready,known)
		report_file=$work/ready
		[ -s "$report_file" ]
		return
		;;
	# There, whatever went wrong a moment ago.
	Ready,*) { printf '' >"$work/DESCRIPTION"; } 2>/dev/null ;;
	*) [ -s "$work/DESCRIPTION" ] ;;
	esac && { printf '%s' "$report_state" >"$work/STATE"; } 2>/dev/null || return
	report_file=$work/report
	if [ "$goal_state" = known ]; then report_document; else report_json; fi
}

# report_document: the template filled in with the goal state of this moment.
report_document() {
	parse_save "$awk_fill$awk_report_xml" "$work" 0 "$health_template"
}

# report_json: the report that needs no goal state.
report_json() {
	parse_save "$awk_report_json" "$work" 0
}

# report_describe: the row of the failure in $work/details (see fail) becomes $work/DESCRIPTION; fails where
# there is none.
report_describe() {
	[ -s "$work/details" ] || return
	report_described || {
		rm -f "$work/reserve"
		report_described
	} || report_shorter
}

# report_described: one try. The row ends in what is the same in all; busybox awk does not notice a short
# write.
report_described() {
	{
		IFS= read -r report_when <"$work/details"
		report_awk_row "$report_when" "$work/details" >"$work/DESCRIPTION"
	} 2>/dev/null
	report_row_is_whole
}

# report_shorter: without awk, and without what anybody else has said.
report_shorter() {
	{
		{ IFS= read -r report_when && IFS= read -r report_reason; } <"$work/details"
		report_reason=${report_reason#=reason=}
		case $report_reason in *[!a-z_]*) report_reason=internal_error ;; esac
		printf '%s' "result=error|reason=$report_reason|agent=$azready_agent|vm_id=${vm_id:-unknown}" \
			"|timestamp=$report_when|documentation_url=$proto_DOCUMENTATION_URL" >"$work/DESCRIPTION"
	} 2>/dev/null
	report_row_is_whole || {
		rm -f "$work/DESCRIPTION"
		return 1
	}
}

report_row_is_whole() {
	case $(tail -c 200 "$work/DESCRIPTION" 2>/dev/null | tr -d '\000') in
	*"|documentation_url=$proto_DOCUMENTATION_URL") ;;
	*) return 1 ;;
	esac
}

# report_row TIMESTAMP REASON [KEY=VALUE ..]: prints the row of a failure report.
report_row() {
	report_when=$1
	shift
	report_awk_row "$report_when" '' "$@"
}

# report_awk_row TIMESTAMP DETAILS [REASON [KEY=VALUE ..]]
report_awk_row() {
	program_awk "$awk_row" "$proto_DESCRIPTION_MAX" "$azready_agent" "$vm_id" "$proto_DOCUMENTATION_URL" "$@"
}
