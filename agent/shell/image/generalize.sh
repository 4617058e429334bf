# generalize.sh: makes an image safe to capture: nothing of this machine stays for the next one.

main_generalize() {
	program_need_awk
	[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || log_die 'generalize is for root' \
		'run it as root, or with --root'
	generalize_who
	generalize_names
	generalize_rows >"$work/rows"
	[ -z "$old_user" ] || log_info "the user who leaves: $old_user"
	old_doing=no
	generalize_all
	[ -e "$work/generalize" ] || {
		log_info 'nothing to do'
		exit 0
	}
	generalize_ask
	old_doing=yes
	# First: a run that is cut off and comes again would find nothing else to do.
	if enable_again; then old_lacks=; else old_lacks='enable the service again'; fi
	generalize_all
	[ -z "$old_lacks" ] || printf '%s\n' "$old_lacks" >>"$work/left"
	generalize_label
	sync
	[ -s "$work/left" ] || {
		log_info 'generalized: shut it down and capture it'
		exit 0
	}
	while read -r old_line; do log_error "not done: $old_line"; done <"$work/left"
	log_error 'not safe to capture' 'mend what is named above and run generalize again'
	exit 1
}

# generalize_label: what was mended is a new file, and has no label.
generalize_label() {
	set --
	while IFS= read -r old_file; do set -- "$@" "${old_file#"$root"}"; done <"$work/generalize"
	selinux_label "$@"
}

# generalize_who: sets $old_user, $old_uid and $old_home; all empty where nobody leaves.
generalize_who() {
	old_user=$leaving_user old_uid='' old_home=''
	[ -n "$old_user" ] || generalize_guess
	[ -n "$old_user" ] || return 0
	account_find "$old_user" 2>/dev/null ||
		log_die "--user $old_user: no such user" 'give a name of /etc/passwd'
	# What could be a pattern is no person's name either.
	old_uid=$_uid
	case $old_user in *[!A-Za-z0-9._-]*) old_uid=0 ;; esac
	if [ "$old_uid" -lt "$fact_FIRST_ID" ] || [ "$old_uid" -gt "$fact_LAST_ID" ]; then
		log_die "--user $old_user: a system account (uid $old_uid) stays" \
			"a person has a uid from $fact_FIRST_ID to $fact_LAST_ID"
	fi
	old_home=${_home%/}
}

# generalize_guess: the user that azready made: the one that the status file names, else the only person whom
# its files for sudo and doas name. Nobody where that is not clear.
generalize_guess() {
	for _ in 1 2; do # a tool that was killed has found nobody
		old_words=$({
			file_read "$state_directory/status" | grep '^ADMIN_USER=' || {
				for old_file in /etc/sudoers.d /etc/doas.d; do
					place_of "$old_file"
					cat "$_path"/azready* "$_path"/zz-azready*
				done
				! file_read /etc/doas.conf | grep -q azready || file_read /etc/doas.conf
			}
		} 2>/dev/null | tr -c 'A-Za-z0-9._-' ' ')
		case $old_words in *[A-Za-z0-9]*) break ;; esac
	done
	# shellcheck disable=SC2046  # names and no more
	set -- $(file_read /etc/passwd |
		LC_ALL=C awk -F: -v "words= $old_words " -v "first=$fact_FIRST_ID" -v "last=$fact_LAST_ID" '
		$3 >= first && $3 <= last { people = 1; if (index(words, " " $1 " ")) print $1 }
		END { if (people) print "," }')
	case $#,$old_words in
	0,*) ;;
	2,*) old_user=$1 ;;
	*,*[![:space:]]*)
		log_warning 'no user is removed: it is not clear whom azready made (hint: --user NAME)'
		;;
	# As after an earlier `generalize`, on an image with a person of its own.
	*) log_info 'no user is removed: nothing says that azready made one (--user NAME removes one)' ;;
	esac
}

# generalize_names: sets $old_hosts, the machine's names without a domain, and $old_named, a pattern for the
# first of them.
generalize_names() {
	old_hosts=$({
		for old_file in /etc/hostname /etc/HOSTNAME; do file_read "$old_file" | sed 's/^/hostname /'; done
		for old_file in /etc/conf.d/hostname /etc/config/system /etc/rc.conf /opt/bootsync.sh; do
			file_read "$old_file"
		done
		[ -n "$root" ] || printf 'hostname %s\n' "$(uname -n)"
	} | LC_ALL=C awk -v "blanks=[ \"'=$tab]+" '!/^[ \t]*#/ && match($0, /[Hh]ostname|HOSTNAME/) {
		split(substr($0, RSTART + RLENGTH), words, blanks)
		name = words[2]
		sub(/[.].*/, "", name)
		if (words[1] != "" || name !~ /^[A-Za-z0-9_-]+$/ || name == "localhost" || seen[name]++) next
		printf "%s%s", blank, name
		blank = " "
	}')
	old_named=${old_hosts:+*${old_hosts%% *}*}
}

