# log.sh: lines for the person who watches. Texts arrive on stdin or as arguments and leave as one line each,
# whatever they hold: a server's error page must not forge lines of the log.

log_controls=

# log_know_controls: sets log_controls, the control characters for tr; a fork, which most runs do without. As
# bytes: busybox before 1.25 takes no \ooo for the end of a range, and then deletes every hyphen.
log_know_controls() {
	[ -n "$log_controls" ] || log_controls=$(printf '\001-\037\177')
}

# log_plain TEXT: sets _plain, the text without control characters.
log_plain() {
	_plain=$1
	case $1 in *[[:cntrl:]]*) ;; *) return 0 ;; esac
	log_know_controls
	_plain=$(printf '%s' "$1" | tr -d "$log_controls")
}

log_level=1

# Whatever becomes of a line, nothing else may depend on it: the disk behind stderr may be full, its reader
# gone. So every function here succeeds.

# log_emit PREFIX <TEXT: one line on stderr.
log_emit() {
	log_know_controls
	{
		printf 'azready: %s' "$1"
		if command -v tr >/dev/null 2>&1; then
			tr "\000$log_controls" '?'
		else
			# That it is missing is to be read.
			IFS= read -r log_line
			printf '%s' "$log_line"
		fi
		printf '\n'
	} >&2 2>/dev/null || :
}

# log_text PREFIX TEXT: the same for a text at hand: most hold nothing that tr would have to look at.
log_text() {
	case $2 in
	*[[:cntrl:]]*) printf '%s' "$2" | log_emit "$1" ;;
	*) printf 'azready: %s%s\n' "$1" "$2" ;;
	esac >&2 2>/dev/null || :
}

# log_lines WHO <OUTPUT
log_lines() {
	while IFS= read -r log_line || [ -n "$log_line" ]; do log_info "$1: $log_line"; done
	:
}

# log_debug TEXT: only with -v.
log_debug() {
	[ "$log_level" -lt 2 ] || log_text 'debug: ' "$1"
}

# log_info TEXT: what is done, unless -q.
log_info() {
	[ "$log_level" -lt 1 ] || log_text '' "$1"
}

# log_warning TEXT: something to look at that does not stop provisioning.
log_warning() {
	log_text 'warning: ' "$1"
}

# log_error TEXT [HINT]: what went wrong, and what to do about it.
log_error() {
	log_text 'error: ' "$1${2:+ (hint: $2)}"
}

# log_die TEXT HINT: wrong usage or configuration, nothing was changed.
log_die() {
	log_error "$1" "$2"
	exit 2
}

# log_to_console TEXT: append to the console; never fail because of it.
log_to_console() {
	place_of /dev/console
	[ ! -e "$_path" ] || (printf '%s\n' "$1" >>"$_path") 2>/dev/null || :
}
