"""Lists of expected failures: which cases a client is known to fail, and why. Strict: a listed pass is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from .case import ENGINES, Case, CaseError
from .loading import select

# The settings whose effect another agent can show too: how long it may try, and where the servers are.
_TIMES = {"DEADLINE", "IMDS_DEADLINE", "REQUEST_TIMEOUT"}
_PLACES = {"WIRESERVER", "IMDS"}


def applies_to_others(case: Case) -> bool:
    """Whether a case is about provisioning itself, and not about azready's own command line or settings."""
    return (
        case.engines == ENGINES
        and not case.own
        and not (case.live or case.zipapp)
        and all(
            run.args == (b"provision",)
            and run.config is None
            and not run.interrupt
            and run.settings.keys() <= _TIMES | _PLACES
            for run in case.runs
        )
    )


def load_expected(file: Path, cases: Iterable[Case]) -> dict[str, str]:
    """Case name -> reason, from lines `NAME: reason`; # begins a comment. Raises CaseError for an unknown name.

    NAME may be a file with rows: all of them then.
    """
    for_any = [case for case in cases if applies_to_others(case)]
    expected: dict[str, str] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        name, _, reason = (part.strip() for part in text.partition(":"))
        if not reason:
            raise CaseError(f"{file.name}:{number}: a line is `NAME: reason`")
        try:
            expected.update((case.name, reason) for case in select(for_any, [name]))
        except CaseError as error:
            raise CaseError(f"{file.name}:{number}: {error}") from None
    return expected


def judgement(name: str, passed: bool, expected: dict[str, str]) -> tuple[bool, str]:
    """Whether that is what the list says, and a word for it."""
    if passed:
        return name not in expected, "UNEXPECTED PASS" if name in expected else "passed"
    return name in expected, "expected failure" if name in expected else "FAILED"
