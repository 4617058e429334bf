# system.sh: the only module that touches the machine: files below --root, the kernel's hostname, the clock.
# $root is empty for / and the image's directory otherwise; paths given here are absolute and mean the image's.

# sys_prepare: what every command needs, before any file is opened and any program started.
sys_prepare() {
	sys_need_null
	sys_open_descriptors
	umask 022
	# Whoever reads the log may go away; what is started gets the signal back (sys_become).
	trap '' PIPE
	work=/nonexistent
	alive_begin
}

# sys_need_null: whatever is thrown away would become a regular file of that name, if it could be thrown away at all.
sys_need_null() {
	[ ! -e /dev/null ] || {
		[ -c /dev/null ] || log_warning '/dev/null is no device: what others threw away may be read from it'
		return 0
	}
	# Not by log.sh, which would make it.
	printf 'azready: error: missing: /dev/null (hint: mount devtmpfs on /dev before azready is started)\n' >&2
	exit 3
}

# sys_open_descriptors: the first file opened would take the number of a standard descriptor that is closed, and then be read
# or written as such.
sys_open_descriptors() {
	for sys_descriptor in 0 1 2; do
		! sys_is_open "$sys_descriptor" || continue
		# A redirection of exec that fails ends a shell, so a shell of its own tries. By way of a higher number: dash closes
		# again what it opened at the very number that it was to have.
		(: 9<>/dev/null) || return 0
		case $sys_descriptor in
		0) exec 9</dev/null <&9 9<&- ;;
		1) exec 9>/dev/null >&9 9>&- ;;
		2) exec 9>/dev/null 2>&9 9>&- ;;
		esac
	done
}

# sys_is_open DESCRIPTOR: one of the three. Nothing is opened to find out: it would take the number that is asked about.
sys_is_open() {
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

# sys_complete_path: a bare init gives an empty PATH or half of one. With a root other than / whoever set a PATH of their own
# folders knows why.
sys_complete_path() {
	sys_rest=${PATH-}:
	while [ -n "$root" ] && [ -n "$sys_rest" ]; do
		case ${sys_rest%%:*} in '' | /bin | /sbin | /usr/bin | /usr/sbin | /usr/local/bin | /usr/local/sbin) ;; *) return 0 ;; esac
		sys_rest=${sys_rest#*:}
	done
	for sys_rest in /usr/sbin /usr/bin /sbin /bin; do
		case :${PATH-}: in *":$sys_rest:"*) ;; *) PATH=${PATH:+$PATH:}$sys_rest ;; esac
	done
	export PATH
}

# The programs that the engine cannot do without; the contract has the same list. Some are part of some shells.
sys_programs='awk cat chmod chown cmp cp cut date dd grep head id ln ls mkdir mv printf readlink rm rmdir sed sleep sync tail touch tr wc'

# sys_need_programs: all that are missing in one line: a half-built system should not be found out one by one.
sys_need_programs() {
	sys_missing=
	for sys_program in $sys_programs; do
		command -v "$sys_program" >/dev/null 2>&1 || sys_missing="$sys_missing${sys_missing:+, }$sys_program"
	done
	[ -n "$sys_missing" ] || return 0
	log_error "missing: $sys_missing" 'the shell engine needs these programs on PATH'
	exit 3
}

# sys_begin: a private work directory in $work, gone at exit. /run is memory on every distribution that has it. Where no place
# has room, sys_roomy is `no`: enough to start a Python, but not to provision.
sys_begin() {
	sys_me=$(id -u)
	trap sys_end EXIT
	trap 'sys_stop HUP 1' HUP
	trap 'sys_stop INT 2' INT
	trap 'sys_stop TERM 15' TERM
	set -- /run /tmp /dev/shm /var/tmp
	[ -z "${TMPDIR-}" ] || if [ "$sys_me" = 0 ]; then set -- "$@" "$TMPDIR"; else set -- "$TMPDIR" "$@"; fi
	sys_roomy=yes
	for sys_place; do ! sys_begin_in "$sys_place" || return 0; done
	sys_roomy=no
	for sys_place; do ! sys_begin_in "$sys_place" || return 0; done
	work=/nonexistent
}

# sys_begin_in PLACE: a work directory there, if nobody else can exchange it and it has room.
sys_begin_in() {
	# shellcheck disable=SC2012,SC2046  # words of one line
	set -- "$1" $(ls -ldn "$1/." 2>/dev/null)
	case ${2-} in d????-??-* | d????????[tT]*) ;; *) return 1 ;; esac
	case ${4-} in 0 | "$sys_me") ;; *) return 1 ;; esac
	# A run that was killed may have left the name of this number.
	for sys_try in '' .1 .2 .3 .4 .5 .6 .7 .8 .9; do
		work=$1/azready.$$$sys_try
		if (umask 077 && mkdir "$work") 2>/dev/null; then
			{ printf '%s\n' "$alive_space" >"$work/namespace" && printf '%s\n' "$alive_record" >"$work/owner"; } 2>/dev/null &&
				sys_make_room && return
			rm -rf "$work"
			return 1
		fi
	done
	return 1
}

