"""Where /var is in memory, as OpenWrt has it, what azready must know at the next boot lies elsewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.run_machine import REAL_SHELLS, VM_ID, Machine, new_machine

ENGINES = [("shell", shell) for shell in REAL_SHELLS] + [("python", "dash")]
PERSON = "ada:x:1000:1000::/home/ada:/bin/sh\n"


@pytest.fixture(params=ENGINES, ids="-".join)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    engine, shell = request.param
    with new_machine(tmp_path, shell, engine=engine) as made:
        shutil.rmtree(made.root / "run")
        shutil.rmtree(made.root / "var")
        (made.root / "tmp/run").mkdir(parents=True)
        (made.root / "tmp/lib").mkdir()
        (made.root / "var").symlink_to("/tmp")
        (made.root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        yield made


def reboot(machine: Machine) -> None:
    """What is in memory is gone."""
    shutil.rmtree(machine.root / "tmp")
    (machine.root / "tmp/run").mkdir(parents=True)
    (machine.root / "tmp/lib").mkdir()


def test_a_machine_whose_var_is_memory_is_provisioned_once(machine: Machine) -> None:
    machine.give_script("true")
    assert machine.run() == 0, machine.said()
    state = machine.root / "etc/azready"
    assert (state / "provisioned").read_text() == f"{VM_ID}\n"
    assert (state / "custom-data").exists()
    assert "saved in /etc/azready/custom-data" in machine.said()
    assert oct(state.stat().st_mode) == "0o40700"
    assert (machine.root / "tmp/run/azready/instance.json").exists()
    assert not (machine.root / "run").exists()
    assert not (machine.root / "tmp/lib/azready").exists()
    asked = len(machine.azure.requests)
    reboot(machine)
    assert machine.run() == 0, machine.said()
    assert len(machine.azure.requests) == asked
    assert machine.run("status") == 0


def test_generalize_finds_what_lies_there(machine: Machine) -> None:
    assert machine.run() == 0, machine.said()
    accounts = machine.root / "etc/passwd"
    accounts.write_text(accounts.read_text() + PERSON)
    status = machine.root / "etc/azready/status"
    status.write_text(status.read_text() + "ADMIN_USER=ada\n")
    reboot(machine)
    assert machine.run("generalize", "--yes") == 0, machine.said()
    assert not (machine.root / "etc/azready").exists()
    assert "ada" not in accounts.read_text()
    assert machine.run("status") == 1


def test_a_person_of_a_machine_with_a_var_of_its_own_keeps_a_folder_of_that_name(tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        (machine.root / "etc/azready").mkdir()
        assert machine.run() == 0, machine.said()
        assert machine.run("generalize", "--yes") == 0, machine.said()
        assert (machine.root / "etc/azready").exists()
        assert not (machine.root / "var/lib/azready").exists()
