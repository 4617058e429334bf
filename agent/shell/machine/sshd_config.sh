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

# sshd_settings USER: the lines that count for this user, keyword and words, in $work/sshd: as sshd prints
# them, or as they stand in the files.
sshd_settings() {
	# -G is of OpenSSH 9.3; -T also needs host keys and /run/sshd, which a first boot may not have yet.
	! program_which sshd || for sshd_option in -G -T; do
		sshd_ask "$_which" "$sshd_option" -C "user=$1,$sshd_from" || continue
		sshd_sift "$work/run.out" "$sshd_option" 0 && sshd_number_off
		return
	done
	sshd_user=$1
	sshd_from_files order
}

# sshd_ask COMMAND ..: have sshd say something; without the directory that its service would make at its start
# it does not (-T).
sshd_ask() {
	! program_run 20 /dev/null "$@" || return 0
	grep -q 'Missing privilege separation directory: /run/sshd' "$work/run.err" || return
	(umask 022 && mkdir /run/sshd) 2>/dev/null && program_run 20 /dev/null "$@"
}

# sshd_from_files order|everybody: the lines that count for $sshd_user in $work/sshd, or those outside of
# Match blocks alone.
sshd_from_files() {
	{ rm -f "$work/sshd.read" && printf '' >"$work/sshd.read"; } 2>"$work/err" || {
		file_blame "$work"
		return
	}
	sshd_main
	sshd_read "$_main" 0 1 && edit_derive "$_main" "$work/sshd" "$awk_groups$awk_ssh_rules" "$1" \
		"$work/sshd.read"
}

# sshd_sift FILE NAME DEPTH: its lines that matter in $work/sshd.DEPTH.
sshd_sift() {
	# No awk sees NUL bytes, which make a word another one.
	LC_ALL=C tr '\000' '\001' <"$1" >"$work/sshd.text" 2>"$work/err" || {
		file_blame "$work"
		return
	}
	edit_derive "$2" "$work/sshd.$3" "$awk_sshd" "$work/sshd.text"
}

# sshd_number_off: $work/sshd.0 without the numbers in $work/sshd.
sshd_number_off() {
	edit_derive "$work" "$work/sshd" 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) put(substr(row[i], index(row[i], "\t") + 1))
		verdict("done")
	}' "$work/sshd.0"
}

# sshd_read FILE DEPTH LEVEL: adds the lines of a file, and of those it includes, that hold for $sshd_user to
# $work/sshd.read: LEVEL (0 in a Match block, else 1), keyword and words. What cannot be read counts for
# nothing.
sshd_read() {
	place_of "$1"
	[ -f "$_path" ] && [ -r "$_path" ] || return 0
	file_fetch "$1" "$work/sshd.file" && sshd_sift "$work/sshd.file" "$1" "$2" || return
	sshd_counts=yes
	sshd_level=$3
	while IFS=$tab read -r _ sshd_key sshd_words; do
		case $sshd_counts$sshd_key in
		*Match)
			sshd_level=0
			sshd_holds "$sshd_words" || return
			sshd_counts=$_verdict
			;;
		no*) ;;
		yesInclude) [ "$2" -ge 4 ] || (sshd_include "$sshd_words" "$(($2 + 1))" "$sshd_level") || return ;;
		*)
			{ printf '%s\t%s\t%s\n' "$sshd_level" "$sshd_key" "$sshd_words" >>"$work/sshd.read"; } \
				2>"$work/err" || {
				file_blame "$work"
				return
			}
			;;
		esac
	done <"$work/sshd.$2"
}

# sshd_holds WORDS: whether a Match line is about $sshd_user: sets _verdict, yes or no.
sshd_holds() {
	account_find "$sshd_user"
	case $? in
	0) groups_of "$sshd_user" "$_gid" || return ;;
	3) return 1 ;;
	*) file_text "$work/groups" '' || return ;;
	esac
	edit_derive "$work" "$work/sshd.holds" "$awk_groups$awk_ssh_rules" holds "$1" "$sshd_user" "$work/groups"
}

# sshd_include PATTERN DEPTH LEVEL: in a subshell.
sshd_include() {
	sshd_absolute "$1"
	sshd_folder=${_pattern%/*}
	place_of "$sshd_folder"
	cd "$_path" 2>/dev/null || return 0
	LC_ALL=C
	IFS=
	# shellcheck disable=SC2086  # a pattern
	set -- "$2" "$3" ${_pattern##*/}
	unset IFS
	sshd_depth=$1
	sshd_level=$2
	shift 2
	for sshd_file; do sshd_read "$sshd_folder/$sshd_file" "$sshd_depth" "$sshd_level" || return; done
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
	while IFS=$tab read -r sshd_key sshd_words; do
		case "|$1|" in
		*"|$sshd_key|"*)
			_value=$sshd_words
			return
			;;
		esac
	done <"$work/sshd"
}
