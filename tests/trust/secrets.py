"""Who can read what: at every moment of a run, its processes and files, seen with the eyes of a local user."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
NOBODY = 65534
# A hash as crypt(3) makes it: its salt is chance, so it is known by its form.
HASH = re.compile(rb"\$[156y]\$[./A-Za-z0-9$=,]{8,}")


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Files are opened with the rights of a user that owns nothing. Of this thread alone."""
    _libc.setfsgid(NOBODY)
    _libc.setfsuid(NOBODY)
    try:
        yield
    finally:
        _libc.setfsuid(0)
        _libc.setfsgid(0)


class Watch:
    """Looks for secrets below some folders, and in what processes were started with."""

    def __init__(self, secrets: Sequence[str], *folders: Path) -> None:
        self._secrets = [secret.encode() for secret in secrets]
        self._folders = folders
        self._known: dict[tuple[int, int, int], bool] = {}
        self.seen: set[str] = set()
        self.files = self.processes = 0

    def look(self, processes: list[int]) -> None:
        """At this moment."""
        for process in processes:
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    self._note(Path(f"/proc/{process}/{name}").read_bytes(), f"{name} of a process")
            self.processes += 1
        with as_nobody():
            for folder in self._folders:
                self._look_below(folder)

    def _look_below(self, folder: Path) -> None:
        # A folder that nobody may list or enter yields nothing.
        for above, _, names in os.walk(folder):
            for name in names:
                self._look_into(Path(above, name), folder)

    def _look_into(self, file: Path, folder: Path) -> None:
        with contextlib.suppress(OSError):
            status = file.lstat()
            version = (status.st_ino, status.st_mtime_ns, status.st_mode)
            if version in self._known or not file.is_file() or file.is_symlink():
                return
            self._known[version] = True
            self._note(file.read_bytes(), f"/{file.relative_to(folder)}")
            self.files += 1

    def _note(self, content: bytes, place: str) -> None:
        for secret in self._secrets:
            if secret in content:
                self.seen.add(f"{secret.decode()!r} in {place}")
        if HASH.search(content):
            self.seen.add(f"a hash in {place}")
