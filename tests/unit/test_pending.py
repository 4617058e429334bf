"""What comes after Ready is done, even where the run that was accepted did not get to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from unit.run_machine import VM_ID, Machine, new_machine, wait_for


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with new_machine(tmp_path) as made:
        # What enables the service on dinit.
        unit = made.root / "etc/dinit.d/boot.d/azready"
        unit.parent.mkdir(parents=True)
        unit.symlink_to("../azready")
        yield made


def service_is_enabled(machine: Machine) -> bool:
    return (machine.root / "etc/dinit.d/boot.d/azready").is_symlink()


def cut_off_in_script(machine: Machine, began: Path, count: int) -> None:
    """A start that is killed as by a power cut while the script is at work."""
    run = machine.start()
    wait_for(lambda: began.exists() and len(began.read_text().splitlines()) == count, 30, "the script")
    run.kill()
    run.wait()
    wait_for(lambda: not machine.processes(), 15, "the script to end")


def test_a_script_that_was_cut_off_is_started_once_more_and_not_a_third_time(machine: Machine) -> None:
    began = machine.scratch / "began"
    machine.give_script(f'echo "$AZREADY_HOSTNAME" >>{began}\nsleep 600')
    cut_off_in_script(machine, began, 1)
    assert service_is_enabled(machine), "nobody would start it again"
    cut_off_in_script(machine, began, 2)
    assert machine.run() == 0, machine.said()
    # The environment is that of the run that provisioned.
    assert began.read_text() == "web-1\n" * 2
    assert "not started again" in machine.said()
    assert len(machine.azure.requests) == 3
    assert not service_is_enabled(machine)
    assert not (machine.root / "var/lib/azready/pending").exists()
    assert machine.status()["OUTCOME"] == "ready"


def test_a_run_that_was_cut_off_between_marker_and_end_is_completed_at_the_next_start(machine: Machine) -> None:
    pool = machine.root / "var/lib/hyperv/.kvp_pool_1"
    pool.parent.mkdir()
    pool.touch()
    state = machine.root / "var/lib/azready"
    state.mkdir()
    (state / "provisioned").write_text(f"{VM_ID}\n")
    (state / "status").write_text(f"OUTCOME=running\nVERSION=0\nVM_ID={VM_ID}\nSTEP_HOSTNAME=done 0.1\n")
    (state / "pending").write_text(f"VM_ID={VM_ID}\nHOSTNAME=web-1\nADMIN_USER=ada\nstatus\nkvp\nservice\n")
    assert machine.run() == 0, machine.said()
    assert machine.azure.requests == []
    assert machine.status()["OUTCOME"] == "ready"
    assert machine.status()["STEP_HOSTNAME"] == "done 0.1"
    assert pool.stat().st_size == 2560
    assert b"result=success|" in pool.read_bytes()
    assert not service_is_enabled(machine)
    assert not (state / "pending").exists()
    assert machine.run("status") == 0


def test_what_is_pending_for_another_machine_is_not_done(machine: Machine) -> None:
    state = machine.root / "var/lib/azready"
    state.mkdir()
    (state / "custom-data").write_text(f"#!/bin/sh\ntouch {machine.scratch}/started\n")
    (state / "pending").write_text("VM_ID=00000000-0000-4000-8000-000000000001\nscript custom-data 0\n")
    assert machine.run() == 0, machine.said()
    assert not (machine.scratch / "started").exists()
    assert not (state / "pending").exists()


def test_the_service_is_disabled_behind_the_scripts(machine: Machine) -> None:
    seen = machine.scratch / "seen"
    machine.give_script(f'[ -h "$AZREADY_ROOT/etc/dinit.d/boot.d/azready" ] && echo enabled >{seen}')
    assert machine.run() == 0, machine.said()
    assert seen.read_text() == "enabled\n"
    assert not service_is_enabled(machine)
    assert not (machine.root / "var/lib/azready/pending").exists()


def test_a_run_that_could_not_report_leaves_nothing_pending(machine: Machine) -> None:
    machine.settings |= {"WIRESERVER": "127.0.0.1:9", "REPORT_PROTOCOL": "json", "DEADLINE": "3"}
    assert machine.run() == 3
    assert not (machine.root / "var/lib/azready/pending").exists()
