# sshkeys.sh: the step `ssh-keys`: the public keys, where the SSH server of this system looks for them.

step_ssh_keys() {
	_result=skipped
}
