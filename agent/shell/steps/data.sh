# data.sh: the steps `custom-data` and `user-data`: the exact bytes that the user handed over, and starting
# them if asked to.

scripts=

step_custom_data() {
	if [ -s "$work/wanted.custom-data" ]; then
		data_take custom-data "$set_CUSTOM_DATA"
	else
		[ -s "$work/ovf.bin" ] || return 3
		mv "$work/ovf.bin" "$work/data" && text_size "$work/data" || return 1
		data_size=$_size
		data_save custom-data "$set_CUSTOM_DATA"
	fi
}

step_user_data() {
	data_take user-data "$set_USER_DATA"
}

# data_take NAME SETTING: what the platform gave in base64.
data_take() {
	[ -s "$work/wanted.$1" ] || return 3
	data_decode "$1"
	case $? in
	0) data_save "$@" ;;
	2) data_keep_raw "$@" ;;
	*) return 1 ;;
	esac
}

# data_decode NAME: the base64 of $work/wanted.NAME in $work/data, data_size bytes. Line breaks and blanks
# mean nothing; anything else that is none of its 64 characters is refused: 2.
data_decode() {
	data_size=$(program_awk "$awk_base64" "$work/wanted.$1" check "$work/base64")
	case $?,$data_size in
	0,?*) ;;
	1,?*) return 2 ;;
	*)
		fail internal_error '' 'error=awk failed'
		return
		;;
	esac
	if program_has base64; then
		base64 -d <"$work/base64" >"$work/data"
	elif program_has openssl; then
		openssl base64 -d -A <"$work/base64" >"$work/data"
	else
		# awk cannot print NUL everywhere, printf can.
		program_awk "$awk_base64" "$work/base64" octal | while read -r data_line; do
			printf '%b' "$data_line"
		done >"$work/data"
	fi
	text_size "$work/data"
	[ "$_size" -eq "$data_size" ] || fail internal_error '' 'error=not all of it could be written'
}

# data_keep_raw NAME SETTING: what is no base64 is a person's mistake, and none that should cost him his
# machine: he finds the text itself. The step is skipped then.
data_keep_raw() {
	printf '' >"$work/unusable.$1"
	if [ "$2" = ignore ]; then
		log_info "$1: ignored, as the settings say"
		return 3
	fi
	file_make_directory "$state_directory" 0700 &&
		file_write "$state_directory/$1.raw" 0600 "$work/wanted.$1" || return 1
	log_warning "$1: skipped, it is no base64; kept as it is in $state_directory/$1.raw"
	return 3
}

# data_save NAME SETTING: keep $work/data, data_size bytes, for the user, as the setting says.
data_save() {
	[ -s "$work/data" ] || return 3
	if [ "$2" = ignore ]; then
		log_info "$1: $data_size bytes ignored, as the settings say"
		printf '' >"$work/data"
		return 0
	fi
	data_file=$state_directory/$1
	file_make_directory "$state_directory" 0700 && file_keep "$data_file" 0600 "$work/data" || return 1
	# The rest of the run needs the room.
	printf '' >"$work/data"
	# Of an earlier try, whose data was none.
	! place_exists "$data_file.raw" || file_remove "$data_file.raw" || return 1
	log_info "$1: $data_size bytes saved in $data_file"
	[ "$2" != run ] || scripts="$scripts $1"
}

# run_scripts: start what CUSTOM_DATA=run and USER_DATA=run ask for, after Ready. What fails is a warning, and
# in the status.
run_scripts() {
	data_ran=no
	for data_name in $scripts; do
		pending_start "$data_name" || continue
		data_run_script "$data_name"
		data_ran=yes
		pending_drop "script $data_name [0-9]*"
	done
	[ "$data_ran" = no ] || state_finish ready
}

# data_find_interpreter FILE: sets data_interpreter and data_argument; fails where it is no script.
data_find_interpreter() {
	text_head "$1" 2
	[ "$_head" = '#!' ] || return
	read -r data_interpreter data_argument <"$1"
	data_interpreter=${data_interpreter#'#!'}
	# "#! /bin/sh -e"
	[ -n "$data_interpreter" ] || read -r _ data_interpreter data_argument <"$1"
	[ -n "$data_interpreter" ]
}

# data_start FILE NAME INTERPRETER [ARGUMENT]: in a process of its own, which becomes the interpreter.
data_start() {
	hooks_interpreter "$1" || exit 127
	hooks_start_program "$@"
}

# data_run_script NAME: through its interpreter: the file cannot be executed, /run neither.
data_run_script() {
	place_of "$state_directory/$1"
	data_find_interpreter "$_path" || {
		log_warning "$1: not started, it does not begin with #! and an interpreter"
		return
	}
	log_info "$1: starting it"
	clock_now
	data_began=$_now
	# Ready is told, so it has a DEADLINE of its own.
	hook_time=$((set_DEADLINE * 100))
	sys_before=$! sys_child=starting
	data_start "$_path" "$1" "$data_interpreter" ${data_argument:+"$data_argument"} </dev/null \
		>"$work/hook.out" 2>"$work/hook.err" &
	child_supervise "$!" "$hook_time"
	lock_child_ended
	cat "$work/hook.out" "$work/hook.err" | log_lines "$1"
	rm -f "$work/hook.out" "$work/hook.err"
	data_result='done'
	[ "$_ended" -eq 0 ] || {
		data_result="failed status=$_ended"
		data_know_ends
		log_warning "$1: the script ended with status $_ended$data_ends"
	}
	clock_now
	clock_seconds "$((_now - data_began))"
	config_step_words "$1"
	state_ran_script "$_step_key" "$data_result $_seconds"
}

# data_know_ends: sets data_ends, the cause that nobody sees: for the kernel the return is a part of the
# interpreter's name.
data_know_ends() {
	data_ends=
	data_return=$(printf '\r')
	data_first=$(dd if="$_path" bs=1024 count=1 2>/dev/null | tr -d '\000' |
		sed -n "1s/.*$data_return\$/x/p")
	[ -z "$data_first" ] || data_ends=': its lines end in CR LF, as on Windows'
}
