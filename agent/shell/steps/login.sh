# login.sh: the step `login`: can the admin user come in, by what this machine's own programs and files say? A way in that
# is shut although somebody relies on it is a warning; where none is left, a failure: Ready would be a lie.

# step_login: look, mend, say.
step_login() {
	sys_derive "$work" "$work/login.user" 'BEGIN { put_word(trimmed(slurp(ARGV[1]))); verdict("done") }' "$work/wanted.admin-user" || return
	login_user=
	IFS= read -r login_user <"$work/login.user" || :
	_result=skipped
	[ -n "$login_user" ] || return 0
	find_account "$login_user"
	case $? in
	0) ;;
	3) return 1 ;;
	*) return 0 ;;
	esac
	_result=failed
	user=$login_user
	user_mend_shell && login_account && login_shadow && login_servers || return
	login_asks
	login_look || return
	login_ways
	login_judge && login_tell || return
	_result='done'
}

# login_account: what find_account has found, and the user's groups: sets login_uid, login_gid, login_home, login_shell,
# login_gids, login_roots (who stands for root: in a tree made without privileges its owner does) and login_own_home.
login_account() {
	login_user=$_name login_uid=$_uid login_gid=$_gid login_home=${_home%/} login_shell=$_shell
	login_groups "$login_user" "$login_gid" || return
	login_roots=" 0 $(sys_look "$root/" 3) "
	login_own_home=yes
	user_has_own_home '' || login_own_home=no
}

# login_groups USER GID: $work/groups: name, TAB, number; sets login_gids.
login_groups() {
	# Images that are updated as a whole keep the groups of their packages in /usr.
	sys_fetch /etc/group "$work/group.etc" && sys_fetch /usr/lib/group "$work/group.usr" || return
	sys_derive /etc/group "$work/groups" "$awk_login" groups "$1" "$2" "$work/group.etc" "$work/group.usr" || return
	login_gids=" $2 "
	while IFS=$tab read -r _ login_number; do login_gids="$login_gids$login_number "; done <"$work/groups"
}

# login_shadow: sets login_usable, login_locked (yes or no), and the account's line of shadow in $work/login.shadow, without
# the hash, which concerns nobody.
login_shadow() {
	password_user=$login_user
	stored_password || [ $? -ne 2 ] || return
	login_usable=yes login_locked=no
	case $_stored in '' | x | !* | \**) login_usable=no ;; esac
	case $_stored in !*) login_locked=yes ;; esac
	sys_fetch /etc/shadow "$work/stored" && sys_derive /etc/shadow "$work/login.shadow" 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (index(row[i], ARGV[2] ":") == 1) {
			line = substr(row[i], length(ARGV[2]) + 2)
			put(ARGV[2] ":" substr(line, index(line ":", ":")))
			break
		}
		verdict("done")
	}' "$work/stored" "$login_user"
}

# login_asks: what the platform counts on: sets login_asks_key and login_asks_password.
login_asks() {
	login_asks_key=no login_asks_password=no
	login_number=1
	while [ "$login_number" -le "$wanted_keys" ]; do
		is_blank "$work/wanted.key.$login_number" || login_asks_key=yes
		login_number=$((login_number + 1))
	done
	# The step `password` removes what it has set.
	if [ -e "$work/wanted.password" ]; then
		! is_blank "$work/wanted.password" && ! printf REDACTED | cmp -s - "$work/wanted.password" || return 0
	fi
	[ "$wanted_password_login" = no ] || login_asks_password=yes
}

# login_servers: sets login_servers, the SSH servers that are there; $work/login.SERVER has what is against a way in (way,
# error, value, with a TAB between), and the ways that are left (way, its name).
login_servers() {
	login_servers=
	sshd_main
	if sys_exists "$_main" || has_server sshd; then
		login_by_sshd || return
		login_servers=sshd
	fi
	if has_server dropbear && { [ -z "$login_servers" ] || login_starts_dropbear; }; then
		login_by_dropbear || return
		login_servers="$login_servers dropbear"
	fi
	if has_server tinysshd; then
		login_by_tinysshd || return
		login_servers="$login_servers tinysshd"
	fi
}

# login_add WAY WORD [VALUE]: a line for the file of a server.
login_add() {
	login_lines=$login_lines$1$tab$2${3:+"$tab$3"}$sys_newline
}

