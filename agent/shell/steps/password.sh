# password.sh: the step `password`: the admin user's password as a hash, and whether the SSH server takes
# passwords. No secret is ever given to printf: it is a program of its own for posh, and its arguments are
# there for all to see.

step_password() {
	wanted_user
	password_user=$_wanted_user
	[ -n "$password_user" ] || return 3
	password_want || return 1
	password_login=$wanted_password_login
	[ "$password_wanted$password_login" != yes ] || password_login=yes
	password_stored || [ $? -eq 1 ] || return 1
	password_refuse_without_login || return 1
	if [ "$password_wanted" = yes ]; then
		umask 077
		rm -f "$work"/run.*
		password_set
		password_status=$?
		rm -f "$work/password" "$work/hash" "$work/stored" "$work/wanted.password" "$work/ovf.UserPassword" \
			"$work/ovf-env.xml"
		umask 022
		[ "$password_status" -eq 0 ] || return 1
	fi
	[ -n "$password_login" ] || return 3
	sshd_set_password_login "$password_login" || return 1
}

# password_want: sets $password_wanted, yes or no; fails, without showing it, where it is none that can be.
password_want() {
	password_wanted=no
	set -- "$work/wanted.password"
	[ -s "$1" ] || return 0
	! file_has "$1" REDACTED || {
		log_warning 'password: the media says REDACTED, which is no password'
		return 0
	}
	password_count "$1" '' || return
	password_bytes=$_size
	log_know_controls
	password_count "$1" "\000$log_controls" || return
	[ "$_size" -eq "$password_bytes" ] || {
		fail password_invalid '' cause=control_character
		return
	}
	# Of a character of several bytes only the first counts.
	edit_ask "$work" 'BEGIN {
		byte_table()
		text = slurp(ARGV[1])
		for (i = 1; i <= length(text); i++) {
			byte = ORD[substr(text, i, 1)]
			if (byte < 128 || byte > 191) n++
		}
		put(n)
		verdict("done")
	}' "$1" || return
	password_length=$_answer
	if [ "$password_length" -gt "$proto_PASSWORD_MAX" ] ||
		[ "$password_bytes" -gt "$proto_PASSWORD_BYTES_MAX" ]; then
		fail password_too_long \
			"at most $proto_PASSWORD_MAX characters, $proto_PASSWORD_BYTES_MAX bytes of UTF-8" \
			"length=$password_length" "bytes=$password_bytes"
		return
	fi
	password_wanted=yes
}

# password_count FILE BYTES: sets _size, how many bytes it has without these.
password_count() {
	set -- "$1" "${2:-\000}" "$work/password"
	LC_ALL=C tr -d "$2" 2>"$work/err" <"$1" >"$3" && text_size "$3"
	set -- "$3" $?
	rm -f "$1"
	[ "$2" -eq 0 ] || file_blame "$work"
}

password_refuse_without_login() {
	[ "$wanted_keys" -eq 0 ] || return 0
	if [ "$password_login" = no ]; then
		fail login_impossible "$hint_NO_PASSWORDS" missing=keys
	elif [ "$password_wanted" = no ]; then
		case $_stored in
		'' | x | !* | \**)
			fail login_impossible \
				"$hint_NO_PASSWORD" \
				missing=keys,password
			;;
		esac
	fi
}

# password_stored: sets $_stored, the hash that the account has, and $password_field, what passwd has; fails
# without an account, with 2 where that cannot be found out.
password_stored() {
	_stored=''
	account_find "$password_user"
	case $? in
	1) return 1 ;;
	3) return 2 ;;
	esac
	password_field=$account_field
	_stored=$account_field
	[ "$_stored" != x ] || _stored=$account_hash
}

