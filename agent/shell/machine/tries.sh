# tries.sh: the pauses between tries of one thing: back-off, Retry-After, and the deadline that no try
# outlives. Loops nest (each further report needs a fresh goal state), so each has its own set of variables:
# try_NAME_*.

try_pauses='' try_said='' try_said_at=0 try_limit=0 try_deadline=0
# As long as other agents wait for one answer.
try_most=6000

# tries_begin NAME DEADLINE
tries_begin() {
	eval "try_$1_pauses=\$proto_BACKOFF_MS try_$1_deadline=\$2 try_$1_said= try_$1_said_at=0"
	eval "try_$1_limit=\$((set_REQUEST_TIMEOUT * 100))"
}

# tries_another NAME WHAT: say what went wrong and pause; fails where the pause would outlive the deadline,
# and where there is nothing more to ask with.
tries_another() {
	eval "try_pauses=\$try_$1_pauses try_left=\$try_$1_deadline"
	tries_spread "$((${try_pauses%% *} / 10))"
	eval "try_$1_pauses=\${try_pauses#* }"
	clock_now
	try_left=$((try_left - _now))
	if [ "$_retry_after" -gt 0 ]; then
		# Never earlier than it says.
		try_pause=$((_retry_after * 100 + try_pause / 2))
	elif [ "$try_pause" -ge "$try_left" ] && [ "$try_left" -gt 100 ]; then
		# A last try just before the end, rather than none at all.
		try_pause=$((try_left - 50))
	fi
	tries_say "$1" "$2: $_problem"
	if [ "$try_pause" -ge "$try_left" ] || [ "$http_client" = none ]; then return 1; fi
	child_pause "$try_pause"
}

# tries_spread HUNDREDTHS: sets try_pause to some of it, half at least: VMs that met the same trouble must not
# all come back at the same instant. Without /proc the process number has to do.
tries_spread() {
	{ read -r try_random </proc/sys/kernel/random/uuid; } 2>/dev/null || try_random=
	try_random=${try_random%"${try_random#??}"}
	case $try_random in
	[0-9a-f][0-9a-f]) try_random=$((0x$try_random)) ;;
	*) try_random=$(($$ % 256)) ;;
	esac
	try_pause=$(($1 - $1 * try_random / 512))
}

# tries_say NAME TEXT: a problem that lasts is logged again only every 30 seconds.
tries_say() {
	log_debug "$2 $_why"
	eval "try_said=\$try_$1_said try_said_at=\$try_$1_said_at"
	[ "$2" != "$try_said" ] || [ "$((_now - try_said_at))" -ge 3000 ] || return 0
	eval "try_$1_said=\$2 try_$1_said_at=\$_now"
	clock_seconds "$try_pause"
	if [ "$try_pause" -lt "$try_left" ]; then
		log_info "$2; next try in $_seconds s, $((try_left / 100)) s left"
	else
		log_info "$2; no time left for another try"
	fi
}

# tries_limit NAME: sets _limit, the hundredths of a second that a request started now may take, and _until,
# when they are over: REQUEST_TIMEOUT, and twice as much at each further try, because a server may be slow and
# not dead.
tries_limit() {
	eval "_limit=\$try_$1_limit try_deadline=\$try_$1_deadline"
	try_limit=$((_limit * 2))
	[ "$try_limit" -le "$try_most" ] || try_limit=$try_most
	[ "$_limit" -lt "$try_limit" ] || try_limit=$_limit
	eval "try_$1_limit=\$try_limit"
	clock_now
	[ "$((_now + _limit))" -le "$try_deadline" ] || _limit=$((try_deadline - _now))
	[ "$_limit" -ge 10 ] || _limit=10
	_until=$((_now + _limit))
}
