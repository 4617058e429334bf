# run.sh: a run of azready from its first step to its last, whatever the way out.

# What is to be called at the end, and for a signal; those who hold something say so. A signal that has to
# wait is noted: NAME NUMBER.
run_endings='' sys_stopping='' run_held=no run_noted=''

# run_prepare: what every command needs, before any file is opened and any program started.
run_prepare() {
	run_need_null
	run_open_descriptors
	umask 022
	# A password would be in it. The unit of systemd has done it already, and for what collects cores too.
	# shellcheck disable=SC3045  # a shell that cannot leaves it as it is
	[ "${azready_confined-}" = yes ] || ulimit -S -c 0 2>/dev/null || :
	# Whoever reads the log may go away; what is started gets the signal back (child_become).
	trap '' PIPE
	work=/nonexistent
	alive_begin
}

# run_need_null: whatever is thrown away would become a regular file of that name, if it could be thrown away
# at all.
run_need_null() {
	[ ! -e /dev/null ] || {
		[ -c /dev/null ] || log_warning '/dev/null is no device: what others threw away may be read from it'
		return 0
	}
	# Not by log.sh, which would make it.
	printf 'azready: error: missing: /dev/null (hint: mount devtmpfs on /dev before azready is started)\n' >&2
	exit 3
}

# run_open_descriptors: the first file opened would take the number of a standard descriptor that is closed,
# and then be read or written as such.
run_open_descriptors() {
	for run_descriptor in 0 1 2; do
		! run_is_open "$run_descriptor" || continue
		# A redirection of exec that fails ends a shell, so a shell of its own tries. By way of a higher
		# number: dash closes again what it opened at the very number that it was to have.
		(: 9<>/dev/null) || return 0
		case $run_descriptor in
		0) exec 9</dev/null <&9 9<&- ;;
		1) exec 9>/dev/null >&9 9>&- ;;
		2) exec 9>/dev/null 2>&9 9>&- ;;
		esac
	done
}

# run_is_open DESCRIPTOR: one of the three. Nothing is opened to find out: it would take the number that is
# asked about.
run_is_open() {
	if [ -d /proc/self/fd ]; then
		[ -e "/proc/self/fd/$1" ]
	else
		case $1 in
		0) (: 9<&0) ;;
		1) (: 9>&1) ;;
		2) (: 9>&2) ;;
		esac
	fi
}

# run_who: sets sys_me, the number of the user that this run is.
run_who() {
	{
		while read -r run_word _ sys_me _; do [ "$run_word" != Uid: ] || return 0; done </proc/self/status
	} 2>/dev/null
	sys_me=$(id -u)
}

# run_begin [COUNT]: a private work directory in $work, gone at exit, with room for so many times 8 KiB, else
# for 1 MiB. /run is memory on every distribution that has it. Where no place has room, sys_roomy is `no`:
# enough to start a Python (COUNT is 0), but not to provision.
run_begin() {
	work_wants=${1:-120}
	run_who
	trap run_end EXIT
	trap 'run_stop HUP 1' HUP
	trap 'run_stop INT 2' INT
	trap 'run_stop TERM 15' TERM
	# shellcheck disable=SC2086  # words
	set -- $fact_WORK_PLACES
	[ -z "${TMPDIR-}" ] || if [ "$sys_me" = 0 ]; then set -- "$@" "$TMPDIR"; else set -- "$TMPDIR" "$@"; fi
	sys_roomy=yes
	[ "$work_wants" = 0 ] || for run_place; do ! work_begin_in "$run_place" || return 0; done
	sys_roomy=no
	for run_place; do ! work_begin_in "$run_place" || return 0; done
	work=/nonexistent
}

# run_is_main: whether this is the shell of the run itself. One that it was forked from a moment ago may still
# have the traps (seen with bash); $$ is the same in both.
run_is_main() {
	if { read -r run_number _ </proc/self/stat; } 2>/dev/null && [ "${alive_sees-no}" = yes ]; then
		[ "$run_number" = "$$" ]
	else
		# shellcheck disable=SC2016  # the PPID of that sh
		[ "$(exec sh -c 'printf %s "$PPID"')" = "$$" ]
	fi
}

# run_end: whatever the way out: nothing that was started goes on, and nothing that was held stays.
run_end() {
	run_is_main || return 0
	trap '' HUP INT TERM
	child_end_all
	for run_ending in $run_endings; do "$run_ending"; done
	# What the platform gave is in it: a rm that was killed must not be the end.
	rm -rf "$work" 2>/dev/null || rm -rf "$work"
}

# run_at_end FUNCTION: have run_end call it, before those that were noted earlier.
run_at_end() {
	case " $run_endings " in *" $1 "*) ;; *) run_endings="$1 $run_endings" ;; esac
}

# run_stop NAME NUMBER: a signal ends the run. The platform is not told: the next boot tries again.
run_stop() {
	run_is_main || exit "$((128 + $2))"
	[ "$run_held" = no ] || {
		run_noted="$1 $2"
		return 0
	}
	trap '' HUP INT TERM
	run_noted='' run_outlook=
	child_end_all
	[ -z "$sys_stopping" ] || "$sys_stopping" "$1"
	log_warning "ended by the signal $1$run_outlook"
	exit "$((128 + $2))"
}

# run_hold: what begins now is done to its end, and nothing is said on the way; a signal waits.
run_hold() {
	run_held=yes
}

# run_release: it is done.
run_release() {
	run_held=no
	[ -z "$run_noted" ] || run_stop "${run_noted% *}" "${run_noted#* }"
}
