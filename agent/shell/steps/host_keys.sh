# host_keys.sh: SSH host keys for a machine whose image has none. Debian makes them when the package is
# installed and never again, so after `generalize` its server would not start.

# make_host_keys: only where there is a server that has no key at all. Never the end.
make_host_keys() {
	host_keys_make sshd ssh-keygen /etc/ssh/ssh_host_ _key -q -N ''
	# Buildroot's directory is a link to one that is not there yet; its server makes its own keys, as
	# OpenWrt's and Alpine's.
	host_keys_make dropbear dropbearkey /etc/dropbear/dropbear_ _host_key
}

# host_keys_make SERVER TOOL BEFORE BEHIND [ARGUMENT ..]: what stands before and behind the kind in a key's
# path. Then start a server that gave up before there were keys: Debian's runit does not try again.
host_keys_make() {
	program_which "$1" && program_which "$2" && place_exists "${3%/*}/." || return 0
	host_before=$3 host_behind=$4
	shift 4
	host_keys_none || return 0
	for host_kind in $fact_HOST_KEY_KINDS; do
		# What a power cut left is in the way.
		rm -f "$host_before$host_kind$host_behind"
		program_run 60 /dev/null "$_which" -t "$host_kind" -f "$host_before$host_kind$host_behind" ${1+"$@"}
	done
	if host_keys_none; then
		log_warning "ssh: host keys not made: $(tail -n 1 "$work/run.err")"
		return
	fi
	log_info "ssh: host keys made in ${host_before%/*}"
	for service in $fact_SSH_SERVICES; do service_rows service_row service_start_item || :; done
}

host_keys_none() {
	for host_key in "$host_before"*"$host_behind"; do [ ! -s "$host_key" ] || return; done
}
