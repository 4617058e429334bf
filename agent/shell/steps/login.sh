# login.sh: the step `login`: can the admin user come in, by what this machine's own programs and files say? A
# way in that is shut although somebody relies on it is a warning; where none is left, a failure: Ready would
# be a lie.

# step_login: look, mend, say.
step_login() {
	wanted_user
	user=$_wanted_user
	[ -n "$user" ] || return 3
	account_find "$user"
	case $? in
	0) ;;
	3) return 1 ;;
	*) return 3 ;;
	esac
	user_mend_shell && key_way_account && login_shadow && login_servers || return 1
	login_asks
	login_look || return 1
	login_ways
	login_judge && login_tell || return 1
}

# login_shadow: sets login_usable, login_locked (yes or no).
login_shadow() {
	password_user=$login_user
	password_stored || [ $? -ne 2 ] || return
	login_usable=yes login_locked=no
	case $_stored in '' | x | !* | \**) login_usable=no ;; esac
	case $_stored in !*) login_locked=yes ;; esac
}

# login_asks: what the platform counts on: sets login_asks_key and login_asks_password.
login_asks() {
	login_asks_key=no login_asks_password=no
	[ "$wanted_keys" -eq 0 ] || login_asks_key=yes
	[ "$wanted_password" != yes ] || [ "$wanted_password_login" = no ] || login_asks_password=yes
}

# login_servers: sets login_results, what the SSH servers say that are there: of each a line that it is there,
# what is against a way in, and the ways that are left: server, way, error, value, with a TAB between.
login_servers() {
	login_results=
	sshd_main
	if place_exists "$_main" || sshd_has sshd; then
		login_server=sshd
		login_by_sshd || return
	fi
	if sshd_has dropbear && { [ -z "$login_results" ] || login_starts_dropbear; }; then
		login_server=dropbear
		login_by_dropbear || return
	fi
	if sshd_has tinysshd; then
		login_server=tinysshd
		login_by_tinysshd || return
	fi
}

# login_add WAY [ERROR [VALUE]]: a line of it.
login_add() {
	login_results=$login_results$login_server$tab$1$tab${2-}$tab${3-}$sys_newline
}

# login_by_sshd
login_by_sshd() {
	sshd_settings "$login_user" || return
	sshd_first StrictModes yes
	login_strict=$_value
	sshd_first AuthorizedKeysFile ".ssh/authorized_keys$tab.ssh/authorized_keys2"
	sshd_spaced "$_value"
	login_expand "$_value"
	if [ -n "$login_place" ]; then
		key_way_to || return
	else
		login_types='' login_error=AuthorizedKeysFile login_value=$_spaced
	fi
	edit_ask "$_main" "$awk_groups$awk_sshd$awk_ssh_rules" sshd "$sshd_lines" "$login_user" \
		"$login_groups" "$login_types" "${login_error:+$login_error$tab$login_value}" "$login_locked" \
		"$login_usable" || return
	login_add there
	text_by_line
	for login_line in $_answer; do login_results=$login_results$login_server$tab$login_line$sys_newline; done
	text_by_word
}

# login_expand WORDS: sets login_place, the first path that the words of AuthorizedKeysFile mean.
login_expand() {
	keys_home=$login_home keys_user=$login_user keys_uid=$login_uid
	keys_expand "$1"
	login_place=$_expanded
}

# login_starts_dropbear: whether something starts it at boot. Beside sshd it is often there for its client, or
# for the initramfs, alone.
login_starts_dropbear() {
	for login_service in $fact_DROPBEAR_SERVICES; do ! place_exists "$login_service" || return 0; done
	return 1
}

# login_by_dropbear: it minds the modes always, takes passwords unless it was told not to, and no shell that
# is unknown.
login_by_dropbear() {
	login_strict=yes
	login_expand .ssh/authorized_keys
	key_way_to || return
	login_add there
	login_known=yes
	! place_exists /etc/shells || account_knows_shell "${login_shell:-/bin/sh}" || {
		login_known=no
		login_add ssh shells "${login_shell:-/bin/sh}"
	}
	[ -z "$login_error" ] || login_add key "$login_error" "$login_value"
	[ "$login_usable" = yes ] || login_add password no_password /etc/shadow
	[ "$login_known" = no ] || [ -n "$login_error" ] || login_add way ssh-key
	[ "$login_known$login_usable" != yesyes ] || login_add way ssh-password
}

# login_by_tinysshd: keys alone, of one type.
login_by_tinysshd() {
	login_strict=yes
	login_expand .ssh/authorized_keys
	key_way_to || return
	login_add there
	if [ -n "$login_error" ]; then
		login_add key "$login_error" "$login_value"
	else
		case $sys_newline$login_types$sys_newline in
		*"${sys_newline}ssh-ed25519$sys_newline"*) login_add way ssh-key ;;
		*) login_add key ed25519 "$login_place" ;;
		esac
	fi
}

