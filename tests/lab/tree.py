"""A root file system in a folder: copied or unpacked, looked into as its own programs see it, compared."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

# More links than this on one path are a loop.
_MOST_LINKS = 40
_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
# In which two entries may differ.
_ASPECTS = ("kind", "mode", "owner", "content", "time")
# A kernel mounts these, so an image without them gets them.
_MOUNTPOINTS = ("proc", "sys", "dev")


class TreeError(Exception):
    """Not a root file system, or none that can be copied."""


@dataclass(frozen=True)
class Entry:
    """What a path is: `content` of a file, target of a symlink, number of a device, nothing for a directory.

    `owner`, and `time` of a file, stand only in a snapshot that was asked for them. `identity` is another one where a
    file was written anew; it does not count when two entries are compared.
    """

    kind: str
    mode: int
    content: bytes
    owner: tuple[int, int] | None = None
    time: int = 0
    identity: tuple[int, int] = field(default=(0, 0), compare=False)


def snapshot(root: Path, *, owners: bool = False, times: bool = False, digests: bool = False) -> dict[str, Entry]:
    """Every path of the tree (as the image sees it: `/etc/hostname`) with what it is now.

    With `digests` a digest stands for the content of each file.
    """
    places = (Path(folder, name) for folder, folders, files in os.walk(root) for name in (*folders, *files))
    return {f"/{place.relative_to(root)}": _entry(place, owners, times, digests) for place in places}


def _entry(place: Path, owners: bool, times: bool, digests: bool) -> Entry:
    status = place.lstat()
    mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid) if owners else None
    if stat.S_ISLNK(status.st_mode):
        return Entry("symlink", mode, os.fsencode(os.readlink(place)), owner)
    if stat.S_ISDIR(status.st_mode):
        return Entry("directory", mode, b"", owner)
    if not stat.S_ISREG(status.st_mode):
        return Entry("other", mode, str(status.st_rdev).encode(), owner)
    time = status.st_mtime_ns if times else 0
    return Entry("file", mode, _content(place, digests), owner, time, (status.st_ino, status.st_mtime_ns))


def _content(place: Path, digest: bool) -> bytes:
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest() if digest else file.read()


@dataclass(frozen=True)
class Tree:
    """The root file system below `root`."""

    root: Path

    def place(self, path: str) -> Path:
        """Where a path of the image lies out here, links followed as inside the image."""
        done: list[str] = []
        pending = path.split("/")[::-1]
        for _ in range(_MOST_LINKS * 10):
            if not pending:
                break
            part = pending.pop()
            if part == "..":
                done = done[:-1]
            elif part not in ("", "."):
                here = self.root.joinpath(*done, part)
                if here.is_symlink():
                    target = os.readlink(here)
                    done = [] if target.startswith("/") else done
                    pending += target.split("/")[::-1]
                else:
                    done.append(part)
        return self.root.joinpath(*done)

    def text(self, path: str) -> str:
        """The text of a file; "" where there is none."""
        place = self.place(path)
        return place.read_text(errors="replace") if place.is_file() else ""

    def account(self, file: str, name: str) -> list[str]:
        """The fields of a name's line in passwd, shadow or group; [] where there is none."""
        lines = (line.split(":") for line in self.text(f"/etc/{file}").splitlines())
        return next((fields for fields in lines if fields[0] == name), [])

    def which(self, program: str) -> str:
        """Where the image has a program; "" where it has none."""
        paths = (f"{folder}/{program}" for folder in _PATH)
        return next((path for path in paths if os.access(self.place(path), os.X_OK)), "")

    def system(self) -> str:
        """What the image calls itself."""
        for file in ("/etc/os-release", "/usr/lib/os-release", "/etc/openwrt_release"):
            for line in self.text(file).splitlines():
                key, _, value = line.partition("=")
                if key in ("PRETTY_NAME", "DISTRIB_DESCRIPTION"):
                    return value.strip("\"'")
        return "a system that does not say its name"

    def snapshot(self) -> dict[str, Entry]:
        """Everything in it, with all that can be told apart."""
        return snapshot(self.root, owners=True, times=True, digests=True)


def copy(source: Path, target: Path) -> Tree:
    """A copy of a folder, or what is in an archive, in a new folder."""
    target.mkdir()
    if source.is_dir():
        _run("cp", "-a", "--reflink=auto", f"{source}/.", str(target))
    else:
        _run("tar", "-C", str(target), "--numeric-owner", "-xpf", str(source))
    tree = Tree(_top(target))
    if not tree.which("sh"):
        raise TreeError(f"{source}: no /bin/sh in there that can be run: is it a root file system?")
    for name in _MOUNTPOINTS:
        (tree.root / name).mkdir(exist_ok=True)
    return tree


def _top(folder: Path) -> Path:
    """Some archives have the root in a folder of its own, as Arch's bootstrap."""
    entries = [entry for entry in folder.iterdir() if entry.is_dir() and not entry.is_symlink()]
    return entries[0] if len(entries) == 1 and (entries[0] / "etc").is_dir() else folder


def _run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    if done.returncode:
        raise TreeError(f"{command[0]}: {done.stderr.strip()[-500:]}")


def differences(before: dict[str, Entry], after: dict[str, Entry]) -> list[str]:
    """One line for each path that is not what it was."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            lines.append(f"{path} is {'new' if old is None else 'gone'}")
        elif old != new:
            changed = [name for name in _ASPECTS if getattr(old, name) != getattr(new, name)]
            lines.append(f"{path} has another {', '.join(changed)}")
    return lines


def hide_clients(tree: Tree, client: str) -> None:
    """Take away the programs that the shell engine would take before this one. What busybox has built in stays."""
    names = {"": (), "curl": (), "wget": ("curl",), "busybox-wget": ("curl", "wget"), "nc": ("curl", "wget")}
    for name in names.get(client, ("curl", "wget", "nc")):
        for folder in _PATH:
            place = tree.place(folder) / name
            if os.path.lexists(place) and not (client == "busybox-wget" and place.resolve().name == "busybox"):
                place.unlink()
