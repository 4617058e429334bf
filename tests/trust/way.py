"""The ways in which a call is disturbed, and what each may do to which kind of call."""

from __future__ import annotations

import errno
import signal
from collections import Counter
from dataclasses import dataclass, field

from .calls import Call
from .machine import CUT, KILL

_TAKES_SPACE = {"open", "write", "mkdir", "link", "symlink", "rename", "mknod", "setxattr", "sync"}
_NAMES = {"open", "mkdir", "rmdir", "link", "unlink", "symlink", "rename", "mknod", "chmod", "chown", "utime"}
_FILES = {*_TAKES_SPACE, *_NAMES, "truncate"}
_PIPES = {"pipe", "socket"}
_MEMORY = ("/run", "/dev/shm", "/tmp")


@dataclass(frozen=True)
class Way:
    """What happens at a point: `act`, to calls of these kinds (all, if there are none); `stays`: from then on."""

    name: str
    act: int
    kinds: frozenset[str] = frozenset()
    stays: bool = False

    @property
    def signal(self) -> int:
        """The number of the signal that the run gets, 0 for none."""
        return -self.act if KILL < self.act < 0 else 0

    def suits(self, kind: str) -> bool:
        """Whether it can happen to a call of this kind."""
        return kind in self.kinds if self.kinds else self.act == KILL or kind not in _PIPES


WAYS = {
    way.name: way
    for way in (
        Way("kill", KILL),
        Way("power cut", CUT),
        Way("TERM", -signal.SIGTERM),
        Way("INT", -signal.SIGINT),
        Way("HUP", -signal.SIGHUP),
        Way("ENOSPC once", errno.ENOSPC, frozenset(_TAKES_SPACE)),
        Way("ENOSPC for good", errno.ENOSPC, frozenset(_TAKES_SPACE - {"sync", "rename"}), stays=True),
        Way("EROFS once", errno.EROFS, frozenset(_NAMES)),
        Way("EROFS for good", errno.EROFS, frozenset(_NAMES), stays=True),
        Way("EIO once", errno.EIO, frozenset(_FILES)),
        Way("EACCES once", errno.EACCES, frozenset({*_NAMES, "mount", "umount", "sethostname", "kill"})),
    )
}


@dataclass(frozen=True)
class Point:
    """The n-th call of this kind with this path (`key`), counted from 1."""

    key: str
    number: int

    @property
    def kind(self) -> str:
        """Of the call."""
        return self.key.partition(" ")[0]

    def __str__(self) -> str:
        return f"{self.key} ({self.number})"


@dataclass
class Disturbance:
    """A way at a point: what `Machine.run` asks before each call."""

    way: Way
    point: Point
    met: int = 0
    # Called once nothing more will come.
    calm: bool = False
    path: str = ""
    _seen: Counter[str] = field(default_factory=Counter)
    _area: bool = False

    def decide(self, call: Call) -> int:
        """What becomes of the call."""
        if self.met:
            return self._again(call)
        if call.key != self.point.key:
            return 0
        self._seen[call.key] += 1
        if self._seen[call.key] != self.point.number:
            return 0
        self.met, self.path, self._area = 1, call.path, in_memory(call.path)
        self.calm = not self.way.stays
        return self.way.act

    @property
    def refused(self) -> str:
        """The beginning of what could not be taken away, because this was what was disturbed."""
        if self.way.stays and "unlink" in self.way.kinds and self._area:
            return "/run/azready"
        return self.path if self.way.act > 0 and self.point.kind in ("unlink", "rmdir") else ""

    def _again(self, call: Call) -> int:
        if self.way.stays and self.way.suits(call.kind) and touches_disk(call) and in_memory(call.path) == self._area:
            self.met += 1
            return self.way.act
        return 0


def in_memory(path: str) -> bool:
    """Whether it lies where a system has memory: another file system than the rest."""
    return path.startswith(_MEMORY)


def touches_disk(call: Call) -> bool:
    """Whether it changes a file, not a device or a setting of the kernel."""
    return not call.path.startswith(("/dev/", "/proc/", "anon_inode:")) or call.path.startswith("/dev/shm/")


def points(calls: list[Call]) -> list[Point]:
    """All points of a run, in its order."""
    seen: Counter[str] = Counter()
    found = []
    for call in calls:
        if touches_disk(call):
            seen[call.key] += 1
            found.append(Point(call.key, seen[call.key]))
    return found


def spread(found: list[Point], count: int, first: int = 0) -> list[tuple[Way, Point]]:
    """So many tries, spread over ways, kinds and paths: each kind of call with each name once before any twice.

    The same in every run.
    """
    by_key = sorted(found, key=lambda point: (point.number, point.key))
    names = sum(point.number == 1 for point in found)
    tries = []
    ways = list(WAYS.values())
    taken = by_key[:names] if count <= names else by_key
    for index in range(count if taken else 0):
        point = taken[(index * len(taken) // count + first) % len(taken)]
        fitting = [way for way in ways[(index + first) % len(ways) :] + ways if way.suits(point.kind)]
        tries.append((fitting[0], point))
    return tries
