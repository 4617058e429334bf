"""What is still to be done once Ready was accepted, noted before it is reported: so a power cut loses none of it.

A file of lines: who it is for, then one item a line in the order of doing. Both engines read and write it.
"""

from __future__ import annotations

import contextlib
import re
from typing import Callable

from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.system import System

# A script that was cut off is started once more; not again, because it may be what cuts the run off.
_MOST_STARTS = 2
_ITEM = re.compile(r"status|kvp|host-keys|service|script (custom-data|user-data) [0-9]{1,3}")


class Pending:
    """The items that are left, each gone from the file as soon as it is done."""

    def __init__(self, system: System, facts: dict[str, str], items: list[str]) -> None:
        self._system = system
        self._file = _file(system)
        # VM_ID, HOSTNAME, ADMIN_USER
        self.facts = facts
        self.items = items
        self._is_kept = True

    def keep(self) -> None:
        """Write what is left. A disk that takes no more is a warning: then a run that is cut off loses it."""
        try:
            if self.items:
                lines = [f"{key}={_plain(value)}" for key, value in self.facts.items() if value] + self.items
                self._system.make_directory(self._system.state_directory, 0o700)
                self._system.write_lines(self._file, lines, 0o600)
            elif self._system.exists(self._file):
                self._system.remove(self._file)
        except Failure as failure:
            if self._is_kept:
                log.warning(f"{self._file} not kept: {failure}; what a power cut interrupts now is not made up for")
            self._is_kept = False

    def do(self, item: str, action: Callable[[], None]) -> None:
        """Do it, if it is still to be done."""
        if item in self.items:
            action()
            self._drop(item)

    def scripts(self) -> list[str]:
        """Names of the steps whose scripts are still to be run."""
        return [item.split(" ")[1] for item in self.items if item.startswith("script ")]

    def run_script(self, name: str, action: Callable[[], None]) -> None:
        """Run it, unless it was cut off twice."""
        item = next(item for item in self.items if item.startswith(f"script {name} "))
        starts = int(item.split(" ")[2])
        if starts >= _MOST_STARTS:
            log.warning(f"{name}: not started again, it was cut off {starts} times")
        else:
            started = f"script {name} {starts + 1}"
            self.items[self.items.index(item)] = started
            self.keep()
            action()
            item = started
        self._drop(item)

    def _drop(self, item: str) -> None:
        self.items.remove(item)
        self.keep()


def read(system: System, vm_id: str) -> Pending | None:
    """What an earlier run has left for this VM, or None."""
    lines = system.lines(_file(system))
    facts = {key: value for key, equals, value in (line.partition("=") for line in lines) if equals}
    if not vm_id or facts.get("VM_ID") != vm_id:
        return None
    return Pending(system, facts, [line for line in lines if _ITEM.fullmatch(line)])


def forget(system: System) -> None:
    """What is noted is of a run that did not get to Ready, or for another VM."""
    if system.exists(_file(system)):
        with contextlib.suppress(Failure):
            system.remove(_file(system))


def _file(system: System) -> str:
    return f"{system.state_directory}/pending"


def _plain(value: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in value)
