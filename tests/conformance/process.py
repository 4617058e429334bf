"""Start one program in a group of its own, watch it end, and see that it leaves nothing running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# What was told to stop gets a moment to do so: a killed watchdog is not gone at the same instant.
_GRACE_SECONDS = 3.0
_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Finished:
    """How a program ended: `exit` (None: it had to be killed), its output, and commands it left running."""

    exit: int | None
    stdout: bytes
    stderr: bytes
    left_running: tuple[str, ...]


def execute(
    command: Sequence[str | bytes],
    environment: Mapping[str, str],
    work: Path,
    output: Path,
    limit: float,
    interrupt: tuple[signal.Signals, Path] | None = None,
) -> Finished:
    """Run in the folder `work` with empty stdin, at most `limit` seconds; the folder `output` takes what it prints.

    `interrupt`: the signal that it gets once there is such a file.
    Output goes to files, not pipes, so that a process which stays behind cannot hold this one.
    """
    with open(output / "stdout", "w+b") as out, open(output / "stderr", "w+b") as err:
        process = subprocess.Popen(
            command, env=environment, cwd=work, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
            start_new_session=True,
        )  # fmt: skip
        try:
            if interrupt:
                _interrupt(process, *interrupt, limit)
            status = _wait(process, limit)
            left = () if status is None else _remaining(process.pid)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        out.seek(0)
        err.seek(0)
        return Finished(status, out.read(), err.read(), left)


def _interrupt(process: subprocess.Popen[bytes], number: signal.Signals, at: Path, limit: float) -> None:
    until = time.monotonic() + limit
    while process.poll() is None and time.monotonic() < until:
        if at.exists():
            process.send_signal(number)
            return
        time.sleep(_POLL_SECONDS)


def _wait(process: subprocess.Popen[bytes], limit: float) -> int | None:
    try:
        return process.wait(limit)
    except subprocess.TimeoutExpired:
        return None


def _remaining(group: int) -> tuple[str, ...]:
    """Commands of the group that still run after the grace time."""
    until = time.monotonic() + _GRACE_SECONDS
    while (found := _members(group)) and time.monotonic() < until:
        time.sleep(_POLL_SECONDS)
    return found


def _members(group: int) -> tuple[str, ...]:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return ()
    return tuple(filter(None, (_command_if_in(group, place) for place in Path("/proc").glob("[0-9]*"))))


def _command_if_in(group: int, place: Path) -> str:
    """The command line of a process if it belongs to the group and is no zombie, else nothing."""
    try:
        # "PID (NAME) STATE PPID PGRP ..."; the name may hold anything, so split behind it.
        state, _, pgrp = (place / "stat").read_text(errors="replace").rpartition(")")[2].split()[:3]
        if state == "Z" or int(pgrp) != group:
            return ""
        words = (place / "cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return ""
    return b" ".join(words).decode(errors="replace").strip() or place.name
