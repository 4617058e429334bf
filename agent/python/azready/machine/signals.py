"""What may interrupt a run: TERM, INT and HUP of whoever ends it, and the limits of time that it sets itself.

Interrupted is only what waits or computes for long, inside of `interruptible`: between these places a signal is noted
and no more. So no lock is half taken, no temporary file lies about unknown, and what cleans up is left in peace.
"""

from __future__ import annotations

import contextlib
import signal
import time
from types import FrameType
from typing import Iterator

_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# What does not wait at one of our places after so long hangs: on a pipe that nobody writes, a dead network drive.
_PATIENCE_SECONDS = 10.0


class Interrupted(BaseException):
    """Somebody ends the run. Not an Exception: nothing but what cleans up may catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def name(self) -> str:
        """`TERM` and the like."""
        return signal.Signals(self.number).name[len("SIG") :]


class Expired(Exception):
    """A limit of time has passed."""


class _State:
    # The signal that came, and whether the run has been told of it: then it is ending, and no other one counts.
    noted = 0
    told = False
    # How many interruptible places are open.
    open = 0


def begin() -> None:
    """Listen to the signals that end a run. One that is ignored from the start (nohup) stays so."""
    # What started us may have blocked or ignored them; without SIGCHLD's default no exit status is to be had.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM, signal.SIGCHLD, *_ENDING})
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _note)


def _note(number: int, _frame: FrameType | None) -> None:
    if _State.noted:
        return
    _State.noted = number
    if _State.open:
        _tell()
    signal.signal(signal.SIGALRM, lambda _number, _frame: check())
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE_SECONDS)


def _tell() -> None:
    _State.told = True
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise Interrupted(_State.noted)


def check() -> None:
    """Raises Interrupted where a signal was noted of which the run does not know yet."""
    if _State.noted and not _State.told:
        _tell()


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Here a signal interrupts at once."""
    _State.open += 1
    try:
        check()
        yield
    finally:
        _State.open -= 1


def sleep(seconds: float) -> None:
    """Pause, unless the run is ended."""
    with interruptible():
        time.sleep(seconds)


@contextlib.contextmanager
def limit(seconds: float) -> Iterator[None]:
    """Interrupt whatever blocks or computes inside once these seconds have passed: raises Expired."""

    def expire(_number: int, _frame: FrameType | None) -> None:
        raise Expired()

    with interruptible():
        signal.signal(signal.SIGALRM, expire)
        signal.setitimer(signal.ITIMER_REAL, max(0.001, seconds))
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
