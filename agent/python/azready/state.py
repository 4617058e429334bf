"""What azready remembers of its runs: marker, status file, last report, and whether its service runs again."""

from __future__ import annotations

import re

from . import http, log
from .errors import Failure
from .facts import VERSION
from .run import Run
from .system import System, timestamp, uptime

DIRECTORY = "/var/lib/azready"
_MARKER = f"{DIRECTORY}/provisioned"
_STATUS = f"{DIRECTORY}/status"
# Where each init keeps the link that enables a service: directory and file of `directory/*/file`.
_ENABLED = [("/etc/systemd/system", "azready.service")]


def provisioned_as(system: System) -> str:
    """The VM id that the marker holds; empty where there is none."""
    return re.sub(r"[\x00-\x20\x7f]", "", (system.read(_MARKER) or b"").decode("ascii", "replace"))


def begin(run: Run) -> None:
    """Write that a run began. Raises Failure where nothing can be remembered: a full disk, a read-only root."""
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


def _write_status(run: Run, outcome: str, reason: str, times: dict[str, str]) -> None:
    values = {
        "OUTCOME": outcome,
        "REASON": reason,
        "VERSION": VERSION,
        "ENGINE": "python",
        "HTTP_CLIENT": http.CLIENT,
        "VM_ID": run.vm_id,
        "STARTED": run.started_at,
        **times,
        **{"STEP_" + step.upper().replace("-", "_"): result for step, result in run.results.items()},
        **{"SCRIPT_" + step.upper().replace("-", "_"): result for step, result in run.scripts.items()},
    }
    lines = [
        f"{key}={''.join(c if c.isprintable() else '?' for c in value)}\n" for key, value in values.items() if value
    ]
    run.system.make_directory(DIRECTORY, 0o700)
    run.system.write(_STATUS, "".join(lines).encode("utf-8", "replace"), 0o600)


def keep_report(system: System, body: bytes, kind: str) -> None:
    """Keep the report that was accepted last, as report.xml or report.json; a disk that takes no more is a warning."""
    _try_to_write(system, f"{DIRECTORY}/report.{kind}", body, "")


def mark_provisioned(run: Run) -> None:
    """Remember that this VM is done. Only after Ready was accepted."""
    _try_to_write(run.system, _MARKER, (run.vm_id + "\n").encode(), "; the next boot provisions again")


def _try_to_write(system: System, path: str, data: bytes, consequence: str) -> None:
    try:
        system.make_directory(DIRECTORY, 0o700)
        system.write(path, data, 0o600)
    except Failure as failure:
        log.warning(f"{path} not kept: {failure}{consequence}")


def disable_service(system: System) -> None:
    """RUN=once: take away the links that start the service at boot."""
    for directory, file in _ENABLED:
        for link in system.glob(directory, file):
            try:
                system.remove(link)
                log.info(f"service disabled: removed {link}")
            except Failure as failure:
                log.warning(f"service not disabled: {failure}")
