# ssh_keys.sh: the step `ssh-keys`: the public keys, where the SSH server of this system looks for them.

# step_ssh_keys: add the keys that are not there yet; fails where none can be added and there is no password
# either.
step_ssh_keys() {
	wanted_user
	keys_user=$_wanted_user
	if [ "$wanted_keys" -eq 0 ] || [ -z "$keys_user" ]; then return 3; fi
	account_find "$keys_user" || {
		[ $? -eq 3 ] || keys_fail 'no such account' 'the step user makes it, unless it is left out'
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
		fail no_good_key 'give a key as in a .pub file: its type, a blank, base64' "user=$keys_user" \
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
		keys_expand "$_value" || return
		if [ -z "$_expanded" ]; then
			keys_fail "AuthorizedKeysFile $(printf '%s' "$_value" | tr '\t' ' ')" \
				'sshd_config must name a file for the keys'
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
	edit_derive /etc/passwd "$work/keys.place" 'BEGIN {
		value["%"] = "%"; value["h"] = ARGV[2]; value["u"] = ARGV[3]; value["U"] = ARGV[4]
		n = split(ARGV[1], word, /[\t]/)
		for (i = 1; i <= n; i++) {
			path = ""
			rest = word[i]
			while ((p = index(rest, "%")) && (substr(rest, p + 1, 1) in value)) {
				path = path substr(rest, 1, p - 1) value[substr(rest, p + 1, 1)]
				rest = substr(rest, p + 2)
			}
			if (p || tolower(word[i]) == "none") continue
			path = path rest
			if (path !~ /^\//) path = ARGV[2] "/" path
			if (path !~ /^\// || path ~ /\/$/ || path "/" ~ /\/[.][.]\//) continue
			put(path)
			break
		}
		verdict("done")
	}' "$1" "$keys_home" "$keys_user" "$keys_uid" || return
	IFS= read -r _expanded <"$work/keys.place" || :
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
			'each component must be a plain file or directory that no user but its owner and root can change' "$1"
		return
	}
	if [ -z "$_changed" ]; then
		log_info "ssh-keys: nothing to add to $1"
		return
	fi
	log_info "ssh-keys: keys added to $1"
	# Where SELinux is, sshd reads only what has its label.
	if program_which restorecon && place_exists /sys/fs/selinux; then
		program_run 60 /dev/null "$_which" "${1%/*}" "$1" || log_warning "ssh-keys: restorecon fails on $1"
	fi
}

# keys_with: the content of authorized_keys with those keys that are not in it. What is there stays byte for
# byte.
keys_with() {
	# No awk sees NUL bytes, which make a line another one.
	LC_ALL=C tr '\000' '\001' <"$work/user.old" >"$work/keys.old" 2>"$work/err" || {
		file_blame "$work"
		return
	}
	_until=
	parse_save "$awk_keys" "$work/keys.old" '' "$work" add "$work/keys.good" || {
		file_broken "$user_at" "$_why"
		return
	}
	keys_sum=0
	set -- "$work/user.old" "$work/keys.new"
	if [ -s "$2" ] && [ -s "$1" ] && [ -n "$(tail -c 1 "$1")" ]; then
		printf '\n' >"$work/keys.end"
		set -- "$1" "$work/keys.end" "$2"
	fi
	for keys_part; do
		text_size "$keys_part" || break
		keys_sum=$((keys_sum + _size))
	done
	rm -f "$work/user.new"
	{ LC_ALL=C cat "$@" 2>"$work/err" >"$work/user.new" && text_size "$work/user.new" &&
		[ "$_size" = "$keys_sum" ]; } || file_blame "$work"
}
