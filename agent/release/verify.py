"""`build.py verify FILE`: builds what FILE claims to be, and says whether it is, or where it differs.

FILE may be anybody's: nothing of it is run, unpacked to disk, or read beyond what the right one has.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import bundle

from release.assemble import SUMS, release_files

# What ends the text of `azready`, before the zip.
END_OF_TEXT = b"\nexit $?\n"
SAME, DIFFERS, UNKNOWN = 0, 1, 2
MORE_THAN_NEEDED = 1 << 20
# What the readers of archives raise for one that is none; RuntimeError: a member that needs a password.
UNREADABLE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error),
    *(ValueError, EOFError, OSError, LookupError, RuntimeError, OverflowError),
)
SHOWN = 20


def verify(root: Path, wheels: Path, file: Path, name: str) -> tuple[int, list[str]]:
    """Exit status and what is to be said. `name`: what FILE claims to be."""
    found = file.read_bytes()
    # All but the programs takes seconds to make.
    files = bundle.assemble(root, wheels)
    if name not in files or name == SUMS:
        files = release_files(root, wheels, {})
    for known, content in files.items():
        if content == found:
            return SAME, [f"{file} is {known} of this checkout, byte by byte: sha256 {bundle.sha256(found)}"]
    if name == SUMS:
        return checksums(files[SUMS].decode(), found.decode(errors="backslashreplace"))
    if name not in files:
        version = bundle.project_version(root)
        return UNKNOWN, [
            f"{name}: nothing of that name is in a release of this checkout, azready {version}",
            f"expected one of: {' '.join(sorted(files))}; --as NAME says which one a file is that has another name",
        ]
    lines = list(differences(files[name], found))
    rest = [f"and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return DIFFERS, [f"{file} is not {name} of this checkout:", *lines[:SHOWN], *rest]


def checksums(wanted: str, found: str) -> tuple[int, list[str]]:
    """The same for a list of checksums: those of reports, which a run of the tests made, cannot be made again."""
    ours, theirs = ({line[66:]: line[:64] for line in text.splitlines()} for text in (wanted, found))
    wrong = [f"{name!r} is missing or has another checksum" for name in ours if ours[name] != theirs.get(name)]
    others = sorted(theirs.keys() - ours.keys())
    rest = [f"not made of the source, so not compared: {' '.join(map(repr, others))}"] if others else []
    said = f"the checksums are {'not ' if wrong else ''}those of this checkout"
    return (DIFFERS if wrong else SAME), [said, *wrong, *rest]


def differences(wanted: bytes, found: bytes) -> Iterator[str]:
    """A line for each piece that differs, from the outside in."""
    if found.startswith(wanted):
        yield f"{len(found) - len(wanted)} bytes more, behind its end"
    elif wanted.startswith(b"#!/bin/sh\n") and END_OF_TEXT in wanted:
        text, zipped = parted(wanted)
        text_found, zipped_found = parted(found)
        yield from named("the shell text", differing_lines(text, text_found) if text != text_found else ())
        yield from named("the zip", members(wanted, found, zip_members) if zipped != zipped_found else ())
    elif zipfile.is_zipfile(io.BytesIO(wanted)):
        yield from members(wanted, found, zip_members)
    elif wanted.startswith(b"!<arch>\n"):
        yield from members(wanted, found, deb_members)
    elif wanted.startswith(b"\x1f\x8b"):
        yield from members(wanted, found, tar_members)
    else:
        yield from differing_lines(wanted, found)


def named(where: str, lines: Iterable[str]) -> Iterator[str]:
    """The lines with the place in front."""
    return (f"{where}: {line}" for line in lines)


def parted(content: bytes) -> tuple[bytes, bytes]:
    """Shell text and zip."""
    text, end, rest = content.partition(END_OF_TEXT)
    return text + end, rest


def differing_lines(wanted: bytes, found: bytes) -> Iterator[str]:
    """The first line that differs; as Python would write it, because it may hold anything."""
    ours, theirs = wanted.split(b"\n"), found.split(b"\n")
    for number, (line, other) in enumerate(zip(ours, theirs, strict=False), 1):
        if line != other:
            yield f"line {number}: {other[:100]!r} instead of {line[:100]!r}"
            return
    word = "missing" if len(theirs) < len(ours) else "more"
    yield f"{abs(len(theirs) - len(ours))} lines {word} at the end"


# Name -> what can be compared: the content, or what is said of it where it is not worth reading.
Members = dict[str, bytes | str]


Reader = Callable[[bytes, dict[str, int]], Members]


def members(wanted: bytes, found: bytes, read: Reader) -> Iterator[str]:
    """What two archives have not in common."""
    ours = read(wanted, {})
    try:
        theirs = read(found, {name: len(content) for name, content in ours.items()})
    except UNREADABLE as error:
        yield f"it cannot be read: {type(error).__name__}: {error}"
        return
    for name in sorted(ours.keys() | theirs.keys()):
        if name not in theirs:
            yield f"{name!r} is missing"
        elif name not in ours:
            yield f"{name!r} is not of this checkout"
        elif ours[name] != theirs[name]:
            yield from (f"{name!r}: {line}" for line in content_differences(ours[name], theirs[name]))
    if ours == theirs:
        yield "the same files, but archived in another way: other order, times, modes or packing"


def content_differences(wanted: bytes | str, found: bytes | str) -> Iterator[str]:
    """Where two members of one name differ."""
    if isinstance(wanted, bytes) and isinstance(found, bytes):
        return differing_lines(wanted, found)
    return iter([found if isinstance(found, str) else "it is another kind of file"])


def zip_members(content: bytes, sizes: dict[str, int]) -> Members:
    """The files of a zip; twice the same name is a trick."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        if len({entry.filename for entry in entries}) < len(entries):
            raise ValueError("it has two files of one name")
        return {
            entry.filename: archive.read(entry)
            if fits(entry.filename, entry.file_size, sizes)
            else size(entry.file_size)
            for entry in entries
        }


def deb_members(content: bytes, sizes: dict[str, int]) -> Members:
    """The files of both tars of a package, behind the name of the tar."""
    found: Members = {}
    at = len(b"!<arch>\n")
    while at < len(content):
        name, length = content[at : at + 16].decode("latin-1").strip(), int(content[at + 48 : at + 58])
        body = content[at + 60 : at + 60 + length]
        inner = {path.partition(":")[2]: number for path, number in sizes.items() if path.startswith(f"{name}:")}
        inside = tar_members(body, inner) if name.endswith(".tar.gz") else {"": body}
        found |= {f"{name}:{path}": text for path, text in inside.items()}
        at += 60 + length + length % 2
    return found


def tar_members(content: bytes, sizes: dict[str, int]) -> Members:
    """The files of a .tar.gz, and the kind of whatever else is in it."""
    limit = sum(sizes.values()) * 2 + 16 * MORE_THAN_NEEDED
    unpacked = zlib.decompressobj(wbits=31).decompress(content, limit)
    found: Members = {}
    with tarfile.open(fileobj=io.BytesIO(unpacked)) as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isfile() and fits(info.name, info.size, sizes) else None
            kind = size(info.size) if info.isfile() else f"a {info.type!r} of mode {info.mode:o}"
            found[info.name] = file.read() if file else kind
    return found


def fits(name: str, size: int, sizes: dict[str, int]) -> bool:
    """Whether a member is worth reading: not much larger than the right one."""
    return not sizes or size <= sizes.get(name, 0) + MORE_THAN_NEEDED


def size(number: int) -> str:
    """What is said of a member that is not read."""
    return f"it has {number} bytes"
