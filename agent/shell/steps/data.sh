# data.sh: the steps `custom-data` and `user-data`: the exact bytes that the user handed over, and starting them if
# asked to.

step_custom_data() {
	if text_is_blank "$work/wanted.custom-data"; then
		[ ! -e "$work/ovf.bin" ] || mv "$work/ovf.bin" "$work/data"
	else
		decode_data custom_data || {
			keep_raw custom-data "$set_CUSTOM_DATA"
			return
		}
	fi
	save_data custom-data "$set_CUSTOM_DATA"
}

step_user_data() {
	decode_data user_data || {
		keep_raw user-data "$set_USER_DATA"
		return
	}
	save_data user-data "$set_USER_DATA"
}

# decode_data NAME: the base64 of $work/wanted.NAME in $work/data. Line breaks and blanks mean nothing; anything else that
# is none of its 64 characters is refused.
decode_data() {
	data_name=$(printf '%s' "$1" | tr _ -)
	tr -d ' \t\r\n' <"$work/wanted.$data_name" >"$work/base64"
	data_size=$(program_awk "$awk_base64" "$work/base64" check)
	case $?,$data_size in
	0,?*) ;;
	1,?*)
		fail "$1_invalid" '' "error=$data_size"
		return
		;;
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
		program_awk "$awk_base64" "$work/base64" octal | while read -r data_line; do printf '%b' "$data_line"; done >"$work/data"
	fi
	[ "$(wc -c <"$work/data")" -eq "$data_size" ] || fail internal_error '' 'error=not all of it could be written'
}

# keep_raw NAME SETTING: what is no base64 is a person's mistake, and none that should cost him his machine: he finds the
# text itself.
keep_raw() {
	forgive
	rm -f "$work/data"
	printf '' >"$work/unusable.$1"
	_result=skipped
	if [ "$2" = ignore ]; then
		log_info "$1: ignored, as the settings say"
		return
	fi
	_result=failed
	file_make_directory "$state_directory" 0700 && file_write "$state_directory/$1.raw" 0600 "$work/wanted.$1" || return
	log_warning "$1: skipped, it is no base64; kept as it is in $state_directory/$1.raw"
	_result=skipped
}

# save_data NAME SETTING: keep $work/data for the user, as the setting says.
save_data() {
	if [ ! -s "$work/data" ]; then
		_result=skipped
		return
	fi
	data_size=$(($(wc -c <"$work/data")))
	_result='done'
	if [ "$2" = ignore ]; then
		log_info "$1: $data_size bytes ignored, as the settings say"
		rm -f "$work/data"
		return
	fi
	data_file=$state_directory/$1
	_result=failed
	file_make_directory "$state_directory" 0700 || return
	file_keep "$data_file" 0600 "$work/data" || return
	rm -f "$work/data"
	# Of an earlier try, whose data was none.
	! place_exists "$data_file.raw" || file_remove "$data_file.raw" || return
	log_info "$1: $data_size bytes saved in $data_file"
	_result='done'
	[ "$2" != run ] || scripts="$scripts $1"
}

# run_scripts: start what CUSTOM_DATA=run and USER_DATA=run ask for, after Ready. What fails is a warning, and in the status.
run_scripts() {
	for data_name in $scripts; do
		pending_start "$data_name" || continue
		run_script "$data_name"
		pending_drop "script $data_name [0-9]*"
	done
	[ ! -e "$work/scripts" ] || finish ready
}

# run_script NAME: through its interpreter: the file cannot be executed, /run neither.
run_script() {
	place_of "$state_directory/$1"
	data_interpreter=
	case $(dd if="$_path" bs=2 count=1 2>/dev/null | tr -d '\000') in '#!') read -r data_interpreter data_argument <"$_path" ;; esac
	data_interpreter=${data_interpreter#'#!'}
	# "#! /bin/sh -e"
	[ -n "$data_interpreter" ] || read -r _ data_interpreter data_argument <"$_path"
	[ -n "$data_interpreter" ] || {
		log_warning "$1: not started, it does not begin with #! and an interpreter"
		return
	}
	log_info "$1: starting it"
	clock_now
	data_began=$_now
	# Ready is told, so it has a DEADLINE of its own.
	sys_before=$! sys_child=starting
	start_program "$_path" "$1" "$data_interpreter" ${data_argument:+"$data_argument"} </dev/null >"$work/hook.out" 2>"$work/hook.err" &
	child_supervise "$!" "$((set_DEADLINE * 100))"
	lock_child_ended
	cat "$work/hook.out" "$work/hook.err" | log_lines "$1"
	rm -f "$work/hook.out" "$work/hook.err"
	data_result='done'
	[ "$_ended" -eq 0 ] || {
		data_result="failed status=$_ended"
		# The cause that nobody sees: for the kernel the return is a part of the interpreter's name.
		data_ends=
		data_return=$(printf '\r')
		[ -z "$(dd if="$_path" bs=1024 count=1 2>/dev/null | tr -d '\000' | sed -n "1s/.*$data_return\$/x/p")" ] || data_ends=': its lines end in CR LF, as on Windows'
		log_warning "$1: the script ended with status $_ended$data_ends"
	}
	clock_now
	clock_seconds "$((_now - data_began))"
	printf 'SCRIPT_%s=%s %s\n' "$(printf '%s' "$1" | tr 'a-z-' 'A-Z_')" "$data_result" "$_seconds" >>"$work/scripts"
}
