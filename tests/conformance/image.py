"""The scratch machine: a root tree with the files that a case names, and what is in it before and after."""

from __future__ import annotations

import base64
import os
import posixpath
from collections.abc import Mapping
from pathlib import Path

from lab.emulator import VirtualMachine, write_media
from lab.tree import Entry

from .case import Image, ImageFile
from .facts import fill

# A path with more parts, those of its links counted, is a loop.
_MOST_STEPS = 100
_DIRECTORIES = ("etc", "run", "var/lib")
HOSTNAME = "/etc/hostname"
_DEFAULT_FILES = {HOSTNAME: ImageFile(content="localhost\n")}
# The accounts of every system: root, and in a `full` case those that no person is.
_ROOT = {"/etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "/etc/shadow": "root:*:20000:0:99999:7:::\n"}
_DAEMONS = {
    "/etc/passwd": "daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "/etc/shadow": "daemon:*:20000:0:99999:7:::\nnobody:*:20000:0:99999:7:::\n",
}


def accounts(path: str, *, full: bool) -> str:
    """The lines of the system's accounts in /etc/passwd or /etc/shadow."""
    return _ROOT[path] + (_DAEMONS[path] if full else "")


_ACCOUNTS = {
    "/etc/passwd": ImageFile(content=accounts("/etc/passwd", full=True)),
    "/etc/group": ImageFile(content="root:x:0:\ndaemon:x:1:\nwheel:x:10:\nsudo:x:27:\nnogroup:x:65534:\n"),
    "/etc/shadow": ImageFile(content=accounts("/etc/shadow", full=True), mode=0o640),
    "/home": ImageFile(directory=True),
}


def below(root: Path, path: str) -> Path:
    """The place of an image's absolute path in the tree, symlinks not followed."""
    return root / path.lstrip("/")


def make_root(root: Path, image: Image, vm: VirtualMachine, facts: Mapping[str, str], *, accounts: bool) -> None:
    """Make the tree: directories, /etc/hostname unless the case says otherwise, DMI as the VM's generation shows it.

    `accounts`: with passwd, group, shadow and /home, too.
    """
    for directory in _DIRECTORIES:
        (root / directory).mkdir(parents=True)
    dmi = _dmi(image, vm) if image.dmi else {}
    if image.media:
        write_media(vm, below(root, image.media))
    write_files(root, {**dmi, **_DEFAULT_FILES, **(_ACCOUNTS if accounts else {}), **image.files}, facts)


def write_files(root: Path, files: Mapping[str, ImageFile], facts: Mapping[str, str]) -> None:
    """Put files into the tree, in the order given."""
    for path, spec in files.items():
        place = below(root, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if spec.directory:
            place.mkdir(exist_ok=True)
            place.chmod(0o755 if spec.mode is None else spec.mode)
            os.chown(place, spec.owner, spec.owner)
            continue
        place.unlink(missing_ok=True)
        if spec.symlink:
            place.symlink_to(fill(spec.symlink, facts))
        elif not spec.absent:
            place.write_bytes(base64.b64decode(spec.base64) or fill(spec.content, facts).encode())
            place.chmod(0o644 if spec.mode is None else spec.mode)
            os.chown(place, spec.owner, spec.owner)


def _dmi(image: Image, vm: VirtualMachine) -> dict[str, ImageFile]:
    """DMI as Linux shows it on Azure, with the kernel's modes; generation 2 machines have EFI."""
    uuid = vm.dmi_uuid if image.product_uuid is None else image.product_uuid
    firmware = {"/sys/firmware/efi": ImageFile(directory=True)} if vm.generation == 2 else {}
    return {
        "/sys/class/dmi/id/product_uuid": ImageFile(content=uuid + "\n", mode=0o400),
        "/sys/class/dmi/id/chassis_asset_tag": ImageFile(content=image.asset_tag + "\n", mode=0o444),
        **firmware,
    }


def look(tree: Mapping[str, Entry], path: str) -> Entry | None:
    """What a snapshot holds at a path, links followed as inside the image."""
    done, pending = "", path.strip("/").split("/")
    for _ in range(_MOST_STEPS):
        if not pending:
            return tree.get(done)
        part = pending.pop(0)
        here = done if part == "." else posixpath.dirname(done) if part == ".." else f"{done}/{part}"
        entry = tree.get(here)
        if entry and entry.kind == "symlink":
            target = entry.content.decode()
            done = "" if target.startswith("/") else done
            pending = [*filter(None, target.split("/")), *pending]
        else:
            done = here.rstrip("/")
    return None
