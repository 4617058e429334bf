"""Where a scenario plays: the machine's disk as it goes from boot to boot, the boots, and the notes about them."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import support

from lab import namespace
from lab.azure import IMDS, WIRESERVER
from lab.process import NotSeen, Process

from .azure import Azure, Identity
from .image import Machine, disk
from .kernel import kernel
from .machine import VirtualMachine
from .timeline import Moment, inside, moments

FOLDER = support.ROOT / "build" / "boot"
CACHE = FOLDER / "cache"
# Two deployments: the image's first, and that of the image that is captured from it.
VMS = (
    Identity("b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d", "web-1"),
    Identity("0d5e6f7a-1b2c-4d3e-9f80-6a7b8c9d0e1f", "web-2"),
)
# The first once more, with what only the provisioning media can bring.
WITH_SECRETS = dataclasses.replace(VMS[0], password="Tr0ub4dor&3 <horse>", custom_data="#cloud?\nno: data\n")
# How many machines may run at once on this computer, whoever starts them: more would measure each other.
SLOTS = int(os.environ.get("AZREADY_BOOT_SLOTS", "2"))
# Seconds for what takes ten on an idle computer.
_PATIENCE = 180
_TOOLS = {
    "qemu-system-x86_64": "is the machine",
    "mmdebstrap": "makes root file systems",
    "genisoimage": "makes the provisioning media",
    "dnsmasq": "is Azure's DHCP server",
    "mke2fs": "makes disks",
    "debugfs": "looks at disks",
    "busybox": "finds the disk at boot, and is a machine of its own",
}


@dataclass
class Boot:
    """One boot: the machine and the Azure around it."""

    vm: VirtualMachine
    azure: Azure
    folder: Path
    settled: str
    # Says the greeting of the machine's SSH server once there is one.
    ssh: Process

    def sleep_until(self, seconds: float) -> None:
        """Until so many seconds after the kernel's start."""
        time.sleep(max(0.0, self.vm.kernel_start() + seconds - time.monotonic()))

    def network_up(self) -> float:
        """When the machine had its lease."""
        return self.azure.dhcp.wait_for("DHCPACK", _PATIENCE)[0]

    def wait_for_verdict(self) -> float:
        """When the platform came to its verdict."""
        return self.azure.emulator.wait_for(" verdict +Creating -> ", _PATIENCE)[0]

    def settle(self) -> None:
        """Wait until the boot is over, no azready runs, and nothing is left to one. Raises `NotSeen`."""
        limit = time.monotonic() + _PATIENCE
        runs = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep '[a]zready provision'"
        over = f"{{ {self.settled}; }} && [ ! -e /var/lib/azready/pending ] && ! {runs}"
        while (said := self.vm.run(over)).endswith("]"):
            if time.monotonic() > limit:
                raise NotSeen(f"the boot is not over after {_PATIENCE} s: {said}")
            time.sleep(0.5)

    def reboot(self) -> None:
        """As an administrator does it. QEMU ends instead of starting over: the next boot is another process."""
        self.vm.run("reboot </dev/null >/dev/null 2>&1 &")
        self.vm.console.ended(_PATIENCE)


