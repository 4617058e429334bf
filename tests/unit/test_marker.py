"""The marker of a machine that is done: what cannot be remembered after Ready costs nobody a machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.emulator import Emulator, Request, load_vm
from unit.run_machine import new_machine


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_marker_that_cannot_be_written_after_ready_is_a_warning(engine: str, tmp_path: Path) -> None:
    marker = tmp_path / "root" / "var/lib/azready/provisioned"

    def take_its_place(request: Request) -> None:
        """While the platform answers the report: nothing is renamed over a directory."""
        if request.endpoint == "health":
            (marker / "something").mkdir(parents=True)

    with new_machine(tmp_path, engine=engine) as machine, Emulator(load_vm({}), on_request=take_its_place) as azure:
        machine.azure = azure
        assert machine.run() == 0, machine.said()
        assert azure.verdict == "Succeeded"
        assert "error=Is a directory; the next boot provisions again" in machine.said()
        assert machine.status()["OUTCOME"] == "ready"