# login_by_sshd
login_by_sshd() {
	sshd_settings "$login_user" || return
	sshd_first StrictModes yes
	login_strict=$_value
	sshd_first AuthorizedKeysFile ".ssh/authorized_keys$tab.ssh/authorized_keys2"
	login_files=$_value
	login_expand "$login_files" || return
	if [ -n "$login_place" ]; then
		login_file || return
		[ -z "$login_error" ] || login_error=$login_error$tab$login_value$sys_newline
	else
		login_error=AuthorizedKeysFile$tab$(printf '%s' "$login_files" | tr '\t' ' ')$sys_newline
		sys_text "$work/login.types" '' || return
	fi
	sys_text "$work/login.key" "$login_error" &&
		sys_derive "$_main" "$work/login.sshd" "$awk_login" sshd "$work/sshd" "$login_user" "$work/groups" "$work/login.types" "$work/login.key" "$login_locked" "$login_usable"
}

# login_expand WORDS: sets login_place, the first path that the words of AuthorizedKeysFile mean.
login_expand() {
	keys_home=$login_home keys_user=$login_user keys_uid=$login_uid
	keys_expand "$1" || return
	login_place=$_expanded
}

# login_starts_dropbear: whether something starts it at boot. Beside sshd it is often there for its client, or for the
# initramfs, alone.
login_starts_dropbear() {
	for login_folder in /etc/init.d /etc/sv /etc/dinit.d; do ! sys_exists "$login_folder/dropbear" || return 0; done
	for login_folder in /etc /usr/lib /lib; do ! sys_exists "$login_folder/systemd/system/dropbear.service" || return 0; done
	return 1
}

# login_by_dropbear: it minds the modes always, takes passwords unless it was told not to, and no shell that is unknown.
login_by_dropbear() {
	login_strict=yes
	login_expand .ssh/authorized_keys && login_file && sys_fetch /etc/shells "$work/shells" || return
	login_lines=
	login_known=yes
	! sys_exists /etc/shells || user_knows_shell "${login_shell:-/bin/sh}" || {
		login_known=no
		login_add ssh shells "${login_shell:-/bin/sh}"
	}
	[ -z "$login_error" ] || login_add key "$login_error" "$login_value"
	[ "$login_usable" = yes ] || login_add password no_password /etc/shadow
	[ "$login_known" = no ] || [ -n "$login_error" ] || login_add way ssh-key
	[ "$login_known$login_usable" != yesyes ] || login_add way ssh-password
	sys_text "$work/login.dropbear" "$login_lines"
}

# login_by_tinysshd: keys alone, of one type.
login_by_tinysshd() {
	login_strict=yes
	login_expand .ssh/authorized_keys && login_file || return
	login_lines=
	if [ -n "$login_error" ]; then
		login_add key "$login_error" "$login_value"
	elif login_has_type ssh-ed25519; then
		login_add way ssh-key
	else
		login_add key ed25519 "$login_place"
	fi
	sys_text "$work/login.tinysshd" "$login_lines"
}

# login_has_type TYPE: whether one of the keys is of this type.
login_has_type() {
	while IFS= read -r login_line || [ -n "$login_line" ]; do [ "$login_line" != "$1" ] || return 0; done <"$work/login.types"
	return 1
}

# login_file: what is against the keys of $login_place: sets login_error, empty where nothing is, and login_value; the types
# of the keys are in $work/login.types.
login_file() {
	sys_text "$work/login.keys" '' && sys_text "$work/login.blocked" '' || return
	login_error='' login_value=''
	(login_go)
	case $? in
	0) ;;
	4) IFS=$tab read -r login_error login_value <"$work/login.blocked" || return ;;
	*)
		sys_blame "$work"
		return
		;;
	esac
	sys_awk "$awk_keys" "$work/login.keys" '' '' types 2>"$work/err" >"$work/login.types" || {
		sys_blame "$work"
		return
	}
	if [ -z "$login_error" ] && [ ! -s "$work/login.types" ]; then login_error=no_keys login_value=$login_place; fi
}

# login_block ERROR VALUE: end the subshell of login_file with what is in the way.
login_block() {
	(printf '%s\t%s\n' "$1" "$2" >"$work/login.blocked") 2>"$work/err" && exit 4
	exit 5
}

