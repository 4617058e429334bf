"""The kernel that all machines boot, and the initial RAM disk that finds their disk and leaves somebody inside.

Debian's cloud kernel, as it comes; in the place of its initramfs (slow to make, slow to run) a hundred lines that do
what it would do here: load drivers, mount the disk, hand over to its /sbin/init.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import support

from .image import locked

PACKAGE = "linux-image-cloud-amd64"
# What the machine has, by the time its init starts. Inits of Debian would load these by udev; busybox has none.
MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio_scsi", "sr_mod", "udf", "isofs", "vfat")

# A shell of the machine's own waits for commands on a port, whatever init it has: that is how a test looks inside.
_INIT = """\
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
while read -r module; do insmod "/modules/$module.ko"; done </modules/order
mode=rw
for word in $(cat /proc/cmdline); do [ "$word" != ro ] || mode=ro; done
until [ -b /dev/vda ]; do sleep 0.05; done
mount -t ext4 -o $mode /dev/vda /root
umount /proc /sys
until port=$(ls /dev/vport*p1); do sleep 0.05; done
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# It must be inside before the disk moves to where this system is now.
mkfifo /inside
setsid chroot /root /bin/sh -c 'echo yes >&3; exec /bin/sh 3>&-' <>"$port" >&0 2>&1 3>/inside &
read -r answer </inside
mount --move /dev /root/dev
exec switch_root /root /sbin/init
"""


@dataclass(frozen=True)
class Kernel:
    """Paths of the two files that QEMU boots from, and the version in the package's name."""

    version: str
    image: Path
    initrd: Path


def kernel(cache: Path) -> Kernel:
    """The kernel in the cache; fetched with apt and unpacked (not installed) when its version is not there yet."""
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "kernel.lock"):
        return _kernel(_newest_package(), cache)


def _kernel(package: str, cache: Path) -> Kernel:
    folder = cache / f"{package}-{zlib.crc32(repr((_INIT, MODULES)).encode()):08x}"
    if not (folder / "initrd").is_file():
        scratch = cache / f"{package}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        _unpack(package, scratch)
        _write_initrd(scratch / "tree", scratch)
        shutil.copyfile(next((scratch / "tree" / "boot").glob("vmlinuz-*")), scratch / "vmlinuz")
        shutil.rmtree(scratch / "tree")
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    return Kernel(package.removeprefix("linux-image-"), folder / "vmlinuz", folder / "initrd")


def _newest_package() -> str:
    depends = _output("apt-cache", "depends", "--important", PACKAGE)
    found = re.search(r"Depends: (linux-image-\S+)", depends)
    if not found:
        support.leave_out(f"apt does not know {PACKAGE}: apt-get update")
    return found[1]


def _unpack(package: str, scratch: Path) -> None:
    scratch.mkdir(parents=True)
    _output("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package, cwd=scratch)
    (deb,) = scratch.glob("*.deb")
    _output("dpkg-deb", "-x", str(deb), str(scratch / "tree"))
    deb.unlink()


def _write_initrd(tree: Path, scratch: Path) -> None:
    modules = {_name(path.stem): path for path in tree.glob("lib/modules/**/*.ko")}
    root = scratch / "initrd.tree"
    for folder in ("bin", "dev", "proc", "sys", "root", "modules"):
        (root / folder).mkdir(parents=True)
    order = list(dict.fromkeys(name for wanted in MODULES for name in _with_needed(wanted, modules)))
    for name in order:
        shutil.copyfile(modules[name], root / "modules" / f"{name}.ko")
    (root / "modules" / "order").write_text("\n".join(order) + "\n")
    shutil.copy(support.need("busybox"), root / "bin" / "busybox")
    (root / "init").write_text(_INIT)
    (root / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with (scratch / "initrd").open("wb") as file:
        pack = ["busybox", "cpio", "-o", "-H", "newc", "-R", "0:0"]
        subprocess.run(pack, cwd=root, input=names.encode(), stdout=file, stderr=subprocess.PIPE, check=True)
    shutil.rmtree(root)


def _with_needed(name: str, modules: dict[str, Path]) -> Iterator[str]:
    """The module behind all that it needs, as it says itself; what is built in is not among the files."""
    said = re.search(rb"\0depends=([^\0]*)\0", modules[name].read_bytes())
    for needed in filter(None, (said[1].decode() if said else "").split(",")):
        if _name(needed) in modules:
            yield from _with_needed(_name(needed), modules)
    yield name


def _name(module: str) -> str:
    """crc-itu-t and crc_itu_t are the same module."""
    return module.replace("-", "_")


def _output(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: status {done.returncode}: {done.stderr.strip()}")
    return done.stdout
