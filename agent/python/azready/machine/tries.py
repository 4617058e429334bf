"""The tries of one request: until it is answered well, or a deadline comes."""

from __future__ import annotations

import os

from azready.machine import log, signals
from azready.machine.clock import uptime
from azready.machine.failure import NoGoodAnswer
from azready.tables import PROTOCOL

# A try that fails as the one before it is logged again only after so many seconds.
_QUIET_SECONDS = 30.0
# As long as other agents wait for one answer.
_MOST_SECONDS = 60.0


class Tries:
    """The tries of one thing: how long each may take, the pauses between them, and the deadline that none outlives.

    A server that is slow and not dead must get an answer out at some time, so each try may take twice as long as the
    one before: from `first` seconds (REQUEST_TIMEOUT) up to a minute, or to `first` where that is more.
    """

    def __init__(self, what: str, first: float, deadline: float) -> None:
        self._what = what
        self._deadline = deadline
        self._limit = first
        self._most = max(_MOST_SECONDS, self._limit)
        self._pauses = [int(pause) / 1000 for pause in PROTOCOL["BACKOFF_MS"].split()]
        self._said = ""
        self._said_at = 0.0

    def limit(self) -> float:
        """Seconds that a request started now may take."""
        return max(0.1, min(self._limit, self._deadline - uptime()))

    def another(self, problem: NoGoodAnswer) -> bool:
        """Say what went wrong and pause. False where the pause would outlive the deadline: there is no other try."""
        pause = _spread(self._pauses[0])
        if problem.retry_after:
            # Never earlier than it says.
            pause = problem.retry_after + pause / 2
        if len(self._pauses) > 1:
            del self._pauses[0]
        left = self._deadline - uptime()
        self._say(problem, pause, left)
        if pause >= left:
            return False
        self._limit = min(self._limit * 2, self._most)
        signals.sleep(pause)
        return True

    def _say(self, problem: NoGoodAnswer, pause: float, left: float) -> None:
        text = f"{self._what}: {problem.what()}"
        log.debug(f"{text} {problem.why}".rstrip())
        if text == self._said and uptime() - self._said_at < _QUIET_SECONDS:
            return
        self._said, self._said_at = text, uptime()
        plan = (
            f"next try in {round(pause, 2):g} s, {left:.0f} s left" if pause < left else "no time left for another try"
        )
        log.info(f"{text}; {plan}")


def _spread(pause: float) -> float:
    """Some of a pause, half at least: VMs that met the same trouble must not all come back at the same instant."""
    try:
        # Unlike os.urandom it never waits for a machine that has just started.
        with open("/proc/sys/kernel/random/uuid") as file:
            random = int(file.read(2), 16)
    except (OSError, ValueError):
        random = os.getpid() % 256
    return pause - pause * random / 512
