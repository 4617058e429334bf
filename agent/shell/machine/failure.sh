# failure.sh: how a step says that provisioning cannot go on: `fail ... || return` up to provision.

fail_value='' fail_reason='' fail_hint='' untold='' current_step=''

# fail REASON HINT [KEY=VALUE ..]: keep reason and details in $work/details, for the report, and one line for
# the log in $work/failure, and return 1. $fail_value (KEY=FILE) is one more detail, the content of a file:
# what the platform gave may hold bytes that a shell variable cannot (yash). $current_step stands first among
# the details. Sets $fail_reason and $fail_hint, which are gone where it was called in a subshell.
fail() {
	fail_reason=$1
	fail_hint=$2
	shift 2
	set -- "$fail_reason" ${current_step:+"step=$current_step"} ${1+"$@"}
	clock_timestamp
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
	rm -f "$work/details" "$work/details.value" "$work/failure"
	fail_value=
}

# fail_minor WORDS MORE COMMAND [ARGUMENT ..]: the command; where it fails that is a warning, with its cause
# between WORDS and MORE, and what has failed before stays the cause.
fail_minor() {
	fail_words=$1 fail_more=$2 fail_earlier=$fail_reason fail_earlier_hint=$fail_hint
	shift 2
	fail_move copy '' kept.
	"$@" || {
		log_warning "$fail_words: $(fail_cause)$fail_more"
		forgive
		fail_move move kept. ''
		fail_reason=$fail_earlier fail_hint=$fail_earlier_hint
	}
	[ ! -e "$work/kept.failure" ] ||
		rm -f "$work/kept.failure" "$work/kept.details" "$work/kept.details.value"
}

# fail_move HOW FROM TO: the files of a failure, from names that begin so to names that begin so.
fail_move() {
	[ -s "$work/$2failure" ] || return 0
	for fail_file in failure details details.value; do
		if [ ! -e "$work/$2$fail_file" ]; then
			continue
		elif [ "$1" = move ]; then
			mv -f "$work/$2$fail_file" "$work/$3$fail_file"
		else
			cp "$work/$2$fail_file" "$work/$3$fail_file"
		fi
	done 2>/dev/null
}

# fail_write REASON [KEY=VALUE ..]: all files; fails where one is not whole. A report without the value of
# $fail_value is better than none.
fail_write() {
	log_know_controls
	{
		printf '%s' "$1" >"$work/failure" && fail_line "$@" | tr "\000$log_controls" '?' >"$work/failure"
		fail_details "$@" >"$work/details"
		[ -z "$fail_value" ] || cp "${fail_value#*=}" "$work/details.value"
	} 2>/dev/null
	[ -s "$work/failure" ] && fail_is_whole
}

# fail_details REASON [KEY=VALUE ..]: prints them: when it was; a line for each with `=` in front, and `+` in
# front of what comes behind a line end in it; the key of $fail_value behind `@`; and a dot, the sign that
# this is all.
fail_details() {
	fail_detail=reason=$1
	shift
	printf '%s\n' "$_timestamp" || return $?
	for fail_detail in "$fail_detail" ${1+"$@"}; do
		case $fail_detail in
		*"$sys_newline"*) printf '%s\n' "$fail_detail" | LC_ALL=C sed '1s/^/=/; 2,$s/^/+/' ;;
		*) printf '=%s\n' "$fail_detail" ;;
		esac || return $?
	done
	[ -z "$fail_value" ] || printf '@%s\n' "${fail_value%%=*}" || return $?
	printf '.\n'
}

fail_is_whole() {
	[ "$(tail -n 1 "$work/details" 2>/dev/null)" = . ]
}

# fail_line REASON [KEY=VALUE ..]
fail_line() {
	printf '%s' "$1"
	shift
	[ $# -eq 0 ] || printf ' %s' "$@"
	[ -z "$fail_value" ] || {
		printf ' %s=' "${fail_value%%=*}"
		# Without the end of its last line.
		LC_ALL=C awk 'NR > 1 { print held } { held = $0 } END { printf "%s", held }' "${fail_value#*=}"
	}
}

# fail_shorter: without what anybody else has said; where even that has no room, fail_cause says it.
fail_shorter() {
	case $fail_reason in *[!a-z_]*) fail_reason=internal_error ;; esac
	{
		[ -s "$work/failure" ] || printf '%s' "$fail_reason" >"$work/failure"
		printf '%s\n=reason=%s\n.\n' "$_timestamp" "$fail_reason" >"$work/details"
	} 2>/dev/null
	fail_is_whole || rm -f "$work/details"
}

# fail_cause: prints what went wrong, in one line, and never nothing.
fail_cause() {
	if [ -s "$work/failure" ]; then
		cat "$work/failure"
	else
		printf '%s' "${fail_reason:-internal_error} "
		if [ -d "$work" ]; then
			printf '%s' "error=${work%/*} is full"
		else
			printf '%s' "error=$work is gone"
		fi
	fi
}

# fail_know_hint: sets fail_hint, what the table says of this reason, where nobody knew better: a subshell
# hands on no variable.
fail_know_hint() {
	[ -z "$fail_hint" ] || return 0
	fail_word=$(fail_cause)
	fail_rows=$sys_newline$reasons_table
	case $fail_rows in
	*"$sys_newline${fail_word%% *}|"*)
		fail_rows=${fail_rows#*"$sys_newline${fail_word%% *}|"}
		fail_rows=${fail_rows%%"$sys_newline"*}
		fail_hint=${fail_rows##*|}
		;;
	esac
}

# fail_log: say what went wrong, and what to do about it.
fail_log() {
	fail_know_hint
	{
		fail_cause
		[ -z "$fail_hint" ] || printf ' (hint: %s)' "$fail_hint"
	} | log_emit 'error: '
}

# fail_not_told REASON: the platform could not be told by the deadline. An earlier failure stays the cause.
# Returns 1.
fail_not_told() {
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
