"""Who is alive: a number alone says little, because it is given again, to this very program too at the next boot.

A record is a line `PID STARTTIME BOOTID`: locks, work directories and running children are signed with one. Both
engines read and write the same.
"""

from __future__ import annotations

import os
import re

_RECORD = re.compile(r"([0-9]{1,10}) ([0-9]{1,20}|-) ([0-9A-Za-z-]{1,64})")


def record(pid: int) -> str:
    """The record of a process that lives."""
    return f"{pid} {_start_time(pid) or '-'} {_boot_id() or '-'}"


def pid_of(text: str) -> int:
    """The number in a record; 0 where that is none."""
    found = _RECORD.fullmatch(text)
    return int(found[1]) if found else 0


def is_alive(text: str) -> bool:
    """Whether the process that a record names still runs. What cannot be known counts as equal."""
    found = _RECORD.fullmatch(text)
    if not found:
        return False
    pid, started, boot = int(found[1]), found[2], found[3]
    if "-" not in (boot, _boot_id() or "-") and boot != _boot_id():
        return False
    return exists(pid) and started in ("-", _start_time(pid) or started)


def is_surely(text: str) -> bool:
    """Whether the number in a record is its process and nobody else's: who kills must know."""
    return " -" not in text and is_alive(text)


def exists(pid: int) -> bool:
    """Whether there is a process of this number, whoever it is; one that has ended and was not asked how is none."""
    state = _stat(pid)[:1]
    if state:
        return state[0] not in ("Z", "X")
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    # 0 would be our own group.
    return pid > 0


def space() -> str:
    """Which namespace of processes this is, as the shell engine writes it beside its records: when its first process
    began; the namespace's name where /proc belongs to another one; `-` where nobody can tell.
    """
    first = _start_time(1) if _text("/proc/self/stat").partition(" ")[0] == str(os.getpid()) else ""
    if first:
        return first
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return "-"


def _start_time(pid: int) -> str:
    """When it was started, in ticks since boot; empty where nobody can tell."""
    words = _stat(pid)
    return words[19] if len(words) > 19 else ""


def began(pid: int) -> float | None:
    """When a process was started, in seconds since the kernel's start; None where nobody can tell."""
    ticks = _start_time(pid)
    return int(ticks) / os.sysconf("SC_CLK_TCK") if ticks.isdigit() else None


def _stat(pid: int) -> list[str]:
    """The fields of its /proc/PID/stat from the third on: behind its name, which may hold anything."""
    return _text(f"/proc/{pid}/stat").rpartition(")")[2].split()


def _boot_id() -> str:
    return _text("/proc/sys/kernel/random/boot_id").strip()


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
