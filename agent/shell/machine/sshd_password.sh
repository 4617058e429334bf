# sshd_password.sh: have the SSH server take passwords, or not.

# It sorts before those of others, because the first line counts; and what earlier versions wrote.
sshd_drop_in=/etc/ssh/sshd_config.d/00-azready.conf
sshd_old_drop_in=/etc/ssh/sshd_config.d/50-azready.conf

# sshd_set_password_login yes|no: have the SSH server take passwords, or not; a configuration that does so is
# left alone.
sshd_set_password_login() {
	if [ "$1" = no ] && sshd_has dropbear; then
		log_warning 'password: dropbear takes passwords unless it is started with -s: set that where it is started'
	fi
	sshd_main
	place_exists "$_main" || return 0
	sshd_is "$1"
	case $? in
	0)
		log_info "password: the SSH server's PasswordAuthentication is $1 already"
		return
		;;
	1) ;;
	*) return 1 ;;
	esac
	sshd_written=no
	read_only_spare sshd_write "$1" || return
	[ -z "$_spared" ] || return 0
	[ "$sshd_written" = no ] || sshd_reload password || :
	sshd_is "$1"
	case $? in
	0) ;;
	1)
		log_warning \
			"password: another line of the SSH server's configuration is against PasswordAuthentication $1"
		;;
	*) return 1 ;;
	esac
}

# sshd_is LOGIN: whether the SSH server takes passwords from the admin user, yes, or neither them nor what PAM
# asks, no. Fails with 2 where that cannot be found out.
sshd_is() {
	IFS= read -r sshd_user <"$work/wanted.admin-user" || [ -n "$sshd_user" ] || return 2
	sshd_settings "$sshd_user" || return 2
	sshd_says "$1"
}

# sshd_says LOGIN: whether that is what the lines in sshd_lines say.
sshd_says() {
	sshd_first PasswordAuthentication yes
	[ "$_value" = "$1" ] || return
	[ "$1" = no ] || return 0
	# Old name and new name of one thing; before 8.7 they were two, and either let PAM ask for a password.
	sshd_first 'KbdInteractiveAuthentication|ChallengeResponseAuthentication' yes
	[ "$_value" = no ]
}

# sshd_write LOGIN: sets sshd_written, whether anything was.
sshd_write() {
	sshd_write_login "$1" "$sshd_drop_in" || return
	sshd_is "$1"
	case $? in
	0) return 0 ;;
	1) ;;
	*) return 1 ;;
	esac
	sshd_from_files everybody || return
	sshd_forget
	# A drop-in before ours is against it: the main file is before both.
	sshd_says "$1" || sshd_write_login "$1" ''
}

# sshd_write_login LOGIN DROP_IN: an empty DROP_IN means the main file; sets sshd_written to yes where it
# wrote.
sshd_write_login() {
	sshd_main
	sshd_with_login "$1" "$2" || return
	place_of "$_place"
	[ ! -e "$_path" ] || ! file_same "$_path" "$work/sshd.new" || return 0
	sshd_keep "$1" || return
	sshd_written=yes
	log_info "password: PasswordAuthentication $1 written to $_place"
	if [ "$_place" = "$sshd_drop_in" ] && place_exists "$sshd_old_drop_in"; then
		file_remove "$sshd_old_drop_in"
	fi
}

# sshd_with_login LOGIN DROP_IN: sets _place, the file to write, and makes its text in $work/sshd.new: a
# drop-in if one would be read in time, else $_main with some lines more before the first that could be
# against them.
sshd_with_login() {
	sshd_wanted=' PasswordAuthentication '
	[ "$1" = yes ] ||
		sshd_wanted="${sshd_wanted}KbdInteractiveAuthentication ChallengeResponseAuthentication "
	sshd_lacking=$sshd_wanted
	sshd_at=
	_place=$_main
	[ "$sshd_numbered" != - ] || sshd_from_files order || return
	text_by_line
	for sshd_line in $sshd_numbered; do
		sshd_number=${sshd_line%%"$tab"*} sshd_words=${sshd_line#*"$tab"}
		sshd_key=${sshd_words%%"$tab"*} sshd_words=${sshd_words#*"$tab"}
		case $sshd_key in
		Include)
			[ -z "$2" ] || ! sshd_reads_drop_in "$sshd_words" || {
				_place=$sshd_drop_in
				break
			}
			sshd_at=${sshd_at:-$sshd_number}
			continue
			;;
		Match) ;;
		*)
			case $sshd_wanted in *" $sshd_key "*) ;; *) continue ;; esac
			if [ "$sshd_words" = "$1" ]; then
				[ -n "$sshd_at" ] || case $sshd_lacking in *" $sshd_key "*)
					sshd_lacking=${sshd_lacking%" $sshd_key "*}' '${sshd_lacking#*" $sshd_key "}
					;;
				esac
				continue
			fi
			;;
		esac
		sshd_at=${sshd_at:-$sshd_number}
		break
	done
	text_by_word
	sshd_new_text "$1"
}

