"""No bytes make the Python engine crash, and none tell the two engines apart.

The numbers of the inputs are fixed, so that a build does not fail by chance; `python3 build.py fuzz` takes others.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.shell_engine import AWKS

from trust.fuzz import MEMORY, crashes, disagreements
from trust.inputs import KINDS
from trust.judging import quiet

# How many inputs of each kind Python gets, and how many pairs of engines, each with one of the awks in turn. What takes
# an engine long gets few.
COUNTS = {
    "goal_state": (26000, 900),
    "instance": (26000, 900),
    "media": (18000, 700),
    "settings": (12000, 700),
    "keys": (10000, 700),
    "authorized_keys": (5000, 500),
    "names": (1500, 300),
    "account": (400, 80),
    "rights": (600, 140),
    "sshd": (500, 80),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """One in memory."""
    with tempfile.TemporaryDirectory(prefix="azready-fuzz-", dir=MEMORY) as path:
        yield Path(path)


def test_so_many_inputs_are_tried() -> None:
    assert COUNTS.keys() == KINDS.keys()
    assert sum(python for python, _ in COUNTS.values()) >= 100_000
    assert sum(pairs for _, pairs in COUNTS.values()) >= 5000


@pytest.mark.parametrize("kind", KINDS)
def test_no_input_makes_the_python_engine_crash(kind: str, folder: Path) -> None:
    quiet()
    found = list(crashes(kind, range(COUNTS[kind][0]), folder))
    assert found == [], f"{len(found)} of {COUNTS[kind][0]}"


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("kind", KINDS)
def test_both_engines_decide_alike(kind: str, awk: str, folder: Path) -> None:
    quiet()
    numbers = range(AWKS.index(awk), COUNTS[kind][1], len(AWKS))
    assert list(disagreements(kind, numbers, awk, folder)) == []
