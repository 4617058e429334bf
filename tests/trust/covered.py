"""Adds up what the conformance suite reaches: lines and branches of the Python engine, functions of the shell's."""

from __future__ import annotations

import json
import os
import tempfile
import tomllib
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import support
from conformance.case import Case
from conformance.client import ZIPAPP, Azready, Combination, make_sandbox
from conformance.combinations import combinations
from conformance.loading import load_cases
from conformance.run import run_case

from . import measuring

SOURCE = support.ROOT / "agent" / "python" / "azready"
_FILE = Path(__file__).with_name("coverage.toml")
_AT_ONCE = 4 * (os.cpu_count() or 1)


@dataclass(frozen=True)
class Reached:
    """Of a function of the Python engine: how many lines and branches it has, how many were reached, which were not."""

    # `FILE:CLASS.NAME`; `FILE:` is what is in none.
    name: str
    all: int
    reached: int
    # Numbers of lines, and `FROM->TO` of branches.
    missing: tuple[str, ...]

    @property
    def percent(self) -> float:
        """Of nothing, all."""
        return 100 * self.reached / self.all if self.all else 100.0


@dataclass(frozen=True)
class Coverage:
    """What was reached: each function of the Python engine, all names of the shell engine, and those never called."""

    python: list[Reached]
    shell: list[str]
    never_called: list[str]

    def percent(self, left_out: Collection[str] = ()) -> float:
        """Lines and branches of the Python engine, but for those functions."""
        parts = [part for part in self.python if part.name not in left_out]
        return 100 * sum(part.reached for part in parts) / sum(part.all for part in parts)

    @property
    def never_entered(self) -> list[str]:
        """Functions of the Python engine."""
        return [part.name for part in self.python if not part.reached and part.all]


@dataclass(frozen=True)
class Exemption:
    """Functions that no case can reach, why that is so, and the test that does."""

    functions: tuple[str, ...]
    why: str
    test: str


@dataclass(frozen=True)
class Exemptions:
    """All of them, and the percent of the Python engine that must be reached."""

    each: tuple[Exemption, ...]
    least: float

    @property
    def names(self) -> set[str]:
        """Of all functions."""
        return {name for exemption in self.each for name in exemption.functions}

    def of(self, name: str) -> Exemption | None:
        """Why this function need not be reached."""
        return next((exemption for exemption in self.each if name in exemption.functions), None)


def load_exemptions() -> Exemptions:
    """As the file has them."""
    content = tomllib.loads(_FILE.read_text())
    each = (
        Exemption((*row["python"], *row["shell"]), row["why"], row["test"]) for row in content.get("exceptions", ())
    )
    return Exemptions(tuple(each), content["least"])


def measure() -> Coverage:
    """Run what has not run yet, and add up."""
    run_what_is_missing()
    names = list(measuring.shell_functions())
    called = measuring.folder() / "functions"
    return Coverage(python_functions(), names, [name for name in names if not (called / name).exists()])


def run_what_is_missing() -> None:
    """Run the measured ones that have not run with this azready: none in CI, where the suite was measured."""
    missing = [pair for pair in _measured_runs() if not measuring.has_run(*pair)]
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(_AT_ONCE) as pool:
        clients: dict[tuple[Combination, tuple[str, ...]], Azready] = {}
        for case, each in missing:
            if (each, case.without) not in clients:
                sandbox = make_sandbox(Path(scratch) / "sandboxes", each, case.without)
                clients[each, case.without] = measuring.measured(Azready(each, sandbox))
        jobs = [
            pool.submit(_run, case, clients[each, case.without], Path(scratch) / str(number))
            for number, (case, each) in enumerate(missing)
        ]
        for job in jobs:
            job.result()


def _measured_runs() -> Iterator[tuple[Case, Combination]]:
    cases = load_cases()
    for case in cases:
        yield from ((case, each) for each in combinations(case, cases) if measuring.is_measured(each))


def _run(case: Case, client: Azready, place: Path) -> None:
    place.mkdir()
    result = run_case(case, client, place)
    if result.faults:
        print(result)
    measuring.note(case, client.combination)


def python_functions() -> list[Reached]:
    """Each function, `FILE:CLASS.NAME`, and what of each file is in none, `FILE:`."""
    found = []
    for file, report in _report()["files"].items():
        name = Path(file).absolute().relative_to(SOURCE)
        for function, part in report["functions"].items():
            counts = part["summary"]
            lines = map(str, part["missing_lines"])
            branches = (f"{here}->{there}" for here, there in part["missing_branches"])
            found.append(
                Reached(
                    f"{name}:{function}",
                    counts["num_statements"] + counts["num_branches"],
                    counts["covered_lines"] + counts["covered_branches"],
                    (*lines, *branches),
                )
            )
    return found


def _report() -> dict[str, Any]:
    """What coverage.py says of all runs together, each file by its place in the source tree."""
    import coverage

    place = measuring.folder()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Path(scratch) / "settings"
        # The one whose shell functions are traced, and what it is made of.
        agents = (place / "azready", support.DIST / "azready")
        aliases = (SOURCE, *(zipped / inner for zipped in (*agents, ZIPAPP) for inner in ("azready", "")))
        settings.write_text("\n    ".join(["[run]\nbranch = true\n[paths]\nsource =", *map(str, aliases)]) + "\n")
        every = coverage.Coverage(data_file=f"{scratch}/all", config_file=str(settings), source=[str(SOURCE)])
        every.combine([str(path) for path in place.glob("python.*")], keep=True)
        # Also what nothing imports.
        every.get_data().touch_files([str(file) for file in SOURCE.rglob("*.py")])
        every.json_report(outfile=f"{scratch}/json")
        report: dict[str, Any] = json.loads(Path(scratch, "json").read_text())
    return report
