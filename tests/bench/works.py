"""What is measured: azready's works, what stands beside them, and how much more each may cost."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from conformance.client import SHELLS, Combination

from .place import AGENT, Place

BESIDE = Path(__file__).with_name("beside")
_READY = """<?xml version="1.0" encoding="utf-8"?>
<Health><GoalStateIncarnation>1</GoalStateIncarnation><Container><ContainerId>{container}</ContainerId>
<RoleInstanceList><Role><InstanceId>{instance}</InstanceId><Health><State>Ready</State></Health></Role>
</RoleInstanceList></Container></Health>
"""


class MeasureError(Exception):
    """A work that did not end as it should: its figures would be those of something else."""


def _nothing(_: Place) -> None:
    return None


@dataclass(frozen=True)
class Work:
    """One thing that a machine does. `command` starts it, `prepare` sets the scene; both get the scratch machine.

    `combination`: all that is on its PATH; without one, what Debian has. `verdict`: what the platform must say then.
    """

    name: str
    command: Callable[[Place], list[str]]
    prepare: Callable[[Place], None] = _nothing
    combination: Combination | None = None
    verdict: str = "Succeeded"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """azready's work against another, which it may cost `at_most` times as much as."""

    work: str
    against: str
    at_most: float


@dataclass(frozen=True)
class Limit:
    """KB of memory that a work may take at most, above what another takes."""

    work: str
    above: str
    at_most: int


def _python(name: str, *words: str) -> Work:
    return Work(name, lambda here: here.azready("python", *words))


def _shell(name: str, shell: str, client: str, *words: str, prepare: Callable[[Place], None] = _nothing) -> Work:
    row = SHELLS[shell]

    def command(here: Place) -> list[str]:
        return [shutil.which(row.program) or row.program, *row.words, *here.azready("shell", *words)]

    return Work(name, command, prepare, Combination("shell", shell, client))


def _beside(name: str, file: str) -> Work:
    environment = {"READY": str(BESIDE / "ready.py")}
    return Work(name, lambda _: ["sh", str(BESIDE / file)], _put_report, environment=environment)


def _put_report(here: Place) -> None:
    goal = here.azure.vm.goalstate
    text = _READY.format(container=goal.container_id, instance=goal.instance_id)
    (here.root / "ready.xml").write_text(text)


def _prepared(name: str, *words: str) -> Work:
    """The same where `install` could ask the Python that is going to run it."""

    def command(here: Place) -> list[str]:
        return [str(here.root / "usr/sbin/azready"), *here.azready("python", *words)[1:]]

    return Work(name, command, _install)


def _install(here: Place) -> None:
    """An image with this computer's Python and with azready."""
    python = Path(os.path.realpath(shutil.which("python3", path=here.path) or "/usr/bin/python3"))
    for folder in ("etc/init.d", "etc/runlevels/default", "usr/sbin", "usr/bin"):
        (here.root / folder).mkdir(parents=True, exist_ok=True)
    (here.root / "usr/bin/python3").symlink_to(python.name)
    # No program of an image is started.
    (here.root / "usr/bin" / python.name).touch(0o755)
    done = subprocess.run(
        here.azready("auto", "install", "--init", "openrc"), env=here.environment, capture_output=True, text=True
    )
    if done.returncode or not (here.root / "usr/sbin/azready.pyc").exists():
        raise MeasureError(f"nothing was prepared: {done.stdout}{done.stderr}")


def _provision(here: Place) -> None:
    """A first boot, so that the next is the second."""
    done = subprocess.run(
        ["sh", *here.azready("shell", "provision")], env=here.environment, capture_output=True, text=True
    )
    if done.returncode:
        raise MeasureError(f"the first boot failed: {done.stderr}")


SCRIPT = Work("script", lambda _: ["python3", str(BESIDE / "ready.py")])
WORKS = {
    work.name: work
    for work in (
        _python("python report", "report", "ready"),
        _python("python provision", "provision"),
        _prepared("prepared report", "report", "ready"),
        _prepared("prepared provision", "provision"),
        SCRIPT,
        _beside("script and name", "ready-and-name.sh"),
        _shell("dash+curl report", "dash", "curl", "report", "ready"),
        _shell("bash+curl report", "bash", "curl", "report", "ready"),
        _shell("busybox+wget report", "busybox", "busybox-wget", "report", "ready"),
        _beside("two curls", "two-curls.sh"),
        _shell("dash+curl provision", "dash", "curl", "provision"),
        _shell("bash+curl provision", "bash", "curl", "provision"),
        _shell("busybox+wget provision", "busybox", "busybox-wget", "provision"),
        _beside("six curls", "six-curls.sh"),
        Work("second boot", lambda here: [str(AGENT), "--root", str(here.root), "provision"], _provision),
        Work("sh -c :", lambda _: ["sh", "-c", ":"], verdict="Creating"),
    )
}
ROWS = (
    Row("python report", "script", 3.0),
    Row("python provision", "script and name", 3.5),
    Row("prepared report", "script", 1.5),
    Row("prepared provision", "script and name", 2.0),
    *(Row(f"{tools} report", "two curls", 2.0) for tools in ("dash+curl", "bash+curl", "busybox+wget")),
    *(Row(f"{tools} provision", "six curls", 2.5) for tools in ("dash+curl", "bash+curl", "busybox+wget")),
    Row("second boot", "sh -c :", 4.0),
)
MEMORY = (
    Limit("python report", "", 20 * 1024),
    Limit("python provision", "", 20 * 1024),
    Limit("prepared report", "", 20 * 1024),
    Limit("prepared provision", "", 20 * 1024),
    Limit("dash+curl report", "two curls", 3 * 1024),
    Limit("dash+curl provision", "six curls", 3 * 1024),
)
