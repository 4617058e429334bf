"""What a captured disk still holds of the machine that it came from: names and contents of all its files."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

# e2fsck's status for "the journal was played back, nothing is wrong now".
_MENDED = 1


def traces(disk: Path, words: Iterable[str]) -> list[str]:
    """`PATH: WORD` for every word in a name, in a file or in a link of the disk, which no machine is running from."""
    checked = subprocess.run(["e2fsck", "-p", disk], capture_output=True, text=True)
    if checked.returncode > _MENDED:
        return [f"the file system is broken: {checked.stdout.strip()}"]
    with tempfile.TemporaryDirectory(dir=disk.parent) as folder:
        subprocess.run(["debugfs", "-R", f"rdump / {folder}", disk], check=True, capture_output=True)
        return sorted(words_below(Path(folder), words))


def words_below(root: Path, words: Iterable[str]) -> Iterator[str]:
    """`PATH: WORD` for every word in a name, in a file or in a link below a folder."""
    wanted = {word: word.encode() for word in words}
    for place in root.rglob("*"):
        name = place.relative_to(root)
        content = bytes(name.name, "utf-8", "surrogateescape") + b"\n"
        if place.is_symlink():
            content += bytes(place.readlink())
        elif place.is_file():
            content += place.read_bytes()
        yield from (f"/{name}: {word}" for word, there in wanted.items() if there in content)
