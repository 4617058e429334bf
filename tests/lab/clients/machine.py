"""A machine without hardware for an agent of Debian's: a root and namespaces of its own, and Azure around it.

The agent sees one network card with the MAC that IMDS tells, a DHCP server that answers as Azure's, both addresses on
port 80, the identity in DMI, and the provisioning media mounted from /dev/sr0. It may do there what it likes.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import support

from lab.azure import IMDS, ROUTER, WIRESERVER, dhcp, environment, serve
from lab.boot.image import locked
from lab.emulator import VirtualMachine, load_vm, write_media
from lab.namespace import Namespace, need
from lab.process import Process

CACHE = support.ROOT / "build" / "clients"
# bookworm has cloud-init 22.4 and WALinuxAgent 2.7, trixie 25.1 and 2.12.
SUITE = os.environ.get("AZREADY_CLIENTS_SUITE", "bookworm")
# Both agents, and what they call: a DHCP client, the tools of the network, an SSH server's keys. And curl for azready,
# which the bench puts beside them.
_PACKAGES = (
    *("cloud-init", "waagent", "isc-dhcp-client", "ifupdown", "iproute2", "openssh-server", "sudo", "procps", "eject"),
    "curl",
)
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")
_TOOLS = {
    "mmdebstrap": "makes the agents' root file system",
    "dnsmasq": "is Azure's DHCP server",
}
# Long for anything that goes well on a busy computer.
PATIENCE = 150
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ENVIRONMENT = {"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"}

# Azure's side of the network: both addresses, and the other end of the machine's cable as soon as it is there.
_NETWORK = f"""
ip address add {WIRESERVER}/32 dev lo
ip address add {IMDS}/32 dev lo
"""
_CABLE = "azure0"

# The machine's power button: a root that is thrown away, what a kernel shows in it, the media, and then nothing.
# The media is a tmpfs that calls itself /dev/sr0: both agents take a drive that is mounted already as it is, and so no
# kernel needs to know UDF for this. /sys is made of what there is, because not every host has /sys/class/dmi.
_POWER_ON = """
mount -t tmpfs none "$FOLDER"
mkdir "$FOLDER/upper" "$FOLDER/work" "$FOLDER/root" "$FOLDER/sysfs"
mount -t overlay -o "lowerdir=$TREE,upperdir=$FOLDER/upper,workdir=$FOLDER/work" none "$FOLDER/root"
cd "$FOLDER/root"
mount -t proc none proc
mount -t tmpfs none run
mount -t tmpfs none dev
mkdir -p dev/pts dev/shm
for device in null zero full random urandom tty; do
	: >"dev/$device"
	mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
: >dev/sr0
: >dev/console
mount -t sysfs none "$FOLDER/sysfs"
mount -t tmpfs none sys
mkdir -p sys/class/net sys/class/dmi/id sys/devices sys/block
mount --bind "$FOLDER/sysfs/class/net" sys/class/net
mount --bind "$FOLDER/sysfs/devices" sys/devices
echo "$UUID" >sys/class/dmi/id/product_uuid
echo 7783-7084-3265-9085-8269-3286-77 >sys/class/dmi/id/chassis_asset_tag
echo 'Virtual Machine' >sys/class/dmi/id/product_name
echo 'Microsoft Corporation' >sys/class/dmi/id/sys_vendor
# By the namespaces it would say container, and cloud-init believes no DMI in one.
cat >usr/bin/systemd-detect-virt <<'EOF'
#!/bin/sh
case "$*" in *-c*) echo none && exit 1 ;; esac
echo microsoft
EOF
chmod 755 usr/bin/systemd-detect-virt
mkdir -p mnt/cdrom/secure
mount -t tmpfs /dev/sr0 mnt/cdrom/secure
cp -R "$MEDIA/." mnt/cdrom/secure
hostname image
echo image >etc/hostname
"""


def tree() -> Path:
    """The root file system with both agents, never booted: made once a month, whoever of pytest's workers comes first.

    Leaves the test out where something is missing.
    """
    for tool, why in _TOOLS.items():
        support.need(tool, why)
    need()
    month = str(datetime.date.today())[:7]
    key = hashlib.sha256(repr((_PACKAGES, _LEFT_OUT, month)).encode()).hexdigest()[:16]
    path = CACHE / f"{SUITE}-{key}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with locked(CACHE / "lock"):
        if not path.is_dir():
            for old in CACHE.glob(f"{SUITE}-*"):
                shutil.rmtree(old)
            new = CACHE / f"{SUITE}-new"
            left_out = (f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT)
            command = ["mmdebstrap", "-q", "--variant=minbase", f"--include={','.join(_PACKAGES)}", *left_out]
            subprocess.run([*command, "--format=directory", SUITE, new], check=True, stdin=subprocess.DEVNULL)
            new.rename(path)
    return path


def _toml(value: Any) -> str:
    """A value as TOML writes it; of what a VM file holds only tables differ from JSON."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{key} = {_toml(item)}' for key, item in value.items())} }}"
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else json.dumps(value)


