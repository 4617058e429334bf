"""The Python engine, cut off: by a signal, by a kill, behind the marker; the next start makes up for it."""

from __future__ import annotations

import base64
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.emulator import Emulator, load_vm
from lab.namespace import run_script
from support import DIST
from unit.python_machine import BOOT, HANG, OVF, SERVICE, Machine, ended, lives, new_machine, record, sleeper, wait_for


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine as it comes, and a platform that has nothing against it."""
    with new_machine(tmp_path) as made:
        yield made


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP"])
def test_a_signal_ends_the_run_and_its_hook(machine: Machine, name: str) -> None:
    machine.hook('echo $$ >"$AZREADY_ROOT/etc/pid"; sleep 600 & wait')
    run = machine.start("provision")
    wait_for(lambda: machine.read("/etc/pid"), "the hook")
    number = int(machine.read("/etc/pid"))
    assert machine.read("/run/azready/child").splitlines() == [record(number).rstrip(), "hook"]
    run.send_signal(getattr(signal, f"SIG{name}"))
    status, text = ended(run)
    assert status == 128 + getattr(signal, f"SIG{name}")
    assert not lives(number)
    assert f"ended by the signal {name}" in text
    assert machine.status()["OUTCOME"] == "interrupted"
    assert machine.status()["REASON"] == f"signal_{name}"
    assert machine.requests() == ["GET goalstate", "GET imds"]
    assert not machine.leftovers()


@pytest.mark.parametrize("where", ["goalstate", "imds", "health"])
def test_a_signal_ends_a_request(tmp_path: Path, where: str) -> None:
    with Emulator(load_vm({"answers": {where: [{"hang": True, "times": 0}]}})) as azure:
        machine = Machine(tmp_path, azure, load_vm({}))
        run = machine.start("provision", REQUEST_TIMEOUT="600", DEADLINE="1200", IMDS_DEADLINE="600")
        wait_for(lambda: any(where in request for request in machine.requests()), where)
        run.send_signal(signal.SIGTERM)
        assert ended(run)[0] == 143
        assert not machine.leftovers()
        assert machine.status()["OUTCOME"] == "interrupted"
        assert not machine.read("/var/lib/azready/provisioned")


def test_a_run_that_is_killed_takes_its_hook_along(machine: Machine) -> None:
    machine.hook('echo $$ >>"$AZREADY_ROOT/etc/pids"; trap "" TERM; [ -e "$AZREADY_ROOT/etc/go" ] || sleep 600')
    run = machine.start("provision")
    wait_for(lambda: machine.read("/etc/pids"), "the hook")
    run.kill()
    number = int(machine.read("/etc/pids"))
    wait_for(lambda: not lives(number), "the end of the hook")
    ended(run)
    machine.file("/etc/go", "")
    status, text = machine.provision()
    assert (status, machine.azure.verdict) == (0, "Succeeded"), text
    assert len(machine.read("/etc/pids").split()) == 2
    assert not machine.leftovers()


def test_a_hook_that_was_left_is_killed_before_the_next_one_starts(machine: Machine) -> None:
    machine.hook(":")
    with sleeper() as left:
        machine.file("/run/azready/child", record(left.pid) + "old-hook\n")
        status, text = machine.provision()
        assert status == 0, text
        assert left.wait(HANG) == -signal.SIGKILL
    assert "old-hook of a run that was cut off was still at work: it was killed" in text


@pytest.mark.parametrize("form", ["another start", "another boot", "no start", "rubbish"])
def test_a_number_that_is_somebody_elses_by_now_is_not_killed(machine: Machine, form: str) -> None:
    with sleeper() as other:
        records = {
            "another start": f"{other.pid} 1 {BOOT}\n",
            "another boot": record(other.pid).replace(BOOT, "0" * 8),
            "no start": f"{other.pid} - {BOOT}\n",
            "rubbish": f"{other.pid}\n",
        }
        machine.file("/run/azready/child", records[form] + "old-hook\n")
        assert machine.provision()[0] == 0
        assert other.poll() is None


def with_script(machine: Machine, text: str) -> dict[str, str]:
    """Settings with which this script is the custom data."""
    machine.file("/media/ovf-env.xml", OVF.format(base64.b64encode(f"#!/bin/sh\n{text}\n".encode()).decode()))
    link = machine.root / SERVICE.lstrip("/")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/usr/lib/systemd/system/azready.service")
    return {"CUSTOM_DATA": "run", "MEDIA": "/media"}


_LONG = """echo started >>"$AZREADY_ROOT/etc/starts"
printf '%s %s' "$AZREADY_HOSTNAME" "$AZREADY_ADMIN_USER" >"$AZREADY_ROOT/etc/environment"
[ -e "$AZREADY_ROOT/etc/go" ] || sleep 600"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_script_that_was_cut_off_runs_at_the_next_start(machine: Machine, number: int) -> None:
    settings = with_script(machine, _LONG)
    pool = machine.file("/var/lib/hyperv/.kvp_pool_1", "")
    run = machine.start("provision", **settings)
    wait_for(lambda: machine.read("/etc/environment"), "the script")
    # The service is the last to go: else nothing would start this run again.
    assert (machine.root / SERVICE.lstrip("/")).is_symlink()
    assert "script custom-data 1\nservice\n" in machine.read("/var/lib/azready/pending")
    run.send_signal(number)
    assert ended(run)[0] == (-9 if number == signal.SIGKILL else 143)
    asked = len(machine.requests())
    machine.file("/etc/go", "")
    status, text = machine.provision(**settings)
    assert status == 0, text
    assert machine.read("/etc/starts") == "started\nstarted\n"
    assert machine.read("/etc/environment") == "web-1 azureuser"
    assert len(machine.requests()) == asked
    assert machine.status()["OUTCOME"] == "ready"
    assert machine.status()["SCRIPT_CUSTOM_DATA"].startswith("done ")
    assert machine.status()["STEP_HOSTNAME"].startswith("done ")
    assert not (machine.root / SERVICE.lstrip("/")).is_symlink()
    assert pool.stat().st_size == 2560
    assert not machine.leftovers()
    assert "nothing to do" in machine.provision(**settings)[1]


