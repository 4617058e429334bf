"""The account files: who stands in them, and the one way to change them, which is under their lock.

A lock is never waited for longer than the run's deadline allows; see account_locks.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

from azready.machine.account_locks import ACCOUNT_FILES, locked, wait_until_free
from azready.machine.programs import Ended
from azready.machine.system import System
from azready.tables import FACTS

PASSWD, GROUP, SHADOW, GSHADOW = ACCOUNT_FILES
# Images that are updated as a whole keep the groups of their packages in /usr.
GROUP_OF_IMAGE = "/usr/lib/group"
# In passwd: the password stands in shadow.
IN_SHADOW = "x"
_SECRET = (SHADOW, GSHADOW)
# The last number is none: chown takes it for "leave as it is".
_NUMBER, _MOST = re.compile("0*([0-9]{1,10})"), 4294967294
_FIRST_ID = int(FACTS["FIRST_ID"][0])

# What becomes of the lines of a file.
Change = Callable[["list[str]"], "list[str]"]


class Account(NamedTuple):
    """A line of /etc/passwd. `home` is a path of the image."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


class Stored(NamedTuple):
    """What the system has of an account: its field in passwd (None: no such account), the hash that counts, and the
    fields of its line in shadow."""

    in_passwd: str | None
    password: str
    shadow: list[str]

    @property
    def is_usable(self) -> bool:
        """Whether somebody can come in with that password: one that is empty or locked is none."""
        return self.password not in ("", IN_SHADOW) and self.password[0] not in "!*"


def rows(system: System, file: str) -> list[list[str]]:
    """The fields of each line."""
    return [line.rstrip("\r").split(":") for line in system.lines(file)]


def row(system: System, file: str, name: str) -> list[str]:
    """The fields of the first line of that name; none where there is none."""
    return next((fields for fields in rows(system, file) if fields[0] == name), [])


def names(system: System, name: str, file: str = PASSWD) -> bool:
    """Whether a line begins with this name, whatever else it holds."""
    return any(line.startswith(f"{name}:") for line in system.lines(file))


def find(system: System, name: str) -> Account | None:
    """The account of that name in /etc/passwd, or None."""
    for fields in rows(system, PASSWD):
        if len(fields) == 7 and fields[0] == name:
            uid, gid = _number(fields[2]), _number(fields[3])
            if uid is not None and gid is not None:
                return Account(name, uid, gid, fields[5], fields[6])
    return None


def group_id(system: System, name: str) -> int | None:
    """The number of a group in /etc/group, or None."""
    for fields in rows(system, GROUP):
        number = _number(fields[2]) if len(fields) == 4 and fields[0] == name else None
        if number is not None:
            return number
    return None


def stored(system: System, name: str) -> Stored:
    """What is known of its password."""
    in_passwd, shadow = row(system, PASSWD, name), row(system, SHADOW, name)
    field = [*in_passwd, ""][1] if in_passwd else None
    return Stored(field, [*shadow, "", ""][1] if field == IN_SHADOW else field or "", shadow)


def _number(text: str) -> int | None:
    """A uid or gid, or None for what is none: the kernel's have 32 bits."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found and int(found[1]) <= _MOST else None


def run_tool(system: System, words: list[str], files: list[str], given: bytes = b"") -> Ended:
    """Have a tool of the system change these files; it takes their locks itself. Raises Failure where they are held."""
    wait_until_free(system, [file for file in files if system.exists(file)])
    return system.command(words, given)


def edit(system: System, file: str, change: Change) -> bool:
    """Change a file under its lock; False where that changes nothing, or there is no such file. Raises Failure."""
    system.require_readable(file)
    lines = system.lines(file)
    if change(lines) == lines:
        return False
    with locked(system, [file]):
        _write(system, file, change)
    return True


def add_account(system: System, name: str, home: str, shell: str) -> None:
    """A new account, with a group of its own unless one has that name. Raises Failure.

    passwd comes last: without its line a try that was cut off begins anew.
    """
    files = [file for file in ACCOUNT_FILES if system.exists(file)]
    with locked(system, files):
        if find(system, name):
            # Somebody was faster.
            return
        gid = group_id(system, name)
        uid = _free_id(system, [PASSWD] if gid is not None else [PASSWD, GROUP])
        if gid is None:
            gid = uid
            _write(system, GROUP, with_line(name, f"{name}:x:{gid}:"))
        # Also where a try that was cut off has made the group.
        if GSHADOW in files and not names(system, name, GSHADOW):
            _write(system, GSHADOW, with_line(name, f"{name}:!::"))
        if SHADOW in files:
            # No date of the last change: the clock may not be set yet, and day 0 means `must be changed`.
            _write(system, SHADOW, with_line(name, f"{name}:*:::::::"))
        mark = IN_SHADOW if SHADOW in files else "*"
        _write(system, PASSWD, with_line(name, f"{name}:{mark}:{uid}:{gid}::{home}:{shell}"))


def _free_id(system: System, files: list[str]) -> int:
    taken = {_number(fields[2]) for file in files for fields in rows(system, file) if len(fields) > 2}
    return next(number for number in range(_FIRST_ID, 2**31) if number not in taken)


def _write(system: System, file: str, change: Change) -> None:
    system.require_readable(file)
    system.write_lines(file, change(system.lines(file)), 0o600 if file in _SECRET else 0o644)


def with_line(name: str, line: str) -> Change:
    """The lines with this one: before those of NIS, which must come last, and instead of any of this name."""

    def change(lines: list[str]) -> list[str]:
        kept = [old for old in lines if not old.startswith(f"{name}:")]
        place = next((number for number, old in enumerate(kept) if old[:1] in ("+", "-")), len(kept))
        return [*kept[:place], line, *kept[place:]]

    return change


def with_member(group: str, name: str) -> Change:
    """The lines of group or gshadow with one member more."""

    def change(lines: list[str]) -> list[str]:
        changed = list(lines)
        for number, line in enumerate(lines):
            fields = line.rstrip("\r").split(":")
            if len(fields) == 4 and fields[0] == group:
                if name not in fields[3].split(","):
                    tail = line[len(line.rstrip("\r")) :]
                    changed[number] = ":".join(fields) + ("," if fields[3] else "") + name + tail
                break
        return changed

    return change


def with_password(name: str, value: str, day: str | None) -> Change:
    """The lines with this password field; `day`: it is shadow, where the day of the change follows."""

    def change(lines: list[str]) -> list[str]:
        changed = list(lines)
        for number, line in enumerate(lines):
            fields = line.split(":")
            if fields[0] == name:
                fields[1:2] = [value]
                if day is not None:
                    fields[2:3] = [day]
                changed[number] = ":".join(fields)
                return changed
        return changed if day is None else [*changed, f"{name}:{value}:{day}:0:99999:7:::"]

    return change


def with_shell(name: str, shell: str) -> Change:
    """The lines of passwd with another shell."""
    old = re.compile(rf"\A({re.escape(name)}:(?:[^:]*:){{5}})[^:\r]*")
    return lambda lines: [old.sub(lambda found: found[1] + shell, line) for line in lines]


def without_lock(name: str) -> Change:
    """`!` alone locks the account, which keeps keys out too (sshd); `*` only says that no password fits."""
    lock = re.compile(rf"\A({re.escape(name)}):!+\*?:")
    return lambda lines: [lock.sub(r"\1:*:", line) for line in lines]
