# system.sh: the only module that touches the machine: files below --root, the kernel's hostname, the clock.
# $root is empty for / and the image's directory otherwise; paths given here are absolute and mean the image's.

# sys_begin: a private work directory in $work, gone at exit. /run is memory on every distribution that has it.
sys_begin() {
	umask 022
	for sys_place in /run "${TMPDIR:-/tmp}" /tmp; do
		work=$sys_place/azready.$$
		if (umask 077 && mkdir "$work") 2>/dev/null; then
			trap sys_end EXIT
			trap 'exit 143' HUP INT TERM
			return 0
		fi
	done
	log_error "no directory for temporary files" "make /run or /tmp writable"
	exit 3
}

# sys_end: take the work directory away, at the end of the shell itself. A watcher that is told to end in its first
# instant may still have the traps of the shell that it was forked from (seen with bash); $$ is the same in both.
sys_end() {
	# shellcheck disable=SC2016  # the PPID of that sh
	[ "$(exec sh -c 'printf %s "$PPID"')" != "$$" ] || rm -rf "$work"
}

# sys_need_awk: awk is on every distribution, but somebody may have built busybox without it.
sys_need_awk() {
	command -v awk >/dev/null 2>&1 && return
	log_error 'no awk on PATH' 'the shell engine needs one: mawk, gawk or busybox awk'
	exit 3
}

# sys_awk PROGRAM [ARG ..]: awk on bytes, with the shared functions in front.
sys_awk() {
	sys_program=$1
	shift
	# shellcheck disable=SC2154  # embedded by the build
	LC_ALL=C awk "$awk_lib$sys_program" ${1+"$@"}
}

# sys_now: sets _now, hundredths of a second on a clock that NTP cannot set; whole seconds without /proc.
sys_now() {
	if read -r _now sys_rest 2>/dev/null </proc/uptime; then
		_now=${_now%.*}${_now#*.}
		# "0.08" must not become an octal number.
		while case $_now in 0?*) ;; *) false ;; esac do _now=${_now#0}; done
	else
		_now=$(date +%s)
		# mksh counts with 32 bits.
		_now=$((_now % 10000000 * 100))
	fi
}

# sys_timestamp: sets _timestamp, the time of day for reports.
sys_timestamp() {
	_timestamp=$(date -u +%Y-%m-%dT%H:%M:%SZ)
}

# sys_seconds HUNDREDTHS: sets _seconds for sleep: 0.25, 1; whole and rounded up where busybox was built without fractions.
sys_seconds() {
	_seconds=$(($1 / 100))
	sys_rest=$(($1 % 100))
	[ -n "${sys_fractions-}" ] || if sleep 0.01 2>/dev/null; then sys_fractions=yes; else sys_fractions=no; fi
	case $sys_fractions$sys_rest in
	yes0 | no0) ;;
	yes?) _seconds=$_seconds.0$sys_rest ;;
	yes?0) _seconds=$_seconds.${sys_rest%0} ;;
	yes*) _seconds=$_seconds.$sys_rest ;;
	no*) _seconds=$((_seconds + 1)) ;;
	esac
}

# sys_watch PID SECONDS [CONDITION]: in the background: kill it then, unless `CONDITION PID` gives it as long again. Ends
# without a trace when it is told to. `timeout` is missing on Buildroot, Yocto and OpenWrt.
sys_watch() {
	# KILL, because a TERM that comes before the child has become `sleep` would be lost.
	trap 'kill -KILL "$!"; exit 0' TERM
	# One that came while the trap of the shell that started this was still in force is lost.
	[ ! -e "$work/reaped.$1" ] || exit 0
	while :; do
		sleep "$2" &
		sys_wait "$!"
		if [ -z "${3-}" ] || ! "$3" "$1"; then break; fi
	done
	# Only with a kill of the shell's own: the program of procps may take -123 for -1, which is everybody.
	case $(command -v kill) in
	kill) kill -s KILL -- "-$1" 2>/dev/null || kill -KILL "$1" ;;
	*) kill -KILL "$1" ;;
	esac
}

# sys_become COMMAND ..: exec it, in a session of its own where there is a setsid: so sys_watch kills its children too.
sys_become() {
	if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; fi
	exec "$@"
}

# sys_reap PID WATCHER: wait for it and send the watcher home; sets _ended, the exit status, 128 + signal for a signal.
sys_reap() {
	sys_wait "$1"
	sys_reaped=$_ended
	: >"$work/reaped.$1"
	kill "$2" 2>/dev/null
	sys_wait "$2"
	rm -f "$work/reaped.$1"
	_ended=$sys_reaped
}

# sys_wait PID: wait for it; sets _ended, as sys_reap.
sys_wait() {
	while :; do
		wait "$1" 2>"$work/wait.$1"
		_ended=$?
		# The wait of posh goes on where the options of an earlier `read -r` ended, in memory that may hold something else by
		# now: "invalid option -- 'Q'", status 1, nothing waited for. Each call takes one character of it away.
		if [ "$_ended" -ne 1 ] || [ ! -s "$work/wait.$1" ]; then break; fi
	done
	# ksh93 adds 256.
	[ "$_ended" -le 256 ] || _ended=$((_ended - 128))
}

