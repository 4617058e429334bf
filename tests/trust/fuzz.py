"""Differential fuzzing of the two engines: the same decision for the same bytes.

    python3 build.py fuzz --count 20000

goes through so many inputs of each kind, from --first on: other numbers are other inputs. CI takes the first ones.
What differs is shown with its number; --first NUMBER --count 1 --show shows that input.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from unit.shell_engine import AWKS

from trust.batch import Batch, differences
from trust.inputs import KINDS, drawn
from trust.judging import Decision, judged, quiet

# Inputs that lie in files at a time, in memory where that can be: each file that is written is synced.
_BATCH = 200
MEMORY = next((folder for folder in ("/dev/shm",) if os.access(folder, os.W_OK)), None)


def crashes(kind: str, numbers: Iterable[int], folder: Path) -> Iterator[str]:
    """What the Python engine does not get over: it may refuse an input, but by the name of a failure."""
    for number in numbers:
        try:
            judged(kind, drawn(kind, number), folder / "root")
        except Exception:
            yield f"{kind} {number}: {traceback.format_exc(limit=-3)}"


def disagreements(kind: str, numbers: Sequence[int], awk: str, folder: Path) -> Iterator[str]:
    """Where the engines differ."""
    for at in range(0, len(numbers), _BATCH):
        yield from _differ(kind, numbers[at : at + _BATCH], awk, folder)


def _differ(kind: str, numbers: Sequence[int], awk: str, folder: Path) -> Iterator[str]:
    batch, decided = Batch(folder, awk), dict[int, Decision]()
    for number in numbers:
        given = drawn(kind, number)
        batch.add(kind, number, given)
        decided[number] = judged(kind, given, folder / "python")
    batch.run()
    for number, python in decided.items():
        shell, said = batch.decision(kind, number)
        for line in differences(python, shell):
            yield f"{kind} {number} with {awk}: {line} {said.strip()[-300:]}".rstrip()
    batch.clear()


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where nothing was found."""
    parser = argparse.ArgumentParser(prog="build.py fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000, help="inputs of each kind (default: 1000)")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only this kind; may be given again")
    parser.add_argument("--awk", action="append", choices=AWKS, help="only this awk; may be given again")
    parser.add_argument("--python-only", action="store_true", help="look for crashes of the Python engine alone")
    parser.add_argument("--show", action="store_true", help="print the inputs and go")
    options = parser.parse_args(arguments)
    quiet()
    numbers = range(options.first, options.first + options.count)
    found = 0
    for kind in options.kind or KINDS:
        if options.show:
            print(*(f"{kind} {number}: {drawn(kind, number)}" for number in numbers), sep="\n")
            continue
        with tempfile.TemporaryDirectory(prefix="azready-fuzz-", dir=MEMORY) as folder:
            for line in _run(kind, numbers, options.awk or AWKS, options.python_only, Path(folder)):
                found += 1
                print(line, flush=True)
        print(f"{kind}: {len(numbers)} inputs from {options.first} on", flush=True)
    return 1 if found else 0


def _run(kind: str, numbers: range, awks: Sequence[str], python_only: bool, folder: Path) -> Iterator[str]:
    yield from crashes(kind, numbers, folder)
    for awk in () if python_only else awks:
        (folder / awk).mkdir()
        yield from disagreements(kind, numbers, awk, folder / awk)


if __name__ == "__main__":
    sys.exit(main())
