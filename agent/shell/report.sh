# report.sh: the health report: its row of details, its document, and sending it.

# report_ready: fails at the deadline.
report_ready() {
	: >"$work/DESCRIPTION"
	send_report Ready
}

# report_failed: the failure in $work/DESCRIPTION. Fails at the deadline.
report_failed() {
	send_report NotReady
}

# send_report STATE
send_report() {
	printf '%s' "$1" >"$work/STATE"
	if [ "$log_level" -ge 1 ]; then
		{
			printf 'reporting %s' "$1"
			[ ! -s "$work/DESCRIPTION" ] || {
				printf ': '
				cat "$work/DESCRIPTION"
			}
		} | log_emit ''
	fi
	report_health || return
	log_info "the platform accepted the report $1"
	keep_report
}

# report_document: $work/report, the template filled in with the goal state of this moment.
report_document() {
	sys_awk "$awk_fill" "$work" >"$work/report" <<EOT
$health_template
EOT
}

# report_json: $work/report, the report that needs no goal state.
report_json() {
	sys_awk "$awk_report_json" "$work" >"$work/report"
}

# report_row REASON [KEY=VALUE ..]: prints the row of a failure report; uses $vm_id, $_timestamp and $fail_value.
report_row() {
	sys_awk "$awk_row" "$proto_DESCRIPTION_MAX" "$azready_agent" "$vm_id" "$_timestamp" "$proto_DOCUMENTATION_URL" "$fail_value" "$@"
}
