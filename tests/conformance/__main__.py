"""`python -m conformance --client 'CMD'`: puts any agent under the suite and prints a table of what it survives."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from emulator import VMError

from .case import Case, CaseError, load_cases
from .client import Other
from .expected import applies_to_others, judgement, load_expected
from .run import run_case

_EPILOG = """\
CMD may hold {root}, {wireserver} and {imds}; the same stand in ROOT, WIRESERVER and IMDS of its environment.
It must provision the machine whose files are below {root}, and nothing outside of it.
Checked is what the platform and the user see: it ends, the verdict, success or not, and the files.
The list of expected failures has lines `NAME: reason`; an expected failure that passes counts as wrong.
Exit status: 0 all as expected, 1 not so, 2 wrong usage.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen cases against the command; the exit status says whether all came out as expected."""
    options = _options(arguments)
    try:
        cases = load_cases()
        expected = load_expected(options.expected, cases) if options.expected else {}
        chosen = _chosen(cases, options.case)
        outcomes = [_outcome(case, options, expected) for case in chosen]
    except (CaseError, VMError, OSError) as error:
        print(f"conformance: {error}", file=sys.stderr)
        return 2
    words = [word for _, word in outcomes]
    counts = ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
    print(f"\n{len(chosen)} of {len(cases)} cases concern any agent: {counts}")
    return 0 if all(as_expected for as_expected, _ in outcomes) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m conformance", description=__doc__, epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--client", required=True, metavar="CMD", help="the agent's command")
    parser.add_argument("--expected", type=Path, metavar="FILE", help="list of expected failures")
    parser.add_argument("--limit", type=float, default=20.0, metavar="SECONDS", help="when a run counts as hung (20)")
    parser.add_argument("-v", "--verbose", action="store_true", help="show requests and log of every failure")
    parser.add_argument("case", nargs="*", help="cases to run (default: all that concern any agent)")
    return parser.parse_args(arguments)


def _chosen(cases: list[Case], names: Sequence[str]) -> list[Case]:
    unknown = set(names) - {case.name for case in cases}
    if unknown:
        raise CaseError(f"there is no case {', '.join(sorted(unknown))}")
    return [case for case in cases if (case.name in names if names else applies_to_others(case))]


def _outcome(case: Case, options: argparse.Namespace, expected: dict[str, str]) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
        result = run_case(case, Other(options.client, options.limit), Path(folder))
    as_expected, word = judgement(case.name, not result.faults, expected)
    print(f"{case.name:44} {word:17} {result.faults[0].splitlines()[0] if result.faults else ''}".rstrip(), flush=True)
    if options.verbose and result.faults:
        print(f"{result}\n")
    return as_expected, word


if __name__ == "__main__":
    sys.exit(main())
