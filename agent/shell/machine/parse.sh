# parse.sh: documents taken apart by awk, under the limit of the request that brought them: half a result
# never passes for a whole one, and a fault of the tool is told apart from a fault of the document.

# parse_document PROGRAM DOCUMENT [ARG ..]: what the program says is in $work then. Returns 1 where the
# document is refused, 3 where awk failed or what it wrote is not there (a full disk, no memory left): nothing
# is known of the document then. Sets _why in both cases.
parse_document() {
	parse_program=$1
	parse_document=$2
	shift 2
	parse_size=$({ wc -c <"$parse_document"; } 2>/dev/null) \
	parse_text=$({ tr -d '\000' <"$parse_document" | wc -c; } 2>/dev/null)
	if [ -z "$parse_size" ] || [ -z "$parse_text" ]; then
		_why='it cannot be read'
		return 3
	fi
	# awk cannot see NUL bytes.
	if [ "$parse_text" -ne "$parse_size" ]; then
		_why='it holds NUL bytes: UTF-16?'
		return 1
	fi
	parse_save "$parse_program" "$parse_document" "$((parse_size))" "$work" ${1+"$@"}
}

# parse_save PROGRAM [ARG ..]: run a program that ends in saved() and check that its files came whole: busybox
# awk does not notice a short write. Returns as parse_document; an awk that fails gets a second chance.
parse_save() {
	for _ in 1 2; do
		parse_once "$@"
		case $_late,$_ended,$parse_said in
		yes,*)
			_why='it takes too long to read'
			return 1
			;;
		no,0,*)
			# shellcheck disable=SC2086  # a number and names
			parse_is_whole $parse_said && return
			_why='not all of it could be written'
			;;
		# busybox awk ends with 1 too where it cannot go on, but then it has printed nothing.
		no,1,?*)
			_why=$parse_said
			return 1
			;;
		*) _why="awk failed, status $_ended" ;;
		esac
	done
	return 3
}

# parse_once PROGRAM [ARG ..]: until $_until at most (see tries_limit); sets _ended, _late, and parse_said,
# the first line that it printed.
parse_once() {
	parse_said=
	clock_now
	parse_limit=$((${_until:-$_now + 6000} - _now))
	[ "$parse_limit" -ge 100 ] || parse_limit=100
	{ printf '' >"$work/parsed"; } 2>/dev/null
	sys_before=$! sys_child=starting
	program_awk "$@" </dev/null >"$work/parsed" 2>/dev/null &
	child_supervise "$!" "$parse_limit"
	{ IFS= read -r parse_said <"$work/parsed"; } 2>/dev/null || :
}

# parse_is_whole BYTES NAME ..: whether these files of $work hold so many bytes together.
parse_is_whole() {
	parse_size=${1:-none}
	[ $# -gt 1 ] || return
	shift
	parse_found=$(cd "$work" && cat "$@" | wc -c) && [ -n "$parse_found" ] &&
		[ "$((parse_found))" = "$parse_size" ]
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
