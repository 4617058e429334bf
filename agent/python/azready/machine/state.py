"""What azready remembers of its runs: marker, status file, last report."""

from __future__ import annotations

import contextlib
import re

from azready.machine import http, log
from azready.machine.clock import timestamp, uptime
from azready.machine.failure import Failure
from azready.machine.run import Run
from azready.machine.system import System
from azready.tables import VERSION


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
            **{f"TIME_{name}": seconds for name, seconds in run.times.items()},
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