# login_mend_home: the home alone, before keys go into it; of the account that find_account has found. What is in the way is
# the step's to say.
login_mend_home() {
	login_account || return
	login_strict=yes
	login_place=$login_home
	sshd_main
	if ! has_server dropbear && { sys_exists "$_main" || has_server sshd; }; then
		sshd_first StrictModes yes
		login_strict=$_value
	fi
	(login_enter_home)
	case $? in 0 | 4) ;; *) sys_blame "$work" ;; esac
}

# login_go: to $login_place, in a subshell, because it goes from directory to directory as user_files.sh does: the one that
# the shell is in stays the same, whatever becomes of its names.
login_go() {
	login_in_home=no
	case $login_place in "${login_home:-//}"/*) login_in_home=yes ;; esac
	if [ "$login_in_home" = no ]; then
		login_folder=${login_place%/*}
		login_where "$login_folder"
		login_above "$_path" "$login_strict"
		login_check_above "${_path:-/}" "${login_folder:-/}" "$login_strict"
		cd -P "${_path:-/}" 2>/dev/null || login_block read "$login_place"
		login_read "${login_place##*/}" "$login_place"
		return
	fi
	login_enter_home
	login_at=$login_home
	login_rest=${login_place#"$login_home"/}
	while case $login_rest in */*) ;; *) false ;; esac do
		login_part=${login_rest%%/*}
		login_rest=${login_rest#*/}
		case $login_part in '' | .) continue ;; esac
		login_at=$login_at/$login_part
		login_enter "$login_part"
		login_check_folder "$login_at"
	done
	login_read "$login_rest" "$login_at/$login_rest"
}

# login_where NAME: sets _path; of the links on the way only root's are followed.
login_where() {
	login_link=
	sys_path "$1" login_meets
	[ -z "$login_link" ] || login_block symlink "${login_link#"$root"}"
}

login_meets() {
	case $login_roots in *" $(sys_look "$1" 3) "*) ;; *) login_link=$1 ;; esac
}

# login_enter_home
login_enter_home() {
	login_where "$login_home"
	login_above "$_path" no
	[ -e "${_path:-/}" ] || login_block no_keys "$login_place"
	cd -P "${_path:-/}" 2>/dev/null || login_block read "$login_place"
	[ "$(pwd -P)" = "${_path:-/}" ] || login_block symlink "$login_home"
	login_check_folder "$login_home"
}

# login_enter NAME: into this directory of the current one.
login_enter() {
	[ ! -h "./$1" ] || login_block symlink "$login_at"
	[ -e "./$1" ] || login_block no_keys "$login_place"
	login_from=$(pwd -P)
	cd -P "./$1" 2>/dev/null || login_block read "$login_place"
	[ "$(pwd -P)" = "${login_from%/}/$1" ] || login_block symlink "$login_at"
}

# login_above PLACE STRICT: what leads there from the root, which counts on the machine itself alone: elsewhere it is the
# builder's.
login_above() {
	login_todo=${1#"$root"}
	[ -n "$root" ] || [ -z "$login_todo" ] || login_check_above / / "$2"
	login_todo=${login_todo#/}
	login_done=
	while case $login_todo in */*) ;; *) false ;; esac do
		login_done=$login_done/${login_todo%%/*}
		login_todo=${login_todo#*/}
		login_check_above "$root$login_done" "$login_done" "$2"
	done
}

# login_check_above PLACE SHOWN STRICT: a directory of root; where it lets nobody through, it is made to.
login_check_above() {
	login_stat "$1" || login_block no_keys "$login_place"
	[ "$3" != yes ] || login_trust "$2"
	! login_may x || return 0
	case $login_gids in
	# Whom the group's bits hold up, o+x would not help.
	*" $login_group "*) ;;
	*)
		if login_is_roots && ! login_is_open && chmod o+x "$1" 2>/dev/null; then
			log_info "login: $2 let nobody through: now it does (o+x)"
			return
		fi
		;;
	esac
	login_block search "$2"
}

# login_check_folder SHOWN: the current directory, the home or one below it.
login_check_folder() {
	login_stat . || login_block read "$login_place"
	[ "$login_own_home" = no ] || login_mend "$1"
	[ "$login_strict" = no ] || login_trust "$1"
	login_may x || login_block search "$1"
}

