"""`lab conformance --agent 'CMD'`: puts any agent under the suite and prints a table of what it survives."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from lab.emulator import VMError

from .case import Case, CaseError
from .check import COLUMNS, ENDED, EXIT, FILES, REPORT_COLUMNS, VERDICT
from .client import Other
from .expected import applies_to_others, judgement, load_expected
from .loading import load_cases, select
from .run import Result, nothing_passes, run_case

_EPILOG = """\
what is demanded of an agent:
  CMD is started once for each boot, without arguments of the case. It may hold {root}, {wireserver} and {imds};
  the same stand in ROOT, WIRESERVER and IMDS of its environment, and in DEADLINE the seconds it has for all.
  It must provision the machine whose files are below {root}, and touch nothing outside of it: identity in
  {root}/sys/class/dmi/id, name in {root}/etc/hostname or where that distribution has it. It must ask the two
  servers at the addresses that it is given, and not those of Azure.

columns:
  ended     it ended by itself, within --limit
  verdict   what the platform came to: Succeeded, Failed, Creating (nothing yet), TimedOut; `!` if another is demanded
  exit      it exited 0 if it succeeded, anything else if it did not
  files     the hostname, and whatever else the case names, is right; /etc/hostname stays unless it has to change
  All four are demanded. With --report-only ended and verdict alone: for an agent that reports and no more.

  Cases about azready's own command line, settings, marker, state directory or service are not among these.
  A case that an agent which does nothing passes as well is marked "passed by doing nothing" (it is tried with
  `true` and `false`) and not counted as passed.

A case is named TOPIC/NAME, as its file in cases/; one of several in a file TOPIC/NAME/ROW. A topic or a file stands for
all that is in it.

The list of expected failures has lines `NAME: reason`; an expected failure that passes counts as wrong.
Exit status: 0 all as expected, 1 not so, 2 wrong usage.
"""
_IDLE = "passed by doing nothing"
_NAME = 55
_WIDTHS = {ENDED: 6, VERDICT: 10, EXIT: 5, FILES: 5}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cases against the command; the exit status says whether all came out as expected."""
    options = parser().parse_args(arguments)
    try:
        cases = load_cases()
        expected = load_expected(options.expected, cases) if options.expected else {}
        chosen = _chosen(cases, options.case)
        columns = "  ".join(f"{column:{width}}" for column, width in _WIDTHS.items())
        print(f"{'case':{_NAME}} {columns}  outcome", flush=True)
        outcomes = [_outcome(case, options, expected) for case in chosen]
    except (CaseError, VMError, OSError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2
    words = [word for _, word in outcomes]
    counts = ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
    print(f"\n{len(chosen)} of {sum(map(applies_to_others, cases))} cases that concern any agent: {counts}")
    return 0 if all(as_expected for as_expected, _ in outcomes) else 1


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    made = argparse.ArgumentParser(
        prog="lab conformance", description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    made.add_argument("--agent", "--client", dest="client", required=True, metavar="CMD", help="the agent's command")
    made.add_argument("--expected", type=Path, metavar="FILE", help="list of expected failures")
    made.add_argument("--report-only", action="store_true", help="demand that it ends and the verdict, no files")
    made.add_argument("--limit", type=float, default=20.0, metavar="SECONDS", help="when a run counts as hung (20)")
    made.add_argument("-v", "--verbose", action="store_true", help="show requests and log of every failure")
    made.add_argument("case", nargs="*", help="cases, files or topics (default: all for any agent)")
    return made


def _chosen(cases: list[Case], names: Sequence[str]) -> list[Case]:
    chosen = select(cases, names) if names else cases
    for_any = [case for case in chosen if applies_to_others(case)]
    own = {case.name for case in chosen} - {case.name for case in for_any}
    # Of a topic, or of a file with rows, those that can be asked for are meant.
    if own & set(names) or not for_any:
        raise CaseError(f"azready's own, nobody else can be asked for that: {', '.join(sorted(own))}")
    return for_any


def _outcome(case: Case, options: argparse.Namespace, expected: dict[str, str]) -> tuple[bool, str]:
    demanded = REPORT_COLUMNS if options.report_only else COLUMNS
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        result = run_case(case, Other(options.client, options.limit, demanded), Path(folder))
    as_expected, word = judgement(case.name, not result.faults, expected)
    if not result.faults:
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            word = _IDLE if word == "passed" and nothing_passes(case, demanded, Path(folder)) else word
    print(f"{case.name:{_NAME}} {_row(result, demanded)}  {word}", flush=True)
    for column in COLUMNS:
        for fault in result.columns.get(column, []):
            note = "" if column in demanded else " (not demanded)"
            print(f"    {column}: {fault.splitlines()[0]}{note}", flush=True)
    if options.verbose and result.faults:
        print(f"{result}\n")
    return as_expected, word


def _row(result: Result, demanded: Sequence[str]) -> str:
    """The columns of one case: `ok`, `NO`, and `no` for what was not demanded."""
    marks = {column: ("NO" if column in demanded else "no") for column in result.columns}
    values = {column: marks.get(column, "ok") for column in COLUMNS}
    # The verdict itself says more than whether it is the right one.
    if result.runs:
        values[VERDICT] = result.runs[-1].verdict
        values[VERDICT] += "!" if VERDICT in result.columns else ""
    return "  ".join(f"{values[column]:{width}}" for column, width in _WIDTHS.items())


if __name__ == "__main__":
    sys.exit(main())
