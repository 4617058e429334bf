# later_keys.sh: the host keys that a first boot has left are made by a run of their own. Whoever starts it is
# at the end of a run, the launcher behind Python's among them.

# leave_host_keys: if some are left: to a run of their own, which is this very program once more, at a low
# priority. Where the init starts the SSH server after azready, it would have to wait for them.
leave_host_keys() {
	later_keys_are_left && program_which sh || return 0
	later_program=$_self
	case $later_program in /*) ;; *) later_program=$PWD/$later_program ;; esac
	set -- "$_which" "$later_program"
	case $log_level in 0) set -- "$@" -q ;; 2) set -- "$@" -v ;; esac
	later_keys_by_systemd "$@" || later_keys_in_background "$@"
}

# later_keys_are_left: whether an earlier run, or this one, has left them. Its file says for which machine:
# the one that is provisioned.
later_keys_are_left() {
	place_of "$state_directory/pending"
	[ -z "$root" ] && { IFS= read -r later_line <"$_path"; } 2>/dev/null || return
	vm_id=${later_line#VM_ID=}
	pending_read && pending_has host-keys
}

# later_keys_by_systemd COMMAND ..: in a unit of its own: its service is over as soon as azready ends. Where
# the SSH server is about to start, it has done so by then.
later_keys_by_systemd() {
	[ -d /run/systemd/system ] && program_which systemd-run || return
	program_run 60 /dev/null "$_which" --quiet --no-block --collect --unit=azready-host-keys --nice=10 \
		--description='Make the other SSH host keys' --setenv=azready_alone=yes --setenv="PATH=$PATH" \
		--property='After=azready.service ssh.service sshd.service dropbear.service' -- "$@" "$word_1"
}

# later_keys_in_background COMMAND ..: whoever reads a pipe of ours to its end would wait.
later_keys_in_background() {
	! program_has nice || set -- nice -n 10 "$@"
	if [ -p /proc/self/fd/2 ]; then
		later_keys_become "$@" </dev/null >/dev/null 2>&1 &
	else
		later_keys_become "$@" </dev/null >/dev/null &
	fi
}

# later_keys_become COMMAND ..: in a process of its own.
later_keys_become() {
	trap '' HUP
	# shellcheck disable=SC2030  # for this one command
	azready_alone=yes && export azready_alone && child_become "$@" "$word_1"
}
