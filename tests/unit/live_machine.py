"""A whole machine in namespaces of its own: accounts, hostname, a network card with a DHCP server behind it, and Azure.

Its /etc is a copy of this computer's; /home, /run and /var are empty. Nothing of it is seen outside.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import support
from lab.namespace import WORDS, run_script

AGENT = support.DIST / "azready"
OLD_NAME, NEW_NAME = "old-name", "web-1"

# The server's side of the cable, and everything that both sides share.
_OUTSIDE = """
cp -a /etc "$SCRATCH/etc"
mount --bind "$SCRATCH/etc" /etc
for place in /home /run /var; do mount -t tmpfs -o mode=0755 scratch "$place"; done
mkdir -p /var/lib/dhcp /var/lib/dhcpcd /var/tmp
: >"$SCRATCH/console"
[ ! -e /dev/console ] || mount --bind "$SCRATCH/console" /dev/console
: >/etc/resolv.conf
printf '127.0.0.1\\tlocalhost\\n' >/etc/hosts
echo "$OLD_NAME" >/etc/hostname
hostname "$OLD_NAME"
ip link add outside type veth peer name eth0
ip address add 10.0.0.1/24 dev outside
ip link set outside up
dnsmasq --keep-in-foreground --conf-file=/dev/null --user=root --port=0 --log-facility=- --log-dhcp \\
    --interface=outside --dhcp-authoritative --no-ping --pid-file \\
    --dhcp-range=10.0.0.4,10.0.0.40,255.255.255.0,infinite \\
    --dhcp-leasefile="$SCRATCH/leases" --dhcp-option-force=121,0.0.0.0/0,10.0.0.1 >"$SCRATCH/dhcp" 2>&1 &
another sh -euc "$INSIDE" &
until [ -s "$SCRATCH/pid" ]; do sleep 0.05; done
ip link set eth0 netns "$(cat "$SCRATCH/pid")"
wait "$!"
"""
_INSIDE = """
set -eu
# Asked once: the variable is a child's too.
exec sh -euc '
echo "$$" >"$SCRATCH/pid"
until ip link show eth0 >/dev/null 2>&1; do sleep 0.05; done
mount -t proc proc /proc
mount -t sysfs -o ro sysfs /sys
[ ! -d /sys/class/dmi/id ] || mount -t tmpfs scratch /sys/class/dmi/id
ip link set lo up
ip link set eth0 up
ip monitor address route >"$SCRATCH/monitor" &
eval "$WORDS$PREPARE"
azure
ip -4 address show eth0 >"$SCRATCH/before"
echo ---- >>"$SCRATCH/monitor"
sh "$AGENT" --engine "$ENGINE" provision 2>"$SCRATCH/log" || echo "$?" >"$SCRATCH/status"
eval "$LOOK"
sleep 0.5
ip -4 address show eth0 >"$SCRATCH/after"
cat /proc/sys/kernel/hostname >"$SCRATCH/kernel"
find /run/azready /var/lib/azready -name "*dhclient*" >"$SCRATCH/left"
# A dead one that nobody waited for has no command line any more.
for process in /proc/[0-9]*; do
    [ -z "$(tr -d "\\0" 2>/dev/null <"$process/cmdline")" ] || cat "$process/comm" 2>/dev/null || :
done >"$SCRATCH/processes"
kill -INT "$emulator"
wait "$emulator" || :
'
"""


def provision(engine: str, scratch: Path, prepare: str = ":", look: str = ":", **settings: str) -> dict[str, str]:
    """Provision such a machine; what was seen, by the names of files that the scripts wrote to $SCRATCH.

    `prepare` and `look` are run inside, before and after; `settings` are environment variables.
    """
    support.need("dnsmasq", "serves DHCP")
    environment = {
        "AGENT": str(AGENT),
        "ENGINE": engine,
        "SCRATCH": str(scratch),
        "PYTHON": sys.executable,
        "OLD_NAME": OLD_NAME,
        "INSIDE": _INSIDE,
        "WORDS": WORDS,
        "PREPARE": prepare,
        "LOOK": look,
        "AZREADY_STEPS": "hostname",
        "PATH": f"{scratch}/bin:{os.environ['PATH']}",
        **settings,
    }
    ended = run_script(_OUTSIDE, environment)
    seen = {path.name: path.read_text(errors="replace") for path in scratch.iterdir() if path.is_file()}
    assert ended.returncode == 0, f"{ended.stderr}\n{json.dumps(seen, indent=1)}"
    return seen
