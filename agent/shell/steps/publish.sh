# publish.sh: the name reaches the network: a DHCP server, and with it Azure's DNS, learns it from a request
# alone, and the machine had its lease before it had its name. No client here gives its address back for that.

# publish_later NAME: the kernel has another name than before; somebody must hear of it once this machine is
# Ready. Noted in memory: the next boot asks for its lease with the right name anyway.
publish_later() {
	[ "$set_PUBLISH_HOSTNAME" = auto ] || return 0
	{ file_text "$work/publish" "$1$sys_newline" &&
		file_write "$run_directory/publish" 0600 "$work/publish"; } || forgive
}

# publish_hostname: have the DHCP clients that run renew with the new name. Never a failure, and over in ten
# seconds.
publish_hostname() {
	[ -z "$root" ] && place_exists "$run_directory/publish" || return 0
	publish_name=$(file_read "$run_directory/publish")
	file_remove "$run_directory/publish" || forgive
	[ -n "$publish_name" ] && [ "$set_PUBLISH_HOSTNAME" = auto ] || return 0
	clock_now
	publish_until=$((_now + 1000))
	publish_seen=
	publish_space=$(readlink /proc/self/ns/net)
	publish_true=/bin/true
	[ -x /bin/true ] || publish_true=/usr/bin/true
	place_glob '/proc/[0-9]*/comm' || :
	text_by_line
	for publish_process in $_found; do
		text_by_word
		publish_process=${publish_process%/comm}
		publish_look
	done
	text_by_word
	[ -n "$publish_seen" ] ||
		log_info "hostname: no DHCP client runs that could tell the network of $publish_name"
}

# publish_look: whether $publish_process is a DHCP client, of this network and not of a container's; then have
# it told.
publish_look() {
	IFS= read -r publish_comm 2>/dev/null <"$publish_process/comm" || return 0
	case $publish_comm in
	NetworkManager | systemd-network | dhclient* | dhcpcd | udhcpc | busybox | connmand | wickedd-dhcp4) ;;
	*) return 0 ;;
	esac
	[ "$(readlink "$publish_process/ns/net" 2>/dev/null)" = "$publish_space" ] || return 0
	tr '\000' '\n' <"$publish_process/cmdline" >"$work/words" 2>/dev/null
	case $publish_comm in
	NetworkManager) publish_once "$publish_comm" && publish_by_networkmanager ;;
	systemd-network) publish_once systemd-networkd && publish_by_networkd ;;
	dhclient*) publish_by_dhclient ;;
	dhcpcd) publish_once dhcpcd && publish_by_dhcpcd ;;
	udhcpc) publish_by_udhcpc udhcpc ;;
	busybox) [ "$(sed -n 2p "$work/words")" != udhcpc ] || publish_by_udhcpc busybox udhcpc ;;
	connmand) publish_once connman &&
		publish_not connman 'it has no way to renew a lease and keep the address' ;;
	wickedd-dhcp4) publish_once wicked &&
		publish_not wicked 'it has no way to renew a lease and keep the address' ;;
	esac
	:
}

# publish_once CLIENT: fails where it was there already: some clients are several processes.
publish_once() {
	case " $publish_seen " in *" $1 "*) return 1 ;; esac
	publish_seen="$publish_seen $1"
}

# publish_run COMMAND ..: as program_run, within what is left of the ten seconds.
publish_run() {
	clock_now
	publish_left=$(((publish_until - _now) / 100))
	[ "$publish_left" -ge 1 ] || publish_left=1
	program_run "$publish_left" /dev/null "$@"
}

# publish_done CLIENT [INTERFACE]
publish_done() {
	log_info "hostname: $1 told the network of $publish_name${2:+ through $2}"
}

# publish_not CLIENT WHY
publish_not() {
	log_info "hostname: $1 tells the network of $publish_name with its next lease: $2"
}

# publish_said WORD CLIENT INTERFACE: whether the client's messages have the word of a server that answered.
publish_said() {
	if grep -q "$1" "$work/run.out" "$work/run.err"; then
		publish_done "$2" "$3"
	else
		program_last_line
		publish_not "$2" "$(cat "$work/last")"
	fi
}