# login_mend SHOWN: the current directory.
login_mend() {
	# What root owns stays, a home may be one's prison; unless its user cannot even enter it.
	if [ "$login_owner" != "$login_uid" ] && { ! login_is_roots || ! login_may x; } && chown -h "$login_uid:$login_gid" . 2>/dev/null; then
		log_info "login: $1 belonged to uid $login_owner: now it is $login_user's"
		login_stat .
	fi
	login_change=
	[ "$login_strict" = no ] || ! login_is_open || login_change=go-w
	[ "$login_owner" != "$login_uid" ] || login_may x || login_change=${login_change:+$login_change,}u+rwx
	if [ -n "$login_change" ] && chmod "$login_change" . 2>/dev/null; then
		log_info "login: $1 was $login_mode: $login_change"
		login_stat .
	fi
}

# login_stat PLACE: sets login_mode, the letters, login_owner and login_group.
login_stat() {
	# shellcheck disable=SC2012  # one file
	LC_ALL=C ls -dn "$1" 2>/dev/null | awk '{ print substr($1, 1, 10), $3, $4 }' >"$work/login.stat"
	read -r login_mode login_owner login_group <"$work/login.stat"
}

login_is_roots() {
	case $login_roots in *" $login_owner "*) ;; *) return 1 ;; esac
}

# login_is_open: others than the owner may write there.
login_is_open() {
	case $login_mode in ?????w* | ????????w*) ;; *) return 1 ;; esac
}

# login_trust SHOWN: what sshd's StrictModes ask for.
login_trust() {
	login_is_roots || [ "$login_owner" = "$login_uid" ] || login_block owner "$1"
	! login_is_open || login_block mode "$1"
}

# login_may r|x: whether the user has this right, as the kernel has it: owner, else group, else others.
login_may() {
	login_class=others
	case $login_gids in *" $login_group "*) login_class=group ;; esac
	[ "$login_owner" != "$login_uid" ] || login_class=owner
	[ "$login_owner" = 0 ] || ! login_is_roots || login_class=owner
	case $1$login_class$login_mode in
	xowner???[xs]* | xgroup??????[xs]* | xothers?????????[xt]*) ;;
	rowner?r* | rgroup????r* | rothers???????r*) ;;
	*) return 1 ;;
	esac
}

# login_read NAME SHOWN: the keys file of the current directory to $work/login.keys.
login_read() {
	[ ! -h "./$1" ] || login_block symlink "$2"
	[ -e "./$1" ] || login_block no_keys "$login_place"
	if [ ! -f "./$1" ] || ! login_stat "./$1"; then login_block read "$2"; fi
	[ "$login_strict" = no ] || login_trust "$2"
	login_may r || login_block read "$2"
	# No awk sees NUL bytes.
	LC_ALL=C tr -d '\000' <"./$1" 2>"$work/err" >"$work/login.keys" || exit 5
}

# login_look: of all that was found, says what matters to somebody; sets login_found, the ways that are left, and
# login_ssh_reason, login_key_reason, login_password_reason and login_policy_reason: the first error, TAB and value of its kind.
login_look() {
	login_found=' ' login_ssh_reason='' login_key_reason='' login_password_reason='' login_policy_reason=''
	for login_server in $login_servers; do
		while IFS=$tab read -r login_way login_error login_value; do login_note; done <"$work/login.$login_server"
	done
	! sys_exists /etc/nologin || log_warning 'login: /etc/nologin lets nobody in but root'
	sys_derive /etc/shadow "$work/login.ages" "$awk_login" ages "$work/login.shadow" "$(date +%s)" || return
	while IFS= read -r login_value || [ -n "$login_value" ]; do
		log_warning "login: $login_value (/etc/shadow), so $login_user may be turned away"
	done <"$work/login.ages"
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
	note) log_warning "login: $login_server takes $login_user from some places alone: $_meaning $login_value" ;;
	key)
		login_key_reason=${login_key_reason:-$login_error$tab$login_value}
		case $login_asks_key$login_error in nono_keys) ;; *) log_warning "login: $login_server takes no key from $login_user: $_meaning $login_value" ;; esac
		;;
	password)
		login_password_reason=${login_password_reason:-$login_error$tab$login_value}
		case $login_error in
		PasswordAuthentication | AuthenticationMethods) login_policy_reason=${login_policy_reason:-$login_error$tab$login_value} ;;
		esac
		[ "$login_asks_password" = no ] || log_warning "login: $login_server takes no password from $login_user: $_meaning $login_value"
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
	! user_is_shut "$login_shell" || login_shut=yes
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

