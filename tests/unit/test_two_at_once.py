"""Runs that are started at the same moment: one works, the others wait and find nothing to do."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import need
from unit.run_machine import LIMIT, REAL_SHELLS, Machine, end, new_machine, wait_for

# What runs together.
COMPANIES = {
    "two": ("shell", "shell"),
    "five": ("shell",) * 5,
    "two of both engines": ("shell", "python"),
    "five of both engines": ("python", "shell", "shell", "python", "shell"),
}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with new_machine(tmp_path) as made:
        yield made


def busy(machine: Machine) -> Path:
    """A hook that is at work until the file `go` is there."""
    machine.hook("busy", f"while [ ! -e {machine.scratch}/go ]; do sleep 0.1; done")
    return machine.scratch / "go"


@pytest.mark.parametrize("company", COMPANIES)
@pytest.mark.parametrize("shell", REAL_SHELLS)
def test_runs_at_once_report_ready_once(shell: str, company: str, tmp_path: Path) -> None:
    with new_machine(tmp_path, shell, engine="python") as machine:
        machine.hook("count", f"echo once >>{machine.scratch}/count\nsleep 0.5")
        runs = []
        for machine.engine in COMPANIES[company]:
            runs.append(machine.start())
        try:
            assert [run.wait(LIMIT) for run in runs] == [0] * len(runs), machine.said()
        finally:
            for run in runs:
                end(run)
        assert machine.azure.verdict == "Succeeded"
        assert [sent.endpoint for sent in machine.azure.requests] == ["goalstate", "imds", "health"]
        assert (machine.scratch / "count").read_text() == "once\n"
        assert machine.left() == []


@pytest.mark.parametrize("engine", ["shell", "python"])
@pytest.mark.parametrize("command", ["install", "uninstall", "generalize"])
def test_no_other_command_changes_a_machine_that_is_being_provisioned(
    command: str, engine: str, tmp_path: Path
) -> None:
    with new_machine(tmp_path, engine="python") as machine:
        machine.engine = engine
        _refuses(machine, command)


def _refuses(machine: Machine, command: str) -> None:
    go = busy(machine)
    run = machine.start()
    wait_for(lambda: (machine.root / "run/azready/child").exists(), 30, "the hook")
    words = ["--yes"] if command == "generalize" else []
    assert machine.run(command, *words) == 2
    assert "is at work" in machine.said()
    go.touch()
    assert run.wait(LIMIT) == 0
    assert machine.azure.verdict == "Succeeded"


@pytest.mark.parametrize("engine", ["shell", "python"])
@pytest.mark.parametrize("command", ["install", "uninstall", "generalize"])
def test_a_run_waits_for_a_command_that_changes_the_image(command: str, engine: str, tmp_path: Path) -> None:
    """Whichever comes first: afterwards the image is as after one behind the other."""
    with new_machine(tmp_path, engine="python") as machine:
        machine.engine = engine
        # The first who gets the lock is held with it in its hand.
        hold = f"mkdir {machine.scratch}/first || exit 0\nuntil [ -e {machine.scratch}/go ]; do sleep 0.1; done"
        machine.tool("ln", f'{need("ln")} "$@" || exit\ncase $2 in */azready/lock)\n{hold} ;;\nesac')
        words = ["--yes"] if command == "generalize" else []
        first = machine.start(command, *words)
        wait_for(lambda: (machine.root / "run/azready/lock").exists(), 30, "the lock")
        run = machine.start()
        wait_for(lambda: "is at work: waiting for it" in machine.said(), 30, "the run to wait")
        assert machine.azure.requests == []
        (machine.scratch / "go").touch()
        assert first.wait(LIMIT) in (0, 2), machine.said()
        assert run.wait(LIMIT) == 0, machine.said()
        assert machine.azure.verdict == "Succeeded"
        assert machine.left() == []


def test_a_run_that_waited_until_its_deadline_reports_nothing(machine: Machine) -> None:
    """A failure would be a lie: the other run is at work."""
    go = busy(machine)
    run = machine.start()
    wait_for(lambda: (machine.root / "run/azready/child").exists(), 30, "the hook")
    machine.settings["DEADLINE"] = "2"
    assert machine.run() == 3
    assert "error: locked" in machine.said()
    assert machine.status()["OUTCOME"] == "running"
    go.touch()
    assert run.wait(LIMIT) == 0
    assert machine.azure.verdict == "Succeeded"


@pytest.mark.parametrize("record", ["", "rubbish\n", "1 1 a-boot-before-this\n", "4194303 - -\n", "@ME@ 1 -\n"])
def test_a_lock_of_nobody_who_lives_is_taken_away(record: str, machine: Machine) -> None:
    """Among them: the number of a process that lives now, but began later."""
    folder = machine.root / "run/azready"
    folder.mkdir()
    (folder / "lock").write_text(record.replace("@ME@", str(os.getpid())))
    machine.settings["DEADLINE"] = "10"
    assert machine.run() == 0, machine.said()
    assert machine.left() == []


def test_a_lock_is_gone_after_a_signal(machine: Machine) -> None:
    busy(machine)
    run = machine.start()
    wait_for(lambda: (machine.root / "run/azready/child").exists(), 30, "the hook")
    assert (machine.root / "run/azready/lock").exists()
    os.kill(run.pid, signal.SIGTERM)
    assert run.wait(30) == 143
    assert not (machine.root / "run/azready/lock").exists()


def test_where_run_takes_nothing_the_lock_lies_with_the_state(machine: Machine) -> None:
    (machine.root / "run").rmdir()
    (machine.root / "run").write_text("no directory")
    busy(machine)
    run = machine.start()
    wait_for(lambda: (machine.root / "var/lib/azready/lock").exists(), 30, "the lock")
    (machine.scratch / "go").touch()
    assert run.wait(LIMIT) == 0, machine.said()
    assert machine.azure.verdict == "Succeeded"
