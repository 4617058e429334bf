# ssh_keys.sh: the step `ssh-keys`: the public keys, where the SSH server of this system looks for them.

# step_ssh_keys: add the keys that are not there yet; fails where none can be added and there is no password
# either. Sets _size, for parse_document.
step_ssh_keys() {
	wanted_user
	keys_user=$_wanted_user
	if [ "$wanted_keys" -eq 0 ] || [ -z "$keys_user" ]; then return 3; fi
	account_find "$keys_user" || {
		[ $? -eq 3 ] || keys_fail 'no such account' "$hint_KEYS_ACCOUNT"
		return 1
	}
	keys_home=${_home%/}
	keys_uid=$_uid
	keys_gid=$_gid
	_size=${wanted_keys_bytes:-0}
	parse_document "$awk_keys" "$work/wanted.keys" check || {
		fail internal_error '' "user=$keys_user" "error=$_why"
		return 1
	}
	while IFS= read -r keys_line; do log_warning "$keys_line"; done <"$work/keys.bad"
	if [ -s "$work/keys.good" ]; then
		keys_everywhere || return 1
	elif [ "$wanted_password" = no ]; then
		fail no_good_key '' "user=$keys_user" \
			"keys=$wanted_keys" "error=$(cat "$work/keys.why")"
	fi
}

# keys_fail ERROR HINT [FILE]
keys_fail() {
	fail keys_not_added "$2" "user=$keys_user" ${3:+"file=$3"} "error=$1"
}

# keys_everywhere: the files that get the keys: sshd's, and dropbear's where it is there or nothing is.
keys_everywhere() {
	keys_own=$keys_home/.ssh/authorized_keys
	sshd_main
	if place_exists "$_main" || sshd_has sshd; then
		sshd_settings "$keys_user" || return
		sshd_first AuthorizedKeysFile ".ssh/authorized_keys$tab.ssh/authorized_keys2"
		keys_expand "$_value"
		if [ -z "$_expanded" ]; then
			sshd_spaced "$_value"
			keys_fail "AuthorizedKeysFile $_spaced" \
				"$hint_KEYS_FILE"
			return
		fi
		keys_add "$_expanded" || return
		if [ "$_expanded" = "$keys_own" ] || ! sshd_has dropbear; then return 0; fi
	else
		sshd_has dropbear || sshd_has tinysshd ||
			log_warning 'ssh-keys: neither sshd nor dropbear is installed'
	fi
	keys_add "$keys_own"
}

# keys_expand WORDS: sets _expanded, the path that the first usable word of AuthorizedKeysFile means for this
# account; nothing for `none` and unknown tokens.
keys_expand() {
	_expanded=
	text_by "$tab"
	for keys_word in $1; do
		text_by_word
		keys_replace "$keys_word" || continue
		case $keys_word in [Nn][Oo][Nn][Ee]) continue ;; esac
		case $keys_path in /*) ;; *) keys_path=$keys_home/$keys_path ;; esac
		case $keys_path/ in
		[!/]* | *// | */../*) ;;
		*)
			_expanded=$keys_path
			break
			;;
		esac
	done
	text_by_word
}

# keys_replace WORD: sets keys_path, the word with its tokens replaced; fails where one is unknown.
keys_replace() {
	keys_path=
	keys_rest=$1
	while case $keys_rest in *%*) ;; *) false ;; esac do
		keys_path=$keys_path${keys_rest%%"%"*}
		keys_rest=${keys_rest#*"%"}
		case $keys_rest in
		%*) keys_path=$keys_path% ;;
		h*) keys_path=$keys_path$keys_home ;;
		u*) keys_path=$keys_path$keys_user ;;
		U*) keys_path=$keys_path$keys_uid ;;
		*) return 1 ;;
		esac
		keys_rest=${keys_rest#?}
	done
	keys_path=$keys_path$keys_rest
}

# keys_add FILE
keys_add() {
	keys_name=${1#"$keys_home"/}
	case $1 in
	"${keys_home:-//}"/*)
		key_way_mend_home || return
		user_file_change "$keys_home" "$keys_name" "$keys_uid" "$keys_gid" keys_with
		;;
	# What is not below the home is root's, and no user but root makes a part of it.
	*)
		keys_base=${1%/*}
		user_file_change "${keys_base:-/}" "${1##*/}" '' '' keys_with "$keys_uid"
		;;
	esac || {
		[ $? -eq 1 ] || return
		keys_fail "$_unsafe" \
			"$hint_KEYS_PLACE" "$1"
		return
	}
	if [ -z "$_changed" ]; then
		log_info "ssh-keys: nothing to add to $1"
		return
	fi
	log_info "ssh-keys: keys added to $1"
	# Where SELinux is, sshd reads only what has its label.
	selinux_relabel "${1%/*}" "$1" || log_warning "ssh-keys: restorecon fails on $1"
}

# keys_with: the content of authorized_keys with those keys that are not in it. What is there stays byte for
# byte.
keys_with() {
	keys_into=user.new
	[ ! -s "$work/user.old" ] || keys_into=keys.new
	keys_select "$work/user.old" || return
	# The last line may lack its end. Else there are NUL bytes, which make a line another one, and which not
	# every awk counts.
	keys_lacking=0
	[ "$keys_old" = 0 ] || keys_know_end || return
	[ "$keys_read" = "$((keys_old + keys_lacking))" ] || {
		LC_ALL=C tr '\000' '\001' <"$work/user.old" >"$work/keys.old" 2>"$work/err" || {
			file_blame "$work"
			return
		}
		keys_select "$work/keys.old" || return
	}
	[ "$keys_into" = user.new ] || keys_join
}

# keys_know_end: sets keys_lacking, 1 where the last line of $work/user.old lacks its end. The dot tells a
# line end from a tool that was killed: then once more.
keys_know_end() {
	for _ in 1 2; do
		case $(tail -c 1 "$work/user.old" | tr '\000' x && printf .) in
		"$sys_newline.")
			keys_lacking=0
			return 0
			;;
		?*.)
			keys_lacking=1
			return 0
			;;
		esac
	done
	file_broken "$user_at" 'its last byte cannot be read'
}

# keys_select OLD: what is new goes to $work/$keys_into: sets keys_new, how many bytes that is, keys_old, how
# many OLD has, and keys_read, how many of them awk has counted, with a line end behind each line.
keys_select() {
	keys_said=$(program_awk "$awk_keys" "$1" '' "$work" add "$work/keys.good" "$keys_into" 2>"$work/err")
	keys_status=$?
	keys_new='' keys_old='' keys_read=${keys_said#* }
	LC_ALL=C wc -c "$work/$keys_into" "$1" 2>/dev/null >"$work/sizes" &&
		{ read -r keys_new _ && read -r keys_old _; } <"$work/sizes"
	case $keys_status,$keys_old,${keys_said% *} in 0,?*,"$keys_new") return 0 ;; esac
	file_broken "$user_at" "awk ended with status $keys_status"
}

# keys_join: $work/user.new, of the old file and the new keys.
keys_join() {
	keys_end=$work/keys.end
	printf '' >"$keys_end"
	if [ "$keys_new" != 0 ] && [ "$keys_lacking" = 1 ]; then
		printf '\n' >"$keys_end"
		keys_old=$((keys_old + 1))
	fi
	{ LC_ALL=C cat "$work/user.old" "$keys_end" "$work/keys.new" 2>"$work/err" >"$work/user.new" &&
		text_size "$work/user.new" && [ "$_size" = "$((keys_old + keys_new))" ]; } || file_blame "$work"
}
