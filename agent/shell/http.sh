# http.sh: the only module that knows curl from wget. One plain HTTP request, one answer; no redirect is followed (busybox
# wget does so by itself: its answer is then refused), no proxy is asked, at most RESPONSE_CAP bytes are taken, and a
# watchdog limits the whole request, because no client does.
#
# An HTTP client is a row of http_clients and a pair of functions: http_can_NAME sets $http_command or fails, and
# http_send_NAME runs it, leaving $work/head (status line, headers) and $work/body.

http_clients='curl wget busybox-wget nc bash'
azready_agent=azready/$azready_version

# http_begin: find the client. Proxies of the environment are not for a link-local address.
http_begin() {
	unset http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY
	for http_client in $http_clients; do
		"http_can_$(printf '%s' "$http_client" | tr - _)" 2>/dev/null && return
	done
	http_client=none
	fail no_http_client 'install curl, wget or bash, or a busybox with wget or nc'
}

# http_send METHOD ADDRESS PATH HUNDREDTHS [BODY_FILE]: body in $work/body. Header lines come in $http_headers.
# Fails for all but a whole 2xx answer, and then sets _status (0: none), _retry_after (0: none), _problem for the log
# and the report, and _why, the client's own words, for -v.
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
	: >"$work/head"
	: >"$work/body"
	: >"$work/err"
	"http_send_$(printf '%s' "$http_client" | tr - _)"
	http_judge $?
}

# http_judge CLIENT_STATUS
http_judge() {
	# shellcheck disable=SC2046  # two words
	set -- "$1" "$(wc -c <"$work/body")" $(http_status_line)
	_status=$3
	_retry_after=$4
	_why=$(tail -n 1 "$work/err")
	log_debug "answer $_status"
	if [ "$_status" -eq 0 ]; then
		_problem='error=no_answer'
	elif [ "$_status" -lt 200 ] || [ "$_status" -gt 299 ]; then
		_problem="http_status=$_status"
	elif [ "$2" -gt "$proto_RESPONSE_CAP" ]; then
		_problem='error=answer_too_large'
	elif [ "$1" -ne 0 ]; then
		_problem='error=no_answer'
	else
		return 0
	fi
	return 1
}

# http_status_line: prints status and Retry-After of $work/head, 0 for what is missing. The first final status counts:
# busybox wget goes on to where a redirect points. Only the form of Retry-After in seconds is used by these servers.
http_status_line() {
	LC_ALL=C awk -v cap="$proto_RETRY_AFTER_CAP" '
		match($0, /HTTP\/[0-9.]+ [0-9][0-9][0-9]/) {
			if (code >= 200) exit
			code = substr($0, RSTART + RLENGTH - 3, 3) + 0
		}
		tolower($0) ~ /^[ \t]*retry-after:[ \t]*[0-9]+[ \t\r]*$/ {
			# Without its zeros: busybox awk takes 010 for octal.
			sub(/^[^:]*:[ \t]*0*/, "")
			wait = $0 + 0 > cap ? cap : $0 + 0
		}
		END { print code + 0, wait + 0 }' "$work/head"
}

# http_run OUTPUT COMMAND ..: its output, capped, into $work/OUTPUT; its exit status, 137 once the limit has passed.
# With $http_hold, that file is fed to it and its stdin stays open: a server may take a half-closed connection for an
# aborted one.
http_run() {
	http_output=$1
	shift
	sys_seconds "$http_limit"
	http_run_limited "$@" 2>/dev/null | http_cap >"$work/$http_output"
	read -r http_rc <"$work/rc"
	return "$http_rc"
}

# http_run_limited COMMAND ..
http_run_limited() {
	# exec: yash would keep a shell between, and only that would be killed.
	if [ -n "$http_hold" ]; then
		rm -f "$work/fifo"
		mkfifo "$work/fifo"
		exec "$@" <"$work/fifo" 2>"$work/err" &
	else
		exec "$@" </dev/null 2>"$work/err" &
	fi
	http_pid=$!
	sys_watch "$http_pid" "$_seconds" </dev/null >/dev/null &
	http_dog=$!
	[ -z "$http_hold" ] || { exec 9>"$work/fifo" && cat "$http_hold" >&9; }
	sys_reap "$http_pid" "$http_dog"
	printf '%s\n' "$_ended" >"$work/rc"
}

# http_cap <BYTES: the first RESPONSE_CAP + 1 of them; takes the rest too, because ksh93 waits only for the end of a pipeline,
# and $work/rc must have been written by then. busybox can be built without `head -c`.
http_cap() {
	if [ -z "${http_head_counts-}" ]; then
		if printf x | head -c 1 >/dev/null 2>&1; then http_head_counts=yes; else http_head_counts=no; fi
	fi
	if [ "$http_head_counts" = yes ]; then
		head -c "$((proto_RESPONSE_CAP + 1))"
	else
		dd bs=1 count="$((proto_RESPONSE_CAP + 1))" 2>/dev/null
	fi
	cat >/dev/null
}

# --- curl

http_can_curl() {
	curl --version >/dev/null && http_command=curl
}

