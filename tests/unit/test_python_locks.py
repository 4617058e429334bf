"""The Python engine at once with others: runs that wait for each other, and locks of the account files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.namespace import run_script
from support import DIST
from unit.python_machine import BOOT, OVF, Machine, ended, lives, new_machine, record, sleeper, wait_for


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine as it comes, and a platform that has nothing against it."""
    with new_machine(tmp_path) as made:
        yield made


@pytest.mark.parametrize("count", [2, 5])
def test_runs_at_once_provision_once(machine: Machine, count: int) -> None:
    machine.hook("sleep 2")
    runs = [machine.start("provision") for _ in range(count)]
    assert [ended(run)[0] for run in runs] == [0] * count
    assert machine.requests() == ["GET goalstate", "GET imds", "POST health"]
    assert "azureuser:x:1000:1000:" in machine.read("/etc/passwd")
    assert machine.read("/etc/group").count("azureuser:x:1000:") == 1
    assert not machine.leftovers()


def test_a_run_that_another_one_keeps_waiting_tells_nobody(machine: Machine) -> None:
    with sleeper() as other:
        machine.file("/run/azready/lock", record(other.pid))
        status, text = machine.provision(DEADLINE="1")
    assert status == 3
    assert f"another azready (process {other.pid}) is at work: waiting for it" in text
    assert not machine.requests()
    assert not (machine.root / "var/lib/azready").exists()


@pytest.mark.parametrize("form", ["dead", "another start", "another boot", "rubbish", "empty"])
def test_a_lock_of_a_run_that_is_gone_keeps_nobody_off(machine: Machine, form: str) -> None:
    with sleeper() as other:
        number = str(other.pid)
        records = {
            "dead": f"4194305 1 {BOOT}\n",
            "another start": f"{number} 1 {BOOT}\n",
            "another boot": record(other.pid).replace(BOOT, "0" * 8),
            "rubbish": f"{number}\n",
            "empty": "",
        }
        machine.file("/run/azready/lock", records[form])
        machine.file("/run/azready/lock.break.4194305", "")
        assert machine.provision(DEADLINE="10")[0] == 0
    assert machine.azure.verdict == "Succeeded"
    assert not machine.leftovers()


def test_run_that_takes_nothing_stops_nothing(machine: Machine) -> None:
    """Neither a directory for the lock nor for the document of IMDS."""
    machine.file("/run/azready", "a file")
    status, text = machine.provision()
    assert (status, machine.azure.verdict) == (0, "Succeeded"), text
    assert "warning: /run/azready/instance.json not kept" in text


def test_a_lock_of_a_dead_run_is_known_by_its_partner(machine: Machine) -> None:
    with sleeper() as other:
        lock = machine.file("/etc/passwd.lock", str(other.pid))
        os.link(lock, lock.with_name(".passwd.azready.lock"))
        status, text = machine.provision(DEADLINE="10")
    assert (status, machine.azure.verdict) == (0, "Succeeded"), text
    assert not machine.leftovers()


def test_a_lock_that_has_our_number_is_nobodys(machine: Machine) -> None:
    """As after a boot that repeats the one before."""
    etc = machine.root / "etc"

    def sign() -> None:
        for name in ("passwd", "shadow"):
            (etc / f"{name}.lock").write_text(str(os.getpid()))

    assert machine.provision(DEADLINE="10", preexec_fn=sign)[0] == 0
    assert machine.azure.verdict == "Succeeded"
    assert not machine.leftovers()


def test_a_lock_that_is_older_than_this_boot_is_nobodys(machine: Machine) -> None:
    with sleeper() as other:
        lock = machine.file("/etc/passwd.lock", str(other.pid))
        os.utime(lock, (1, 1))
        assert machine.provision(DEADLINE="10")[0] == 0
    assert not machine.leftovers()


def test_a_run_that_changes_nothing_clears_what_a_dead_one_left(machine: Machine) -> None:
    assert machine.provision()[0] == 0
    for path in ("/etc/passwd.lock", "/etc/shadow.4194305", "/etc/group.4194305"):
        machine.file(path, "4194305")
    for path in ("/etc/.gshadow.azready", "/etc/.shadow.azready.lock", "/var/lib/azready/.status.azready"):
        machine.file(path, "")
    machine.file("/home/.ada.azready/.profile", "")
    machine.file("/home/azureuser/.ssh/.authorized_keys.azready", "")
    kept = machine.file("/etc/passwd.1", "of somebody else")
    assert machine.provision("--force")[0] == 0
    assert kept.exists()
    kept.unlink()
    assert not machine.leftovers()


@pytest.mark.parametrize("step", ["user", "password"])
def test_a_lock_that_is_held_leaves_time_to_tell(machine: Machine, step: str) -> None:
    password = "<UserPassword>Secret-1</UserPassword><CustomData>"
    machine.file("/media/ovf-env.xml", OVF.format("").replace("<CustomData>", password))
    if step == "password":
        assert machine.provision()[0] == 0
    with sleeper() as other:
        machine.file("/etc/shadow.lock", str(other.pid))
        status, text = machine.provision("--force", "--only", step, DEADLINE="6", MEDIA="/media")
    assert (status, "file_not_writable" in text, "error=locked" in text) == (1, True, True), text
    assert "the platform accepted the report NotReady" in text
    assert float(machine.status()["SECONDS"]) <= 6


def test_a_lock_that_cannot_be_taken_away_is_a_warning(tmp_path: Path) -> None:
    """A file system that became read-only, after all went well."""
    script = f"""
        mount -t tmpfs scratch {tmp_path}
        mkdir -p {tmp_path}/root/etc
        echo root:x:0:0::/root:/bin/sh >{tmp_path}/root/etc/passwd
        {sys.executable} -c '
import subprocess, sys
sys.path.append("{DIST}/azready.pyz")
from azready.machine.system import System
system = System("{tmp_path}/root")
try:
    from azready.machine.account_locks import locked
except ImportError:
    locked = lambda system, names: system.locked(names)
with locked(system, ["/etc/passwd"]):
    subprocess.run(["mount", "-o", "remount,ro", "{tmp_path}"], check=True)
print("went well")
'"""
    ended = run_script(script, {}, network=False)
    assert ended.stdout == "went well\n", ended.stderr
    assert "warning: " in ended.stderr


def test_a_signal_ends_a_run_that_waits_for_another_one(machine: Machine) -> None:
    with sleeper() as other:
        lock = machine.file("/run/azready/lock", record(other.pid))
        run = machine.start("provision", "-v")
        wait_for(lambda: machine.root.joinpath("run/azready").exists() and lives(run.pid), "the run")
        assert run.stderr
        assert b"waiting for it" in run.stderr.readline()
        run.terminate()
        assert ended(run)[0] == 143
        assert lock.read_text() == record(other.pid)
    assert not machine.status()
