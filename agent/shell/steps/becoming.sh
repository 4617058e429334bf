# becoming.sh: whether the admin user becomes root, by what sudo itself says and by the rules of doas.

# becoming_means: sets login_means, sudo, doas or both, after what sudo itself and the rules of doas say.
becoming_means() {
	if place_exists /etc/sudoers.d/zz-azready; then
		becoming_sudo || return
		becoming_promise sudo
	fi
	place_exists /etc/doas.d/zz-azready.conf
	login_ruled=$?
	[ "$login_ruled" -eq 0 ] || ! place_exists /etc/doas.conf || {
		edit_look /etc/doas.conf 'BEGIN {
			take(ARGV[1])
			for (i = 1; i <= count; i++) if (row[i] ~ / # azready$/) verdict("ours")
			verdict("none")
		}' || return
		[ "$_verdict" != ours ] || login_ruled=0
	}
	if [ "$login_ruled" -eq 0 ]; then
		becoming_doas || return
		becoming_promise doas
	fi
	case $login_means$set_ADMIN_RIGHTS$login_usable in
	?*passwordno) log_warning "login: $login_user is asked for a password by $login_means, and has none" ;;
	esac
}

# becoming_sudo: sets login_answer, empty where nobody can say, and login_rule.
becoming_sudo() {
	login_answer='' login_rule=''
	# Without a name service that answers, sudo looks for its own host for a long time; then nobody knows.
	program_which sudo && { program_run 10 /dev/null "$_which" -n -l -U "$login_user" ||
		[ "$_ended" -ne 137 ]; } || return 0
	edit_ask "$work" "$awk_groups$awk_becoming" sudo "$work/run.out" || return
	becoming_answer
}

# becoming_doas: sets login_answer and login_rule: as `doas -C` would for this user, who may be unable to read
# the rules.
becoming_doas() {
	place_of /etc/doas.d
	if [ -d "$_path" ]; then
		place_glob '/etc/doas.d/*.conf' || :
		login_rules=$_found
	else
		login_rules=/etc/doas.conf
	fi
	set --
	text_by_line
	for login_rule in $login_rules; do
		text_by_word
		edit_source "$login_rule" || return
		set -- "$@" "$_source"
	done
	text_by_word
	login_answer='' login_rule=''
	edit_ask /etc/doas.conf "$awk_groups$awk_becoming" doas "$login_user" "$login_uid" \
		"$login_groups,:$login_gid" ${1+"$@"} || return
	becoming_answer
}

# becoming_answer: sets login_answer and login_rule, what the program has put: both, with a TAB between, or
# nothing.
becoming_answer() {
	login_answer=${_answer%%"$tab"*}
	login_rule=${_answer#"$login_answer"}
	login_rule=${login_rule#"$tab"}
}

# becoming_promise PROGRAM: whether the answer is as ADMIN_RIGHTS promises; what lets the user become root
# joins login_means.
becoming_promise() {
	case $login_answer,$set_ADMIN_RIGHTS in
	no,*)
		log_warning "login: $1 does not let $login_user become root${login_rule:+: }$login_rule"
		return 0
		;;
	asks,nopasswd) log_warning "login: $1 asks $login_user for a password all the same: $login_rule" ;;
	free,password) log_warning "login: $1 asks $login_user for no password all the same: $login_rule" ;;
	esac
	login_means=$login_means${login_means:+ and }$1
}
