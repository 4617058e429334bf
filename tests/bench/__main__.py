"""`python3 build.py bench`: what azready costs, beside what else could do its work."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from support import ROOT

from . import peers, sizes, survival
from .counts import can_trace
from .facts import facts
from .fleet import AT_ONCE_PER_PROCESSOR, rehearse, told
from .measure import measure, ratios
from .picture import picture
from .place import AGENT
from .progress import Progress
from .results import WIDTH, Results
from .works import ROWS, WORKS, MeasureError

_ABOUT = """\
What azready costs, beside what else could do its work: processor time and peak memory of all
processes, programs, forks, requests. Every work gets a new machine (a root file system, an
emulator) each time. One round runs all works, one after the other; what counts is the median of
the rounds' ratios, so that a busy computer changes little. It takes some minutes."""

_MANUAL = """\
try it:
  build.py bench                       all works
  build.py bench --peers --sizes       beside cloud-init and waagent, too, and with large inputs: the
                                       whole picture, in an hour half of which is theirs
  build.py bench --rounds 3            less exact, in a minute
  build.py bench --only "second boot"  the rows with these words in them
  build.py bench --fleet 1000          a rehearsal: 1,000 machines with the shell engine and 200 with
                                       Python boot for the first time, beside one emulator

what is measured:
  report     goal state, then Ready: azready report ready
  provision  hostname, user, key and all that, then Ready: azready provision
  script     what the public documentation's example does in Python: goal state, then Ready
  curls      the requests alone

build/bench/bench.json has every figure, bench.svg is the picture. Needs strace, curl, bash, busybox
and Debian's python3; --peers what tests/lab/clients need.

exit status: 0 it is measured (met or not), 1 a work did not end as it should, 2 wrong usage"""
_BUILD = ROOT / "build" / "bench"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and show; the exit status."""
    options = _options(arguments)
    console = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else WIDTH)
    if not AGENT.exists() or not can_trace():
        print("bench: needs dist/azready (`build.py build`), and strace that may trace", file=sys.stderr)
        return 2
    try:
        return _rehearse(options, console) if options.fleet else _measure(options, console)
    except MeasureError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("build.py bench", None, _ABOUT, _MANUAL, formatter_class=shape)
    add = parser.add_argument
    add("--rounds", type=_count, default=11, metavar="N", help="how often (default: 11)")
    add("--only", metavar="TEXT", default="", help="the rows whose work has this in its name")
    add("--peers", action="store_true", help="beside Debian's cloud-init and waagent, too (root, some minutes)")
    add("--days", action="store_true", help="and which of them survives bad days of Azure (root, half an hour)")
    add("--sizes", action="store_true", help="and time against the size of the input, with each awk")
    add("--json", action="store_true", help="print bench.json in place of the tables")
    add("--output", metavar="DIR", type=Path, default=_BUILD, help="where the files go (default: build/bench)")
    add("--fleet", metavar="N", type=_count, help="no measuring: N machines, and a fifth as many with Python")
    add("--at-once", metavar="N", type=_count, help="of a fleet (default: 8 for each processor)")
    add("--refusals", metavar="N", type=int, default=0, help="of a fleet: so many goal states are answered 503 to each")
    options = parser.parse_args(arguments)
    if not [row for row in ROWS if options.only in row.work]:
        parser.error(f"no row has {options.only!r} in its name; there are: {', '.join(row.work for row in ROWS)}")
    return options


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def _measure(options: argparse.Namespace, console: Console) -> int:
    rows = [row for row in ROWS if options.only in row.work]
    names = {name for row in rows for name in (row.work, row.against)}
    results, progress = Results(facts(), options.rounds), Progress()
    results.figures = measure([work for name, work in WORKS.items() if name in names], options.rounds, progress)
    results.ratios = ratios(rows, results.figures)
    if options.peers:
        # Theirs are long, and differ by much more than a busy minute can.
        found = peers.measure(max(1, options.rounds // 3), progress)
        results.ratios += ratios(peers.ROWS, found)
        results.agents = peers.comparison(found)
    # What comes of a day is no figure of this run: the last answer stays.
    results.days = survival.survive(progress) if options.days else _days_of(options.output)
    if options.sizes:
        results.curves = sizes.measure(max(1, options.rounds // 4), progress)
    _write(results, options.output)
    if options.json:
        print(json.dumps(results.json(), indent=1))
    else:
        results.show(console)
    return 0


def _days_of(folder: Path) -> dict[str, dict[str, str]]:
    """Those that a run before has written there."""
    place = folder / "bench.json"
    found: dict[str, dict[str, str]] = json.loads(place.read_text()).get("days", {}) if place.exists() else {}
    return found


def _write(results: Results, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench.json").write_text(json.dumps(results.json(), indent=1) + "\n")
    (folder / "bench.svg").write_text(picture(results))


def _rehearse(options: argparse.Namespace, console: Console) -> int:
    at_once = options.at_once or AT_ONCE_PER_PROCESSOR * (os.cpu_count() or 1)
    progress, python = Progress(), options.fleet // 5
    found = rehearse(options.fleet, python, at_once, options.refusals, lambda done, of: progress("boots", done, of))
    summary = {**facts(), "at_once": at_once, "refusals": options.refusals, **found.summary()}
    options.output.mkdir(parents=True, exist_ok=True)
    document = json.dumps(summary, indent=1) + "\n"
    (options.output / "fleet.json").write_text(document)
    console.print(document if options.json else "\n".join(told(found)))
    return 0 if all(boot.is_good for boot in found.boots) else 1


if __name__ == "__main__":
    sys.exit(main())
