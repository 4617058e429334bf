# hostkeys.sh: SSH host keys for a machine whose image has none. Debian makes them when the package is installed and never
# again, so after `generalize` its server would not start.

# make_host_keys: only where there is a server that has no key at all. Never the end.
make_host_keys() {
	if lacks_host_keys sshd ssh-keygen /etc/ssh 'ssh_host_*_key'; then
		sys_run 60 /dev/null "$_which" -A
		tell_host_keys
	fi
	# Buildroot's directory is a link to one that is not there yet; its server makes its own keys, as OpenWrt's and Alpine's.
	if lacks_host_keys dropbear dropbearkey /etc/dropbear 'dropbear_*_host_key'; then
		for host_key in ed25519 ecdsa rsa; do
			sys_run 60 /dev/null "$_which" -t "$host_key" -f "/etc/dropbear/dropbear_${host_key}_host_key"
		done
		tell_host_keys
	fi
}

# lacks_host_keys SERVER TOOL DIRECTORY PATTERN: sets _which, the path of TOOL.
lacks_host_keys() {
	sys_which "$1" && sys_which "$2" && sys_exists "$3/." || return
	host_directory=$3
	host_pattern=$4
	no_host_keys
}

no_host_keys() {
	for host_file in "$host_directory"/$host_pattern; do [ ! -s "$host_file" ] || return; done
}

# tell_host_keys: say whether there are some now, and start a server that gave up before there were: Debian's runit does
# not try again.
tell_host_keys() {
	if no_host_keys; then
		log_warning "ssh: host keys not made: $(tail -n 1 "$work/run.err")"
		return
	fi
	log_info "ssh: host keys made in $host_directory"
	for service in ssh sshd dropbear; do units_rows service_row start_item || :; done
}
