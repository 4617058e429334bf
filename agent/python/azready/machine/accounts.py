"""What tells a person's account from one of the system: its number, its shell, its home."""

from __future__ import annotations

import re
from typing import Sequence

from azready.machine.account_files import PASSWD, Account, rows
from azready.machine.system import System
from azready.tables import FACTS

_FIRST_ID, _NOBODY = int(FACTS["FIRST_ID"][0]), (65534, 2**32 - 1)
# What is below these belongs to the system, and to its daemons; an image that is updated as a whole has /var/home.
_SYSTEM_FOLDERS = FACTS["FOLDERS_OF_SYSTEM"]
_FOLDERS_OF_DAEMONS = [*_SYSTEM_FOLDERS, *FACTS["FOLDERS_OF_DAEMONS"]]
# They hold homes, or could.
_NO_HOMES = ("home", "opt", "srv", "mnt", "media", "export")


def is_closed(shell: str) -> bool:
    """Whether it is a shell that lets nobody in."""
    return shell.rpartition("/")[2] in ("nologin", "false", "true")


def known_shells(system: System) -> list[str]:
    """What /etc/shells lists. dropbear lets nobody in with any other shell, if there is such a file."""
    return [line.partition("#")[0].strip(" \t\r") for line in system.lines("/etc/shells")]


def is_shut(system: System, shell: str) -> bool:
    """Whether nobody comes in with this shell here. An image without a /bin/sh has no programs yet to judge by."""
    missing = bool(shell) and system.is_executable("/bin/sh") and not system.is_executable(shell)
    return is_closed(shell) or missing


def is_person(system: System, account: Account) -> bool:
    """Whether a person may have this account: by the system's UID_MIN, else by its login shell and own home."""
    if account.uid == 0 or account.uid in _NOBODY:
        return False
    if account.uid >= min(_FIRST_ID, _first_id(system)):
        return True
    return not is_closed(account.shell) and has_own_home(system, account, _FOLDERS_OF_DAEMONS)


def _first_id(system: System) -> int:
    for line in system.lines("/etc/login.defs"):
        found = re.fullmatch(r"[ \t]*UID_MIN[ \t]+([0-9]{1,9})[ \t\r]*", line)
        if found:
            return int(found[1]) or _FIRST_ID
    return _FIRST_ID


def has_own_home(system: System, account: Account, foreign: Sequence[str] = _SYSTEM_FOLDERS) -> bool:
    """Whether the home is this account's alone, and no directory of the system."""
    parts = [part for part in account.home.split("/") if part not in ("", ".")]
    if not account.home.startswith("/") or not parts or ".." in parts:
        return False
    if parts[0] in foreign and (len(parts) < 3 or parts[:2] not in (["var", "home"], ["usr", "home"])):
        return False
    if len(parts) == 1 and parts[0] in _NO_HOMES:
        return False
    for fields in rows(system, PASSWD):
        if len(fields) > 6 and fields[0] != account.name and system.path(fields[5]) == system.path(account.home):
            return False
    return True