http_send_curl() {
	# -q: no .curlrc. -g: no globbing. No -L, ever.
	set -- curl -q -s -S -g --noproxy '*' -D "$work/head" -o - -A "$azready_agent"
	while read -r http_header; do set -- "$@" -H "$http_header"; done <<EOT
$http_headers
EOT
	[ -z "$http_body_file" ] || set -- "$@" --data-binary "@$http_body_file"
	http_run body "$@" "$http_url"
}

# --- wget: GNU's (or wget2), and busybox's, told apart by their options. Both say the status on stderr with -S.

# http_wget_options TEXT ..: whether the help of a wget knows all of these; tries `busybox wget` where wget is not it.
http_wget_options() {
	for http_command in wget 'busybox wget'; do
		# shellcheck disable=SC2086  # two words
		http_help=$($http_command --help 2>&1 </dev/null)
		http_knows=yes
		for http_option in "$@"; do
			case $http_help in *"$http_option"*) ;; *) http_knows=no ;; esac
		done
		[ "$http_knows" = no ] || return 0
	done
	return 1
}

http_can_wget() {
	http_wget_options --header --post-file --max-redirect --no-config --tries
}

http_send_wget() {
	http_wget -nv -S --no-config --tries=1 --max-redirect=0 --no-proxy -U "$azready_agent" -O -
}

# Never -T: Debian's busybox 1.35 is built without it and crashes.
http_can_busybox_wget() {
	http_wget_options BusyBox --header --post-file -S
}

http_send_busybox_wget() {
	http_wget -q -S -U "$azready_agent" -O -
}

# http_wget OPTION ..: the part that both have in common. A refusal (404) counts as an answer that came whole.
http_wget() {
	while read -r http_header; do set -- "$@" --header "$http_header"; done <<EOT
$http_headers
EOT
	[ -z "$http_body_file" ] || set -- "$@" --post-file "$http_body_file"
	# shellcheck disable=SC2086  # two words
	http_run body $http_command "$@" "$http_url"
	http_rc=$?
	cp "$work/err" "$work/head"
	return "$http_rc"
}

# --- raw: HTTP/1.0 over something that carries bytes; we write the request and take the answer apart ourselves.

# Other netcats differ in when they end and what they close; only busybox's is known to do it right.
http_can_nc() {
	for http_command in nc 'busybox nc'; do
		# shellcheck disable=SC2086  # two words
		case $($http_command --help 2>&1 </dev/null) in *BusyBox*) return 0 ;; esac
	done
	return 1
}

http_send_nc() {
	http_write_request
	http_hold=$work/request
	# shellcheck disable=SC2086  # two words
	http_run raw $http_command "$http_host" "$http_port"
	http_split $?
}

http_can_bash() {
	http_command=bash
	# A bash without /dev/tcp takes it for a file; port 0 can never be connected to.
	case $(bash -c ': </dev/tcp/127.0.0.1/0' 2>&1) in *'No such file'*) return 1 ;; *bash:*) return 0 ;; *) return 1 ;; esac
}

http_send_bash() {
	http_write_request
	# shellcheck disable=SC2016  # for bash to expand
	http_run raw bash -c 'exec 3<>"/dev/tcp/$1/$2" && cat "$3" >&3 && exec cat <&3' bash "$http_host" "$http_port" "$work/request"
	http_split $?
}

# http_write_request: the bytes of the request in $work/request.
http_write_request() {
	{
		printf '%s %s HTTP/1.0\r\nHost: %s:%s\r\nUser-Agent: %s\r\nConnection: close\r\n' \
			"$http_method" "$http_path" "$http_host" "$http_port" "$azready_agent"
		while read -r http_header; do printf '%s\r\n' "$http_header"; done <<EOT
$http_headers
EOT
		[ -z "$http_body_file" ] || printf 'Content-Length: %d\r\n' "$(wc -c <"$http_body_file")"
		printf '\r\n'
		[ -z "$http_body_file" ] || cat "$http_body_file"
	} >"$work/request"
}

# http_split CLIENT_STATUS: cut $work/raw into head and body. With a Content-Length, that decides whether all came, and
# not how the connection ended; a chunked answer to HTTP/1.0 is refused.
http_split() {
	http_hold=
	http_rc=$1
	http_head_size=$(LC_ALL=C awk -v head="$work/head" '
		{ n += length($0) + 1; sub(/\r$/, ""); print >head }
		$0 == "" { print n; ended = 1; exit }
		END { if (!ended) print 0 }' "$work/raw")
	if [ "$http_head_size" -eq 0 ]; then
		: >"$work/head"
		return 1
	fi
	tail -c "+$((http_head_size + 1))" "$work/raw" >"$work/body"
	http_length=$(LC_ALL=C awk 'tolower($0) ~ /^content-length:[ \t]*[0-9]+[ \t]*$/ { sub(/^[^:]*:[ \t]*/, ""); print $0 + 0; exit }
		tolower($0) ~ /^transfer-encoding:/ { print -1; exit }' "$work/head")
	[ -n "$http_length" ] || return "$http_rc"
	http_size=$(wc -c <"$work/body")
	[ "$http_length" -ge 0 ] && [ "$http_size" -ge "$http_length" ] || return 1
	[ "$http_size" -eq "$http_length" ] || {
		head -c "$http_length" "$work/body" >"$work/cut" && mv "$work/cut" "$work/body"
	}
}
