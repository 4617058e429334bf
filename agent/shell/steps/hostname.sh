# hostname.sh: the step `hostname`: nothing but a validated name ever reaches the system.

hostname_set=

step_hostname() {
	name_given=$work/wanted.hostname
	[ -s "$name_given" ] || return 3
	edit_ask "$work" "$awk_hostname" "$name_given" "$proto_NAME_MAX" "$proto_LABEL_MAX" \
		"$proto_HOSTNAME_MAX" || return 1
	[ "$_verdict" = good ] || {
		fail_value="value=$name_given"
		fail hostname_invalid ''
		return 1
	}
	name=$_answer
	hostname_is_given || {
		printf "hostname: '"
		cat "$name_given"
		printf "' is not a legal hostname, using '%s'" "$name"
	} | log_emit 'warning: '
	hostname_before=
	[ -n "$root" ] || IFS= read -r hostname_before 2>/dev/null </proc/sys/kernel/hostname || :
	hostname_set_kernel "$name" && read_only_spare hostname_keep "$name" &&
		read_only_spare hostname_keep_in_hosts "$name" || return 1
	selinux_relabel -i /etc/hostname /etc/hosts || :
	[ -n "$root" ] || [ "$hostname_before" = "$name" ] || publish_later "$name"
	hostname_set=$name
	log_info "hostname: set to $name"
}

# hostname_is_given: whether the platform gave $name as it is.
hostname_is_given() {
	name_line=
	# A line end would be something more.
	! IFS= read -r name_line <"$name_given" && [ "$name_line" = "$name" ]
}

# hostname_keep NAME: write it where this distribution reads it at boot; a file that already says so is left
# alone.
hostname_keep() {
	if place_exists /etc/config/system; then
		# OpenWrt keeps it in uci; /etc/hostname does not count there.
		keep_setting /etc/config/system "^[ $tab]*option[ $tab]+hostname[ $tab]" "option hostname '$1'"
		return
	elif place_exists /etc/HOSTNAME; then
		# Slackware.
		keep_line /etc/HOSTNAME "$1"
		return
	elif place_exists /etc/conf.d/hostname && ! place_exists /etc/hostname; then
		# Gentoo without /etc/hostname.
		keep_setting /etc/conf.d/hostname '^hostname=' "hostname=\"$1\""
		return
	fi
	if ! place_exists /etc/hostname; then
		# Void without /etc/hostname.
		hostname_has /etc/rc.conf 'HOSTNAME=' || return
		[ "$_has" = none ] || {
			keep_setting /etc/rc.conf '^#?HOSTNAME=' "HOSTNAME=\"$1\""
			return
		}
	fi
	# Tiny Core: its root is in RAM, the boot script sets the name.
	hostname_has /opt/bootsync.sh sethostname || return
	if [ "$_has" = found ]; then
		keep_setting /opt/bootsync.sh '^/usr/bin/sethostname ' "/usr/bin/sethostname $1"
	else
		keep_line /etc/hostname "$1"
	fi
}

# hostname_has FILE TEXT: sets _has: whether the file has it, `found` or `none`.
hostname_has() {
	_has=none
	place_exists "$1" || return 0
	edit_look "$1" 'BEGIN {
		take(ARGV[1])
		for (i = 1; i <= count; i++) if (index(row[i], ARGV[2])) verdict("found")
		verdict("none")
	}' "$2" || return
	_has=$_verdict
}

# hostname_keep_in_hosts NAME: in the line by which Debian has the machine's own name resolved, the whole one
# first and the short one behind it; a line is added where nothing else knows the name: without it each sudo
# would wait for a DNS that is away.
hostname_keep_in_hosts() {
	hosts_names=$1
	case $1 in *.*) hosts_names="$1 ${1%%.*}" ;; esac
	hosts_how=make hosts_known=none
	if place_exists /etc/hosts; then
		hosts_how=add
		hostname_hosts_edit hostname_hosts_keep "$1" mend || return
		hosts_known=$_verdict
	fi
	[ "$hosts_known" = none ] || return 0
	hostname_hosts_found "$1" || hostname_hosts_edit hostname_hosts_add "$1" "$hosts_how"
}

hostname_hosts_keep() {
	edit_keep_bytes "$1" 0644 "$2" "$3" "$4" "$5"
}

hostname_hosts_add() {
	edit_keep "$1" 0644 "$2" "$3" "$4" "$5" && log_info 'hostname: a line of /etc/hosts knows it'
}

# hostname_hosts_edit FUNCTION NAME mend|add|make: call it with the program that mends the line that is
# there, or adds one; `mend` says `none` where no line has the name then. generalize takes away what stands at
# the end in this form.
hostname_hosts_edit() {
	"$1" /etc/hosts 'BEGIN {
		take(ARGV[1])
		name = tolower(ARGV[2])
		if (ARGV[4] == "make") put("127.0.0.1\tlocalhost")
		for (i = 1; i <= count; i++) {
			line = match(row[i], /^127[.]0[.]1[.]1[ \t]+/) ? substr(row[i], 1, RLENGTH) ARGV[3] : row[i]
			put(line)
			sub(/[#].*/, "", line)
			n = split(tolower(line), word, /[ \t]+/)
			for (j = 2; j <= n; j++) if (word[j] == name) found = 1
		}
		if (ARGV[4] == "mend" && !found) verdict("none")
		if (ARGV[4] != "mend") put("127.0.1.1\t" ARGV[3])
		verdict_of_edit(0)
	}' "$2" "$hosts_names" "$3"
}

# hostname_hosts_found NAME: whether what else looks names up finds the machine's own.
hostname_hosts_found() {
	# Two seconds: a DNS that is away is just what this is about.
	if program_which getent; then
		program_run 2 /dev/null "$_which" hosts "$1"
		return
	fi
	hosts_flags=
	place_of /etc/nsswitch.conf
	if [ -f "$_path" ]; then
		while IFS= read -r hosts_line || [ -n "$hosts_line" ]; do
			case $hosts_line in
			hosts:*myhostname*) hosts_flags=$hosts_flags+itself ;;
			hosts:*) hosts_flags=$hosts_flags+files ;;
			esac
		done <"$_path"
	fi
	case $hosts_flags in
	*itself*) ;;
	*files*) return 1 ;;
	*) ! place_exists /etc/hosts ;;
	esac
}

# hostname_set_kernel NAME: with a root other than / nothing live is touched.
hostname_set_kernel() {
	[ -z "$root" ] || return 0
	{ hostname "$1" || printf '%s\n' "$1" | dd of=/proc/sys/kernel/hostname; } 2>"$work/err" ||
		file_blame /proc/sys/kernel/hostname
}
