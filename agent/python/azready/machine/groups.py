"""Which groups a user is in, by the files that say so."""

from __future__ import annotations

from typing import NamedTuple

from azready.machine.account_files import GROUP, GROUP_OF_IMAGE, rows
from azready.machine.system import System


class Groups(NamedTuple):
    """Names and numbers of the groups of one user, the primary one among them."""

    names: list[str]
    ids: list[int]


def groups_of(system: System, name: str, gid: int) -> Groups:
    """The groups that count for an account of this name and this primary group."""
    names, ids = [], [gid]
    for fields in [*rows(system, GROUP), *rows(system, GROUP_OF_IMAGE)]:
        if len(fields) == 4 and fields[2].isdecimal() and fields[2].isascii():
            number = int(fields[2][:10])
            if fields[0] not in names and (number == gid or name in fields[3].split(",")):
                names.append(fields[0])
                ids.append(number)
    return Groups(names, ids)
