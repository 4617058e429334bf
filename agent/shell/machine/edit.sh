# edit.sh: a file of the image made anew by an awk program, whole or not at all (see edit.awk).

# edit_derive WHERE NEW PROGRAM [ARG ..]: NEW is what an awk program prints (see edit.awk); sets _verdict.
# Fails unless the program got to its end, had all bytes of what it read, and all that it printed is there.
edit_derive() {
	sys_where=$1
	sys_made=$2
	sys_program=$3
	shift 3
	# A tally that another program left has another number in it.
	sys_round=$((${sys_round:-0} + 1))
	# shellcheck disable=SC2154  # embedded by the build
	ROUND=$sys_round TALLY=$work/tally UNENDED=${sys_unended-} LC_ALL=C awk "$awk_lib$awk_edit$sys_program" ${1+"$@"} >"$sys_made" 2>"$work/err"
	sys_status=$?
	_verdict=
	[ "$sys_status" -ne 0 ] || ! [ -f "$work/tally" ] || edit_count_up
	[ -z "$_verdict" ] || return 0
	rm -f "$sys_made"
	file_cause
	if [ "$_cause" = 'No space left on device' ] || ! work_has_room; then
		fail file_not_writable '' "file=$work" 'error=No space left on device'
	else
		file_broken "$sys_where" "awk ended with status $sys_status${_cause:+: $_cause}"
	fi
}

# edit_count_up: sets _verdict if all in $work/tally is true.
edit_count_up() {
	sys_counts=
	set -- "$sys_made"
	sys_said=
	while read -r sys_count sys_rest; do
		case $sys_count in
		=) sys_said=$sys_rest ;;
		*)
			sys_counts="$sys_counts $sys_count"
			set -- "$@" "$sys_rest"
			;;
		esac
	done <"$work/tally"
	# BYTES VERDICT end ROUND
	case $sys_said in *" end $sys_round") ;; *) return ;; esac
	sys_counts="${sys_said%% *}$sys_counts "
	sys_said=${sys_said#* }
	# One wc for all of them.
	LC_ALL=C wc -c "$@" >"$work/sizes" 2>/dev/null || return 0
	while [ -n "$sys_counts" ] && read -r _size sys_rest; do
		# The last line of a file may lack its end; that of the output does not count as missing.
		[ "$_size" = "${sys_counts%% *}" ] || { [ "$sys_rest" != "$sys_made" ] && [ "$((_size + 1))" = "${sys_counts%% *}" ]; } || return 0
		sys_counts=${sys_counts#* }
	done <"$work/sizes"
	[ -n "$sys_counts" ] || _verdict=${sys_said% end *}
}

# edit_file NAME PROGRAM [ARG ..]: $work/edited is what an awk program makes of the image's file, whose copy
# is its first argument; sets _verdict: `changed`, `same`, or a word of the program's own.
edit_file() {
	sys_edited=$1
	sys_program=$2
	shift 2
	file_fetch "$sys_edited" "$work/old" || return
	edit_derive "$sys_edited" "$work/edited" "$sys_program" "$work/old" ${1+"$@"}
}

# edit_keep NAME MODE PROGRAM [ARG ..]: the same, and write it if that changes something; sets _changed, yes
# or empty.
edit_keep() {
	sys_kept=$1
	sys_kept_mode=$2
	shift 2
	_changed=
	edit_file "$sys_kept" ${1+"$@"} || return
	[ "$_verdict" = changed ] || return 0
	file_write "$sys_kept" "$sys_kept_mode" "$work/edited" || return
	_changed=yes
}

# edit_keep_bytes NAME MODE PROGRAM [ARG ..]: as edit_keep, but a last line without a line end stays one.
edit_keep_bytes() {
	place_of "$1"
	[ ! -s "$_path" ] || [ -z "$(tail -c 1 "$_path")" ] || sys_unended=yes
	edit_keep "$@"
	set -- $?
	sys_unended=
	return "$1"
}