def test_a_script_that_cuts_the_run_off_does_not_loop(machine: Machine) -> None:
    settings = with_script(machine, 'echo started >>"$AZREADY_ROOT/etc/starts"; kill -KILL $PPID; sleep 600')
    # The script's parent is the run itself.
    assert [machine.provision(**settings)[0] for _ in range(2)] == [-9, -9]
    status, text = machine.provision(**settings)
    assert status == 0
    assert "warning: custom-data: not started again, it was cut off 2 times" in text
    assert machine.read("/etc/starts") == "started\nstarted\n"
    assert not (machine.root / SERVICE.lstrip("/")).is_symlink()
    assert not machine.leftovers()


def test_what_was_cut_off_right_behind_the_marker_is_made_up_for(machine: Machine) -> None:
    with_script(machine, ":")
    pool = machine.file("/var/lib/hyperv/.kvp_pool_1", "")
    machine.file("/var/lib/azready/provisioned", f"{machine.vm.id}\n")
    machine.file("/var/lib/azready/status", "OUTCOME=running\nVERSION=0\nSTARTED=then\nSTEP_USER=done 0.10\n")
    machine.file("/var/lib/azready/pending", f"VM_ID={machine.vm.id}\nHOSTNAME=web-1\nstatus\nkvp\nservice\n")
    assert machine.provision()[0] == 0
    assert not machine.requests()
    status = machine.status()
    assert (status["OUTCOME"], status["STARTED"], status["STEP_USER"]) == ("ready", "then", "done 0.10")
    assert pool.read_bytes().startswith(b"PROVISIONING_REPORT\0")
    assert not (machine.root / SERVICE.lstrip("/")).is_symlink()
    assert not machine.leftovers()


def test_what_is_left_for_another_machine_is_forgotten(machine: Machine) -> None:
    machine.file("/var/lib/azready/provisioned", "another\n")
    machine.file("/var/lib/azready/custom-data", '#!/bin/sh\necho >"$AZREADY_ROOT/etc/ran"\n')
    machine.file("/var/lib/azready/pending", "VM_ID=another\nstatus\nscript custom-data 0\n")
    assert machine.provision(CUSTOM_DATA="run")[0] == 0
    assert machine.azure.verdict == "Succeeded"
    assert not (machine.root / "etc/ran").exists()
    assert not machine.leftovers()


def test_a_living_run_does_the_rest_itself(machine: Machine) -> None:
    machine.file("/var/lib/azready/provisioned", f"{machine.vm.id}\n")
    pending = machine.file("/var/lib/azready/pending", f"VM_ID={machine.vm.id}\nservice\n")
    with sleeper() as other:
        machine.file("/run/azready/lock", record(other.pid))
        status, text = machine.provision()
    assert (status, f"another azready (process {other.pid}) does what is left to do" in text) == (0, True)
    assert pending.exists()


def test_a_media_that_was_left_mounted_is_unmounted() -> None:
    script = f"""
        mount -t tmpfs scratch /run
        mkdir -p /run/azready/media
        mount -t tmpfs scratch /run/azready/media
        {sys.executable} -c '
import sys
sys.path.append("{DIST}/azready.pyz")
from azready.machine import mounts
from azready.machine.system import System
mounts.release(System("/"))
'
        ls -A /run/azready"""
    ended = run_script(script, {}, network=False)
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
    assert "unmounting /run/azready/media, which a run that was cut off left mounted" in ended.stderr


def test_work_directories_of_the_dead_are_swept(tmp_path: Path) -> None:
    from azready.machine import sweep

    with sleeper() as other:
        owners = {
            "azready.4194305": None,
            "azready.4194305.1": f"4194305 1 {BOOT}\n",
            f"azready.{other.pid}": record(other.pid),
            f"azready.{other.pid}.1": None,
            f"azready.{other.pid}.2": f"{other.pid} 1 {BOOT}\n",
            f"azready.{os.getpid()}": None,
            "azready.conf": None,
            "azready.1x": None,
        }
        for name, owner in owners.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / "wanted.password").write_text("secret")
            if owner:
                (tmp_path / name / "owner").write_text(owner)
        (tmp_path / "azready.4194306").symlink_to(tmp_path / "azready.conf")
        if os.geteuid() == 0:
            (tmp_path / "azready.4194307").mkdir()
            os.chown(tmp_path / "azready.4194307", 1000, 1000)
        sweep._sweep_work(str(tmp_path))
        left = {path.name for path in tmp_path.iterdir()}
    kept = {f"azready.{other.pid}", f"azready.{other.pid}.1", "azready.conf", "azready.1x", "azready.4194306"}
    assert left == kept | ({"azready.4194307"} if os.geteuid() == 0 else set())
    assert (tmp_path / "azready.conf/wanted.password").exists()