# sshd_reads_drop_in PATTERN: whether a pattern of Include means ours.
sshd_reads_drop_in() {
	sshd_absolute "$1"
	[ "${_pattern%/*}" = "${sshd_drop_in%/*}" ] || return
	# shellcheck disable=SC2254  # a pattern
	case ${sshd_drop_in##*/} in ${_pattern##*/}) ;; *) return 1 ;; esac
}

# sshd_new_text LOGIN: $work/sshd.new, as sshd_with_login has found out.
sshd_new_text() {
	if [ "$_place" = "$sshd_drop_in" ]; then
		sshd_text "$sshd_wanted" "$1"
		file_text "$work/sshd.new" "# Written by azready, as the platform asked for.$sys_newline$_text$sys_newline"
	elif [ "$sshd_lacking" = ' ' ]; then
		file_fetch "$_main" "$work/sshd.new"
	else
		sshd_text "$sshd_lacking" "$1"
		edit_source "$_main" || return
		edit_derive "$_main" "$work/sshd.new" 'BEGIN {
			take(ARGV[1])
			for (i = 1; i <= count; i++) {
				if (i == ARGV[2] + 0) put(ARGV[3])
				put(row[i])
			}
			if (ARGV[2] + 0 == 0) put(ARGV[3])
			verdict("done")
		}' "$_source" "${sshd_at:-0}" "$_text"
	fi
}

# sshd_text KEYWORDS LOGIN: sets _text, a line for each.
sshd_text() {
	_text=
	for sshd_key in $1; do _text="$_text${_text:+$sys_newline}$sshd_key $2"; done
}

# sshd_keep LOGIN: write $work/sshd.new to $_place, and take it back where the server took its configuration
# before and does not any more.
sshd_keep() {
	sshd_place=$_place
	sshd_had=no
	! place_exists "$sshd_place" || sshd_had=yes
	[ "$sshd_had" = no ] || file_fetch "$sshd_place" "$work/sshd.old" || return
	sshd_refuses
	sshd_refused=$_refusal
	sshd_forget
	file_write "$sshd_place" 0644 "$work/sshd.new" || return
	sshd_refuses
	_place=$sshd_place
	[ -z "$sshd_refused" ] && [ -n "$_refusal" ] || return 0
	if [ "$sshd_had" = yes ]; then
		file_write "$sshd_place" 0644 "$work/sshd.old"
	else
		file_remove "$sshd_place"
	fi || return
	fail ssh_not_set "$hint_SSHD_REFUSES $1: see sshd -t" "file=$sshd_place" \
		"error=$_refusal"
}

# sshd_refuses: sets _refusal, why the server would not start with its configuration; empty where it would, or
# nobody can tell.
sshd_refuses() {
	_refusal=
	! program_which sshd || for sshd_option in -G -t; do
		! program_run 20 /dev/null "$_which" "$sshd_option" || {
			_refusal=
			return
		}
		_refusal=$(tail -n 1 "$work/run.err")
		_refusal=${_refusal:-status $_ended}
	done
}

# sshd_reload WHO: have a server that runs read its configuration again, for WHO; fails where none runs.
sshd_reload() {
	[ -z "$root" ] || return
	for sshd_file in $fact_SSHD_PID_FILES; do
		sshd_pid=$(tr -d ' \n' 2>/dev/null <"$sshd_file")
		case $sshd_pid in '' | *[!0-9]*) continue ;; esac
		[ "$(cat "/proc/$sshd_pid/comm" 2>/dev/null)" = sshd ] || continue
		kill -HUP "$sshd_pid" 2>/dev/null
		log_info "$1: the SSH server reads its configuration again"
		return
	done
	return 1
}
