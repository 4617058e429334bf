"""What a command costs with all that it starts: processor seconds, memory, programs and forks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .counts import Counted, read_logs, strace
from .memory import Sampler

_WATCH = Path(__file__).with_name("watch.py")
# So long each process is held at its end when memory is looked at, or most would be gone before somebody looked, who
# does not always get a processor at once.
_HOLD_MICROSECONDS = 20_000
Meanwhile = Callable[[], None]


@dataclass(frozen=True)
class Time:
    """`cpu` is the processor's time of the whole family in seconds, `seconds` that of a clock."""

    status: int
    cpu: float
    seconds: float
    output: str = ""


@dataclass(frozen=True)
class Weight:
    """`memory` is in KB: the most at one time."""

    counted: Counted
    memory: int


def timed(command: Sequence[str], environment: Mapping[str, str], meanwhile: Meanwhile = lambda: None) -> Time:
    """Run it to its end; `meanwhile` is called while it runs, and may be what ends it."""
    with tempfile.TemporaryDirectory(prefix="azready-time-") as name:
        report, output = Path(name, "report"), Path(name, "output")
        with output.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_WATCH), str(report), *command],
                env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
            meanwhile()
            process.wait()
        return Time(**json.loads(report.read_text()), output=output.read_text(errors="replace"))


def weighed(command: Sequence[str], environment: Mapping[str, str], meanwhile: Meanwhile = lambda: None) -> Weight:
    """Run it under strace, with each process held for a moment at its end, and look at its memory all the time."""
    with tempfile.TemporaryDirectory(prefix="azready-weight-") as name:
        logs, output = Path(name, "logs"), Path(name, "output")
        logs.mkdir()
        with output.open("w") as file:
            process = subprocess.Popen(
                [*strace(logs / "process", _HOLD_MICROSECONDS), *command],
                env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
            with Sampler(process.pid) as sampler:
                meanwhile()
                status = process.wait()
        return Weight(read_logs(logs, status, output.read_text(errors="replace")), sampler.most)
