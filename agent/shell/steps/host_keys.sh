# host_keys.sh: SSH host keys for a machine whose image has none. Debian makes them when the package is
# installed and never again, so after `generalize` its server would not start. One key before the steps: what
# they ask (sshd -T) needs one, and so does a server that starts beside azready. The others are left to a run
# of their own, for both engines: rsa can take a slow machine half a minute.

# make_host_keys: one key, where there is a server that has none. Never the end.
make_host_keys() {
	host_keys_each host_keys_make_first
	state_time HOST_KEYS
}

# host_keys_are_left: whether others are still to be made. A file remembers it, however the run ends.
host_keys_are_left() {
	place_exists "$state_directory/host-keys-left"
}

# make_other_host_keys: what such a run does: the other keys, and all that comes after them.
make_other_host_keys() {
	later_keys_are_left || return 0
	host_unheard=no
	host_keys_each host_keys_make_others
	file_remove "$state_directory/host-keys-left" || :
	pending_drop host-keys
	pending_do service service_disable
	pending_keep
	[ "$host_unheard" = no ] || host_keys_tell
}

# host_keys_tell: have an sshd read them that is about to start, with the keys that it has seen already.
host_keys_tell() {
	lock_give_back
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		child_pause 100
		! sshd_reload ssh || break
	done
}

# host_keys_each FUNCTION: for each kind of server that is there and expects keys.
host_keys_each() {
	host_keys_with "$1" sshd ssh-keygen /etc/ssh/ssh_host_ _key -q -N ''
	# Buildroot's directory is a link to one that is not there yet; its server makes its own keys, as
	# OpenWrt's and Alpine's.
	host_keys_with "$1" dropbear dropbearkey /etc/dropbear/dropbear_ _host_key
}

# host_keys_with FUNCTION SERVER TOOL BEFORE BEHIND [ARGUMENT ..]: BEFORE and BEHIND stand around the kind in
# a key's path.
host_keys_with() {
	program_which "$2" && program_which "$3" && place_exists "${4%/*}/." || return 0
	host_do=$1 host_server=$2 host_tool=$_which host_before=$4 host_behind=$5
	shift 5
	"$host_do" ${1+"$@"}
}

# host_keys_make_first [ARGUMENT ..]: of the kinds that the server reads. Then start a server that gave up
# before there were keys: Debian's runit does not try again.
host_keys_make_first() {
	host_keys_none || return 0
	host_keys_configured
	for host_kind in $fact_HOST_KEY_KINDS; do
		case $host_lines in
		'' | *"$host_before$host_kind$host_behind"*) ! host_keys_make_one ${1+"$@"} || break ;;
		esac
	done
	if host_keys_none; then
		program_last_line
		log_warning "ssh: host keys not made: $(cat "$work/last")"
		return
	fi
	log_info "ssh: host key $host_kind made in ${host_before%/*}"
	{
		file_make_directory "$state_directory" 0700 &&
			file_write "$state_directory/host-keys-left" 0600 /dev/null
	} || forgive
	for service_name in $fact_SSH_SERVICES; do service_rows service_row service_start_item || :; done
}

# host_keys_make_others [ARGUMENT ..]: then have a server that runs read them.
host_keys_make_others() {
	host_made=
	for host_kind in $fact_HOST_KEY_KINDS; do
		[ ! -s "$host_before$host_kind$host_behind" ] || continue
		if host_keys_make_one ${1+"$@"}; then
			host_made="$host_made $host_kind"
		else
			program_last_line
			log_info "ssh: host key $host_kind not made: $(cat "$work/last")"
		fi
	done
	[ -n "$host_made" ] || return 0
	log_info "ssh: host keys$host_made made in ${host_before%/*}"
	[ "$host_server" != sshd ] || sshd_reload ssh || host_unheard=yes
}

# host_keys_configured: sets host_lines, what the server's configuration says of its keys, where that are any
# of ours; else it takes each of them.
host_keys_configured() {
	host_lines=
	[ "$host_server" = sshd ] || return 0
	host_lines=$(LC_ALL=C grep -ihs '^[[:space:]]*HostKey[[:space:]="]' /etc/ssh/sshd_config \
		/etc/ssh/sshd_config.d/*.conf)
	case $host_lines in *"$host_before"*"$host_behind"*) ;; *) host_lines= ;; esac
}

# host_keys_make_one [ARGUMENT ..]: of $host_kind. Beside its place first: a service of the image may make the
# same, and a server may read what is half written.
host_keys_make_one() {
	host_key=$host_before$host_kind$host_behind
	rm -f "$host_key.azready" "$host_key.azready.pub"
	program_run 600 /dev/null "$host_tool" -t "$host_kind" -f "$host_key.azready" ${1+"$@"}
	if [ -s "$host_key.azready" ] && [ ! -s "$host_key" ]; then
		[ ! -s "$host_key.azready.pub" ] || mv -f "$host_key.azready.pub" "$host_key.pub"
		mv -f "$host_key.azready" "$host_key"
	fi
	rm -f "$host_key.azready" "$host_key.azready.pub"
	[ -s "$host_key" ]
}

host_keys_none() {
	for host_key in "$host_before"*"$host_behind"; do [ ! -s "$host_key" ] || return; done
}