# login_look: of all that was found, says what matters to somebody; sets login_found, the ways that are left,
# and login_ssh_reason, login_key_reason, login_password_reason and login_policy_reason: the first error, TAB
# and value of its kind.
login_look() {
	login_found=' ' login_ssh_reason='' login_key_reason='' login_password_reason='' login_policy_reason=''
	text_by_line
	for login_line in $login_results; do
		text_by_word
		login_server=${login_line%%"$tab"*} login_value=${login_line#*"$tab"}
		login_way=${login_value%%"$tab"*} login_value=${login_value#*"$tab"}
		login_error=${login_value%%"$tab"*} login_value=${login_value#"$login_error"}
		login_value=${login_value#"$tab"}
		login_note
	done
	text_by_word
	! place_exists /etc/nologin || log_warning 'login: /etc/nologin lets nobody in but root'
	# Most have no dates at all.
	case $account_ages in *[!:]*) ;; *) return 0 ;; esac
	edit_ask /etc/shadow "$awk_login" "$account_ages" "$(date +%s)" || return
	text_by_line
	for login_value in $_answer; do
		log_warning "login: $login_value (/etc/shadow), so $login_user may be turned away"
	done
	text_by_word
}

# login_note: one line of the file of a server.
login_note() {
	login_meaning
	case $login_way in
	way) login_found="$login_found$login_error " ;;
	ssh)
		login_ssh_reason=${login_ssh_reason:-$login_error$tab$login_value}
		log_warning "login: $login_server keeps $login_user out: $_meaning $login_value"
		;;
	note)
		log_warning "login: $login_server takes $login_user from some places alone: $_meaning $login_value"
		;;
	key)
		login_key_reason=${login_key_reason:-$login_error$tab$login_value}
		case $login_asks_key$login_error in
		nono_keys) ;;
		*) log_warning "login: $login_server takes no key from $login_user: $_meaning $login_value" ;;
		esac
		;;
	password)
		login_password_reason=${login_password_reason:-$login_error$tab$login_value}
		case $login_error in
		PasswordAuthentication | AuthenticationMethods)
			login_policy_reason=${login_policy_reason:-$login_error$tab$login_value}
			;;
		esac
		[ "$login_asks_password" = no ] ||
			log_warning "login: $login_server takes no password from $login_user: $_meaning $login_value"
		;;
	esac
}

# login_meaning: sets _meaning: what stands in the log for $login_error, a word of a report.
login_meaning() {
	case $login_error in
	mode) _meaning='others may write to' ;;
	owner) _meaning='it belongs to somebody else:' ;;
	search) _meaning='who logs in cannot enter' ;;
	read) _meaning='who logs in cannot read' ;;
	symlink) _meaning='this is a symlink:' ;;
	no_keys) _meaning='there is no key in' ;;
	no_password) _meaning='no password is set in' ;;
	locked) _meaning='the account is locked in' ;;
	shells) _meaning='/etc/shells lacks' ;;
	ed25519) _meaning='it takes ed25519 keys alone, and none is in' ;;
	*) _meaning=$login_error ;;
	esac
}

# login_ways: sets login_ways, the words for the status, and login_said, those for the log.
login_ways() {
	login_shut=no
	! account_shell_is_shut "$login_shell" || login_shut=yes
	login_ways='' login_said=''
	[ "$login_shut" = no ] || return 0
	login_way_in ssh-key 'by SSH key'
	login_way_in ssh-password 'by SSH password'
	login_way_in ssh-key-and-password 'by SSH key and password together'
	login_ssh=$login_ways
	[ "$login_usable" = no ] || login_takes console-password 'by password at the console'
}

# login_way_in WAY WORDS
login_way_in() {
	case $login_found in *" $1 "*) login_takes "$@" ;; esac
}

# login_takes WAY WORDS
login_takes() {
	login_ways=$login_ways${login_ways:+ }$1
	login_said=$login_said${login_said:+, }$2
}

# login_judge: fails where Ready would be a lie: nobody comes in; or a password is all that there is, and SSH
# does not take it.
login_judge() {
	file_text "$work/login" "${login_ways:-none}" || return
	login_reason=
	if [ "$login_shut" = yes ]; then
		login_reason=shell$tab$login_shell
	elif [ -z "$login_ways" ]; then
		login_reason=${login_ssh_reason:-${login_key_reason:-$login_password_reason}}
	elif [ -z "$login_ssh" ] && [ "$login_asks_password$login_asks_key" = yesno ]; then
		login_reason=$login_policy_reason
	fi
	[ -n "$login_reason" ] || return 0
	file_text "$work/login.value" "${login_reason#*"$tab"}" || return
	fail_value=value=$work/login.value
	fail login_impossible \
		"$hint_LOGIN" \
		"user=$login_user" "error=${login_reason%%"$tab"*}"
}

# login_tell: one line of what was found.
login_tell() {
	if [ -z "$login_ways" ]; then
		file_text "$work/login" unknown || return
		log_warning "login: no SSH server that azready knows: nobody can say whether $login_user can come in"
		login_said='by nothing that azready knows'
	fi
	login_means=
	[ "$set_ADMIN_RIGHTS" = none ] || becoming_means || return
	log_info "login: $login_user can come in $login_said${login_means:+; becomes root with }$login_means"
}
