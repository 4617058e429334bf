"""The most memory that a process and all that it starts take at one time."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

_PAUSE_SECONDS = 0.001
_MAPPING = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ ([0-9a-f]+) (\S+) (\d+)")
# strace itself does not count.
_TRACER = "strace"


class Sampler:
    """Looks at a family of processes again and again, from `with` to its end; `most` is in KB.

    What a process has alone, or shares with its parent since the fork, counts once. So does each page of a file, such
    as the C library, however many of them have it.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.most = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(_PAUSE_SECONDS):
            self.most = max(self.most, _taken(family(self._pid)))


def family(pid: int) -> Iterator[int]:
    """All that descend from a process, tracers left out."""
    try:
        children = [int(word) for task in Path(f"/proc/{pid}/task").iterdir()
                    for word in (task / "children").read_text().split()]  # fmt: skip
    except OSError:
        return
    for child in children:
        try:
            name = Path(f"/proc/{child}/comm").read_text().strip()
        except OSError:
            continue
        if name != _TRACER:
            yield child
        yield from family(child)


def _taken(pids: Iterator[int]) -> int:
    own, files = 0, dict[tuple[str, str, str], int]()
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps").read_text()
        except OSError:
            continue
        own += _read(text, files)
    return own + sum(files.values())


def _read(smaps: str, files: dict[tuple[str, str, str], int]) -> int:
    """KB that a process has for itself; those that it has of files go to `files`, by file and place."""
    own, key = 0, None
    for line in smaps.splitlines():
        mapping = _MAPPING.match(line)
        if mapping:
            offset, device, inode = mapping.groups()
            key = (device, inode, offset) if inode != "0" else None
            resident = 0
        elif line.startswith("Rss:"):
            resident = int(line.split()[1])
        elif line.startswith("Pss:") and key is None:
            own += int(line.split()[1])
        elif line.startswith("Anonymous:") and key is not None:
            # Pages of a file that were written to are the process' own.
            anonymous = int(line.split()[1])
            own += anonymous
            files[key] = max(files.get(key, 0), resident - anonymous)
    return own
