"""What became of the cases, in build/conformance.json: case -> combination -> outcome, for one dist/azready.

A later run of the same azready is added; one of another azready begins anew. A release makes its report of it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

from .client import AGENT
from .facts import PROJECT

FILE = PROJECT / "build" / "conformance.json"
PASSED, FAILED, LEFT_OUT = "passed", "failed", "left out"
# It failed at first: on a busy computer, or now and then.
PASSED_AGAIN = "passed again"
_TEST = re.compile(r"test_conformance\.py::test_case\[(.+)\[([^\[\]]+)\]\]$")

Outcomes = dict[str, dict[str, str]]


def noted(outcomes: Outcomes, test: str, outcome: str) -> None:
    """Write down what became of a test, if it is one of a case with a combination."""
    found = _TEST.search(test)
    if not found:
        return
    row = outcomes.setdefault(found[1], {})
    row[found[2]] = _together(row.get(found[2], ""), outcome)


def save(outcomes: Outcomes, file: Path = FILE, *, anew: bool = False) -> None:
    """Add them to the file, or have it hold nothing else."""
    known = {} if anew else load(file)
    sha256 = sha256_of_agent()
    results: Outcomes = known["results"] if known.get("sha256") == sha256 else {}
    for case, row in outcomes.items():
        before = results.setdefault(case, {})
        before |= {name: _together(before.get(name, ""), outcome) for name, outcome in row.items()}
    file.parent.mkdir(exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    new.write_text(json.dumps({"sha256": sha256, "results": results}, indent=1, sort_keys=True) + "\n")
    new.replace(file)


def load(file: Path) -> dict[str, Any]:
    """The file's content: `sha256` of dist/azready, `results`; nothing if there is none."""
    try:
        content: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return content if set(content) == {"sha256", "results"} else {}


def sha256_of_agent() -> str:
    """Which azready it is about."""
    return hashlib.sha256(AGENT.read_bytes()).hexdigest() if AGENT.exists() else ""


def _together(before: str, now: str) -> str:
    """A pass never hides the failure before it."""
    return PASSED_AGAIN if now == PASSED and before in (FAILED, PASSED_AGAIN) else now
