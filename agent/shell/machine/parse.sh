# parse.sh: documents taken apart by awk, under the limit of the request that brought them: half a result
# never passes for a whole one, and a fault of the tool is told apart from a fault of the document.

# parse_document PROGRAM DOCUMENT [ARG ..]: what the program says is in $work then. The document's size is in
# $_size, where it is known. Returns 1 where the document is refused, 3 where awk failed or what it wrote is
# not there (a full disk, no memory left): nothing is known of the document then. Sets _why in both cases.
parse_document() {
	parse_program=$1
	parse_document=$2
	shift 2
	parse_once "$parse_program" "$parse_document" "${_size:-0}" "$work" ${1+"$@"} && return
	[ $? -eq 3 ] || return 1
	# Now look at what no awk sees.
	if ! text_size "$parse_document"; then
		_why='it cannot be read'
		return 3
	elif ! text_holds_no_nul "$parse_document"; then
		_why='NUL bytes: UTF-16?'
		return 1
	fi
	parse_once "$parse_program" "$parse_document" "$_size" "$work" ${1+"$@"}
}

# parse_save PROGRAM [ARG ..]: run a program that ends in saved(). Returns as parse_document; an awk that
# fails gets a second chance.
parse_save() {
	parse_once "$@" && return
	[ $? -eq 3 ] || return 1
	parse_once "$@"
}

# parse_once PROGRAM DOCUMENT SIZE [ARG ..]: one try; sets _ended and _why.
parse_once() {
	parse_said='' parse_late=no
	{ printf '' >"$work/parsed"; } 2>/dev/null
	# The programs need no second for as much as this, whatever it is: a watcher would cost more than they.
	if [ "${3:-65537}" -le 65536 ]; then
		{ program_awk "$@" </dev/null >"$work/parsed"; } 2>/dev/null
		child_status $?
	else
		parse_watched "$@"
		parse_late=$_late
	fi
	{ IFS= read -r parse_said <"$work/parsed"; } 2>/dev/null || :
	case $parse_late,$_ended,$parse_said in
	no,0,whole) return 0 ;;
	no,0,*) _why='not all of it could be written' ;;
	yes,*)
		_why='it takes too long to read'
		return 1
		;;
	# busybox awk ends with 1 too where it cannot go on, but then it has printed nothing.
	no,1,?*)
		_why=$parse_said
		return 1
		;;
	*) _why="awk failed, status $_ended" ;;
	esac
	return 3
}

# parse_watched PROGRAM [ARG ..]: until $_until at most (see tries_limit); sets _ended and _late.
parse_watched() {
	clock_now
	parse_limit=$((${_until:-$_now + 6000} - _now))
	[ "$parse_limit" -ge 100 ] || parse_limit=100
	sys_before=$! sys_child=starting
	program_awk "$@" </dev/null >"$work/parsed" 2>/dev/null &
	child_supervise "$!" "$parse_limit"
}

# parse_failed: the status of parse_document once more; where it is the tool's fault that is the failure, and
# the answer is not blamed. An earlier failure stays the cause. Sets _problem.
parse_failed() {
	set -- "$?"
	[ "$1" -ne 1 ] || return "$1"
	if [ ! -s "$work/failure" ]; then
		if work_has_room; then
			fail internal_error 'does awk work, and is there memory enough?' error=awk "status=$_ended"
		else
			fail file_not_writable 'make room there' "file=${work%/*}" 'error=No space left on device'
		fi
	fi
	_problem=internal_error
	return "$1"
}
