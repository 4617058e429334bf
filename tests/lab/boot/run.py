"""Plays scenarios and keeps their outcome: build/boot/boot.json and, for a reader, a table."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

from lab.process import NotSeen

from .image import machines
from .scenario import DAYS, life
from .stage import FOLDER, Stage, scratch, slot
from .timeline import Moment

# The name under which a test hands its outcome to the end of the test run.
OUTCOME = "outcome"
_COLUMNS = ("machine", "init", "engine", "client", "scenario", "from kernel", "from network", "verdict", "took")


@dataclass
class Outcome:
    """What became of a scenario; the seconds are None where no verdict was reached."""

    machine: str
    scenario: str
    init: str
    engine: str
    client: str
    verdict: str = ""
    seconds_from_kernel_start: float | None = None
    seconds_from_network_up: float | None = None
    seconds: float = 0.0
    boots: int = 0
    # Where the time of each deployment went, by its name.
    timelines: dict[str, list[Moment]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def scenarios(*, built: bool = False) -> list[tuple[str, str]]:
    """Machine and scenario of everything there is, the longest first, so that two at a time end together.

    `built`: with the machines of a builder, too, which take their builder's minutes and are played by name alone.
    """
    days = [(machine, day) for day, (_, played) in DAYS.items() for machine in played]
    return [(name, "life") for name, machine in machines().items() if built or not machine.builder] + days


def play(name: str, scenario: str) -> Outcome:
    """Play one scenario as soon as there is a place for it; never raises for what a machine does."""
    machine = machines()[name]
    outcome = Outcome(name, scenario, machine.init, machine.engine, machine.client)
    story: Callable[[Stage], None] = life if scenario == "life" else DAYS[scenario][0]
    with slot(), scratch(f"{name}.{scenario}") as folder:
        started = time.monotonic()
        stage = Stage(machine, scenario, folder)
        try:
            story(stage)
        except NotSeen as error:
            stage.problem(str(error))
        outcome.seconds = round(time.monotonic() - started, 1)
    outcome.verdict, outcome.boots, outcome.problems = stage.verdict, stage.boots, stage.problems
    outcome.timelines = stage.timelines
    for key, value in stage.times.items():
        setattr(outcome, key, value)
    _keep(outcome)
    return outcome


def _keep(outcome: Outcome) -> None:
    """Put the outcome into boot.json, in the place of an older one of the same scenario."""
    path = FOLDER / "boot.json"
    with (FOLDER / "boot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = json.loads(path.read_text()) if path.exists() else []
        others = [row for row in known if (row["machine"], row["scenario"]) != (outcome.machine, outcome.scenario)]
        path.write_text(json.dumps([*others, asdict(outcome)], indent=1) + "\n")


def table(outcomes: Iterable[Outcome]) -> str:
    """The outcomes for a reader; below it every problem."""
    rows = [_COLUMNS, *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    problems = [f"{it.machine} {it.scenario}: {problem}" for it in outcomes for problem in it.problems]
    return "\n".join([*lines, "", *problems])


def _row(it: Outcome) -> tuple[str, ...]:
    seconds = [
        "" if value is None else f"{value:.1f} s"
        for value in (it.seconds_from_kernel_start, it.seconds_from_network_up)
    ]
    verdict = f"{it.verdict or 'none'}{' (!)' if it.problems else ''}"
    return (it.machine, it.init, it.engine, it.client, it.scenario, *seconds, verdict, f"{it.seconds:.0f} s")
