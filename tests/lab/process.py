"""Child processes whose lines are kept with the time at which they came: all that a scenario sees, it sees here."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# Whatever kills the test run kills its machines too.
_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--")


class NotSeen(Exception):
    """Something that was waited for did not happen."""


class Process:
    """A running command. `log` gets its output; `lines` has it with the monotonic time of each line's arrival."""

    def __init__(self, name: str, command: Sequence[Any], log: Path, **options: Any) -> None:
        self.name = name
        self.lines: list[tuple[float, str]] = []
        self._news = threading.Condition()
        self._over = False
        self._log = log.open("a", encoding="utf-8")
        self._child = subprocess.Popen(
            [*_WITH_PARENT, *map(str, command)],
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            **options,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout
        for line in self._child.stdout:
            with self._news:
                self.lines.append((time.monotonic(), line.rstrip("\r\n")))
                self._log.write(line)
                self._log.flush()
                self._news.notify_all()
        with self._news:
            self._over = True
            self._news.notify_all()

    @property
    def pid(self) -> int:
        """The process id; that of the command itself, for all that is put in front of it execs."""
        return self._child.pid

    @property
    def output(self) -> str:
        """All lines so far."""
        with self._news:
            return "\n".join(line for _, line in self.lines)

    def find(self, pattern: str, start: int = 0) -> tuple[float, str] | None:
        """Time and text of the first line from number `start` on in which the pattern is found."""
        with self._news:
            return next((entry for entry in self.lines[start:] if re.search(pattern, entry[1])), None)

    def wait_for(self, pattern: str, seconds: float) -> tuple[float, str]:
        """Time and text of the first line with the pattern, now or later. Raises `NotSeen`."""
        limit = time.monotonic() + seconds
        with self._news:
            while not (found := self.find(pattern)):
                if self._over or not self._news.wait(limit - time.monotonic()):
                    why = "ended" if self._over else f"{seconds:g} s went by"
                    raise NotSeen(f"{self.name} {why} without a line like /{pattern}/; last: {self._last()}")
        return found

    def _last(self) -> str:
        return " | ".join(line for _, line in self.lines[-3:]) or "nothing"

    def ended(self, seconds: float) -> int:
        """The exit status, as soon as it ends. Raises `NotSeen`."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise NotSeen(f"{self.name} did not end within {seconds:g} s; last: {self._last()}") from error

    def stop(self) -> None:
        """End it for good, politely where it listens; safe to call twice."""
        self._child.terminate()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
        self._reader.join()
        self._log.close()

    def kill(self) -> None:
        """End it at once, as a power cut ends a machine."""
        self._child.kill()
        self._child.wait()
