"""tar, gzip and ar with the same bytes on every computer: nothing of the clock, the user or the folder gets in."""

from __future__ import annotations

import io
import tarfile
from pathlib import PurePosixPath
from typing import NamedTuple

import deflate


class Entry(NamedTuple):
    """A file of an archive: its path there, its content, and whether it is a program."""

    path: str
    content: bytes
    program: bool = False


def tar(entries: list[Entry], moment: int, *, top: str = "") -> bytes:
    """A tar whose names begin with `top` and that brings every directory on the way, all of root's, sorted."""
    buffer = io.BytesIO()
    files = {f"{top}{entry.path}": entry for entry in entries}
    parents = {parent for entry in entries for parent in PurePosixPath(entry.path).parents}
    folders = {f"{top}{parent}/" if parent.name else top for parent in parents}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted({*folders, *files} - {""}):
            entry = files.get(path)
            info = tarfile.TarInfo(path)
            info.mtime, info.uname, info.gname = moment, "root", "root"
            info.mode = 0o755 if entry is None or entry.program else 0o644
            info.type = tarfile.DIRTYPE if entry is None else tarfile.REGTYPE
            info.size = 0 if entry is None else len(entry.content)
            archive.addfile(info, None if entry is None else io.BytesIO(entry.content))
    return buffer.getvalue()


def gzip(data: bytes) -> bytes:
    """Packed by libdeflate, whose version is in the lock: the zlib of Python is the system's, each with other bytes."""
    return bytes(deflate.gzip_compress(data, 10))


def ar(members: list[tuple[str, bytes]], moment: int) -> bytes:
    """The archive that a .deb is: names of at most 15 characters, in this order."""
    text = b"!<arch>\n"
    for name, content in members:
        text += f"{name:<16}{moment:<12}{0:<6}{0:<6}{0o100644:<8o}{len(content):<10}`\n".encode()
        text += content + b"\n" * (len(content) % 2)
    return text
