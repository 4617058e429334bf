# hostkeys.sh: SSH host keys for a machine whose image has none. Debian makes them when the package is installed and never
# again, so after `generalize` its sshd would not start.

# make_host_keys: only for OpenSSH's server and only where there is no key at all; dropbear -R makes its own. Never the end.
make_host_keys() {
	sys_which sshd && sys_which ssh-keygen || return 0
	for host_key in rsa ecdsa ed25519 dsa; do
		sys_path "/etc/ssh/ssh_host_${host_key}_key"
		[ ! -s "$_path" ] || return 0
	done
	if sys_run 60 /dev/null "$_which" -A; then
		log_info 'ssh: host keys made'
	else
		log_warning "ssh: host keys not made: $(tail -n 1 "$work/run.err")"
	fi
}