# login_judge: fails where Ready would be a lie: nobody comes in; or a password is all that there is, and SSH does not take it.
login_judge() {
	sys_text "$work/login" "${login_ways:-none}" || return
	login_reason=
	if [ "$login_shut" = yes ]; then
		login_reason=shell$tab$login_shell
	elif [ -z "$login_ways" ]; then
		login_reason=${login_ssh_reason:-${login_key_reason:-$login_password_reason}}
	elif [ -z "$login_ssh" ] && [ "$login_asks_password$login_asks_key" = yesno ]; then
		login_reason=$login_policy_reason
	fi
	[ -n "$login_reason" ] || return 0
	sys_text "$work/login.value" "${login_reason#*"$tab"}" || return
	fail_value=value=$work/login.value
	fail login_impossible 'the image keeps everybody out: mend what error and value name, or give the user another way in' "user=$login_user" "error=${login_reason%%"$tab"*}"
}

# login_tell: one line of what was found.
login_tell() {
	if [ -z "$login_ways" ]; then
		sys_text "$work/login" unknown || return
		log_warning "login: no SSH server that azready knows: nobody can say whether $login_user can come in"
		login_said='by nothing that azready knows'
	fi
	login_means=
	[ "$set_ADMIN_RIGHTS" = none ] || login_rights || return
	log_info "login: $login_user can come in $login_said${login_means:+; becomes root with }$login_means"
}

# login_rights: sets login_means, sudo, doas or both, after what sudo itself and the rules of doas say.
login_rights() {
	if sys_exists /etc/sudoers.d/zz-azready; then
		login_sudo || return
		login_promise sudo
	fi
	sys_exists /etc/doas.d/zz-azready.conf
	login_ruled=$?
	[ "$login_ruled" -eq 0 ] || {
		sys_edit /etc/doas.conf 'BEGIN {
			take(ARGV[1])
			for (i = 1; i <= count; i++) if (row[i] ~ / # azready$/) verdict("ours")
			verdict("none")
		}' || return
		[ "$_verdict" != ours ] || login_ruled=0
	}
	if [ "$login_ruled" -eq 0 ]; then
		login_doas || return
		login_promise doas
	fi
	case $login_means$set_ADMIN_RIGHTS$login_usable in
	?*passwordno) log_warning "login: $login_user is asked for a password by $login_means, and has none" ;;
	esac
}

# login_sudo: sets login_answer, empty where nobody can say, and login_rule.
login_sudo() {
	login_answer='' login_rule=''
	# Without a name service that answers, sudo looks for its own host for a long time; then nobody knows.
	sys_which sudo && { sys_run 10 /dev/null "$_which" -n -l -U "$login_user" || [ "$_ended" -ne 137 ]; } || return 0
	sys_derive "$work" "$work/login.answer" "$awk_login" sudo "$work/run.out" || return
	IFS=$tab read -r login_answer login_rule <"$work/login.answer" || :
}

# login_doas: sets login_answer and login_rule: as `doas -C` would for this user, who may be unable to read the rules.
login_doas() {
	sys_path /etc/doas.d
	if [ -d "$_path" ]; then
		sys_glob '/etc/doas.d/*.conf' || :
	else
		_found=/etc/doas.conf
	fi
	set --
	sys_by_line
	for login_rule in $_found; do
		sys_by_word
		sys_fetch "$login_rule" "$work/doas.$#" || return
		set -- "$@" "$work/doas.$#"
	done
	sys_by_word
	login_answer='' login_rule=''
	sys_derive /etc/doas.conf "$work/login.answer" "$awk_login" doas "$login_user" "$login_uid" "$work/groups" ${1+"$@"} || return
	IFS=$tab read -r login_answer login_rule <"$work/login.answer" || :
}

# login_promise PROGRAM: whether the answer is as ADMIN_RIGHTS promises; what lets the user become root joins login_means.
login_promise() {
	case $login_answer$set_ADMIN_RIGHTS in
	no*)
		log_warning "login: $1 does not let $login_user become root${login_rule:+: }$login_rule"
		return 0
		;;
	asksnopasswd) log_warning "login: $1 asks $login_user for a password all the same: $login_rule" ;;
	freepassword) log_warning "login: $1 asks $login_user for no password all the same: $login_rule" ;;
	esac
	login_means=$login_means${login_means:+ and }$1
}