# generalize_rows: the table for this image. dbus of an image without systemd does not fill an empty
# machine-id.
generalize_rows() {
	if place_exists /lib/systemd/systemd; then old_id=empty; else old_id=remove; fi
	if account_find root 2>/dev/null; then old_roots=$_home; else old_roots=/root; fi
	# Last what tells who leaves, to a run after one that was cut off.
	set -- "remove|${state_directory%/*}|azready" "remove|${run_directory%/*}|azready"
	printf '%s\n' "$generalize_table" "$@" |
		sed "s,|~,|${old_roots:-/},; s/^id|/$old_id|/; s/@/$old_user/; s/%/$old_uid/"
}

# generalize_all: list everything that is there, or ($old_doing=yes) do it.
generalize_all() {
	[ -z "$old_user" ] || generalize_tree
	while IFS='|' read -r old_how old_directory old_patterns; do
		[ "$old_doing$old_directory$old_patterns" != yes/etcpasswd ] || [ ! -s "$work/left" ] || break
		generalize_row "$old_directory" "$old_patterns"
	done <"$work/rows"
	[ -n "$root" ] || [ "$(uname -n)" = localhost ] || generalize_leave reset /proc/sys/kernel/hostname
	# A log in memory is not captured, and may be where this run works.
	[ -n "$root" ] || ! place_is_memory /var/log || return 0
	place_of /var/log
	[ -z "$(find "$_path" -xdev -type f \( -size +0 -o -name "$old_named" \) 2>/dev/null | head -n 1)" ] ||
		generalize_leave clear "$_path"
}

# generalize_row DIRECTORY NAMES
generalize_row() {
	place_of "$1"
	old_at=$_path
	# The names are patterns for that directory, not for this one.
	set -f
	# shellcheck disable=SC2086  # words
	set -- $2
	set +f
	for old_pattern; do
		for old_file in "$old_at"/$old_pattern; do generalize_one; done
	done
}

# generalize_one: $old_file, if it is there and of the kind that $old_how is for.
generalize_one() {
	[ -e "$old_file" ] || [ -h "$old_file" ] || return 0
	# What the lock of this very run has made goes with it.
	case "$sys_newline${lock_made-}$sys_newline" in *"$sys_newline$old_file$sys_newline"*) return 0 ;; esac
	case $old_how in
	remove) generalize_leave remove "$old_file" && return ;;
	file | empty | mac) [ ! -h "$old_file" ] || return 0 ;;
	*)
		place_of "${old_file#"$root"}"
		old_file=$_path
		;;
	esac
	[ -f "$old_file" ] || return 0
	case $old_how in
	file) generalize_leave remove "$old_file" ;;
	empty) [ ! -s "$old_file" ] || generalize_leave empty "$old_file" ;;
	mac) ! grep -Eiq '([0-9a-f]{2}:){5}[0-9a-f]{2}' "$old_file" || generalize_leave remove "$old_file" ;;
	*) { generalize_mended "$old_file" && [ "$_verdict" = same ]; } || generalize_leave mend "$old_file" ;;
	esac
}

# generalize_mended FILE: $work/mended, the file without who leaves; sets _verdict.
generalize_mended() {
	file_fetch_place "$1" "${1#"$root"}" "$work/old.text" &&
		edit_derive "${1#"$root"}" "$work/mended" "$awk_generalize" \
			"$work/old.text" "$old_how" "$old_user" "$old_uid" "$old_hosts"
}

# generalize_tree: the user's home, unless it is more than that, and what the user has in /tmp.
generalize_tree() {
	place_of "${old_home%/*}"
	old_file=$_path/${old_home##*/}
	if [ -h "$old_file" ] || { [ -d "$old_file" ] && generalize_is_own; }; then
		generalize_leave remove "$old_file"
	elif [ -d "$old_file" ] && [ "$old_doing" = no ]; then
		log_warning "home '$old_home' stays: it is not $old_user's alone"
	fi
	for old_file in /tmp /var/tmp; do
		place_of "$old_file"
		find "$_path/." ! -name . -prune -user "$old_uid" -print
	done 2>/dev/null | sed 's|/\./|/|' >"$work/own"
	while read -r old_file; do
		# Not the second line of a name.
		case $old_file in /*) generalize_leave remove "$old_file" ;; esac
	done <"$work/own"
}

# generalize_is_own: whether $old_home lies in /home or belongs to the user, and nobody else's home is in it.
generalize_is_own() {
	# shellcheck disable=SC2012  # the owner of one directory; busybox can be built without stat
	case $old_home in
	*/..*) return 1 ;;
	/home/?*) ;;
	*) [ "$(ls -dn "$old_file" | awk '{ print $3 }')" = "$old_uid" ] || return ;;
	esac
	file_read /etc/passwd | LC_ALL=C awk -F: -v "user=$old_user" -v "home=$old_home/" '
		$1 != user && index($6 "/", home) == 1 { shared = 1 }
		END { exit shared }'
}

