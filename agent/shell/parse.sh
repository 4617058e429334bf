# parse.sh: documents taken apart by awk, so that half a result never passes for a whole one.

# sys_parse PROGRAM DOCUMENT [ARG ..]: what the program says is in $work then. Returns 1 where the document is refused, 3
# where awk failed or what it wrote is not there (a full disk, no memory left): nothing is known of the document then. Sets
# _why in both cases.
sys_parse() {
	parse_program=$1
	parse_document=$2
	shift 2
	parse_size=$(wc -c <"$parse_document") && [ -n "$parse_size" ] && parse_text=$(tr -d '\000' <"$parse_document" | wc -c) && [ -n "$parse_text" ] || {
		_why='it cannot be read'
		return 3
	}
	# awk cannot see NUL bytes.
	if [ "$parse_text" -ne "$parse_size" ]; then
		_why='it holds NUL bytes: UTF-16?'
		return 1
	fi
	sys_save "$parse_program" "$parse_document" "$((parse_size))" "$work" ${1+"$@"}
}

# sys_save PROGRAM [ARG ..]: run a program that ends in saved() and check that its files came whole: busybox awk does not
# notice a short write. Returns as sys_parse.
sys_save() {
	parse_said=$(sys_awk "$@")
	set -- "$?"
	# busybox awk ends with 1 too where it cannot go on, but then it has printed nothing.
	case $1,$parse_said in
	0,*)
		# shellcheck disable=SC2086  # a number and names
		sys_is_whole $parse_said && return
		_why='not all of it could be written'
		;;
	1,?*)
		_why=$parse_said
		return 1
		;;
	*) _why="awk failed, status $1" ;;
	esac
	return 3
}

# sys_is_whole BYTES NAME ..: whether these files of $work hold so many bytes together.
sys_is_whole() {
	parse_size=${1:-none}
	[ $# -gt 1 ] || return
	shift
	parse_found=$(cd "$work" && cat "$@" | wc -c) && [ -n "$parse_found" ] && [ "$((parse_found))" = "$parse_size" ]
}

# parse_failed: the last status once more; of an answer that nobody could read nothing bad is said.
parse_failed() {
	set -- "$?"
	[ "$1" -eq 1 ] || _problem='error=internal_error'
	return "$1"
}

# awk_works: whether this awk can do what the programs need; some that were built small, or are old, cannot.
awk_works() {
	printf 'a<b' >"$work/awk.in" && WORD=w sys_save '
		function last(s,    part, n) { n = split(s, part, /[b]/); return part[n] }
		BEGIN {
			RS = "<"
			while ((getline line < ARGV[1]) > 0) text = text "" (n++ ? "," : "") line
			byte_table()
			if (text == "a,b" && last("1b2") == "2" && ENVIRON["WORD"] == "w" && match("xaay", "a+$|a+y") && RSTART RLENGTH == "23" && (getline line < (ARGV[1] "x")) < 0 && ORD[sprintf("%c", 233)] == 233 && utf8_encode(8364) ~ /[^\001-\177]/ && toupper("a") == "A") save(ARGV[2], "awk.out", "ok")
			saved()
		}' "$work/awk.in" "$work" 2>/dev/null
}