@dataclass
class Stage:
    """A machine's disk and what was noticed about it. `key` is the admin user's private key."""

    machine: Machine
    scenario: str
    folder: Path
    problems: list[str] = field(default_factory=list)
    times: dict[str, float] = field(default_factory=dict)
    timelines: dict[str, list[Moment]] = field(default_factory=dict)
    verdict: str = ""
    boots: int = 0

    def __post_init__(self) -> None:
        self.kernel = kernel(CACHE)
        self.disk = self.folder / "disk"
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", disk(self.machine, CACHE), self.disk], check=True)
        self.key = self.folder / "key"
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "admin", "-f", str(self.key)]
        subprocess.run(make, check=True)

    def problem(self, text: str) -> None:
        """Something is not as it must be."""
        self.problems.append(text)

    def expect(self, what: str, found: Any, wanted: Any) -> None:
        """Note a problem unless both are the same."""
        if found != wanted:
            self.problem(f"{what}: expected {wanted!r}, found {found!r}")

    def timed(self, boot: Boot, when: float) -> None:
        """Keep the verdict and how long it took to get there, that of the first deployment."""
        if self.verdict:
            return
        self.verdict = boot.azure.verdict
        self.times = {
            "seconds_from_kernel_start": round(when - boot.vm.kernel_start(), 1),
            "seconds_from_network_up": round(when - boot.network_up(), 1),
        }

    def look_at_the_clock(self, boot: Boot) -> None:
        """Keep the timeline of a deployment that is over."""
        status, start = boot.vm.run("cat /var/lib/azready/status"), boot.vm.clock()
        seen = [("lease", boot.network_up()), ("verdict", boot.wait_for_verdict())]
        seen += [(f"azready {name}", start + seconds) for name, seconds in inside(status)]
        if self.machine.ssh:
            seen.append(("ssh", boot.ssh.wait_for("^SSH-", _PATIENCE)[0]))
        self.timelines[boot.azure.identity.hostname] = moments(seen, start, boot.vm.processor)

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Put a file onto the disk, which no machine is running from."""
        source = self.folder / "written"
        source.write_text(text)
        source.chmod(mode)
        for request in (f"mkdir {Path(path).parent}", f"rm {path}", f"write {source} {path}"):
            subprocess.run(["debugfs", "-w", "-R", request, self.disk], check=True, capture_output=True)

    def fill(self) -> None:
        """Leave no free block on the disk."""
        told = subprocess.run(["dumpe2fs", "-h", self.disk], check=True, capture_output=True, text=True).stdout
        numbers = dict(re.findall(r"^(Free blocks|Block size): +(\d+)$", told, re.MULTILINE))
        filler = self.folder / "filler"
        with filler.open("wb") as file:
            for _ in range(int(numbers["Free blocks"])):
                file.write(b"x" * int(numbers["Block size"]))
        subprocess.run(["debugfs", "-w", "-R", f"write {filler} /filler", self.disk], check=True, capture_output=True)
        filler.unlink()

    @contextlib.contextmanager
    def boot(
        self,
        identity: Identity,
        *,
        addresses: tuple[str, ...] = (WIRESERVER, IMDS),
        dhcp: bool = True,
        append: str = "",
    ) -> Iterator[Boot]:
        """Power on; at the end of the block the power is cut, if it is still on, and Azure goes away."""
        self.boots += 1
        print(f"{self.machine.name} {self.scenario}: boot {self.boots} as {identity.hostname}", flush=True)
        folder = self.folder / f"boot-{self.boots}"
        folder.mkdir()
        azure = Azure(self._with_key(identity), folder)
        vm = VirtualMachine(self.kernel, self.disk, azure, append)
        with contextlib.ExitStack() as ending:
            ending.callback(azure.stop)
            azure.start()
            for address in addresses:
                azure.bring_up(address)
            if dhcp:
                azure.serve_dhcp()
            vm.start()
            ending.callback(vm.close)
            yield Boot(vm, azure, folder, self.machine.settled, azure.knock())

    def _with_key(self, identity: Identity) -> Identity:
        return dataclasses.replace(identity, public_key=self.key.with_suffix(".pub").read_text().strip())


@contextlib.contextmanager
def slot() -> Iterator[None]:
    """One of the places for a running machine, as soon as one is free."""
    folder = FOLDER / "slots"
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as files:
        places = [files.enter_context((folder / str(number)).open("w")) for number in range(SLOTS)]
        while not any(_taken(place.fileno()) for place in places):
            time.sleep(0.2)
        yield


def _taken(file: int) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def need_tools() -> None:
    """Leave the running test out where this computer cannot start such machines."""
    for tool, why in _TOOLS.items():
        support.need(tool, why)
    namespace.need()


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder for one scenario; its logs stay in build/boot/logs."""
    logs = FOLDER / "logs" / name
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="azready-boot-") as folder:
        try:
            yield Path(folder)
        finally:
            for boot in Path(folder).glob("boot-*"):
                shutil.copytree(boot, logs / boot.name, ignore=shutil.ignore_patterns("media*"))
