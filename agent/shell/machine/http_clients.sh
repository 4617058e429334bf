# http_clients.sh: the HTTP clients, a pair of functions for each (see http.sh).

# --- curl

# To ask it for its version would cost as much as a request: that it does not work shows at the first one.
http_can_curl() {
	program_has curl && http_command=curl
}

http_send_curl() {
	# -q: no .curlrc. -g: no globbing. No -L, ever.
	set -- curl -q -s -S -g --noproxy '*' -D "$work/head" -A "$azready_agent"
	text_by_line
	for http_header in $http_headers; do set -- "$@" -H "$http_header"; done
	text_by_word
	[ -z "$http_body_file" ] || set -- "$@" --data-binary "@$http_body_file"
	# posh cannot cap what is written. Whole seconds: older ones take no others.
	if program_has ulimit; then
		http_run_alone "$@" -o "$work/body" -w '%{http_code} %{size_download}' \
			-m "$(((http_limit + 99) / 100))" "$http_url"
	else
		http_run http_sink_body "$@" -o - "$http_url"
	fi
}

# --- wget: GNU's and busybox's, told apart by their options. Both say the status on stderr with -S
# (wget2 does not, and is none of them).

# http_wget_options TEXT ..: whether the help of a wget knows all of these; tries `busybox wget` where wget is
# not it.
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

# Before 1.34 there is no --post-file, and --post-data is not in the help: Buildroot's own configuration had
# nothing else. A report has no secret that would be seen on a command line.
http_can_old_busybox_wget() {
	http_wget_options BusyBox --header -S
}

http_send_old_busybox_wget() {
	set --
	[ -z "$http_body_file" ] || {
		http_body=$(cat "$http_body_file" && printf x) || return 1
		set -- --post-data "${http_body%x}"
	}
	http_wget "$@" -q -S -U "$azready_agent" -O -
}

# http_wget OPTION ..: the part that all have in common.
http_wget() {
	text_by_line
	for http_header in $http_headers; do set -- "$@" --header "$http_header"; done
	text_by_word
	case $http_client,$http_body_file in
	*, | old-busybox-wget,*) ;;
	*) set -- "$@" --post-file "$http_body_file" ;;
	esac
	# shellcheck disable=SC2086  # two words
	http_run http_sink_body $http_command "$@" "$http_url"
}

# --- raw: HTTP/1.0 over something that carries bytes; we write the request and take the answer apart
# ourselves.

# Other netcats differ in when they end and what they close; of busybox's it is known (http_sink_raw).
http_can_nc() {
	program_has mkfifo || return
	for http_command in nc 'busybox nc'; do
		# shellcheck disable=SC2086  # two words
		case $($http_command --help 2>&1 </dev/null) in *BusyBox*) return 0 ;; esac
	done
	return 1
}

http_send_nc() {
	http_write_request || return
	rm -f "$work/fifo"
	(umask 077 && mkfifo "$work/fifo") || return
	http_hold=$work/request
	# shellcheck disable=SC2086  # two words
	http_run http_sink_raw $http_command "$http_host" "$http_port"
	http_split $?
}

# The words "bash: not found" are another shell's.
http_can_bash() {
	http_command=bash
	program_has bash || return
	# A bash without /dev/tcp takes it for a file; port 0 can never be connected to.
	# shellcheck disable=SC2016  # for bash to expand
	case $(LC_ALL=C bash -c 'printf "<%s>" "$BASH_VERSION"; : </dev/tcp/127.0.0.1/0' 2>&1) in
	*'No such file'*) return 1 ;;
	'<'[0-9]*'>'*/dev/tcp/*) return 0 ;;
	*) return 1 ;;
	esac
}

http_send_bash() {
	http_write_request || return
	# shellcheck disable=SC2016  # for bash to expand
	http_run http_sink_raw bash -c 'exec 3<>"/dev/tcp/$1/$2" && cat "$3" >&3 && exec cat <&3' bash \
		"$http_host" "$http_port" "$work/request"
	http_split $?
}

# http_write_request: the bytes of the request in $work/request.
http_write_request() {
	{
		printf '%s %s HTTP/1.0\r\nHost: %s:%s\r\nUser-Agent: %s\r\nConnection: close\r\n' \
			"$http_method" "$http_path" "$http_host" "$http_port" "$azready_agent" && http_print_headers &&
			{ [ -z "$http_body_file" ] || printf 'Content-Length: %d\r\n' "$(wc -c <"$http_body_file")"; } &&
			printf '\r\n' &&
			{ [ -z "$http_body_file" ] || cat "$http_body_file"; }
	} 2>/dev/null >"$work/request" && return
	http_sink_rc=1
	return 1
}

http_print_headers() {
	text_by_line
	for http_header in $http_headers; do printf '%s\r\n' "$http_header" || break; done
	set -- $?
	text_by_word
	return "$1"
}

# http_split CLIENT_STATUS: cut $work/raw into head and body. With a Content-Length, that decides whether all
# came, and not how the connection ended; a chunked answer to HTTP/1.0 is refused.
http_split() {
	http_rc=$1
	http_look "$work/raw" raw
	if [ "$http_head_size" -eq 0 ]; then
		# Without its end it is no head, but its status is to be told.
		head -n 64 "$work/raw" >"$work/head"
		return 1
	fi
	if ! dd if="$work/raw" of="$work/head" bs="$http_head_size" count=1 2>/dev/null ||
		! tail -c "+$((http_head_size + 1))" "$work/raw" >"$work/body"; then
		http_sink_rc=1
		return 1
	fi
	[ "$http_length" -ne -1 ] || return "$http_rc"
	text_size "$work/body"
	[ "$http_length" -ge 0 ] && [ "$_size" -ge "$http_length" ] || return 1
	[ "$_size" -eq "$http_length" ] || {
		head -c "$http_length" "$work/body" >"$work/cut" && mv "$work/cut" "$work/body"
	}
}