# publish_by_networkmanager: a name for the device, until it is activated again: nothing but the DHCP client
# is restarted.
publish_by_networkmanager() {
	publish_run nmcli -t -f DEVICE,STATE device || {
		program_last_line
		publish_not NetworkManager "nmcli: $(cat "$work/last")"
		return
	}
	sed -n 's/:connected$//p' "$work/run.out" >"$work/devices"
	while IFS= read -r publish_interface; do
		publish_run nmcli -t -f DHCP4 device show "$publish_interface" || continue
		[ -s "$work/run.out" ] || continue
		if publish_run nmcli -w 5 device modify "$publish_interface" ipv4.dhcp-hostname "$publish_name"; then
			publish_done NetworkManager "$publish_interface"
		else
			program_last_line
			publish_not NetworkManager "$(cat "$work/last")"
		fi
	done <"$work/devices"
}

# publish_by_networkd: it reads the name when it starts; its own renewals repeat the old one (`networkctl
# renew`), or drop the address (`networkctl reconfigure`). Since version 246 a restart keeps addresses and
# routes: systemd sends another signal for it.
publish_by_networkd() {
	place_glob '/run/systemd/netif/leases/*' || return 0
	publish_run systemctl show -p RestartKillSignal systemd-networkd.service
	publish_signal=$(sed -n 's/^RestartKillSignal=//p' "$work/run.out")
	case $publish_signal in
	'' | 15) publish_not systemd-networkd 'a restart of this version would drop the address' ;;
	*)
		# What is ordered around it, as systemd-networkd-wait-online, is left alone.
		if publish_run systemctl --job-mode=ignore-dependencies restart systemd-networkd.service; then
			publish_done systemd-networkd
		else
			program_last_line
			publish_not systemd-networkd "$(cat "$work/last")"
		fi
		;;
	esac
}

# publish_by_dhcpcd: a second one that configures nothing asks for the same lease with the same identity. It
# must not see the first one's socket and pid file, or it would hand its words over; those cannot be asked to
# send a name.
publish_by_dhcpcd() {
	# Before version 9 they were elsewhere.
	place_glob '/run/dhcpcd/*pid' || {
		publish_not dhcpcd 'this version cannot be asked'
		return
	}
	place_glob '/var/lib/dhcpcd/*.lease' || return 0
	text_by_line
	for publish_interface in $_found; do
		text_by_word
		publish_interface=${publish_interface##*/}
		publish_interface=${publish_interface%.lease}
		[ -e "/sys/class/net/$publish_interface" ] || continue
		# shellcheck disable=SC2016  # of that sh
		publish_run unshare --mount sh -c \
			'mount --make-rprivate / 2>/dev/null; mount -t tmpfs azready /run/dhcpcd && exec "$@"' sh \
			dhcpcd -4 -1 -p --nodev --noconfigure -t 3 -c "$publish_true" -h "$publish_name" \
			"$publish_interface"
		publish_said ': leased ' dhcpcd "$publish_interface"
	done
	text_by_word
}

# publish_by_udhcpc PROGRAM ..: its options are fixed at its start: another one, with the same identity, asks
# once and does nothing.
publish_by_udhcpc() {
	publish_program=$*
	publish_interface=eth0
	publish_option=
	set --
	while IFS= read -r publish_word; do
		case $publish_option in
		-i | --interface) publish_interface=$publish_word ;;
		-c | --clientid | -V | --vendorclass) set -- ${1+"$@"} "$publish_option" "$publish_word" ;;
		-x) case $publish_word in 0x3d:* | 61:*) set -- ${1+"$@"} -x "$publish_word" ;; esac ;;
		*)
			case $publish_word in
			--interface=*) publish_interface=${publish_word#*=} ;;
			-i?*) publish_interface=${publish_word#-i} ;;
			-C | --clientid-none) set -- ${1+"$@"} -C ;;
			-x0x3d:* | -x61:*) set -- ${1+"$@"} "$publish_word" ;;
			esac
			publish_option=$publish_word
			continue
			;;
		esac
		publish_option=
	done <"$work/words"
	publish_once "udhcpc/$publish_interface" || return 0
	# shellcheck disable=SC2086  # its words
	publish_run $publish_program -f -q -n -t 3 -T 1 -s "$publish_true" -i "$publish_interface" -x \
		"hostname:$publish_name" ${1+"$@"}
	publish_said 'lease of .* obtained' udhcpc "$publish_interface"
}

