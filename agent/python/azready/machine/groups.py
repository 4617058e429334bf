"""Which groups a user is in, by the files that say so."""

from __future__ import annotations

from typing import NamedTuple

from azready.machine.system import System

# Images that are updated as a whole keep the groups of their packages in /usr.
GROUP, GROUP_OF_IMAGE = "/etc/group", "/usr/lib/group"


class Groups(NamedTuple):
    """Names and numbers of the groups of one user, the primary one among them."""

    names: list[str]
    ids: list[int]


def groups_of(system: System, name: str, gid: int) -> Groups:
    """The groups that count for an account of this name and this primary group."""
    names, ids = [], [gid]
    for line in [*system.lines(GROUP), *system.lines(GROUP_OF_IMAGE)]:
        fields = line.rstrip("\r").split(":")
        if len(fields) == 4 and fields[2].isdecimal() and fields[2].isascii():
            number = int(fields[2][:10])
            if fields[0] not in names and (number == gid or name in fields[3].split(",")):
                names.append(fields[0])
                ids.append(number)
    return Groups(names, ids)
