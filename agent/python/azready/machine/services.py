"""What starts azready, or another service, at boot, by the table of init systems."""

from __future__ import annotations

import re
from typing import Iterator

from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.tables import UNITS

# A line of an inittab that starts azready.
_UNIT_LINE = re.compile(rb"^[^#\n].*/azready provision.*\n?", re.MULTILINE)


def disable_service(system: System) -> None:
    """RUN=once: take away what starts the service at boot, whatever the init."""
    for kind, path in _started_by(system, "azready"):
        try:
            _DISABLE[kind](system, path)
        except Failure as failure:
            log.warning(f"service not disabled: {failure}")


def start_service(system: System, service: str) -> None:
    """Have a supervisor (runit, s6) start what is down, unless somebody wants it down."""
    for kind, path in _started_by(system, service):
        if kind == "+" and not system.exists(f"{path}/down"):
            system.tell(f"{path}/supervise/control", b"u")


def _started_by(system: System, service: str) -> Iterator[tuple[str, str]]:
    """What starts a service at boot, whatever the init: kind as in units.conf, path."""
    for _, _, places, _, _, disabled in UNITS:
        for place in places.split():
            for kind, pattern in ((item[0], item[1:].replace("@", place)) for item in disabled.split()):
                above, ours, below = pattern.rpartition("azready")
                # A line of a file is azready's alone.
                if ours or service == "azready":
                    for path in system.matches(above + ours.replace("azready", service) + below):
                        yield kind, path


def _remove_link(system: System, path: str) -> None:
    # A script that somebody put there instead of a link would be lost.
    if system.is_link(path) or system.read(path) == b"":
        system.remove(path)
        log.info(f"service disabled: removed {path}")


def _mark_down(system: System, path: str) -> None:
    if not system.exists(f"{path}/down"):
        system.write(f"{path}/down", b"", 0o644)
        log.info(f"service disabled: made {path}/down")


def _remove_line(system: System, path: str) -> None:
    text = system.read(path) or b""
    mended = _UNIT_LINE.sub(b"", text)
    if mended != text:
        system.write(path, mended, 0o644)
        log.info(f"service disabled: line removed from {path}")


# By the first character of what a row of units.conf says.
_DISABLE = {"-": _remove_link, "+": _mark_down, "~": _remove_line}
