# http.sh: the only module that knows curl from wget. One plain HTTP request, one answer; no redirect is
# followed (busybox wget does so by itself: its answer is then refused), no proxy is asked, at most
# RESPONSE_CAP bytes are taken, and a watchdog limits the whole request, because no client but curl does.
#
# An HTTP client is a row of http_clients and a pair of functions: http_can_NAME sets $http_command or fails,
# and http_send_NAME runs it, leaving $work/head (status line, headers) and $work/body. curl also says in
# $work/told what came of it, so that where all is well no program has to look.

http_clients='curl wget busybox-wget nc bash old-busybox-wget'
azready_agent=azready/$azready_version
http_client='' _problem=''

# http_begin: find the client. Proxies of the environment are not for a link-local address.
http_begin() {
	unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
	for http_client in $http_clients; do
		text_replaced "$http_client" - _
		http_sender=http_send_$_replaced
		! "http_can_$_replaced" 2>/dev/null || return 0
	done
	http_client=none
	fail no_http_client ''
}

# http_send METHOD ADDRESS PATH HUNDREDTHS [BODY_FILE]: body in $work/body. Header lines come in
# $http_headers. Good is 200 with a whole body; of the answer to a POST only the head counts, and any 2xx is
# good. Fails for all else, and then sets _status (0: none), _retry_after (0: none), _problem for the log and
# the report, and _why, the client's own words, for -v.
http_send() {
	log_debug "$1 $2$3"
	http_method=$1
	http_host=${2%%:*}
	http_port=80
	case $2 in *:*) http_port=${2#*:} ;; esac
	http_url=http://$http_host:$http_port$3
	http_path=$3
	http_limit=$4
	http_body_file=$5
	http_hold=
	http_sink_rc=0
	_status=0 _retry_after=0 _why=''
	# What was fetched may be moved to where it stays.
	umask 077
	http_empty head body
	set -- $?
	umask 022
	[ "$1" -eq 0 ] || {
		_problem='error=no_space'
		return 1
	}
	http_ask && { http_is_good || http_judge; }
}

# http_ask: have the client send the request; sets http_rc, its exit status. One that does not work is asked
# no more; sets _problem where there is no other.
http_ask() {
	"$http_sender"
	http_rc=$?
	http_is_broken || return 0
	log_warning "$http_client does not work (status $http_rc${http_said:+, $http_said})"
	http_clients=${http_clients#*"$http_client"}
	http_begin || {
		_problem='error=no_http_client'
		return 1
	}
	http_ask
}

# http_is_broken: whether this is a curl that does not run at all, or does not know what it was asked for; or
# a busybox wget with FEATURE_ETC_SERVICES where no /etc/services says what port "http" is.
http_is_broken() {
	http_said=
	case $http_client,$http_rc in
	curl,[24] | curl,12[67] | curl,13[249] | curl,135) ;;
	*busybox-wget,1)
		{ read -r http_said <"$work/err"; } 2>/dev/null
		case $http_said in *'bad port'*) ;; *) return 1 ;; esac
		;;
	*) return 1 ;;
	esac
}

# http_empty NAME ..: files of the work directory.
http_empty() {
	for http_file; do { printf '' >"$work/$http_file"; } 2>/dev/null || return; done
}

# http_is_good: whether the client says itself that a good answer came whole. Sets _status and _size.
http_is_good() {
	[ "$http_rc" -eq 0 ] && [ -s "$work/told" ] || return
	read -r _status _size <"$work/told"
	case $_size in '' | *[!0-9]*) return 1 ;; esac
	case $http_method,$_status in
	GET,200) [ "$_size" -le "$proto_RESPONSE_CAP" ] || return ;;
	POST,2[0-9][0-9]) ;;
	*) return 1 ;;
	esac
	log_debug "answer $_status"
}

# http_judge: what the head tells, where the client does not: sets _status, _problem and _why.
http_judge() {
	case $http_client in
	*wget)
		http_look "$work/err" told
		# Killed, it may have been in the middle of the head.
		[ "$http_rc" -ne 137 ] || http_head_size=0
		;;
	*) http_look "$work/head" raw ;;
	esac
	text_size "$work/body"
	log_debug "answer $_status"
	_problem='error=no_answer'
	[ -n "$http_told" ] || _problem='error=awk_failed'
	if [ "$_status" -lt 200 ]; then
		_status=0
	elif [ "$http_method" = POST ]; then
		[ "$_status" -gt 299 ] || [ "$http_head_size" -eq 0 ] || return 0
		[ "$_status" -le 299 ] || _problem="http_status=$_status"
	elif [ "$_status" -ne 200 ]; then
		_problem="http_status=$_status"
	elif [ "$_size" -gt "$proto_RESPONSE_CAP" ]; then
		_problem='error=answer_too_large'
	elif [ "$http_rc" -eq 0 ] && [ "$http_sink_rc" -eq 0 ]; then
		return 0
	fi
	_why=$(tail -n 1 "$work/err")
	[ "$http_sink_rc" -eq 0 ] || [ "$_problem" != error=no_answer ] || work_has_room ||
		_problem='error=no_space'
	return 1
}

