# wireserver.sh: fetch the goal state, post the health report. Everything is tried again until the deadline.

goal_state=
wire_headers="$proto_WIRE_VERSION_HEADER: $proto_WIRE_VERSION
$proto_AGENT_NAME_HEADER: $azready_agent"

# read_goal_state: a fresh one, its identifiers in $work/INCARNATION, CONTAINER_ID and INSTANCE_ID, and what
# is reported of a machine that is Ready in $work/ready; sets goal_state to `known`, or to `none` where the
# report needs none. Fails at the deadline: nothing to address.
read_goal_state() {
	goal_state=none
	[ "$set_REPORT_PROTOCOL" != json ] || return 0
	tries_begin goal "$deadline"
	while ! wire_try; do
		if wire_serves_none; then
			log_info "goal state: $_problem; reporting without one, as JSON"
			return
		fi
		case $_problem in internal_error | file_not_writable)
			fail_not_told goal_state_unavailable
			return
			;;
		esac
		tries_another goal 'goal state' || {
			fail_not_told goal_state_unavailable
			return
		}
	done
	goal_state=known
	state_time GOAL_STATE
}

# wire_serves_none: whether the answer says so, and the settings leave the choice.
wire_serves_none() {
	[ "$set_REPORT_PROTOCOL" = auto ] || return 1
	case " $proto_NO_GOAL_STATE " in *" ${_problem#http_status=} "*) ;; *) return 1 ;; esac
}

wire_try() {
	tries_limit goal
	http_headers=$wire_headers
	http_send GET "$set_WIRESERVER" "$proto_GOAL_STATE_PATH" "$_limit" '' && wire_parse "$work/body"
}

# wire_parse FILE: sets _problem and _why where it is refused, and _retry_after, 0.
wire_parse() {
	_problem='error=goal_state_malformed'
	_retry_after=0
	parse_document "$awk_xml$awk_fill$awk_goal_state" "$1" "$proto_ID_MAX" "$health_template" ||
		parse_failed || return
	[ "$log_level" -lt 2 ] || log_debug "goal state: incarnation=$(cat "$work/INCARNATION")\
 container_id=$(cat "$work/CONTAINER_ID") instance_id=$(cat "$work/INSTANCE_ID")"
}

# wire_post FILE LIMIT: once, with the goal state of this moment or without one.
wire_post() {
	if [ "$goal_state" = known ]; then
		http_headers="$wire_headers
Content-Type: $proto_HEALTH_CONTENT_TYPE"
		http_send POST "$set_WIRESERVER" "$proto_HEALTH_PATH" "$2" "$1"
	else
		http_headers="$wire_headers
Content-Type: $proto_HEALTH_JSON_CONTENT_TYPE
$proto_GUEST_AGENT_HEADER: $azready_agent"
		http_send POST "$set_WIRESERVER" "$proto_HEALTH_JSON_PATH" "$2" "$1"
	fi
}