# password_set: the hash into the system, unless the one there is this password's already.
password_set() {
	password_stored || {
		[ $? -eq 1 ] || return
		fail_value="user=$work/wanted.admin-user"
		fail account_missing ''
		return
	}
	{ { LC_ALL=C cat "$work/wanted.password" && printf '\n'; } 2>"$work/err" >"$work/password" &&
		text_size "$work/password" && [ "$_size" -eq "$((password_bytes + 1))" ]; } || {
		file_blame "$work"
		return
	}
	case $_stored in
	"\$6\$"*)
		password_salt=${_stored#???}
		! password_hash "${password_salt%%\$*}" || [ "$_hash" != "$_stored" ] || {
			log_info "password: $password_user has it already"
			return 0
		}
		;;
	esac
	for _ in 1 2; do # a tool may be killed
		password_salt=$(dd if=/dev/urandom bs=256 count=1 2>/dev/null | LC_ALL=C tr -dc './0-9A-Za-z')
		[ -z "$password_salt" ] || break
	done
	if password_hash "${password_salt%"${password_salt#????????????????}"}"; then
		password_put || return
	else
		password_chpasswd || {
			fail password_not_hashed ''
			return
		}
	fi
	log_info "password: set for $password_user"
}

# password_hash SALT: sets $_hash, and $work/hash holds it, by the first tool that makes the right kind:
# busybox takes sha-512 for sha256, whois' mkpasswd knows no sha512, openssl before 1.1.1 no -6.
password_hash() {
	case $1 in '' | *[!./0-9A-Za-z]*) return 1 ;; esac
	for password_tool in 'openssl passwd -6 -stdin -salt' 'mkpasswd -m sha512 -P 0 -S' \
		'mkpasswd -m sha-512 -s -S' 'cryptpw -m sha512 -P 0 -S'; do
		command -v "${password_tool%% *}" >/dev/null 2>&1 || continue
		# shellcheck disable=SC2086  # the words of the tool
		program_run 60 "$work/password" $password_tool "$1" || continue
		mv "$work/run.out" "$work/hash"
		_hash=$(cat "$work/hash")
		case $_hash in "\$6\$$1\$"*) [ "${#_hash}" -ne "$((${#1} + 90))" ] || return 0 ;; esac
	done
	return 1
}

# password_put: the hash in $work/hash into the system. chpasswd knows this system's files, locks and caches;
# but it would leave a copy in a passwd without the x.
password_put() {
	if place_exists /etc/shadow; then password_shadow=yes; else password_shadow=no; fi
	case $password_shadow$password_field in
	no* | yesx)
		edit_derive "$work" "$work/password" 'BEGIN { put(ARGV[1] ":" slurp(ARGV[2])); verdict("done") }' \
			"$password_user" "$work/hash" || return
		account_forget
		! program_which chpasswd || ! program_run 60 "$work/password" "$_which" -e || return 0
		;;
	esac
	if [ "$password_shadow" = no ]; then
		password_put_field /etc/passwd "$work/hash" ''
	else
		password_put_field /etc/shadow "$work/hash" "$(date +%s)" || return
		[ "$password_field" = x ] || {
			file_text "$work/hash" x && password_put_field /etc/passwd "$work/hash" ''
		}
	fi
}

# password_put_field FILE VALUE_FILE TIME: the account's second field. TIME: it is shadow, where the day of
# change follows; day 0 would mean that the password has expired, but a clock that was never set says nothing.
password_put_field() {
	if [ -z "$3" ]; then
		account_edit "$password_user" hash "${1##*/}" "$2"
	else
		account_edit "$password_user" hash "${1##*/}" "$2" dated "$3"
	fi
}

# password_chpasswd: the last resort of a system that makes hashes only inside the programs that store them.
# What they have stored is looked at: busybox' own choice is DES, of which eight characters count, or MD5.
password_chpasswd() {
	password_before=$_stored
	{ printf '%s:' "$password_user" && cat "$work/password"; } >"$work/hash" &&
		cat "$work/password" "$work/password" >"$work/twice" || return
	for password_way in 'chpasswd -c SHA512' 'passwd -a sha512' chpasswd; do
		program_which "${password_way%% *}" || continue
		# shellcheck disable=SC2086  # its options
		case $password_way in
		passwd*) set -- "$work/twice" "$_which" ${password_way#passwd} "$password_user" ;;
		*) set -- "$work/hash" "$_which" ${password_way#chpasswd} ;;
		esac
		! program_run 60 "$@" || ! password_is_strong || {
			rm -f "$work/twice"
			return
		}
	done
	rm -f "$work/twice"
	return 1
}

# password_is_strong: whether the hash that the account has now is one; if not, it gets back what it had.
password_is_strong() {
	account_forget
	password_stored || :
	case $_stored in
	"\$6\$"* | "\$5\$"* | "\$y\$"* | "\$gy\$"* | "\$7\$"* | "\$2"[abxy]"\$"*)
		return 0
		;;
	esac
	[ "$_stored" = "$password_before" ] || {
		file_text "$work/hash.old" "${password_before:-*}" || return
		if [ "$password_field" = x ]; then password_put_field /etc/shadow "$work/hash.old" ''; else
			password_put_field /etc/passwd "$work/hash.old" ''
		fi
		rm -f "$work/hash.old"
	}
	return 1
}
