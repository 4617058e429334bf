# failure.sh: how a step says that provisioning cannot go on: `fail ... || return` up to provision.

# fail REASON HINT [KEY=VALUE ..]: keep the row of the failure report in $work/DESCRIPTION and one line for the log in
# $work/failure, and return 1. $fail_value (KEY=FILE) is one more detail, the content of a file: what the platform gave
# may hold bytes that a shell variable cannot (yash). $current_step stands first among the details.
fail() {
	fail_reason=$1
	fail_hint=$2
	shift 2
	set -- "$fail_reason" ${current_step:+"step=$current_step"} ${1+"$@"}
	sys_timestamp
	# A work directory that is full has kept a little for this.
	fail_write "$@" || {
		rm -f "$work/reserve"
		fail_write "$@"
	} || fail_shorter
	fail_value=
	return 1
}

# forgive: the failure that was just noted is none: provisioning goes on without what could not be done.
forgive() {
	rm -f "$work/DESCRIPTION" "$work/failure"
	fail_value=
}

# fail_write REASON [KEY=VALUE ..]: both files; fails where one is not whole.
fail_write() {
	{
		printf '%s' "$1" >"$work/failure" && fail_line "$@" | tr "\000$log_controls" '?' >"$work/failure"
		# The row ends in what is the same in all; busybox awk does not notice a short write.
		report_row "$@" >"$work/DESCRIPTION"
	} 2>/dev/null
	[ -s "$work/failure" ] && fail_is_whole
}

fail_is_whole() {
	case $(tail -c 200 "$work/DESCRIPTION" 2>/dev/null | tr -d '\000') in *"|documentation_url=$proto_DOCUMENTATION_URL") ;; *) return 1 ;; esac
}

# fail_line REASON [KEY=VALUE ..]
fail_line() {
	printf '%s' "$1"
	shift
	[ $# -eq 0 ] || printf ' %s' "$@"
	[ -z "$fail_value" ] || {
		printf ' %s=' "${fail_value%%=*}"
		cat "${fail_value#*=}"
	}
}

# fail_shorter: without awk, and without what anybody else has said; where even that has no room, fail_cause says it.
fail_shorter() {
	case $fail_reason in *[!a-z_]*) fail_reason=internal_error ;; esac
	{
		[ -s "$work/failure" ] || printf '%s' "$fail_reason" >"$work/failure"
		printf '%s' "result=error|reason=$fail_reason|agent=$azready_agent|vm_id=${vm_id:-unknown}|timestamp=$_timestamp|documentation_url=$proto_DOCUMENTATION_URL" >"$work/DESCRIPTION"
	} 2>/dev/null
	fail_is_whole || rm -f "$work/DESCRIPTION"
}

# fail_cause: prints what went wrong, in one line, and never nothing.
fail_cause() {
	if [ -s "$work/failure" ]; then
		cat "$work/failure"
	else
		printf '%s' "${fail_reason:-internal_error} "
		if [ -d "$work" ]; then printf '%s' "error=${work%/*} is full"; else printf '%s' "error=$work is gone"; fi
	fi
}

# fail_log: say what went wrong, and what to do about it.
fail_log() {
	{
		fail_cause
		[ -z "$fail_hint" ] || printf ' (hint: %s)' "$fail_hint"
	} | log_emit 'error: '
}

# not_told REASON: the platform could not be told by the deadline. An earlier failure stays the cause. Returns 1.
not_told() {
	untold=$1
	{
		if [ -s "$work/failure" ]; then
			printf ' not_told=%s' "$1" >>"$work/failure"
		else
			printf '%s %s' "$1" "$_problem" >"$work/failure"
		fi
	} 2>/dev/null || fail_reason=${fail_reason:-$1}
	return 1
}
