"""A report from the initrd: what dracut and initramfs-tools make with the hooks of units/recipes/initrd reports Ready.

The archive is made by the real tool, unpacked, and its hook runs in that root, with both addresses of Azure in reach.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.namespace import run_script
from support import DIST, ROOT, need

HOOKS = ROOT / "units" / "recipes" / "initrd"
# The hook of a tool goes where that tool looks, and azready where a package would put it: seen here alone.
PLACE = """
set -eu
over() { mkdir -p "$SCRATCH/$1/up" "$SCRATCH/$1/work"
	mount -t overlay over -o "lowerdir=$2,upperdir=$SCRATCH/$1/up,workdir=$SCRATCH/$1/work" "$2"; }
mount -t tmpfs scratch "$SCRATCH"
over sbin /usr/sbin
install -m 755 "$AGENT" /usr/sbin/azready
mkdir "$SCRATCH/root"
"""
# The disks, the consoles and the kernel's modules are not what is tried.
DRACUT = """
over modules /usr/lib/dracut/modules.d
cp -r "$HOOKS/dracut/90azready" /usr/lib/dracut/modules.d
mkdir "$SCRATCH/conf"
echo 'add_dracutmodules+=" azready "' >"$SCRATCH/conf/azready.conf"
dracut --no-kernel --no-hostonly --kver none --add network-legacy --no-compress --tmpdir "$SCRATCH" \\
	--omit 'systemd systemd-networkd network-manager plymouth dbus drm crypt lvm mdraid dmraid multipath' \\
	--conf /dev/null --confdir "$SCRATCH/conf" "$SCRATCH/initrd" >"$SCRATCH/log" 2>&1 || { cat "$SCRATCH/log"; exit 9; }
(cd "$SCRATCH/root" && cpio --quiet -idm <"$SCRATCH/initrd")
grep -q 'rd.neednet=1 ip=dhcp' "$SCRATCH"/root/etc/cmdline.d/*
hook='warn() { echo "$@"; }; . /lib/dracut/hooks/initqueue/online/90-azready-report.sh'
"""
INITRAMFS_TOOLS = """
cp -r /etc/initramfs-tools "$SCRATCH/conf"
cp -r "$HOOKS/initramfs-tools/." "$SCRATCH/conf"
printf '%s\n' MODULES=list COMPRESS=gzip >"$SCRATCH/conf/conf.d/small"
over boot /boot
echo CONFIG_RD_GZIP=y >/boot/config-none
mkinitramfs -d "$SCRATCH/conf" -o "$SCRATCH/initrd" none >"$SCRATCH/log" 2>&1 || { cat "$SCRATCH/log"; exit 9; }
unmkinitramfs "$SCRATCH/initrd" "$SCRATCH/root"
mkdir -p "$SCRATCH/root/run"
# The kernel's command line names the card, and the network is up already.
: >"$SCRATCH/root/run/net-lo.conf"
hook='quiet=n IP=::::::off DEVICE=lo starttime=0 /scripts/init-premount/azready'
"""
REPORT = """
azure --exit-on-verdict
cd "$SCRATCH/root"
mkdir -p dev proc sys run tmp
for place in dev proc sys; do mount --rbind /$place $place; done
: >"$SCRATCH/kmsg"
mount --bind "$SCRATCH/kmsg" dev/kmsg
chroot . /bin/sh -c "$hook"
cat "$SCRATCH/kmsg"
wait "$emulator"
"""


@pytest.mark.parametrize(("tool", "make"), [("dracut", DRACUT), ("mkinitramfs", INITRAMFS_TOOLS)])
def test_the_platform_hears_ready_from_the_initrd(tool: str, make: str, tmp_path: Path) -> None:
    need(tool)
    script = PLACE + make + REPORT
    done = run_script(script, {"AGENT": str(DIST / "azready"), "HOOKS": str(HOOKS), "SCRATCH": str(tmp_path)})
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "the platform accepted the report Ready" in done.stdout + done.stderr


def test_a_boot_goes_on_where_nobody_listens() -> None:
    """Each hook has a deadline of its own: the default of twenty minutes is for a machine that is up."""
    texts = [path.read_text() for path in HOOKS.rglob("*") if path.is_file()]
    calls = [line for text in texts for line in text.splitlines() if "azready report" in line and "#" not in line]
    assert len(calls) == 3
    assert [line for line in calls if "AZREADY_DEADLINE=120 azready report ready" not in line] == []
