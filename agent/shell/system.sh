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

# sys_give NAME UID GID: make a file, a directory or a symlink itself somebody's. Without privileges it says so and goes on.
sys_give() {
	sys_place "$1"
	sys_give_place "$_path" "$@"
}

# sys_give_place PLACE NAME UID GID: the same for a place that is known already.
sys_give_place() {
	sys_owned=$1
	shift
	[ "$(sys_look "$sys_owned" 3 :)" != "$2:$3" ] || return 0
	chown -h "$2:$3" "$sys_owned" 2>"$work/err" && return
	if [ "$(id -u)" -ne 0 ]; then
		log_warning "$1 cannot be given to $2:$3 without being root"
	else
		sys_blame "$1"
	fi
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
	ls -dn "$1" 2>/dev/null | awk -v n="$2" -v by="${3-}" '{ print $n "" (by == "" ? "" : by $(n + 1)) }'
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

# sys_read NAME: a file's content on stdout; fails where it is missing or unreadable.
sys_read() {
	sys_path "$1"
	cat "$_path" 2>/dev/null
}

# sys_require_readable NAME: a file that is to be changed must be readable, or it would be taken for an empty one; sets _path.
sys_require_readable() {
	sys_path "$1"
	[ ! -e "$_path" ] || cat "$_path" 2>"$work/err" >/dev/null || sys_blame "$1"
}

# sys_blame NAME: the failure whose cause is the last message in $work/err: "dd: can't open 'x': Read-only file system".
sys_blame() {
	sys_cause=$(tail -n 1 "$work/err")
	fail file_not_writable '' "file=$1" "error=${sys_cause##*: }"
}

# sys_make_directory NAME MODE: make a directory and what leads to it; an existing one gets the mode.
sys_make_directory() {
	sys_path "$1"
	{ mkdir -p "$_path" && chmod "$2" "$_path"; } 2>"$work/err" || sys_blame "$1"
}

# sys_write NAME MODE <CONTENT: replace a file in one step; a power cut leaves the old or the whole new content.
# A file that is there keeps its mode and owner, a symlink is followed, MODE is for a new file.
sys_write() {
	sys_path "$1"
	sys_new=${_path%/*}/.${_path##*/}.azready
	rm -f "$sys_new" 2>/dev/null
	if mkdir -p "${_path%/*}" 2>"$work/err" && sys_write_like "$_path" "$sys_new" "$2" && mv -f "$sys_new" "$_path" 2>"$work/err"; then
		sync "${_path%/*}" 2>/dev/null || sync
	else
		rm -f "$sys_new" 2>/dev/null
		sys_blame "$1"
	fi
}

# sys_write_like OLD NEW MODE <CONTENT: content on the disk in NEW, with OLD's mode and owner if it exists.
sys_write_like() {
	if [ -d "$1" ]; then
		# As errno has it; cp would say it in words of its own.
		printf 'Is a directory\n' >"$work/err"
		return 1
	elif [ -e "$1" ]; then
		# cp -p into the new file and writing over it keeps what the old file had, ACLs of GNU cp included.
		cp -p "$1" "$2" 2>"$work/err" || return
		sys_dd "$2" 2>"$work/err"
	else
		# Private until the mode is set: the content may be a secret. dd creates it; a shell that cannot
		# redirect would not say why in a way that all shells share.
		(umask 077 && sys_dd "$2") 2>"$work/err" && chmod "$3" "$2" 2>"$work/err"
	fi
}

# sys_dd FILE <CONTENT: into the file and onto the disk. busybox can be built without conv=.
sys_dd() {
	if dd if=/dev/null of="$work/probe" conv=fsync 2>/dev/null; then
		dd of="$1" bs=65536 conv=fsync
	else
		dd of="$1" bs=65536 && sync
	fi
}

# sys_make_home NAME SKELETON MODE UID GID: make somebody's directory, with a copy of another's content if that is there;
# whole or not at all.
sys_make_home() {
	sys_path "$2"
	sys_skeleton=$_path
	sys_path "$1"
	sys_new=${_path%/*}/.${_path##*/}.azready
	{
		rm -rf "$sys_new" && mkdir -p "$sys_new" &&
			{ [ ! -d "$sys_skeleton" ] || cp -pPR "$sys_skeleton/." "$sys_new"; } &&
			{ [ "$(id -u)" -ne 0 ] || chown -hR "$4:$5" "$sys_new"; } &&
			chmod "$3" "$sys_new" && mv "$sys_new" "$_path"
	} 2>"$work/err" || {
		sys_blame "$1"
		return
	}
	sys_give "$1" "$4" "$5"
}

# sys_lock NAME ..: keep others off these files of /etc while we change them, as shadow's tools do: NAME.lock is a link to
# a file with our process id. glibc's lock on /etc/.pwd.lock is out of reach: a shell cannot call fcntl.
sys_lock() {
	sys_locked=
	sys_now
	sys_until=$(((deadline - _now) / 2))
	[ "$sys_until" -le 1500 ] || sys_until=1500
	sys_until=$((_now + sys_until))
	for sys_name; do
		sys_path "${sys_name%/*}"
		until sys_link_lock "$_path/${sys_name##*/}"; do
			sys_now
			if [ -s "$work/err" ] || [ "$_now" -ge "$sys_until" ]; then
				[ -s "$work/err" ] || printf 'locked\n' >"$work/err"
				sys_blame "$sys_name"
				sys_unlock
				return 1
			fi
			sys_seconds 25
			sleep "$_seconds"
		done
		sys_locked="$sys_locked $sys_name"
	done
}

# sys_link_lock FILE: take its lock; one whose process is gone is taken away first. $work/err holds what stood in the way.
sys_link_lock() {
	printf '%s' "$$" | dd of="$1.$$" 2>"$work/err" || return
	: >"$work/err"
	ln "$1.$$" "$1.lock" 2>"$work/err"
	set -- "$1" $?
	rm -f "$1.$$"
	if [ "$2" -eq 0 ] || [ ! -e "$1.lock" ]; then return "$2"; fi
	: >"$work/err"
	sys_holder=$(tr -d '\000\n ' <"$1.lock")
	case $sys_holder in
	'' | *[!0-9]*) rm -f "$1.lock" ;;
	*) kill -0 "$sys_holder" 2>/dev/null || [ -d "/proc/$sys_holder" ] || rm -f "$1.lock" ;;
	esac
	return 1
}

# sys_unlock: give back what sys_lock took.
sys_unlock() {
	for sys_name in $sys_locked; do
		sys_path "${sys_name%/*}"
		rm -f "$_path/${sys_name##*/}.lock"
	done
}

# sys_remove NAME: remove a file or a symlink itself, not what it points to.
sys_remove() {
	sys_place "$1"
	rm -f "$_path" 2>"$work/err" || sys_blame "$1"
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
