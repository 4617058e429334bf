"""Root file systems for the tests, made of Debian's packages alone and kept in build/live/roots.

Some are the machines of tests/lab/boot before their first boot; the others are Debians whose small tools are somebody
else's.
"""

from __future__ import annotations

import datetime
import hashlib
import shutil
from pathlib import Path

import support

from lab.boot.image import Machine, locked, machines, tree
from lab.boot.stage import CACHE

_FOLDER = support.ROOT / "build" / "live" / "roots"
# From the boot machines: an init each, and the ways to make accounts, to get rights, to speak HTTP.
_BOOTED = ("systemd-python", "systemd-python3-minimal", "openrc", "sysv", "busybox", "buildroot")
# Every tool that they have takes the place of Debian's.
_TOYBOX = """
for tool in $(chroot . toybox); do
    for folder in bin sbin; do [ ! -e "usr/$folder/$tool" ] || ln -sf /usr/bin/toybox "usr/$folder/$tool"; done
done
"""
# The cp of Debian 12's version cannot copy `folder/.`, which later ones can.
_UUTILS = """
for path in usr/lib/cargo/bin/coreutils/*; do
    [ "${path##*/}" = cp ] || ln -sf "/$path" "usr/bin/${path##*/}"
done
"""
_TOOLS = {"toybox": ("toybox", _TOYBOX), "uutils": ("rust-coreutils", _UUTILS)}


def roots() -> dict[str, Machine]:
    """All of them, by name."""
    known = machines()
    others = {
        name: Machine(name, "", "shell", "curl", (package, "curl", "mawk", "openssl", "passwd"), ("common",), setup)
        for name, (package, setup) in _TOOLS.items()
    }
    return {name: known[name] for name in _BOOTED} | others


def make(machine: Machine) -> Path:
    """The root file system, in a folder that nobody may change; made at its first use, by one at a time."""
    key = hashlib.sha256(f"{machine} {datetime.date.today():%Y-%m}".encode()).hexdigest()[:16]
    path = _FOLDER / f"{machine.name}-{key}"
    path.parent.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    (CACHE / "disks").mkdir(exist_ok=True)
    # The lock of the boot machine: its packages are in the same archive.
    with locked(CACHE / "disks" / f"{machine.name}.lock"):
        if not path.is_dir():
            for old in path.parent.glob(f"{machine.name}-*"):
                shutil.rmtree(old)
            new = path.with_name(f"{path.name}.new")
            tree(machine, CACHE, new)
            new.rename(path)
    return path
