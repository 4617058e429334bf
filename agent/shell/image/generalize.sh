# generalize.sh: makes an image safe to capture: nothing of this machine stays for the next one.

main_generalize() {
	program_need_awk
	[ -n "$root" ] || [ "$(id -u)" -eq 0 ] || log_die 'generalize is for root' \
		'run it as root, or with --root'
	generalize_who
	generalize_names
	[ -z "$old_user" ] || log_info "the user who leaves: $old_user"
	plan_all
	[ -n "$plan_items$plan_left" ] || {
		log_info 'nothing to do'
		exit 0
	}
	generalize_ask
	# First: a run that is cut off and comes again would find nothing else to do.
	if enable_again; then carry_out; else plan_missed 'enable the service again'; fi
	generalize_label
	sync
	[ -n "$plan_left" ] || {
		log_info 'generalized: shut it down and capture it'
		exit 0
	}
	text_by_line
	for old_line in $plan_left; do
		text_by_word
		log_error "not done: $old_line"
	done
	text_by_word
	log_error 'not safe to capture' 'mend what is named above and run generalize again'
	exit 1
}

# generalize_label: what was mended is a new file, and has no label.
generalize_label() {
	set --
	text_by_line
	for old_item in $plan_items; do
		text_by_word
		old_item=${old_item#*'|'*'|'*'|'}
		set -- "$@" "${old_item#"$root"}"
	done
	text_by_word
	selinux_label ${1+"$@"}
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
	edit_look /etc/passwd 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) {
			split(row[i], f, /[:]/)
			if (f[3] + 0 < ARGV[3] + 0 || f[3] + 0 > ARGV[4] + 0) continue
			people = 1
			if (index(ARGV[2], " " f[1] " ")) put(f[1])
		}
		if (people) put(",")
		verdict("seen")
	}' " $old_words " "$fact_FIRST_ID" "$fact_LAST_ID" || plan_blind /etc/passwd
	# shellcheck disable=SC2086  # names and no more
	set -- $_answer
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
	old_name=
	[ -n "$root" ] || old_name=$(uname -n) || plan_blind 'the name of this machine'
	set -- all
	for old_file in /etc/hostname /etc/HOSTNAME keyed /etc/conf.d/hostname /etc/config/system /etc/rc.conf \
		/opt/bootsync.sh; do
		case $old_file in
		/*)
			place_to_read "$old_file"
			[ ! -f "$_path" ] || set -- "$@" "$_path"
			;;
		*) set -- "$@" "$old_file" ;;
		esac
	done
	edit_ask hostname "$awk_names" "$old_name" "$@" || plan_blind 'the names of the machine'
	text_replaced "$_answer" "$sys_newline" ' '
	old_hosts=$_replaced
	old_named=${old_hosts:+*${old_hosts%% *}*}
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
