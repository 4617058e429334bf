"""However a server misbehaves, a run comes to the end that the contract says, and in time.

Each misbehaviour comes once at each endpoint, with every client; and for ever at one endpoint, with one client in turn.
`python3 build.py faults` does all of it with all of them. build/trust/faults.md is the table, faults.json has the logs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from conformance.client import PYTHONS, Combination, need_programs

from trust.fault_runs import clients
from trust.fault_table import plan, run, write
from trust.faults import MISBEHAVIOURS


def test_every_status_in_use_is_tried() -> None:
    names = {misbehaviour.name for misbehaviour in MISBEHAVIOURS}
    assert len(names) == len(MISBEHAVIOURS)
    assert {"200", "206", "404", "410", "429", "451", "503", "504"} <= names


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("client", clients())
def test_a_misbehaving_server_is_taken_by_the_rules(client: str, tmp_path: Path) -> None:
    python = client == "urllib3"
    need_programs(
        Combination("python", "dash", client, PYTHONS[-1]) if python else Combination("shell", "dash", client)
    )
    cells = run(client, plan(client), tmp_path)
    write(client, cells)
    wrong = [cell for cell in cells if cell.faults]
    assert not wrong, "\n\n".join(f"{cell}: {', '.join(cell.faults)}\n{cell.log}" for cell in wrong[:10])