# sys_need_room: for what writes more than a few words.
sys_need_room() {
	[ "$sys_roomy" = no ] || return 0
	log_error 'no space in /run, /tmp, /dev/shm, /var/tmp' 'the shell engine needs 1 MiB in one of them, in a directory of root that nobody else can change'
	exit 3
}

# sys_make_room: write 1 MiB to see that it fits. 64 KiB of it stay, for the words about a place that is full in the end.
sys_make_room() {
	[ "$sys_roomy" = yes ] || return 0
	sys_fill reserve 1 && sys_fill room 15 || return
	rm -f "$work/room"
}

# sys_fill NAME COUNT: a file of so many times 64 KiB in the work directory. Its size is asked for, too: not every shell says
# that it could not write.
sys_fill() {
	sys_filling=$2
	while [ "$sys_filling" -gt 0 ]; do
		printf '%065536d' 0 || break
		sys_filling=$((sys_filling - 1))
	done 2>/dev/null >"$work/$1"
	sys_size "$work/$1"
	[ "$_size" -eq "$(($2 * 65536))" ]
}

# sys_size FILE: sets _size, its bytes; 0 where it is missing.
sys_size() {
	_size=$({ wc -c <"$1"; } 2>/dev/null)
	case $_size in *[0-9]) _size=$((_size)) ;; *) _size=0 ;; esac
}

# sys_has_room: whether the work directory takes a few kilobytes more.
sys_has_room() {
	{ printf '%08192d' 0 >"$work/room"; } 2>/dev/null
	sys_size "$work/room"
	[ "$_size" -eq 8192 ]
	set -- $?
	rm -f "$work/room"
	return "$1"
}

# sys_is_main: whether this is the shell of the run itself. One that it was forked from a moment ago may still have the traps
# (seen with bash); $$ is the same in both.
sys_is_main() {
	if { read -r sys_number sys_rest </proc/self/stat; } 2>/dev/null && [ "${alive_sees-no}" = yes ]; then
		[ "$sys_number" = "$$" ]
	else
		# shellcheck disable=SC2016  # the PPID of that sh
		[ "$(exec sh -c 'printf %s "$PPID"')" = "$$" ]
	fi
}

# sys_end: whatever the way out: nothing that was started goes on, and nothing that was held stays.
sys_end() {
	sys_is_main || return 0
	trap '' HUP INT TERM
	sys_end_children
	# A part of the work, so each only if its module has begun it.
	[ -z "${sys_locked-}" ] || sys_unlock
	[ -z "${media_at-}" ] || unmount_media
	[ -z "${lock_file-}" ] || lock_give_back
	rm -rf "$work"
}

# sys_stop NAME NUMBER: a signal ends the run. The platform is not told: the next boot tries again.
sys_stop() {
	sys_is_main || exit "$((128 + $2))"
	trap '' HUP INT TERM
	sys_end_children
	log_warning "ended by SIG$1"
	[ -z "${run_began-}" ] || interrupted "$1"
	exit "$((128 + $2))"
}

# sys_end_children: the child of this moment, the watcher behind it, and what only sleeps.
sys_end_children() {
	case ${sys_child-} in
	'') ;;
	# The signal came between its start and the line behind it.
	starting) [ "$!" = "$sys_before" ] || sys_signal KILL "-$!" || sys_signal KILL "$!" ;;
	*) sys_kill "$sys_child" "$sys_child_start" ;;
	esac
	sys_child=
	if { read -r sys_number sys_rest <"$work/client"; } 2>/dev/null; then sys_kill "$sys_number" "$sys_rest"; fi
	[ -z "${sys_dog-}" ] || sys_signal TERM "$sys_dog"
	sys_dog=
	[ -z "${sys_nap-}" ] || sys_signal KILL "$sys_nap"
	sys_nap=
}

