# sshd_config.sh: the SSH server's configuration: what counts in it for a user.

# Who asks sshd for a user: somebody from an address of documentation (RFC 5737), of whom no rule speaks.
sshd_from=host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22

# sshd_has NAME: whether sshd or dropbear is there.
sshd_has() {
	for sshd_folder in $fact_SSH_FOLDERS; do
		! place_exists "$sshd_folder/$1" || return 0
	done
	program_which "$1"
}

# sshd_main: sets _main, the configuration file. openSUSE has its own in /usr, which counts where /etc has
# none.
sshd_main() {
	_main=/etc/ssh/sshd_config
	! place_exists "/usr$_main" || place_exists "$_main" || _main=/usr$_main
}

sshd_asked='' sshd_numbered=-

# sshd_settings USER: sets sshd_lines, the lines that count for this user, keyword and words: as sshd prints
# them, or as they stand in the files; asked once, until sshd_forget.
sshd_settings() {
	[ "$sshd_asked" != "=$1" ] || return 0
	# -G is of OpenSSH 9.3; -T also needs host keys and /run/sshd, which a first boot may not have yet.
	! program_which sshd || for sshd_option in -G -T; do
		sshd_ask "$_which" "$sshd_option" -C "user=$1,$sshd_from" || continue
		edit_ask "$sshd_option" "$awk_groups$awk_sshd$awk_ssh_rules" plain "$work/run.out" || return
		sshd_lines=$_answer sshd_numbered=- sshd_asked="=$1"
		return
	done
	sshd_user=$1
	sshd_from_files order && sshd_asked="=$1"
}

# sshd_forget: the configuration is another one now.
sshd_forget() {
	sshd_asked='' sshd_numbered=-
}

# sshd_ask COMMAND ..: have sshd say something; without the directory that its service would make at its start
# it does not (-T).
sshd_ask() {
	! program_run 20 /dev/null "$@" || return 0
	grep -q 'Missing privilege separation directory: /run/sshd' "$work/run.err" || return
	(umask 022 && mkdir /run/sshd) 2>/dev/null && program_run 20 /dev/null "$@"
}

# sshd_from_files order|everybody: sets sshd_lines, the lines that count for $sshd_user, or those outside of
# Match blocks alone, and sshd_numbered, those of the main file with their numbers. What cannot be read counts
# for nothing.
sshd_from_files() {
	account_find "$sshd_user" || [ $? -ne 3 ] || return
	sshd_lines='' sshd_numbered=''
	sshd_main
	place_of "$_main"
	[ -f "$_path" ] && [ -r "$_path" ] || return 0
	sshd_main_place=$_path
	sshd_copies=no
	sshd_read "$1" && return
	[ "$edit_status" -eq 0 ] || return
	# There are NUL bytes, which make a word another one, and which not every awk counts.
	forgive
	sshd_copies=0
	sshd_read "$1"
}

# sshd_read order|everybody: the same, of the files themselves or of copies without NUL bytes.
sshd_read() {
	sshd_copy "$sshd_main_place" || return
	set -- "$1" "$sshd_user" "$account_groups" "$_copy"
	# As a rule this is the one pattern, and then one look is enough.
	sshd_said="${sshd_drop_in%/*}/*.conf"
	while :; do
		text_by_line
		for sshd_pattern in $sshd_said; do
			text_by_word
			sshd_expand "$sshd_pattern" || return
			set -- "$@" "$sshd_pattern" "$_files"
		done
		text_by_word
		edit_derive "$_main" "$work/sshd" "$awk_groups$awk_sshd$awk_ssh_rules" "$@" || return
		sshd_said=
		while IFS= read -r sshd_line; do sshd_said=$sshd_said$sshd_line$sys_newline; done <"$work/sshd"
		[ "$_verdict" = more ] || break
	done
	sshd_said=$sys_newline$sshd_said
	sshd_lines=${sshd_said%"$sys_newline-$sys_newline"*}
	sshd_numbered=${sshd_said#"$sshd_lines$sys_newline-"}
	sshd_lines=${sshd_lines#"$sys_newline"}
}

# sshd_copy PLACE: sets _copy, what is read instead of it.
sshd_copy() {
	_copy=$1
	[ "$sshd_copies" != no ] || return 0
	sshd_copies=$((sshd_copies + 1))
	_copy=$work/sshd.$sshd_copies
	LC_ALL=C tr '\000' '\001' <"$1" >"$_copy" 2>"$work/err" || file_blame "$work"
}

# sshd_expand PATTERN: sets _files, the places of the files that a pattern of Include means, one a line.
sshd_expand() {
	_files=
	sshd_absolute "$1"
	sshd_folder=${_pattern%/*}
	place_of "$sshd_folder"
	sshd_names=$(
		cd "$_path" 2>/dev/null || exit
		LC_ALL=C
		IFS=
		set +f
		# shellcheck disable=SC2086  # a pattern
		for sshd_file in ${_pattern##*/}; do printf '%s\n' "$sshd_file"; done
	)
	text_by_line
	for sshd_file in $sshd_names; do
		place_of "$sshd_folder/$sshd_file"
		if [ -f "$_path" ] && [ -r "$_path" ]; then
			sshd_copy "$_path" || {
				text_by_word
				return 1
			}
			_files=$_files${_files:+$sys_newline}$_copy
		fi
	done
	text_by_word
}

# sshd_absolute PATTERN: sets _pattern.
sshd_absolute() {
	case $1 in
	/*) _pattern=$1 ;;
	*) _pattern=/etc/ssh/$1 ;;
	esac
}

# sshd_first KEYWORD|KEYWORD DEFAULT: sets _value, the words: the first line is the one that counts.
sshd_first() {
	_value=$2
	text_by_line
	for sshd_line in $sshd_lines; do
		sshd_word=${sshd_line%%"$tab"*}
		case "|$1|" in
		*"|$sshd_word|"*)
			_value=${sshd_line#*"$tab"}
			break
			;;
		esac
	done
	text_by_word
}

# sshd_spaced WORDS: sets _spaced, the words with blanks between.
sshd_spaced() {
	_spaced=
	text_by "$tab"
	for sshd_word in $1; do _spaced="$_spaced${_spaced:+ }$sshd_word"; done
	text_by_word
}
