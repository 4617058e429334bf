# tries.sh: the pauses between tries of one thing: back-off, Retry-After, and the deadline that no try outlives.
# Loops nest (each further report needs a fresh goal state), so each has its own set of variables: try_NAME_*.

try_pauses='' try_said='' try_said_at=0

# tries_begin NAME DEADLINE
tries_begin() {
	eval "try_$1_pauses=\$proto_BACKOFF_MS try_$1_deadline=\$2 try_$1_said= try_$1_said_at=0"
}

# tries_another NAME WHAT: say what went wrong and pause; fails where the pause would outlive the deadline.
tries_another() {
	eval "try_pauses=\$try_$1_pauses try_left=\$try_$1_deadline"
	try_pause=$((${try_pauses%% *} / 10))
	eval "try_$1_pauses=\${try_pauses#* }"
	[ "$_retry_after" -eq 0 ] || try_pause=$((_retry_after * 100))
	sys_now
	try_left=$((try_left - _now))
	tries_say "$1" "$2: $_problem"
	[ "$try_pause" -lt "$try_left" ] || return 1
	sys_seconds "$try_pause"
	sleep "$_seconds"
}

# tries_say NAME TEXT: a problem that lasts is logged again only every 30 seconds.
tries_say() {
	log_debug "$2 $_why"
	eval "try_said=\$try_$1_said try_said_at=\$try_$1_said_at"
	[ "$2" != "$try_said" ] || [ "$((_now - try_said_at))" -ge 3000 ] || return 0
	eval "try_$1_said=\$2 try_$1_said_at=\$_now"
	sys_seconds "$try_pause"
	if [ "$try_pause" -lt "$try_left" ]; then
		log_info "$2; next try in $_seconds s, $((try_left / 100)) s left"
	else
		log_info "$2; no time left for another try"
	fi
}

# tries_limit DEADLINE: sets _limit, the hundredths of a second that a request started now may take.
tries_limit() {
	sys_now
	_limit=$((set_REQUEST_TIMEOUT * 100))
	[ "$((_now + _limit))" -le "$1" ] || _limit=$(($1 - _now))
	[ "$_limit" -ge 10 ] || _limit=10
}
