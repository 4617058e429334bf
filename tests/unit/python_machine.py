"""A machine for the Python engine: a root with accounts, an emulator of its own, the built engine to start on it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from conformance.case import Image
from conformance.image import make_root
from lab.emulator import Emulator, VirtualMachine, load_vm
from support import DIST

# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
sys.path.append(str(DIST / "azready.pyz"))


# No good machine needs as long; what hangs is killed then.
HANG = 60.0
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Machine:
    """A root with accounts, an emulator that listens, and the engine to be started on it."""

    def __init__(self, folder: Path, azure: Emulator, vm: VirtualMachine) -> None:
        self.root, self.azure, self.vm = folder / "root", azure, vm
        make_root(self.root, Image(), vm, {}, accounts=True)
        (self.root / "etc/gshadow").write_text("root:*::\n")

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """A run that is on its way; keyword arguments in capitals are settings."""
        settings = {"WIRESERVER": self.azure.wireserver, "IMDS": self.azure.imds, "DEADLINE": "40", "MEDIA": "none"}
        settings |= {key: options.pop(key) for key in list(options) if key.isupper()}
        path = options.pop("path", os.environ["PATH"])
        environment = {"PATH": path, **{f"AZREADY_{key}": value for key, value in settings.items()}}
        command = [sys.executable, "-I", "-S", str(DIST / "azready.pyz"), "--root", str(self.root), *arguments]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(command, env=environment, **options)

    def provision(self, *arguments: str, **options: Any) -> tuple[int, str]:
        """Exit status and log of a run."""
        run = self.start("provision", *arguments, **options)
        return ended(run)

    def file(self, path: str, text: str | bytes, mode: int = 0o644) -> Path:
        """Write a file of the image."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
        place.chmod(mode)
        return place

    def hook(self, text: str) -> None:
        """A hook of the image."""
        self.file("/etc/azready.d/hook", f"#!/bin/sh\n{text}\n", 0o755)

    def read(self, path: str) -> str:
        """The text of a file; empty where it is missing."""
        place = self.root / path.lstrip("/")
        return place.read_text() if place.exists() else ""

    def status(self) -> dict[str, str]:
        """The status file."""
        return dict(line.split("=", 1) for line in self.read("/var/lib/azready/status").splitlines())

    def requests(self) -> list[str]:
        """What was asked of the platform."""
        return [f"{request.method} {request.endpoint}" for request in self.azure.requests]

    def leftovers(self) -> list[str]:
        """What no run may leave."""
        patterns = [
            *("etc/.*.azready", "etc/.*.lock", "etc/*.lock", "etc/*.[0-9]*", "home/.*", "home/*/.ssh/.*"),
            *("run/azready/lock*", "run/azready/child", "run/azready/.*", "var/lib/azready/pending"),
            "var/lib/azready/.*",
        ]
        return [str(path.relative_to(self.root)) for pattern in patterns for path in self.root.glob(pattern)]


def ended(run: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Exit status and log."""
    try:
        _, errors = run.communicate(timeout=HANG)
    finally:
        run.kill()
        run.wait()
    return run.returncode, (errors or b"").decode()


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Look again and again, until it is so or something hangs."""
    until = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextlib.contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def record(pid: int) -> str:
    """How azready writes down a process: its number, when it began, and in which boot."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{pid} {words[19]} {BOOT}\n"


SERVICE = "/etc/systemd/system/multi-user.target.wants/azready.service"
OVF = """<e:Environment xmlns:e="http://schemas.dmtf.org/ovf/environment/1"
 xmlns="http://schemas.microsoft.com/windowsazure"><ProvisioningSection><LinuxProvisioningConfigurationSet>
<CustomData>{}</CustomData></LinuxProvisioningConfigurationSet></ProvisioningSection></e:Environment>"""


@contextlib.contextmanager
def new_machine(folder: Path) -> Iterator[Machine]:
    """A machine as it comes, and a platform that has nothing against it."""
    vm = load_vm({})
    with Emulator(vm) as azure:
        yield Machine(folder, azure, vm)
