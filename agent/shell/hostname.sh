# hostname.sh: the step `hostname`: nothing but a validated name ever reaches the system.

step_hostname() {
	name_given=$work/wanted.hostname
	is_blank "$name_given" && {
		_result=skipped
		return 0
	}
	name=$(sys_awk "$awk_hostname" "$name_given" "$proto_NAME_MAX" "$proto_LABEL_MAX" "$proto_HOSTNAME_MAX") || {
		fail_value="value=$name_given"
		fail hostname_invalid 'the name that the platform gave is not a hostname'
		return
	}
	printf '%s' "$name" | cmp -s - "$name_given" || {
		printf "hostname: '"
		cat "$name_given"
		printf "' is not a legal hostname, using '%s'" "$name"
	} | log_emit 'warning: '
	hostname_before=
	[ -n "$root" ] || IFS= read -r hostname_before 2>/dev/null </proc/sys/kernel/hostname || :
	sys_set_kernel_hostname "$name" && spare keep_hostname "$name" && spare keep_in_hosts "$name" || return
	[ -n "$root" ] || [ "$hostname_before" = "$name" ] || publish_later "$name"
	hostname_set=$name
	log_info "hostname: set to $name"
	_result='done'
}

# busybox awk does not know \t in a pattern that comes from outside.
tab=$(printf '\t')

# keep_hostname NAME: write it where this distribution reads it at boot; a file that already says so is left alone.
keep_hostname() {
	if sys_exists /etc/config/system; then
		# OpenWrt keeps it in uci; /etc/hostname does not count there.
		keep_setting /etc/config/system "^[ $tab]*option[ $tab]+hostname[ $tab]" "option hostname '$1'"
	elif sys_exists /etc/HOSTNAME; then
		# Slackware.
		keep_line /etc/HOSTNAME "$1"
	elif sys_exists /etc/conf.d/hostname && ! sys_exists /etc/hostname; then
		# Gentoo without /etc/hostname.
		keep_setting /etc/conf.d/hostname '^hostname=' "hostname=\"$1\""
	elif sys_read /etc/rc.conf | grep -q 'HOSTNAME=' && ! sys_exists /etc/hostname; then
		# Void without /etc/hostname.
		keep_setting /etc/rc.conf '^#?HOSTNAME=' "HOSTNAME=\"$1\""
	elif sys_read /opt/bootsync.sh | grep -q sethostname; then
		# Tiny Core: its root is in RAM, the boot script sets the name.
		keep_setting /opt/bootsync.sh '^/usr/bin/sethostname ' "/usr/bin/sethostname $1"
	else
		keep_line /etc/hostname "$1"
	fi
}

# keep_in_hosts NAME: in the line by which Debian has the machine's own name resolved, the whole one first and the short one behind
# it; a line is added where nothing else knows the name: without it each sudo would wait for a DNS that is away.
keep_in_hosts() {
	hosts_names=$1
	case $1 in *.*) hosts_names="$1 ${1%%.*}" ;; esac
	sys_read /etc/hosts | LC_ALL=C sed "s/^\(127\.0\.1\.1[ $tab][ $tab]*\).*/\1$hosts_names/" >"$work/mended"
	if hosts_know "$1" "$work/mended"; then
		! sys_exists /etc/hosts || keep_mended /etc/hosts
		return
	fi
	sys_exists /etc/hosts || printf '127.0.0.1\tlocalhost\n' >"$work/mended"
	# awk ends a last line that has no end.
	awk '{ print }' "$work/mended" >"$work/old"
	# In this form, and at the end, generalize takes it away.
	{
		cat "$work/old"
		printf '127.0.1.1\t%s\n' "$hosts_names"
	} >"$work/mended"
	keep_mended /etc/hosts || return
	log_info "hostname: a line of /etc/hosts knows it"
}

# hosts_know NAME HOSTS: whether the machine's own name is found: in HOSTS, the file's text, or by what else looks names up.
hosts_know() {
	LC_ALL=C NAME=$1 awk '
		BEGIN { name = tolower(ENVIRON["NAME"]) }
		{ sub(/#.*/, ""); for (i = 2; i <= NF; i++) if (tolower($i) == name) found = 1 }
		END { exit !found }' "$2" && return
	# Two seconds: a DNS that is away is just what this is about.
	if sys_which getent; then
		sys_run 2 /dev/null "$_which" hosts "$1"
		return
	fi
	sys_read /etc/nsswitch.conf | grep '^hosts:' >"$work/nsswitch" || sys_exists /etc/hosts || return 0
	grep -q 'myhostname' "$work/nsswitch"
}

# keep_line FILE LINE: the file holds just this line.
keep_line() {
	printf '%s\n' "$2" >"$work/mended"
	keep_mended "$1"
}

# keep_setting FILE PATTERN LINE: the first line that matches becomes LINE, indented as it was; or LINE is appended.
keep_setting() {
	sys_read "$1" | LC_ALL=C PATTERN=$2 LINE=$3 awk '
		!found && $0 ~ ENVIRON["PATTERN"] { found = 1; match($0, /^[ \t]*/); $0 = substr($0, 1, RLENGTH) ENVIRON["LINE"] }
		{ print }
		END { if (!found) print ENVIRON["LINE"] }' >"$work/mended"
	keep_mended "$1"
}

# keep_mended FILE: write $work/mended there, unless it holds just that.
keep_mended() {
	sys_read "$1" | cmp -s - "$work/mended" || sys_write "$1" 0644 <"$work/mended"
}