# publish_by_dhclient: another one asks for the same lease with the same identity, and its script does
# nothing. It reads the name itself when it renews, so the first one does that later.
publish_by_dhclient() {
	publish_leases=/var/lib/dhcp/dhclient.leases
	publish_interfaces=
	publish_settings='/etc/dhcp/dhclient.conf /etc/dhclient.conf'
	publish_script=
	publish_option=
	set --
	while IFS= read -r publish_word; do
		case $publish_option in
		-lf) publish_leases=$publish_word ;;
		-cf) publish_settings=$publish_word ;;
		-sf) publish_script=$publish_word ;;
		-C) set -- ${1+"$@"} -C "$publish_word" ;;
		-pf | -df | -e | -p | -s | -g | -timeout) ;;
		*)
			case $publish_word in
			-6) return 0 ;;
			-i) set -- ${1+"$@"} -i ;;
			-* | '' | */*) ;;
			*) [ ! -e "/sys/class/net/$publish_word" ] ||
				publish_interfaces="$publish_interfaces $publish_word" ;;
			esac
			publish_option=$publish_word
			continue
			;;
		esac
		publish_option=
	done <"$work/words"
	# NetworkManager's and connman's own.
	case $publish_script in */nm-dhcp* | */connman/*) return 0 ;; esac
	[ -n "$publish_interfaces" ] || publish_interfaces=$(
		sed -n 's/^[[:blank:]]*interface "\([^"]*\)";.*/\1/p' "$publish_leases" 2>/dev/null | sort -u
	)
	for publish_interface in $publish_interfaces; do
		publish_once "dhclient/$publish_interface" || continue
		publish_with_dhclient ${1+"$@"}
	done
}

# publish_with_dhclient [OPTION ..]
publish_with_dhclient() {
	publish_base=$run_directory/.dhclient
	publish_program=dhclient
	{
		# shellcheck disable=SC2086  # two of them
		sed -n '/dhcp-client-identifier/s/^[[:blank:]]*\(send[[:blank:]].*;\)[[:blank:]]*$/\1/p' \
			$publish_settings 2>/dev/null
		printf 'send host-name "%s";\ntimeout 5;\ninitial-interval 1;\n' "$publish_name"
	} >"$work/dhclient"
	if ! file_make_directory "$run_directory" 0700 ||
		! file_write "$publish_base.conf.azready" 0600 "$work/dhclient" ||
		! file_fetch "$publish_leases" "$work/leases" ||
		! file_write "$publish_base.leases.azready" 0600 "$work/leases"; then
		forgive
		publish_not dhclient 'no place for its files'
		return
	fi
	# AppArmor lets a dhclient in its usual place start its usual script alone; told that the script failed,
	# it would decline the address. /run may be mounted without exec.
	if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then
		publish_program=$state_directory/.dhclient.azready
		program_which dhclient && cp "$_which" "$publish_program" 2>/dev/null && chmod 700 "$publish_program"
	fi
	publish_run "$publish_program" -4 -1 -v -sf "$publish_true" -cf "$publish_base.conf.azready" -lf \
		"$publish_base.leases.azready" \
		-pf "$publish_base.pid.azready" ${1+"$@"} "$publish_interface"
	publish_end_dhclient
	rm -f "$publish_base.conf.azready" "$publish_base.leases.azready" "$publish_base.leases.azready~" \
		"$publish_base.pid.azready" \
		"$state_directory/.dhclient.azready"
	publish_said 'DHCPACK of' dhclient "$publish_interface"
}

# publish_end_dhclient: behind its answer it stays in the background, as every dhclient. It may not have
# written its number yet.
publish_end_dhclient() {
	place_glob '/proc/[0-9]*/comm' || :
	text_by_line
	for publish_other in $_found; do
		text_by_word
		publish_other=${publish_other%/comm}
		IFS= read -r publish_comm 2>/dev/null <"$publish_other/comm" || continue
		case $publish_comm in dhclient* | .dhclient*) ;; *) continue ;; esac
		! tr '\000' '\n' 2>/dev/null <"$publish_other/cmdline" | grep -q -F -x "$publish_base.pid.azready" ||
			kill -KILL "${publish_other##*/}" 2>/dev/null
	done
	text_by_word
}
