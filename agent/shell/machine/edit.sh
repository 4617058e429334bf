# edit.sh: a file of the image made anew by an awk program, whole or not at all (see edit.awk).

# edit_derive WHERE NEW PROGRAM [ARG ..]: NEW is what an awk program prints (see edit.awk); sets _verdict.
# Fails unless the program got to its end, had all bytes of what it read, and all that it printed is there.
edit_derive() {
	edit_where=$1
	edit_made=$2
	edit_program=$3
	shift 3
	# A tally that another program left has another number in it.
	edit_round=$((${edit_round:-0} + 1))
	# shellcheck disable=SC2154  # embedded by the build
	ROUND=$edit_round TALLY=$work/tally UNENDED=${edit_unended-} LC_ALL=C awk \
		"$awk_lib$awk_edit$edit_program" ${1+"$@"} >"$edit_made" 2>"$work/err"
	edit_status=$?
	_verdict=
	[ "$edit_status" -ne 0 ] || ! [ -f "$work/tally" ] || edit_count_up
	[ -z "$_verdict" ] || return 0
	rm -f "$edit_made"
	file_cause
	if [ "$_cause" = 'No space left on device' ] || ! work_has_room; then
		fail file_not_writable '' "file=$work" 'error=No space left on device'
	else
		file_broken "$edit_where" "awk ended with status $edit_status${_cause:+: $_cause}"
	fi
}

# edit_count_up: sets _verdict if all in $work/tally is true.
edit_count_up() {
	edit_counts=
	set -- "$edit_made"
	edit_said=
	while read -r edit_count edit_rest; do
		case $edit_count in
		=) edit_said=$edit_rest ;;
		*)
			edit_counts="$edit_counts $edit_count"
			set -- "$@" "$edit_rest"
			;;
		esac
	done <"$work/tally"
	# BYTES VERDICT end ROUND
	case $edit_said in *" end $edit_round") ;; *) return ;; esac
	edit_counts="${edit_said%% *}$edit_counts "
	edit_said=${edit_said#* }
	# One wc for all of them.
	LC_ALL=C wc -c "$@" >"$work/sizes" 2>/dev/null || return 0
	while [ -n "$edit_counts" ] && read -r _size edit_rest; do
		# The last line of a file may lack its end; that of the output does not count as missing.
		[ "$_size" = "${edit_counts%% *}" ] || { [ "$edit_rest" != "$edit_made" ] &&
			[ "$((_size + 1))" = "${edit_counts%% *}" ]; } || return 0
		edit_counts=${edit_counts#* }
	done <"$work/sizes"
	[ -n "$edit_counts" ] || _verdict=${edit_said% end *}
}

# edit_file NAME PROGRAM [ARG ..]: $work/edited is what an awk program makes of the image's file, whose copy
# is its first argument; sets _verdict: `changed`, `same`, or a word of the program's own.
edit_file() {
	edit_named=$1
	edit_program=$2
	shift 2
	file_fetch "$edit_named" "$work/old" || return
	edit_derive "$edit_named" "$work/edited" "$edit_program" "$work/old" ${1+"$@"}
}

# edit_keep NAME MODE PROGRAM [ARG ..]: the same, and write it if that changes something; sets _changed, yes
# or empty.
edit_keep() {
	edit_kept=$1
	edit_kept_mode=$2
	shift 2
	_changed=
	edit_file "$edit_kept" ${1+"$@"} || return
	[ "$_verdict" = changed ] || return 0
	file_write "$edit_kept" "$edit_kept_mode" "$work/edited" || return
	_changed=yes
}

# edit_keep_bytes NAME MODE PROGRAM [ARG ..]: as edit_keep, but a last line without a line end stays one.
edit_keep_bytes() {
	place_of "$1"
	[ ! -s "$_path" ] || [ -z "$(tail -c 1 "$_path")" ] || edit_unended=yes
	edit_keep "$@"
	set -- $?
	edit_unended=
	return "$1"
}
