"""Says what a long work is at, on standard error."""

from __future__ import annotations

import sys
import time

# A file gets a line at most so often.
_QUIET_SECONDS = 10.0


class Progress:
    """One line that changes on a terminal, else a line now and then. Call it with what, how far, of how much."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._began = time.monotonic()
        self._said, self._said_at = "", 0.0

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.monotonic()
        text = f"bench: {what} {done} of {of}, {now - self._began:.0f} s"
        if self._terminal:
            print(f"\r\x1b[K{text}", end="\n" if done == of else "", file=sys.stderr, flush=True)
        elif what != self._said or now - self._said_at >= _QUIET_SECONDS:
            print(text, file=sys.stderr, flush=True)
            self._said, self._said_at = what, now
