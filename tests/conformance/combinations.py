"""Which case runs with which combinations of engine, shell, HTTP client and Python."""

from __future__ import annotations

from collections.abc import Sequence

from .case import Case
from .client import ALL, OWN_PYTHON, SHELLS, Combination, always

# A core case runs with every one of so many combinations of shell and HTTP client: the next one with the next of them.
_TURN = 4


def combinations(case: Case, cases: Sequence[Case], python: str = OWN_PYTHON) -> list[Combination]:
    """Every case runs with the tests' own Python, and with two shells and a third by turns; a core case with more.

    Every combination has its turn in a fourth of the core cases: all of them in all would take CI an hour.
    """
    turn = [each for each in cases if each.core == case.core].index(case)
    first = always(python)
    often = [*first[:3], *(first[3:] if case.core else [first[3 + turn % len(first[3:])]])]
    seldom = [each for number, each in enumerate(ALL) if each.python or (number + turn) % _TURN == 0]
    rows = [*often, *(each for each in (seldom if case.core else ()) if each not in often)]
    return [each for each in rows if each.engine in case.engines and not (case.without and SHELLS[each.shell].tools)]