# sys_need_awk: awk is on every distribution, but somebody may have built busybox without it, or the one that is there may
# not be able to do what the engine's programs do.
sys_need_awk() {
	command -v awk >/dev/null 2>&1 || {
		log_error 'no awk on PATH' 'the shell engine needs one: mawk, gawk or busybox awk'
		exit 3
	}
	sys_awk_status=0
	sys_said=$(LC_ALL=C awk '
		function add(s, kept) { kept = s; sub(/^[ab]+/, "", kept); return kept ENVIRON["LC_ALL"] }
		BEGIN { n = split("x<y", part, /[<]/); KEY["k", 1] = 2; delete KEY["none"]
			printf "%s", n part[2] add("aac" sprintf("%c", 100)) KEY["k", 1] substr("abc", 2) (match("ab", /b$/) ? RSTART : 0) }' 2>/dev/null) || sys_awk_status=$?
	[ "$sys_said" != 2ycdC2bc2 ] || return 0
	log_error "awk does not work (status $sys_awk_status)" 'the shell engine needs one that does: mawk, gawk or busybox awk'
	exit 3
}

# sys_awk PROGRAM [ARG ..]: awk on bytes, with the shared functions in front.
sys_awk() {
	sys_program=$1
	shift
	# shellcheck disable=SC2154  # embedded by the build
	LC_ALL=C awk "$awk_lib$sys_program" ${1+"$@"}
}

# sys_now: sets _now, hundredths of a second on a clock that NTP cannot set. Without /proc the time of day has to do: what it
# goes back counts as nothing, and what it leaps as 100 s.
sys_now() {
	if { read -r _now sys_rest </proc/uptime; } 2>/dev/null; then
		_now=${_now%.*}${_now#*.}
		# "0.08" must not become an octal number.
		while case $_now in 0?*) ;; *) false ;; esac do _now=${_now#0}; done
	else
		sys_date=$(date +%s)
		# Differences alone: mksh counts with 32 bits.
		sys_step=$((sys_date - ${sys_date_before:-$sys_date}))
		sys_date_before=$sys_date
		[ "$sys_step" -ge 0 ] || sys_step=0
		[ "$sys_step" -le 100 ] || sys_step=100
		sys_ticks=$((${sys_ticks:-0} + sys_step * 100))
		_now=$sys_ticks
	fi
}

# sys_pause HUNDREDTHS: sleep, in slices, so that a signal ends it at once and a run that was killed leaves no long sleep.
sys_pause() {
	sys_pausing=$1
	while [ "$sys_pausing" -gt 0 ]; do
		sys_slice "$sys_pausing"
		sys_pausing=$((sys_pausing - _slice))
	done
}

# sys_slice HUNDREDTHS: sleep as long, but at most a second; sets _slice, how long.
sys_slice() {
	_slice=$1
	[ "$_slice" -le 100 ] || _slice=100
	sys_seconds "$_slice"
	sleep "$_seconds" >/dev/null 2>&1 &
	sys_nap=$!
	sys_wait "$sys_nap"
	sys_nap=
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

# sys_supervise PID HUNDREDTHS [CONDITION]: wait for a child that was just started, at most so long, then kill it, unless
# `CONDITION PID` gives it as long again. Sets _ended, the exit status, 128 + signal for a signal, and _late: whether it was
# the time that ended it. `timeout` is missing on Buildroot, Yocto and OpenWrt.
sys_supervise() {
	alive_start "$1" || :
	sys_child_start=$_start
	sys_child=$1
	sys_watch "$1" "$_start" "$2" "${3-}" </dev/null >/dev/null 2>&1 &
	sys_dog=$!
	sys_reap "$1" "$sys_dog"
	sys_child='' sys_dog=''
}

# sys_watch PID STARTTIME HUNDREDTHS [CONDITION]: in the background: kill it then, and also once the run is gone that it
# belongs to. Looks every second, because whoever kills the run does not tell its watchers.
sys_watch() {
	sys_nap=''
	trap '' HUP INT
	# KILL, because a TERM that comes before the child has become `sleep` would be lost.
	trap '[ -z "$sys_nap" ] || sys_signal KILL "$sys_nap"; exit 0' TERM
	sys_left=$3
	sys_now
	sys_until=$((_now + $3))
	while :; do
		# What was sent before the trap was set is lost; and where nothing can send, this file has to do.
		[ ! -e "$work/reaped.$1" ] || exit 0
		alive_run || break
		if [ "$sys_left" -le 0 ]; then
			if [ -n "${4-}" ] && "$4" "$1"; then
				sys_until=$((_now + $3))
				sys_left=$3
			else
				{ printf '' >"$work/late.$1"; } 2>/dev/null
				break
			fi
		fi
		sys_slice "$sys_left"
		# The time of day may leap while this sleeps; how long it slept does not.
		sys_left=$((sys_left - _slice))
		if [ -r /proc/uptime ]; then
			sys_now
			sys_left=$((sys_until - _now))
		fi
	done
	sys_kill "$1" "$2"
	exit 0
}

# sys_become COMMAND ..: exec it, in a session of its own where there is a setsid: so sys_watch kills its children too.
sys_become() {
	trap - PIPE
	if command -v setsid >/dev/null 2>&1; then exec setsid "$@"; fi
	exec "$@"
}

# sys_reap PID WATCHER: wait for it and send the watcher home; sets _ended and _late, as sys_supervise.
sys_reap() {
	sys_wait "$1"
	sys_reaped=$_ended
	{ printf '' >"$work/reaped.$1"; } 2>/dev/null
	# Where nothing can send, the watcher goes by itself.
	! sys_signal TERM "$2" || sys_wait "$2"
	_late=no
	[ ! -e "$work/late.$1" ] || {
		_late=yes
		rm -f "$work/late.$1"
	}
	! sys_can_signal || rm -f "$work/reaped.$1"
	_ended=$sys_reaped
}

# sys_wait PID: wait for it; sets _ended, as sys_reap.
sys_wait() {
	if [ -z "${POSH_VERSION-}" ]; then
		wait "$1" 2>/dev/null
		_ended=$?
	else
		sys_wait_in_posh "$1"
	fi
	# ksh93 adds 256 to the signal, yash 384.
	[ "$_ended" -le 384 ] || _ended=$((_ended - 256))
	[ "$_ended" -le 256 ] || _ended=$((_ended - 128))
}

# sys_wait_in_posh PID: its wait goes on where the options of an earlier `read -r` ended, in memory that may hold something
# else by now: "invalid option -- 'Q'", status 1, nothing waited for. Each call takes one character of it away.
sys_wait_in_posh() {
	while :; do
		wait "$1" 2>"$work/wait.$1"
		_ended=$?
		if [ "$_ended" -ne 1 ] || [ ! -s "$work/wait.$1" ]; then break; fi
	done
	rm -f "$work/wait.$1"
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
	sys_limit=$(($1 * 100))
	sys_stdin=$2
	shift 2
	sys_before=$! sys_child=starting
	# posh does not export a prefix assignment to what a function starts, so the subshell exports.
	# shellcheck disable=SC2030,SC2031  # for this one command
	{ LC_ALL=C PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin && export LC_ALL PATH && sys_become "$@"; } <"$sys_stdin" >"$work/run.out" 2>"$work/run.err" &
	sys_supervise "$!" "$sys_limit"
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

# sys_own_places: sets $state_directory, what azready keeps, and $run_directory, what is for this boot alone. Where /var is in
# memory, as OpenWrt has it, nothing there outlives a boot; and it has no /run.
sys_own_places() {
	state_directory=/var/lib/azready run_directory=/run/azready
	! sys_is_memory /var/lib || state_directory=/etc/azready
	[ -e "$root/run" ] || ! sys_is_memory /var/run || run_directory=/var/run/azready
}

# sys_is_memory NAME: whether its name leads to where images have memory. What is mounted there says less: an image that is
# given by --root has nothing mounted.
sys_is_memory() {
	sys_path "$1"
	case ${_path#"$root"}/ in /tmp/* | /run/* | /dev/shm/*) ;; *) return 1 ;; esac
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
# A tab itself where awk would want \t: busybox awk does not know it in a pattern that comes from outside.
tab=$(printf '\t')

# sys_by_line: for `for LINE in $TEXT`, with sys_by_word first in the loop and behind it. No `while read` with a here-document:
# with one inside another, ash of busybox 1.26 at times finds the inner one empty.
sys_by_line() {
	case $- in *f*) sys_globs=no ;; *) sys_globs=yes ;; esac
	set -f
	IFS=$sys_newline
}

# sys_by_word: words are as usual again.
sys_by_word() {
	IFS=" $tab$sys_newline"
	[ "$sys_globs" = no ] || set +f
}

# sys_cells ROW: sets _cell_1 to _cell_6, what stands between the `|` of a table's row, without blanks around it.
sys_cells() {
	# Without a blank in IFS: posh would split "a | b" into three.
	sys_by_line
	IFS='|'
	# shellcheck disable=SC2086  # cells
	set -- $1
	sys_by_word
	_cell_1=${1-} _cell_2=${2-} _cell_3=${3-} _cell_4=${4-} _cell_5=${5-} _cell_6=${6-}
	_cell_1=${_cell_1% } _cell_2=${_cell_2# } _cell_3=${_cell_3# } _cell_4=${_cell_4# } _cell_5=${_cell_5# } _cell_6=${_cell_6# }
	_cell_2=${_cell_2% } _cell_3=${_cell_3% } _cell_4=${_cell_4% } _cell_5=${_cell_5% }
}

# sys_glob PATTERN: sets _found, the paths of the image that match, one a line, dangling links too; fails where there is none.
sys_glob() {
	_found=
	sys_pattern=${1#/}/
	while [ -n "$sys_pattern" ]; do
		sys_match=${sys_pattern%%/*}
		sys_pattern=${sys_pattern#*/}
		sys_above=$_found
		_found=
		if [ -z "$sys_above" ]; then
			sys_match ''
		else
			sys_by_line
			for sys_hit in $sys_above; do
				sys_by_word
				sys_match "$sys_hit"
			done
			sys_by_word
		fi
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