# generalize_leave HOW PATH: list it, or do it and note what went wrong; never the end.
generalize_leave() {
	old_shown="$1 ${2#"$root"}"
	[ ! -h "$2" ] || old_shown="$old_shown, a link; $(readlink "$2") stays"
	if [ "$old_doing" = yes ]; then
		"generalize_$1" "$2" 2>"$work/leave.err" && [ ! -s "$work/leave.err" ] && return
		old_cause=$(tail -n 1 "$work/leave.err")
		printf '%s\n' "$old_shown: ${old_cause##*: }" >>"$work/left"
	# Two names may lead to one directory, as /var/spool/mail; and what is removed is not mended.
	elif ! grep -qxF "$2" "$work/generalize" 2>/dev/null; then
		printf '%s\n' "$2" >>"$work/generalize"
		log_info "$old_shown"
	fi
}

# generalize_remove FILE_OR_TREE: never what a symlink points to, never what is mounted there. find -xdev
# would not see a directory of the same file system that is mounted.
generalize_remove() {
	if [ -h "$1" ] || [ ! -d "$1" ]; then
		rm -f "$1"
	elif grep -qF " $(printf '%s' "$1" | sed 's/ /\\040/g')/" /proc/mounts 2>/dev/null; then
		printf 'something is mounted in it\n' >&2
	else
		# The user may be at work in it, and exchange what is in it for a link.
		rm -f "$work/err"
		if (user_file_take_tree "$1" &&
			find . -xdev -depth ! -name . \( \( ! -type d -exec rm -f {} \; \) -o -exec rmdir {} \; \)); then
			rmdir "$1"
		else
			cat "$work/err" >&2
		fi
	fi
}

# generalize_empty FILE: daemons rely on its mode and owner.
generalize_empty() {
	cp /dev/null "$1"
}

# generalize_mend FILE: once more, and an account file under its lock.
generalize_mend() {
	old_locks=
	case ${1#"$root"} in /etc/passwd | /etc/group | /etc/shadow | /etc/gshadow) old_locks=${1#"$root"} ;; esac
	if { [ -z "$old_locks" ] || account_lock "$old_locks"; } && generalize_mended "$1" &&
		file_write "${1#"$root"}" 0644 "$work/mended"; then
		set -- 0
	else
		set -- 1
	fi
	[ -z "$old_locks" ] || account_lock_give_back
	[ "$1" -eq 0 ] || cat "$work/failure" >&2
}

generalize_reset() {
	hostname_set_kernel localhost || cat "$work/failure" >&2
}

# generalize_clear DIRECTORY: logs that were rotated go, the others are emptied. Daemons own some of its
# directories.
generalize_clear() {
	find "$1" -xdev -type d >"$work/logs"
	while IFS= read -r old_file; do (generalize_clear_in "$old_file"); done <"$work/logs"
}

# generalize_clear_in DIRECTORY: in a subshell, with what is seized given back.
generalize_clear_in() {
	user_here=$1
	user_at=${1#"$root"}
	user_seized=
	trap user_file_release EXIT
	trap 'exit 143' HUP INT TERM
	# One that is gone, or never was: the second line of a name.
	[ ! -h "$1" ] && cd -P "$1" 2>/dev/null && user_file_is_here || return 0
	user_file_seize '' '' ''
	find . ! -name . -prune -type f \( \
		\( \( -name '*.[0-9]*' -o -name '*.gz' -o -name '*-20[0-9]*' -o -name "$old_named" \) \
		-exec rm -f {} \; \) \
		-o \( -size +0 -exec cp /dev/null {} \; \) \)
}

# generalize_ask: on a terminal; without one only --yes will do.
generalize_ask() {
	[ "$yes" = no ] || return 0
	[ -t 0 ] || log_die 'no terminal to ask on; nothing was changed' 'this cannot be undone: say --yes'
	printf 'azready: do all this? It cannot be undone [y/N] ' >&2
	read -r old_answer
	case $old_answer in
	[yY] | [yY][eE][sS]) ;;
	*) log_die 'nothing was changed' 'the answer was not y' ;;
	esac
}