# http_look FILE raw|told: sets http_head_size, _status, http_length and _retry_after, as http.awk tells them.
http_look() {
	http_head_size=0 _status=0 http_length=-1 _retry_after=0
	http_told=$(LC_ALL=C awk "$awk_http" "$1" "$2" "$proto_RETRY_AFTER_CAP" 2>/dev/null)
	[ -n "$http_told" ] || return 0
	# shellcheck disable=SC2086  # four numbers
	set -- $http_told
	http_head_size=$1 _status=$2 http_length=$3 _retry_after=$4
}

# http_run SINK COMMAND ..: run it for at most the limit, with stdout to the function SINK; its exit status,
# 137 where it was killed, and that of SINK in $http_sink_rc. What it says on stderr, of which there may be no
# end either, is in $work/err.
http_run() {
	http_sink=$1
	shift
	http_empty err raw told rc client || {
		http_sink_rc=1
		return 1
	}
	http_can_cap
	{ { http_start "$@" | http_cap 65536 >"$work/err"; } 3>&1; } 2>/dev/null </dev/null | "$http_sink" \
		2>/dev/null &
	child_wait "$!"
	http_sink_rc=$_ended
	# The sink may have had enough before the client has ended; and ksh93 waits for the sink alone.
	http_waits=0
	while [ ! -s "$work/rc" ] && [ "$http_waits" -le "$((http_limit / 5 + 40))" ]; do
		child_pause 5
		http_waits=$((http_waits + 1))
	done
	http_rc=137
	{ read -r http_rc <"$work/rc"; } 2>/dev/null
	{ printf '' >"$work/client"; } 2>/dev/null
	return "$http_rc"
}

# http_run_alone COMMAND ..: run a client that keeps to the time and takes answers apart by itself; its exit
# status. What it may write is capped by the kernel, in units of 512 bytes, or of 1024 in some shells: more
# than RESPONSE_CAP in both, so that the size of what came tells.
http_run_alone() {
	sys_before=$! sys_child=starting
	{ ulimit -f "$((proto_RESPONSE_CAP / 512 + 128))" && trap - PIPE && exec "$@"; } \
		</dev/null >"$work/told" 2>"$work/err" &
	child_attend "$!"
	return "$_ended"
}

# http_start COMMAND ..: its stdout is the descriptor 3, its stderr our stdout. With $http_hold its stdin is a
# named pipe.
http_start() {
	http_stdin=/dev/null
	[ -z "$http_hold" ] || http_stdin=$work/fifo
	# exec, and no brackets: yash would keep a shell between, and only that would be killed.
	{ trap - PIPE && exec "$@"; } <"$http_stdin" 2>&1 >&3 3>&- &
	http_pid=$!
	alive_start "$http_pid" || :
	printf '%s %s\n' "$http_pid" "$_start" >"$work/client"
	child_supervise "$http_pid" "$http_limit" >/dev/null 3>&-
	printf '%s\n' "$_ended" >"$work/rc"
}

# http_sink_body: what is over the cap is not taken.
http_sink_body() {
	http_cap "$((proto_RESPONSE_CAP + 1))" >"$work/body"
}

# http_sink_raw: head and body, up to where the answer is whole; then the client is ended, if it does not end
# by itself: a server may keep the connection, and busybox' older nc goes on for as long as its stdin is open.
# That is fed from here and kept open: a server may take a half-closed connection for an aborted one.
http_sink_raw() {
	if [ -n "$http_hold" ]; then
		# For both, or to open it could wait for ever.
		{
			cat "$http_hold" >&9
			http_take held
		} 9<>"$work/fifo"
	else
		http_take ''
	fi
	set -- $?
	[ -s "$work/client" ] || child_pause 10
	if { read -r http_pid http_began <"$work/client"; } 2>/dev/null; then
		alive_kill "$http_pid" "$http_began"
	fi
	return "$1"
}

# http_take HELD
http_take() {
	http_held=$1
	http_seen=0
	while :; do
		# One read, however little it brings.
		dd bs=65536 count=1 2>/dev/null >>"$work/raw" || return
		text_size "$work/raw"
		[ "$_size" -gt "$http_seen" ] || return 0
		http_seen=$_size
		[ "$_size" -le "$((proto_RESPONSE_CAP + 65536))" ] || return 0
		! http_is_whole || return 0
		[ "$http_held" != held ] || [ "$http_head_size" -eq 0 ] || {
			# Only the end of the connection ends this body, and an older nc must be told before it looks for
			# that.
			http_held=released
			sleep 1 9>&9 >/dev/null 2>&1 &
			exec 9>&-
		}
	done
}

# http_is_whole: whether $work/raw, of $_size bytes, holds all of the answer that is of use.
http_is_whole() {
	http_look "$work/raw" raw
	[ "$http_head_size" -gt 0 ] || return
	[ "$http_method" = GET ] && [ "$_status" -eq 200 ] || return 0
	case $http_length in
	-1) return 1 ;;
	-2) return 0 ;;
	*) [ "$_size" -ge "$((http_head_size + http_length))" ] ;;
	esac
}

# http_can_cap: what http_cap needs to know; to be called outside of pipes, each of which would ask again.
# busybox can be built without `head -c`.
http_can_cap() {
	[ -z "${http_head_counts-}" ] || return 0
	if printf x | head -c 1 >/dev/null 2>&1; then http_head_counts=yes; else http_head_counts=no; fi
}

# http_cap COUNT <BYTES: the first of them.
http_cap() {
	if [ "$http_head_counts" = yes ]; then
		head -c "$1"
	else
		dd bs=1 count="$1" 2>/dev/null
	fi
}
