# password.sh: the step `password`: the admin user's password as a hash, and whether the SSH server takes passwords.

step_password() {
	_result=skipped
}
