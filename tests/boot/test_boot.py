"""Real machines with real inits: each one's life, and the bad days. `build.py boot` shows the same as a table."""

from __future__ import annotations

import pytest

from . import run, stage


# Minutes when other tests want the processors too; the machine's own patience ends first.
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("machine", "scenario"), run.scenarios(), ids=".".join)
def test_a_real_machine(machine: str, scenario: str) -> None:
    stage.need_tools()
    assert run.play(machine, scenario).problems == []
