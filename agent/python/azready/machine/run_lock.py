"""One run at a time in a root: the lock that both engines take, and that only a living process holds.

Its file holds a record (see alive.py), and has it from its first moment on: it is a hard link to a file that was
written before.
"""

from __future__ import annotations

import contextlib
import os
import re

from azready.machine import alive, log, signals
from azready.machine.clock import uptime
from azready.machine.failure import Failure, NotTold
from azready.machine.files import cause
from azready.machine.system import System

_LOOK_AGAIN_SECONDS = 0.25
# A name that changes hands faster than this is played with.
_MOST_TRIES = 100


class RunLock:
    """As a context manager it gives back what was taken."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._file = ""

    def __enter__(self) -> RunLock:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file and _read(self._file) == _ours():
            with contextlib.suppress(OSError):
                os.unlink(self._file)

    def take(self) -> int:
        """Take it: 0, or the number of the process that holds it. Where there is no place for it, go on without."""
        # The second one where /run takes nothing.
        for place in (self._system.run_directory, self._system.state_directory):
            try:
                self._system.make_directory(place, 0o700)
                return self._take_in(self._system.path(place))
            except (Failure, OSError) as problem:
                why = str(problem) if isinstance(problem, Failure) else cause(problem)
                log.debug(f"no lock in {place}: {why}")
        return 0

    def wait(self) -> None:
        """Take it, however long the other run needs. Raises NotTold at the deadline: the other run reports."""
        holder, said = self.take(), False
        while holder:
            if not said:
                log.info(f"another azready (process {holder}) is at work: waiting for it")
            said = True
            if uptime() + _LOOK_AGAIN_SECONDS >= self._system.deadline:
                log.error(f"locked: another azready (process {holder}) is at work", "the next boot tries again")
                raise NotTold("locked", {"process": str(holder)})
            signals.sleep(_LOOK_AGAIN_SECONDS)
            holder = self.take()

    def _take_in(self, folder: str) -> int:
        lock, mine = os.path.join(folder, "lock"), os.path.join(folder, f"lock.{os.getpid()}")
        _write(mine, _ours())
        try:
            for _ in range(_MOST_TRIES):
                try:
                    os.link(mine, lock)
                except FileExistsError:
                    text = _read(lock)
                    holder = alive.pid_of(text.rstrip("\n"))
                    # Our own number: of a process before us, which became this one or is gone.
                    if holder != os.getpid() and alive.is_alive(text.rstrip("\n")):
                        return holder
                    _take_away(lock, text)
                    continue
                if _read(lock) == _ours():
                    self._file = lock
                    self._clear(folder)
                    return 0
        finally:
            with contextlib.suppress(OSError):
                os.unlink(mine)
        raise FileExistsError(None, "it changes all the time", lock)

    @staticmethod
    def _clear(folder: str) -> None:
        """What others left who were killed while they waited."""
        for name in os.listdir(folder):
            number = re.fullmatch(r"lock\.(?:break\.)?([0-9]{1,10})", name)
            if number and int(number[1]) != os.getpid() and not alive.exists(int(number[1])):
                with contextlib.suppress(OSError):
                    os.unlink(os.path.join(folder, name))


def _take_away(lock: str, text: str) -> None:
    """Take the lock of a dead process away.

    Only who holds `lock.break` may: so what is read there cannot be somebody's who was faster when it is removed.
    """
    held = f"{lock}.break"
    mine = f"{held}.{os.getpid()}"
    _write(mine, _ours())
    try:
        os.link(mine, held)
    except FileExistsError:
        # Of one that was killed in these few lines.
        if not alive.is_alive(_read(held).rstrip("\n")):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(held)
        signals.sleep(0.05)
    else:
        if _read(lock) == text:
            os.unlink(lock)
        os.unlink(held)
    finally:
        os.unlink(mine)


def _ours() -> str:
    return alive.record(os.getpid()) + "\n"


def _write(path: str, text: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


def _read(path: str) -> str:
    """The text of a small file; empty where there is none."""
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(4096)
    except FileNotFoundError:
        return ""
