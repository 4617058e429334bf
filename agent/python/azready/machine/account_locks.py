"""Locks of account files, by the protocol of shadow's tools: FILE.lock is a hard link to a file with our process id.

That file has a name that only azready uses, and stays while we hold the lock: its partner. By it a lock that a run left
behind (a power cut) is known for ours, whoever has that number by now.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import time
from typing import Callable, Iterator

from azready.machine import alive, log, signals
from azready.machine.clock import uptime
from azready.machine.failure import Failure
from azready.machine.files import blaming, cause
from azready.machine.system import System

ACCOUNT_FILES = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
# As long as the tools of shadow and glibc wait for a lock.
_SECONDS = 15.0
_LOOK_AGAIN_SECONDS = 0.25
# The clock of the disk and that of the kernel need not agree on a moment.
_SLACK_SECONDS = 2.0


@contextlib.contextmanager
def locked(system: System, names: list[str]) -> Iterator[None]:
    """Keep others off these files of /etc while we change them. Raises Failure where others keep us off for too long.

    On the machine itself glibc's lock is held too.
    """
    until = uptime() + min(_SECONDS, (system.deadline - uptime()) / 2)
    with contextlib.ExitStack() as held:
        if system.live:
            with blaming("/etc/.pwd.lock"):
                handle = os.open(system.path("/etc/.pwd.lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            held.callback(os.close, handle)
            _patiently(lambda: _lock_whole(handle), "/etc/.pwd.lock", until)
        for name in names:
            held.enter_context(_locked(_Lock(system, name), until))
        yield


def wait_until_free(system: System, names: list[str]) -> None:
    """Before a tool that takes these locks itself: it would wait for longer than we may. Raises Failure."""
    until = uptime() + min(_SECONDS, (system.deadline - uptime()) / 2)
    for name in names:
        lock = _Lock(system, name)
        _patiently(lock.is_free, name, until)


def clear(system: System) -> None:
    """Take away what runs that are gone have left: their locks, and the files that these were links to."""
    for name in ACCOUNT_FILES:
        with contextlib.suppress(OSError):
            _Lock(system, name).clear()


@contextlib.contextmanager
def _locked(lock: _Lock, until: float) -> Iterator[None]:
    try:
        with blaming(lock.name):
            lock.prepare()
        _patiently(lock.take, lock.name, until)
    except BaseException:
        lock.give_back(held=False)
        raise
    try:
        yield
    finally:
        lock.give_back(held=True)


class _Lock:
    """The lock of one file."""

    def __init__(self, system: System, name: str) -> None:
        folder, base = system.path(os.path.dirname(name)), os.path.basename(name)
        self.name = name
        self._folder, self._base = folder, base
        self._file = os.path.join(folder, f"{base}.lock")
        self._partner = os.path.join(folder, f".{base}.azready.lock")

    def prepare(self) -> None:
        """The file with our number: first, so that there is no lock of ours without it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._partner)
        with open(self._partner, "x") as file:
            file.write(str(os.getpid()))

    def take(self) -> bool:
        """Whether it is ours now."""
        try:
            os.link(self._partner, self._file)
        except FileExistsError:
            # One that is stale is taken away now, and the next look takes it.
            if self.is_free():
                return self.take()
            return False
        return True

    def is_free(self) -> bool:
        """Whether nobody holds it; a stale one is taken away."""
        if self._is_held():
            return False
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file)
        return True

    def give_back(self, *, held: bool) -> None:
        """Never fails: whoever finds a lock that stayed sees that it is stale."""
        for file in ([self._file] if held else []) + [self._partner]:
            try:
                os.unlink(file)
            except FileNotFoundError:
                pass
            except OSError as error:
                log.warning(f"{file} stays: {cause(error)}")

    def clear(self) -> None:
        """Take away what dead runs left. Only where no other run is at work."""
        if self._same(self._partner, self._file):
            os.unlink(self._file)
        elif os.path.lexists(self._file):
            self.is_free()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._partner)
        # What shadow's tools, and azready before it had partners, make their links to.
        for name in os.listdir(self._folder):
            number = name[len(self._base) + 1 :]
            if name.startswith(f"{self._base}.") and re.fullmatch("[0-9]{1,10}", number):
                path = os.path.join(self._folder, name)
                # Somebody's own file of such a name does not hold its own number.
                if _number(path) == int(number) and not _lives(int(number)):
                    os.unlink(path)

    @staticmethod
    def _same(one: str, other: str) -> bool:
        try:
            return os.path.samestat(os.lstat(one), os.lstat(other))
        except FileNotFoundError:
            return False

    def _is_held(self) -> bool:
        try:
            since = time.time() - os.lstat(self._file).st_mtime
            number = _number(self._file)
        except FileNotFoundError:
            return False
        # A number of before this boot is somebody else's by now.
        older_than_boot = since > time.clock_gettime(time.CLOCK_BOOTTIME) + _SLACK_SECONDS
        return number > 0 and not older_than_boot and _lives(number)


def _number(path: str) -> int:
    """The process id in a lock file; 0 for anything else, and a number of nobody where it cannot be read."""
    with open(path, "rb") as file:
        text = file.read(64).strip(b"\0\n ")
    return int(text) if re.fullmatch(b"[0-9]{1,10}", text) else 0


def _lives(number: int) -> bool:
    # We never ask for a lock twice: our own number in one is that of a process before us, at another boot.
    return number != os.getpid() and alive.exists(number)


def _patiently(attempt: Callable[[], bool], name: str, until: float) -> None:
    with blaming(name):
        while not attempt():
            if uptime() >= until:
                raise Failure("file_not_writable", {"file": name, "error": "locked"})
            signals.sleep(_LOOK_AGAIN_SECONDS)


def _lock_whole(handle: int) -> bool:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True
