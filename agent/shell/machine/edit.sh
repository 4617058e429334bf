# edit.sh: a file of the image made anew by an awk program, whole or not at all (see edit.awk).

# edit_ask WHERE PROGRAM [ARG ..]: sets _answer, the lines that an awk program puts (see edit.awk), and
# _verdict, with which it ends: so they are whole, and no file is needed. Fails unless it got to its end.
edit_ask() {
	edit_where=$1
	edit_program=$2
	shift 2
	# shellcheck disable=SC2154  # embedded by the build
	_answer=$(TALLY='' LC_ALL=C awk "$awk_lib$awk_edit$edit_program" ${1+"$@"} 2>"$work/err")
	edit_status=$?
	case $edit_status$sys_newline$_answer in
	"0$sys_newline="*' end' | "0$sys_newline"*"$sys_newline="*' end') ;;
	*)
		edit_fail "$@"
		return $?
		;;
	esac
	_answer=$sys_newline$_answer
	_verdict=${_answer##*"$sys_newline= "}
	_answer=${_answer%"$sys_newline= $_verdict"}
	_answer=${_answer#"$sys_newline"}
	_verdict=${_verdict% end}
}

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
	edit_fail "$@"
}

# edit_fail [ARG ..]: the failure of the awk that got these: a file that cannot be read, a full disk, or the
# tool. Sets _verdict and _answer, empty.
edit_fail() {
	_verdict='' _answer=''
	for edit_arg; do
		case $edit_arg in /*) [ -e "$edit_arg" ] || continue ;; *) continue ;; esac
		LC_ALL=C cat "$edit_arg" 2>"$work/err" >/dev/null || {
			file_blame "${edit_arg#"$root"}"
			return $?
		}
	done
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
	case $edit_said in
	# What was printed is of no use.
	*" same end $edit_round")
		_verdict=same
		return $?
		;;
	*" end $edit_round") ;;
	*) return ;;
	esac
	edit_counts="${edit_said%% *}!$edit_counts "
	edit_said=${edit_said#* }
	# One wc for all of them.
	LC_ALL=C wc -c "$@" >"$work/sizes" 2>/dev/null || return 0
	while [ -n "$edit_counts" ] && read -r edit_size edit_rest; do
		# The last line of a file that was read may lack its end.
		case ${edit_counts%% *} in
		"$edit_size" | "$edit_size!" | "$((edit_size + 1))") ;;
		*) return 0 ;;
		esac
		edit_counts=${edit_counts#* }
	done <"$work/sizes"
	[ -n "$edit_counts" ] || _verdict=${edit_said% end *}
}

# edit_source NAME: sets _source, the place that a program reads the image's file from; an empty one where it
# is missing. Fails for a directory, which the awk of busybox takes for empty.
edit_source() {
	place_of "$1"
	_source=$_path
	[ -e "$_source" ] || _source=/dev/null
	[ ! -d "$_source" ] || LC_ALL=C cat "$_source" 2>"$work/err" >/dev/null || file_blame "$1"
}

# edit_look NAME PROGRAM [ARG ..]: what an awk program says of the image's file, which is its first argument,
# as edit_ask.
edit_look() {
	edit_named=$1
	edit_program=$2
	shift 2
	edit_source "$edit_named" || return $?
	edit_ask "$edit_named" "$edit_program" "$_source" ${1+"$@"}
}

# edit_file NAME PROGRAM [ARG ..]: $work/edited is what an awk program makes of the image's file, which is its
# first argument; sets _verdict: `changed`, `same`, or a word of the program's own. Somebody may write to the
# file meanwhile: then once more.
edit_file() {
	edit_named=$1
	edit_text=$2
	shift 2
	edit_source "$edit_named" || return $?
	edit_derive "$edit_named" "$work/edited" "$edit_text" "$_source" ${1+"$@"} && return 0
	[ "$edit_status" -eq 0 ] || return 1
	forgive
	edit_derive "$edit_named" "$work/edited" "$edit_text" "$_source" ${1+"$@"}
}

# edit_keep NAME MODE PROGRAM [ARG ..]: the same, and write it if that changes something; sets _changed, yes
# or empty.
edit_keep() {
	edit_kept=$1
	edit_kept_mode=$2
	shift 2
	_changed=
	edit_file "$edit_kept" ${1+"$@"} || return $?
	[ "$_verdict" = changed ] || return 0
	file_write "$edit_kept" "$edit_kept_mode" "$work/edited" || return $?
	_changed=yes
}

# edit_keep_bytes NAME MODE PROGRAM [ARG ..]: as edit_keep, but a last line without a line end stays one.
edit_keep_bytes() {
	place_of "$1"
	[ ! -s "$_path" ] || [ -z "$(tail -c 1 "$_path" 2>/dev/null)" ] || edit_unended=yes
	edit_keep "$@"
	set -- $?
	edit_unended=
	return "$1"
}
