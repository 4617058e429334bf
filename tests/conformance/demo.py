"""`python -m conformance.demo`: watch azready provision a machine against the emulator, once with each engine.

A scenario is a conformance case, so every fault of the suite can be watched.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.emulator import Request
from lab.tree import Entry
from rich.console import Console
from rich.table import Table
from rich.text import Text

from .case import Case
from .check import Observed
from .client import AGENT, Start
from .loading import load_cases
from .run import Result, run_case

_USUAL = "provision/everything"
_WIDTH_OF_A_FILE = 140
# Files longer than this show their size only.
_SHORT_FILE = 60


@dataclass(frozen=True)
class Installed:
    """azready from dist/ with what this machine has on its PATH."""

    engine: str
    contract: bool = True
    http: str = ""
    limit: float = 60.0
    work: Path | None = None

    @property
    def name(self) -> str:
        """The engine's name."""
        return self.engine

    def command(self, start: Start) -> list[str | bytes]:
        """As a person would type it."""
        return ["sh", str(AGENT), "--engine", self.engine, "--root", str(start.root), *start.args]

    def environment(self, start: Start) -> dict[str, str]:
        """The settings of the case."""
        settings = {f"AZREADY_{key}": value for key, value in start.settings.items()}
        return {"PATH": os.environ["PATH"], **settings, **start.environment}


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the scenario with each engine; 0: it came out as it should, 1: it did not, 2: wrong usage."""
    options = _options(arguments)
    width = None if sys.stdout.isatty() else _WIDTH_OF_A_FILE
    console = Console(highlight=False, soft_wrap=True, width=width)
    cases = {case.name: case for case in load_cases()}
    if options.scenario not in cases:
        _suggest(console, options.scenario, cases)
        return 2
    if not AGENT.exists():
        console.print(f"{AGENT} is not there: python3 build.py build")
        return 2
    case = cases[options.scenario]
    console.print(Text.assemble(("scenario ", "bold"), (case.name, "bold cyan"), f": {case.about}"))
    engines = [engine for engine in case.engines if options.engine in (engine, "both")]
    with _folder(console, options.keep) as folder:
        results = [_demonstrate(console, case, engine, folder) for engine in engines]
    return 1 if any(result.faults for result in results) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="build.py demo", description="Provision one machine with each engine, against the emulator.",
        epilog="A scenario that does not exist lists all of them.",
    )  # fmt: skip
    parser.add_argument("--engine", choices=("python", "shell", "both"), default="both")
    parser.add_argument("--scenario", default=_USUAL, metavar="NAME", help=f"a fault to watch (default: {_USUAL})")
    parser.add_argument("--keep", action="store_true", help="keep the machines' root trees, and say where")
    return parser.parse_args(arguments)


def _suggest(console: Console, name: str, cases: dict[str, Case]) -> None:
    for known in cases.values():
        console.print(Text.assemble((f"{known.name:55}", "cyan"), f" {known.about}"))
    near = difflib.get_close_matches(name, cases, 1, cutoff=0.3)
    hint = f"; did you mean {near[0]}?" if near else ""
    console.print(f"\nthere is no scenario {name!r}{hint}", style="bold red")


@contextlib.contextmanager
def _folder(console: Console, keep: bool) -> Iterator[Path]:
    if not keep:
        with tempfile.TemporaryDirectory(prefix="azready-demo-") as name:
            yield Path(name)
        return
    folder = Path(tempfile.mkdtemp(prefix="azready-demo-"))
    yield folder
    console.print(f"kept: {folder}")


def _demonstrate(console: Console, case: Case, engine: str, folder: Path) -> Result:
    place = folder / engine
    place.mkdir()
    began = time.monotonic()
    result = run_case(case, Installed(engine), place)
    seconds = time.monotonic() - began
    console.print()
    console.rule(Text(f"{engine} engine", "bold"), align="left")
    for run, seen in zip(case.runs, result.runs, strict=True):
        words = " ".join(word.decode("utf-8", "backslashreplace") for word in run.args)
        console.print(Text(f"$ azready --engine {engine} --root {place / 'root'} {words}", "bold"))
        _show(console, seen)
    _conclude(console, result, seconds)
    return result


def _show(console: Console, seen: Observed) -> None:
    for line in (seen.stdout + seen.stderr).splitlines():
        console.print(Text(f"  {line}", "yellow" if ": warning:" in line or ": error:" in line else ""))
    _section(console, "requests", _timeline(seen.requests) if seen.requests else Text("  none"))
    if seen.reports:
        document = seen.reports[-1].body.decode("utf-8", "replace")
        _section(console, "the report as sent", Text(f"  {document.rstrip()}".replace("\n", "\n  "), "green"))
    _section(console, "files changed", _files(seen) if seen.changed else Text("  none"))


def _section(console: Console, title: str, content: Table | Text) -> None:
    console.print(Text(f"\n{title}", "bold"))
    console.print(content)


def _timeline(requests: list[Request]) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    for request in requests:
        good = request.answer.startswith("2")
        answer = f"{request.answer} {request.note}".strip()
        asked = f"{request.method or 'drop'} {request.path}"
        clock = f"{request.time:8.3f} s"
        table.add_row(clock, request.server, Text(asked), Text(answer, "green" if good else "red"))
    return table


def _files(seen: Observed) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2))
    for path in sorted(seen.changed):
        entry = seen.after.get(path)
        sign = "-" if entry is None else "~" if path in seen.before else "+"
        table.add_row(f"  {sign} {path}", f"{entry.mode:04o}" if entry else "", Text(_glance(entry)))
    return table


def _glance(entry: Entry | None) -> str:
    if entry is None or entry.kind == "directory":
        return ""
    text = entry.content.decode("utf-8", "replace").strip()
    if entry.kind == "symlink":
        return f"-> {text}"
    return text if "\n" not in text and len(text) <= _SHORT_FILE else f"{len(entry.content)} bytes"


def _conclude(console: Console, result: Result, seconds: float) -> None:
    last = result.runs[-1]
    good = not result.faults
    words = "as the scenario expects" if good else "NOT as the scenario expects"
    verdict = f"{last.verdict}, exit status {last.finished.exit}, {seconds:.1f} s: {words}"
    style = "bold green" if good else "bold red"
    console.print(Text.assemble("\n", ("the platform's verdict: ", "bold"), (verdict, style)))
    for fault in result.faults:
        console.print(Text(f"- {fault}", "red"))


if __name__ == "__main__":
    sys.exit(main())
