# parse.sh: awk over what somebody else has written: under the limit of the request that brought it, and with a fault of the
# tool told apart from a fault of the document.

# parse_limited PROGRAM [ARG ..]: run it until $_until at most (see tries_limit). 0: done; 1: refused, _why has the reason, also
# where the time was over; 2: awk itself failed twice, _awk_status says how. What it prints is in _why.
parse_limited() {
	for _ in 1 2; do
		parse_once "$@"
		case $_ended,$_late in
		0,no) return 0 ;;
		1,no) return 1 ;;
		*,yes)
			_why='it takes too long to read'
			return 1
			;;
		esac
	done
	_awk_status=$_ended
	return 2
}

# parse_once PROGRAM [ARG ..]
parse_once() {
	_why=
	sys_now
	parse_limit=$((${_until:-$_now + 6000} - _now))
	[ "$parse_limit" -ge 100 ] || parse_limit=100
	{ printf '' >"$work/parsed"; } 2>/dev/null
	sys_before=$! sys_child=starting
	sys_awk "$@" </dev/null >"$work/parsed" 2>/dev/null &
	sys_supervise "$!" "$parse_limit"
	# Refused without a reason is no refusal: some awk ends with 1 where memory is short.
	{ IFS= read -r _why <"$work/parsed"; } 2>/dev/null || :
	[ "$_ended" -ne 1 ] || [ -n "$_why" ] || _ended=3
}

# parse_failed: $_awk_status as the failure that it is.
parse_failed() {
	if sys_has_room; then
		fail internal_error 'does awk work, and is there memory enough?' error=awk "status=$_awk_status"
	else
		fail file_not_writable 'make room there' "file=${work%/*}" 'error=No space left on device'
	fi
}
