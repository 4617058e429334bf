# programs.sh: the programs of this system: which there are, and running one.

# program_complete_path: a bare init gives an empty PATH or half of one. With a root other than / whoever set
# a PATH of their own folders knows why.
program_complete_path() {
	program_rest=${PATH-}:
	while [ -n "$root" ] && [ -n "$program_rest" ]; do
		case ${program_rest%%:*} in
		'' | /bin | /sbin | /usr/bin | /usr/sbin | /usr/local/bin | /usr/local/sbin) ;;
		*) return 0 ;;
		esac
		program_rest=${program_rest#*:}
	done
	for program_rest in $fact_SYSTEM_PATH; do
		case :${PATH-}: in *":$program_rest:"*) ;; *) PATH=${PATH:+$PATH:}$program_rest ;; esac
	done
	export PATH
}

# The programs that the engine cannot do without; the contract has the same list. Some are part of some
# shells.
program_needed='awk cat chmod chown cmp cp cut date dd grep head id ln ls mkdir mv printf readlink rm'
program_needed="$program_needed rmdir sed sleep sync tail touch tr wc"

# program_need_all: all that are missing in one line: a half-built system should not be found out one by one.
program_need_all() {
	program_missing=
	{
		for program_name in $program_needed; do
			command -v "$program_name" ||
				program_missing="$program_missing${program_missing:+, }$program_name"
		done
	} >/dev/null 2>&1
	[ -n "$program_missing" ] || return 0
	log_error "missing: $program_missing" 'the shell engine needs these programs on PATH'
	exit 3
}

# program_need_awk: awk is on every distribution, but somebody may have built busybox without it, or the one
# that is there may not be able to do what the engine's programs do.
program_need_awk() {
	command -v awk >/dev/null 2>&1 || {
		log_error 'no awk on PATH' 'the shell engine needs one: mawk, gawk or busybox awk'
		exit 3
	}
	program_awk_status=0
	program_said=$(LC_ALL=C awk '
		function add(s, kept) { kept = s; sub(/^[ab]+/, "", kept); return kept ENVIRON["LC_ALL"] }
		BEGIN { n = split("x<y", part, /[<]/); KEY["k", 1] = 2; delete KEY["none"]
			found = match("ab", /b$/) ? RSTART : 0
			printf "%s", n part[2] add("aac" sprintf("%c", 100)) KEY["k", 1] substr("abc", 2) found
		}' 2>/dev/null) || program_awk_status=$?
	[ "$program_said" != 2ycdC2bc2 ] || return 0
	log_error "awk does not work (status $program_awk_status)" \
		'the shell engine needs one that does: mawk, gawk or busybox awk'
	exit 3
}

# program_awk PROGRAM [ARG ..]: awk on bytes, with the shared functions in front.
program_awk() {
	program_text=$1
	shift
	# shellcheck disable=SC2154  # embedded by the build
	LC_ALL=C awk "$awk_lib$program_text" ${1+"$@"}
}

# program_which COMMAND: sets _which, the path of a command of this system; fails where there is none, and
# always with a root other than /.
program_which() {
	# shellcheck disable=SC2030,SC2031  # for this one command
	[ -z "$root" ] && _which=$(PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin && command -v "$1")
}

# program_has COMMAND: whether PATH has it: for commands that only compute, whatever the root.
program_has() {
	command -v "$1" >/dev/null 2>&1
}

# program_run SECONDS STDIN_FILE COMMAND [ARGUMENT ..]: run a command of this system; killed after so many
# seconds. Its output is then in $work/run.out and $work/run.err; sets _ended. Secrets go into the file, never
# into the arguments.
program_run() {
	program_limit=$(($1 * 100))
	program_stdin=$2
	shift 2
	sys_before=$! sys_child=starting
	# posh does not export a prefix assignment to what a function starts, so the subshell exports.
	# shellcheck disable=SC2030,SC2031  # for this one command
	{ LC_ALL=C PATH=$PATH:/usr/sbin:/usr/bin:/sbin:/bin && export LC_ALL PATH &&
		child_become "$@"; } <"$program_stdin" >"$work/run.out" 2>"$work/run.err" &
	child_supervise "$!" "$program_limit"
	return "$_ended"
}

# program_last_line: the last line of what the command of program_run said on stderr, or `none`, in
# $work/last.
program_last_line() {
	program_awk '$0 != "" { last = $0 }
		END { last = trimmed(last); printf "%s", (last == "" ? "none" : last) }' "$work/run.err" >"$work/last"
}

# program_failed REASON HINT COMMAND: the failure of what program_run has just run.
program_failed() {
	program_last_line
	fail_value="stderr=$work/last"
	fail "$1" "$2" "command=$3" "status=$_ended"
}
