"""A machine: a tree, and its boots, each in namespaces of its own with the Azure of one VM file around it."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import support
from conformance.process import Finished

from lab.azure import ASSET_TAG, IMDS, WIRESERVER, environment, serve
from lab.emulator import VirtualMachine, load_vm, write_media
from lab.namespace import Namespace
from lab.process import NotSeen, Process
from lab.tree import Tree

AGENT = support.DIST / "azready"
# Where azready and the media are inside: not in the tree, which must stay as it is.
PROGRAM, MEDIA, HOOK_SAYS = "/dev/azready", "/dev/azure", "/dev/hook-says"
# As a bare init has it.
PATH = "/sbin:/usr/sbin:/bin:/usr/bin"
DEADLINE = 60
# A run that takes longer hangs: its own deadline ends it before.
_LIMIT = 4.0 * DEADLINE

# What the kernel and an early boot give: /proc, a /sys with this machine's identity, a few devices, an empty /run.
_SCENE = """
ip address add {wireserver}/32 dev lo
ip address add {imds}/32 dev lo
mount --bind "$ROOT" "$ROOT"
cd "$ROOT"
mount -t proc proc proc
mount -t tmpfs -o mode=0755 sys sys
mkdir -p sys/class/dmi/id
cp "$SCRATCH/product_uuid" "$SCRATCH/chassis_asset_tag" sys/class/dmi/id
chmod 0400 sys/class/dmi/id/product_uuid
[ "$GENERATION" = 1 ] || mkdir -p sys/firmware/efi
mount -o remount,ro sys
mount --bind "$SCRATCH/boot_id" proc/sys/kernel/random/boot_id
mount -t tmpfs -o mode=0755 dev dev
for device in null zero full random urandom tty; do : >dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for number in 0:stdin 1:stdout 2:stderr; do ln -s "/proc/self/fd/${{number%:*}}" "dev/${{number#*:}}"; done
# What is written to the console must not be seen outside.
: >dev/console
: >dev/azready
mount --bind "$AGENT" dev/azready
mkdir dev/azure
mount --bind "$SCRATCH/media" dev/azure
for place in $VOLATILE; do mount -t tmpfs -o "mode=$(stat -c %a "$place")" tmpfs "$place"; done
"""


@dataclass
class Boot:
    """One boot, as long as it lasts. `tree` is what is seen inside, `disk` what will be there at the next boot."""

    tree: Tree
    disk: Tree
    namespace: Namespace
    emulator: Process
    record: Path
    engine: str
    started: float = field(default_factory=time.monotonic)

    def azready(self, *words: str, program: str = "azready", seconds: float = _LIMIT) -> Finished:
        """Run azready; `program` is the one of the image, or PROGRAM."""
        environment = {"PATH": PATH, "HOME": "/", "TERM": "linux", "AZREADY_MEDIA": MEDIA}
        environment |= {"AZREADY_DEADLINE": str(DEADLINE)}
        command = [self.tree.which("sh"), self.tree.which(program) or program, "--engine", self.engine, *words]
        return self.namespace.run(*command, environment=environment, limit=seconds)

    @property
    def requests(self) -> list[dict[str, Any]]:
        """Every request of this boot, as the emulator records them."""
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def verdict(self, seconds: float = 5.0) -> str:
        """What the platform thinks, as soon as it thinks something; the emulator needs a moment to say it."""
        with contextlib.suppress(NotSeen):
            line = self.emulator.wait_for(r" verdict +\w+ -> ", seconds)[1]
            return line.partition(" -> ")[2]
        return "Creating"

    @property
    def hostname(self) -> str:
        """The kernel's."""
        command = self.namespace.joined(("uts",), "hostname")
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()

    def says(self, path: str) -> bytes:
        """What is in a file of /dev or /run now; nothing where there is none."""
        place = self.tree.place(path)
        return place.read_bytes() if place.is_file() else b""


@dataclass
class Machine:
    """A tree that boots, with this engine. `scratch` takes what is written about it."""

    tree: Tree
    scratch: Path
    engine: str = "auto"
    boots: int = 0

    def __post_init__(self) -> None:
        # /var is a link to /tmp where all of it is in memory (OpenWrt). An image without /run has what is made there on
        # its disk.
        in_memory = self.tree.place("/var") == self.tree.root / "tmp"
        self._volatile = [name for name in ("run", *(["tmp"] if in_memory else [])) if self._is_folder(name)]

    def _is_folder(self, name: str) -> bool:
        place = self.tree.root / name
        # A symlink of the image must not lead a mount out of it.
        return place.is_dir() and not place.is_symlink()

    @contextlib.contextmanager
    def boot(self, file: Path) -> Iterator[Boot]:
        """Switch it on, as the VM of that file; at the end of the block the power is cut."""
        self.boots += 1
        folder = self.scratch / f"boot-{self.boots}"
        folder.mkdir()
        vm = load_vm(file)
        _write_identity(vm, folder)
        scene = _SCENE.format(wireserver=WIRESERVER, imds=IMDS)
        with Namespace(scene, self.tree.root, self._environment(vm, folder)) as namespace:
            emulator = _start_azure(namespace, file, folder)
            try:
                yield Boot(Tree(namespace.top), self.tree, namespace, emulator, folder / "requests", self.engine)
            finally:
                emulator.stop()

    def _environment(self, vm: VirtualMachine, folder: Path) -> dict[str, str]:
        values = {"ROOT": self.tree.root, "SCRATCH": folder, "AGENT": AGENT, "GENERATION": vm.generation}
        values["VOLATILE"] = " ".join(self._volatile)
        return {name: str(value) for name, value in values.items()}


def _write_identity(vm: VirtualMachine, folder: Path) -> None:
    (folder / "product_uuid").write_text(f"{vm.dmi_uuid}\n")
    (folder / "chassis_asset_tag").write_text(f"{ASSET_TAG}\n")
    # One a boot: locks and the like are judged by it.
    (folder / "boot_id").write_text(f"{uuid.uuid4()}\n")
    (folder / "media").mkdir()
    write_media(vm, folder / "media")


def _start_azure(namespace: Namespace, file: Path, folder: Path) -> Process:
    """The emulator, with this machine's Python, on the network inside."""
    command = namespace.joined(("net",), *serve(file, "--record", folder / "requests"))
    emulator = Process("emulator", command, folder / "emulator", env=environment())
    emulator.wait_for("^{", 60)
    return emulator
