"""The disks: a root file system from Debian's packages, azready put in by its own `install`, an ext4 image of it."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import subprocess
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import support

from lab.emulator.tables import read

from . import mkosi

HERE = Path(__file__).resolve().parent
AGENT = support.DIST / "azready"
SUITE = "bookworm"
# For what a machine writes in its life, and for the file system itself.
_SPARE_MIB = 64
# Nothing of this is read in a machine that lives for a minute; without it a tree is made and copied in half the time.
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/share/lintian/*")


@dataclass(frozen=True)
class Machine:
    """One table of machines.toml, where the keys are explained."""

    name: str
    init: str
    engine: str
    client: str
    packages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    setup: str = ""
    settled: str = "true"
    ssh: bool = True
    root: str = ""
    captured: str = ""
    builder: str = ""


def machines() -> dict[str, Machine]:
    """All machines, by name, in the order of the file."""
    tables = tomllib.loads((HERE / "machines.toml").read_text())
    return {name: read(Machine, table, name, name=name) for name, table in tables.items()}


def disk(machine: Machine, cache: Path) -> Path:
    """The machine's disk as it is captured: azready installed, never booted. Made once for each azready."""
    made_of = (*_bytes_below(HERE / "files"), *_bytes_below(mkosi.RECIPE))
    key = _digest(repr(machine), str(datetime.date.today())[:7], AGENT.read_bytes(), *made_of)
    path = cache / "disks" / f"{machine.name}-{key}.raw"
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(cache / "disks" / f"{machine.name}.lock"):
        if not path.is_file():
            for old in path.parent.glob(f"{machine.name}-*"):
                old.unlink()
            with tempfile.TemporaryDirectory(dir=cache) as scratch:
                root = tree(machine, cache, Path(scratch) / "root")
                if not machine.builder:
                    _run("sh", AGENT, "--root", root, "install")
                _write_disk(root, path)
    return path


def tree(machine: Machine, cache: Path, tree: Path) -> Path:
    """The machine's root file system, made in a new folder; a builder's has azready. Only for whoever holds a lock."""
    if machine.builder:
        mkosi.make(AGENT, cache, tree)
    else:
        tree.mkdir()
    if machine.packages:
        _run("tar", "-C", tree, "--xattrs", "-xf", _archive(machine, cache))
    for folder in machine.files:
        _run("cp", "-a", "--no-preserve=ownership", f"{HERE / 'files' / folder}/.", tree)
    _run("sh", "-euc", f"BUSYBOX={support.need('busybox')}\n{machine.setup}", cwd=tree)
    return tree


def _archive(machine: Machine, cache: Path) -> Path:
    """The tree of the packages alone, as a tar file: a month old at most."""
    key = _digest(repr((machine.packages, _LEFT_OUT, SUITE)), str(datetime.date.today())[:7])
    path = cache / "trees" / f"{machine.name}-{key}.tar"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file():
        for old in path.parent.glob(f"{machine.name}-*"):
            old.unlink()
        new = path.with_name(f"{path.stem}.new.tar")
        left_out = (f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT)
        include = f"--include={','.join(machine.packages)}"
        _run(support.need("mmdebstrap"), "-q", "--variant=essential", include, *left_out, SUITE, new)
        new.rename(path)
    return path


def _write_disk(tree: Path, path: Path) -> None:
    used = int(subprocess.run(["du", "-sm", tree], stdout=subprocess.PIPE, check=True).stdout.split()[0])
    new = path.with_suffix(".new")
    _run("mke2fs", "-q", "-t", "ext4", "-L", "root", "-d", tree, new, f"{used * 11 // 10 + _SPARE_MIB}M")
    new.rename(path)


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}: {done.stdout.strip()[-2000:]}")


def _digest(*parts: str | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
    return digest.hexdigest()[:16]


def _bytes_below(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        yield str(path).encode()
        if path.is_file() and not path.is_symlink():
            yield path.read_bytes()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One maker at a time: scenarios start together, in processes of their own, and want the same disk or kernel."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
