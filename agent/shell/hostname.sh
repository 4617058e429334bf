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
	keep_hostname "$name" && keep_in_hosts "$name" && sys_set_kernel_hostname "$name" || return
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

# keep_in_hosts NAME: in the line by which Debian has the machine's own name resolved; an image that has none gets none.
keep_in_hosts() {
	sys_read /etc/hosts | LC_ALL=C sed "s/^\(127\.0\.1\.1[ $tab][ $tab]*\).*/\1$1/" >"$work/mended"
	keep_mended /etc/hosts
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
