"""Where a boot's time goes: what was seen from outside and what azready noted inside, on one clock.

Seconds count from the kernel's start. Beside each stand the processor seconds that QEMU had used until then: on a busy
computer they say more than a clock does.
"""

from __future__ import annotations

import bisect
import os
import re
import sys
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_EVERY_SECONDS = 0.1
# Says `SSH-2.0-..`, the server's greeting, as soon as there is one.
_KNOCK = """
import socket, sys, time
while True:
    try:
        with socket.create_connection((sys.argv[1], 22), 1) as server:
            server.settimeout(60)
            if (greeting := server.recv(64)).startswith(b"SSH-"):
                print(greeting.decode(errors="replace").strip())
                break
    except OSError:
        pass
    time.sleep(0.1)
"""


@dataclass(frozen=True)
class Moment:
    """Something that happened: `seconds` after the kernel's start, when QEMU had used `processor` seconds."""

    what: str
    seconds: float
    processor: float


@dataclass
class ProcessorTime:
    """What a process has used, sampled until it ends."""

    pid: int
    _times: list[float] = field(default_factory=list)
    _used: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Sample from now on."""
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        try:
            while True:
                words = Path(f"/proc/{self.pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
                self._used.append((int(words[11]) + int(words[12])) / _TICKS)
                self._times.append(time.monotonic())
                time.sleep(_EVERY_SECONDS)
        except OSError:
            pass

    def until(self, when: float) -> float:
        """Processor seconds that it had used at that time."""
        place = bisect.bisect(self._times, when)
        return self._used[max(0, place - 1)] if self._used else 0.0


def knock(address: str) -> list[str]:
    """The command that says the greeting of an SSH server as soon as there is one."""
    return [sys.executable, "-I", "-S", "-c", _KNOCK, address]


def inside(status: str) -> list[tuple[str, float]]:
    """What azready noted in its status file, each with its seconds; each step as it ended."""
    found = [(_word(name), float(seconds)) for name, seconds in _rows("TIME_([A-Z_]+)=([0-9.]+)", status)]
    at = dict(found).get("host-keys", 0.0)
    for name, seconds in _rows(r"STEP_([A-Z_]+)=\w+ ([0-9.]+)", status):
        at += float(seconds)
        found.append((f"step {_word(name)}", at))
    return found


def _rows(pattern: str, status: str) -> list[tuple[str, str]]:
    return re.findall(f"^{pattern}$", status, re.MULTILINE)


def _word(name: str) -> str:
    return name.lower().replace("_", "-")


def moments(seen: Iterable[tuple[str, float]], start: float, processor: ProcessorTime) -> list[Moment]:
    """In order; `seen` has times of this side's clock, on which the kernel's start was at `start`."""
    rows = sorted(seen, key=lambda row: row[1])
    return [Moment(what, round(when - start, 2), round(processor.until(when), 2)) for what, when in rows]


def told(found: list[Moment]) -> str:
    """For a reader: each with what has gone by since the one before."""
    lines, before = [], Moment("", 0.0, 0.0)
    for it in found:
        since = f"+{it.seconds - before.seconds:6.2f} s  +{it.processor - before.processor:6.2f} s of processor"
        lines.append(f"  {it.what:<24} {it.seconds:7.2f} s  {since}")
        before = it
    return "\n".join(lines)