# sys_which COMMAND: sets _which, the path of a command of this system; fails where there is none, and always with a
# root other than /.
sys_which() {
	# shellcheck disable=SC2030,SC2031  # for this one command
	[ -z "$root" ] && _which=$(PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin && command -v "$1")
}

# sys_has COMMAND: whether PATH has it: for commands that only compute, whatever the root.
sys_has() {
	command -v "$1" >/dev/null 2>&1
}

# sys_run SECONDS STDIN_FILE COMMAND [ARGUMENT ..]: run a command of this system; killed after so many seconds. Its
# output is then in $work/run.out and $work/run.err; sets _ended. Secrets go into the file, never into the arguments.
sys_run() {
	sys_limit=$1
	sys_stdin=$2
	shift 2
	# posh does not export a prefix assignment to what a function starts, so the subshell exports.
	# shellcheck disable=SC2030,SC2031  # for this one command
	(LC_ALL=C PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin && export LC_ALL PATH && sys_become "$@") <"$sys_stdin" >"$work/run.out" 2>"$work/run.err" &
	sys_started=$!
	sys_watch "$sys_started" "$sys_limit" </dev/null >/dev/null 2>&1 &
	sys_reap "$sys_started" "$!"
	return "$_ended"
}

# sys_last_line: the last line of what the command of sys_run said on stderr, or `none`, in $work/last.
sys_last_line() {
	sys_awk '$0 != "" { last = $0 } END { last = trimmed(last); printf "%s", last == "" ? "none" : last }' "$work/run.err" >"$work/last"
}

# sys_path NAME [FUNCTION]: sets _path, where the image's NAME really is: an absolute symlink of the image stays inside
# the image. Calls FUNCTION with the place of each link that it follows.
sys_path() {
	sys_todo=$1
	sys_done=
	sys_links=0
	while [ -n "$sys_todo" ]; do
		sys_part=${sys_todo%%/*}
		case $sys_todo in */*) sys_todo=${sys_todo#*/} ;; *) sys_todo= ;; esac
		case $sys_part in
		'' | .) continue ;;
		..)
			sys_done=${sys_done%/*}
			continue
			;;
		esac
		if [ -h "$root$sys_done/$sys_part" ] && [ "$sys_links" -lt 40 ]; then
			sys_links=$((sys_links + 1))
			[ -z "${2-}" ] || "$2" "$root$sys_done/$sys_part"
			sys_target=$(readlink "$root$sys_done/$sys_part")
			case $sys_target in /*) sys_done= ;; esac
			sys_todo=$sys_target/$sys_todo
		else
			sys_done=$sys_done/$sys_part
		fi
	done
	_path=$root$sys_done
}

# sys_place NAME: sets _path, as sys_path, but of a symlink itself and not of what it points to.
sys_place() {
	sys_path "${1%/*}"
	_path=$_path/${1##*/}
}

# sys_look PLACE COLUMN [SEPARATOR]: a column of `ls -n` for one file (2: number of names, 3: uid), with SEPARATOR and the
# next behind it; busybox can be built without stat.
sys_look() {
	# shellcheck disable=SC2012  # one file
	ls -dn "$1" 2>/dev/null | awk -v n="$2" -v by="${3-}" '{ print $n (by == "" ? "" : by $(n + 1)) }'
}

# sys_exists NAME: whether the image has this file or directory.
sys_exists() {
	sys_path "$1"
	[ -e "$_path" ]
}

# sys_is_executable NAME: whether the image has this file, and it can be run.
sys_is_executable() {
	sys_path "$1"
	[ -f "$_path" ] && [ -x "$_path" ]
}

sys_newline='
'

# sys_glob PATTERN: sets _found, the paths of the image that match, one a line, dangling links too; fails where there is none.
sys_glob() {
	_found=
	sys_pattern=${1#/}/
	while [ -n "$sys_pattern" ]; do
		sys_match=${sys_pattern%%/*}
		sys_pattern=${sys_pattern#*/}
		sys_above=$_found
		_found=
		while IFS= read -r sys_hit; do sys_match "$sys_hit"; done <<EOT
$sys_above
EOT
		[ -n "$_found" ] || return
	done
}

# sys_match DIRECTORY: add what matches $sys_match in it to _found.
sys_match() {
	sys_path "$1"
	sys_flags=$-
	set +f
	for sys_hit in "$_path"/$sys_match; do
		if [ -e "$sys_hit" ] || [ -h "$sys_hit" ]; then _found=$_found${_found:+$sys_newline}$1/${sys_hit##*/}; fi
	done
	case $sys_flags in *f*) set -f ;; esac
}

# sys_to_console TEXT: append to the console; never fail because of it.
sys_to_console() {
	sys_path /dev/console
	[ ! -e "$_path" ] || (printf '%s\n' "$1" >>"$_path") 2>/dev/null || :
}

# sys_set_kernel_hostname NAME: with a root other than / nothing live is touched.
sys_set_kernel_hostname() {
	[ -z "$root" ] || return 0
	{ hostname "$1" || printf '%s\n' "$1" | dd of=/proc/sys/kernel/hostname; } 2>"$work/err" || sys_blame /proc/sys/kernel/hostname
}
