# sshd.sh: the SSH server's settings.

# set_password_login yes|no: have the SSH server take passwords or refuse them.
set_password_login() {
	log_debug "sshd: password login $1"
}
