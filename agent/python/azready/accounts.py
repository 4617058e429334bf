"""The step `user`: the admin user, its groups, its shell, and its right to become root."""

from __future__ import annotations

from typing import NamedTuple

from .run import SKIPPED, Run
from .system import System


class Account(NamedTuple):
    """A line of /etc/passwd. `home` is a path of the image."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


def find(system: System, name: str) -> Account | None:
    """The account of that name in /etc/passwd, or None."""
    for line in (system.read("/etc/passwd") or b"").decode("utf-8", "surrogateescape").split("\n"):
        fields = line.split(":")
        if len(fields) == 7 and fields[0] == name and fields[2].isdigit() and fields[3].isdigit():
            return Account(name, int(fields[2]), int(fields[3]), fields[5], fields[6])
    return None


def step_user(run: Run) -> str:
    """Make the admin user, or leave the one that is there."""
    return SKIPPED
