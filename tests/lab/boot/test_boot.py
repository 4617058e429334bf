"""Real machines with real inits: each one's life, and the bad days. `build.py boot` shows the same as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pytest

from . import run, stage


# Minutes when other tests want the processors too; the machine's own patience ends first.
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("machine", "scenario"), [pytest.param(*it, id=".".join(it)) for it in run.scenarios()])
def test_a_real_machine(machine: str, scenario: str, record_property: Callable[[str, object], None]) -> None:
    stage.need_tools()
    outcome = run.play(machine, scenario)
    record_property(run.OUTCOME, asdict(outcome))
    assert outcome.problems == []
