#!/bin/bash
# dracut: report Ready from the initrd, for images in which nothing is left to set. Copy this folder to
# /usr/lib/dracut/modules.d and add `add_dracutmodules+=" azready "` to /etc/dracut.conf.d/azready.conf.

# check: only where it is asked for, and only if all is there.
check() {
	require_binaries azready awk curl cmp || return 1
	return 255
}

depends() {
	echo network
}

# install: the network comes up although no root file system needs it.
install() {
	inst_multiple awk azready cat chmod chown cmp cp cut curl date dd grep head id ln ls mkdir mv printf \
		readlink rm rmdir sed sleep sync tail touch tr wc
	inst_hook initqueue/online 90 "$moddir/azready-report.sh"
	mkdir -p "$initdir/etc/cmdline.d"
	echo "rd.neednet=1 ip=dhcp" >"$initdir/etc/cmdline.d/90azready.conf"
}
