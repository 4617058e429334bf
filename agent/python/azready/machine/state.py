"""What azready remembers of its runs: marker, status file, last report, and whether its service runs again."""

from __future__ import annotations

import contextlib
import re
from typing import Iterator

from azready.machine import http, log
from azready.machine.clock import timestamp, uptime
from azready.machine.failure import Failure
from azready.machine.run import Run
from azready.machine.system import System
from azready.tables import UNITS, VERSION

# A line of an inittab that starts azready.
_UNIT_LINE = re.compile(rb"^[^#\n].*/azready provision.*\n?", re.MULTILINE)


def _marker(system: System) -> str:
    return f"{system.state_directory}/provisioned"


def _status(system: System) -> str:
    return f"{system.state_directory}/status"


def provisioned_as(system: System) -> str:
    """The VM id that the marker holds; empty where there is none."""
    return re.sub(r"[\x00-\x20\x7f]", "", (system.read(_marker(system)) or b"").decode("ascii", "replace"))


def begin(run: Run) -> None:
    """Write that a run began. Raises Failure where nothing can be remembered: a full disk, a read-only root."""
    _write_status(run, "running", "", {})


def note(run: Run) -> None:
    """Write what became of the steps, for a run that is cut off while it reports: the next one keeps it."""
    with contextlib.suppress(Failure):
        _write_status(run, "running", "", {})


def finish(run: Run, outcome: str, reason: str) -> None:
    """Write how the run ended; a disk that takes no more is a warning, the report was what mattered."""
    run.finished_at = run.finished_at or timestamp()
    run.seconds = run.seconds or uptime() - run.started
    times = {"FINISHED": run.finished_at, "SECONDS": f"{run.seconds:.1f}"}
    try:
        _write_status(run, outcome, reason, times)
    except Failure as failure:
        log.warning(f"status not kept: {failure}")


def earlier(system: System) -> dict[str, str]:
    """What the status file holds."""
    pairs = (line.partition("=") for line in system.lines(_status(system)))
    return {key: value for key, equals, value in pairs if equals}


def _write_status(run: Run, outcome: str, reason: str, times: dict[str, str]) -> None:
    scripts = {"SCRIPT_" + _word(step): result for step, result in run.scripts.items()}
    if run.earlier:
        # The run that provisioned is the one that the file is about.
        old = {key: value for key, value in run.earlier.items() if key not in ("OUTCOME", "REASON")}
        values = {"OUTCOME": outcome, "FINISHED": times.get("FINISHED", ""), **old, **scripts}
    else:
        values = {
            "OUTCOME": outcome,
            "REASON": reason,
            "VERSION": VERSION,
            "ENGINE": "python",
            "HTTP_CLIENT": http.CLIENT,
            "VM_ID": run.vm_id,
            "STARTED": run.started_at,
            **times,
            "ADMIN_USER": run.admin_user,
            "LOGIN": run.login,
            **{"STEP_" + _word(step): result for step, result in run.results.items()},
            **scripts,
        }
    lines = [
        f"{key}={''.join(c if c.isprintable() else '?' for c in value)}\n" for key, value in values.items() if value
    ]
    run.system.make_directory(run.system.state_directory, 0o700)
    run.system.write(_status(run.system), "".join(lines).encode("utf-8", "replace"), 0o600)


def _word(step: str) -> str:
    return step.upper().replace("-", "_")


def keep_report(system: System, body: bytes, kind: str) -> None:
    """Keep the report that was accepted last, as report.xml or report.json; a disk that takes no more is a warning."""
    _try_to_write(system, f"{system.state_directory}/report.{kind}", body, "")


def mark_provisioned(run: Run) -> None:
    """Remember that this VM is done. Only after Ready was accepted."""
    _try_to_write(run.system, _marker(run.system), (run.vm_id + "\n").encode(), "; the next boot provisions again")


def _try_to_write(system: System, path: str, data: bytes, consequence: str) -> None:
    try:
        system.make_directory(system.state_directory, 0o700)
        system.write(path, data, 0o600)
    except Failure as failure:
        log.warning(f"{path} not kept: {failure}{consequence}")


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