class Machine:
    """One machine of the VM file's tables, as a context manager; `folder` gets the logs."""

    def __init__(self, folder: Path, **tables: Any) -> None:
        self.vm: VirtualMachine = load_vm(tables)
        self._folder = folder
        self._ends = contextlib.ExitStack()
        (folder / "vm.toml").write_text("".join(f"{key} = {_toml(value)}\n" for key, value in tables.items()))

    def __enter__(self) -> Machine:
        with contextlib.ExitStack() as stack:
            self._start(stack)
            self._ends = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.close()

    def _start(self, stack: contextlib.ExitStack) -> None:
        media, place = self._folder / "media", self._folder / "machine"
        media.mkdir()
        place.mkdir()
        write_media(self.vm, media)
        values = {"PATH": _PATH, "TREE": tree(), "FOLDER": place, "MEDIA": media, "UUID": self.vm.dmi_uuid}
        environment = {name: str(value) for name, value in values.items()}
        azure = stack.enter_context(Namespace(_NETWORK))
        self._namespace = stack.enter_context(Namespace(_POWER_ON, place / "root", environment))
        azure.plug(_CABLE, self._namespace, "eth0", self.vm.mac)
        for words in (["address", "add", f"{ROUTER}/24", "dev", _CABLE], ["link", "set", _CABLE, "up"]):
            subprocess.run(azure.joined(("net",), "ip", *words), check=True)
        self._serve(stack, azure)

    def _serve(self, stack: contextlib.ExitStack, azure: Namespace) -> None:
        """The emulator and the DHCP server."""
        self._run(stack, "dhcp", azure.joined(("net",), *dhcp(_CABLE, self._folder / "leases")))
        command = serve(self._folder / "vm.toml")
        self.emulator = self._run(stack, "emulator", azure.joined(("net",), *command), env=environment())
        self.emulator.wait_for("^{", PATIENCE)

    def _run(self, stack: contextlib.ExitStack, name: str, command: Sequence[str], **options: Any) -> Process:
        process = Process(name, command, self._folder / f"{name}.log", **options)
        stack.callback(process.stop)
        return process

    def run(self, script: str) -> str:
        """What a shell script prints inside; its errors too. It must end well."""
        command = ("sh", "-euc", f"exec 2>&1\n{script}")
        done = self._namespace.run(*command, environment=ENVIRONMENT, limit=PATIENCE)
        said = done.stdout.decode(errors="replace")
        assert done.exit == 0, f"{script}: status {done.exit}: {said[-3000:]}"
        return said

    def start(self, script: str) -> None:
        """Start a shell script inside and leave it running; what it says is in /var/log/started."""
        # A session of its own: what stays in that of `run` ends with it.
        self.run(f"setsid sh -euc {shlex.quote(script)} >/var/log/started 2>&1 &")

    def inside(self, script: str) -> list[str]:
        """The command that runs a shell script inside, to be started out here."""
        return self._namespace.inside("sh", "-euc", script)

    def put(self, source: Path, path: str) -> None:
        """Copy a file to a path inside, with its mode."""
        shutil.copy(source, self._namespace.top / path.lstrip("/"))

    def verdict(self) -> str:
        """What the platform came to, as soon as it did: `Succeeded`, or `Failed DESCRIPTION`. Raises `NotSeen`."""
        line = self.emulator.wait_for(" verdict +Creating -> ", PATIENCE)[1]
        return " ".join(line.partition(" -> ")[2].split())

    @property
    def requests(self) -> list[str]:
        """What was asked so far, in order: `goalstate 200`."""
        rows = (line.split() for _, line in self.emulator.lines if re.match(r" *\d+\.\d+  (?!verdict)", line))
        return [f"{row[1]} {row[4]}" for row in rows]
