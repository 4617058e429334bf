"""The Python engine under attack: cut off at the worst moment, started twice, with nothing that can be written.

Each test starts the built engine on a scratch root with an emulator of its own, unless it needs a mount: then inside of
namespaces.
"""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conformance.case import Image
from conformance.image import make_root
from lab.emulator import Emulator, VirtualMachine, load_vm
from lab.namespace import run_script
from support import DIST

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready.azure import media
from azready.machine import config, http, log
from azready.machine.failure import Failure, NoGoodAnswer

# No good machine needs as long; what hangs is killed then.
HANG = 60.0
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


class Machine:
    """A root with accounts, an emulator that listens, and the engine to be started on it."""

    def __init__(self, folder: Path, azure: Emulator, vm: VirtualMachine) -> None:
        self.root, self.azure, self.vm = folder / "root", azure, vm
        make_root(self.root, Image(), vm, {}, accounts=True)
        (self.root / "etc/gshadow").write_text("root:*::\n")

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """A run that is on its way; keyword arguments in capitals are settings."""
        settings = {"WIRESERVER": self.azure.wireserver, "IMDS": self.azure.imds, "DEADLINE": "40", "MEDIA": "none"}
        settings |= {key: options.pop(key) for key in list(options) if key.isupper()}
        path = options.pop("path", os.environ["PATH"])
        environment = {"PATH": path, **{f"AZREADY_{key}": value for key, value in settings.items()}}
        command = [sys.executable, "-I", "-S", str(DIST / "azready.pyz"), "--root", str(self.root), *arguments]
        options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        return subprocess.Popen(command, env=environment, **options)

    def provision(self, *arguments: str, **options: Any) -> tuple[int, str]:
        """Exit status and log of a run."""
        run = self.start("provision", *arguments, **options)
        return ended(run)

    def file(self, path: str, text: str | bytes, mode: int = 0o644) -> Path:
        """Write a file of the image."""
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
        place.chmod(mode)
        return place

    def hook(self, text: str) -> None:
        """A hook of the image."""
        self.file("/etc/azready.d/hook", f"#!/bin/sh\n{text}\n", 0o755)

    def read(self, path: str) -> str:
        """The text of a file; empty where it is missing."""
        place = self.root / path.lstrip("/")
        return place.read_text() if place.exists() else ""

    def status(self) -> dict[str, str]:
        """The status file."""
        return dict(line.split("=", 1) for line in self.read("/var/lib/azready/status").splitlines())

    def requests(self) -> list[str]:
        """What was asked of the platform."""
        return [f"{request.method} {request.endpoint}" for request in self.azure.requests]

    def leftovers(self) -> list[str]:
        """What no run may leave."""
        patterns = [
            *("etc/.*.azready", "etc/.*.lock", "etc/*.lock", "etc/*.[0-9]*", "home/.*", "home/*/.ssh/.*"),
            *("run/azready/lock*", "run/azready/child", "run/azready/.*", "var/lib/azready/pending"),
            "var/lib/azready/.*",
        ]
        return [str(path.relative_to(self.root)) for pattern in patterns for path in self.root.glob(pattern)]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine as it comes, and a platform that has nothing against it."""
    vm = load_vm({})
    with Emulator(vm) as azure:
        yield Machine(tmp_path, azure, vm)


def ended(run: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Exit status and log."""
    try:
        _, errors = run.communicate(timeout=HANG)
    finally:
        run.kill()
        run.wait()
    return run.returncode, (errors or b"").decode()


def wait_for(condition: Callable[[], object], what: str) -> None:
    until = time.monotonic() + HANG
    while not condition():
        assert time.monotonic() < until, f"never came: {what}"
        time.sleep(0.02)


def lives(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@contextlib.contextmanager
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process of somebody else."""
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as process:
        try:
            yield process
        finally:
            process.kill()


def record(pid: int) -> str:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return f"{pid} {words[19]} {BOOT}\n"


# A log that cannot be written


@pytest.mark.parametrize("form", ["full", "closed", "without a reader", "all closed"])
def test_a_log_that_cannot_be_written_stops_nothing(machine: Machine, form: str, tmp_path: Path) -> None:
    closing: dict[str, Any] = {}
    if form == "full":
        closing["stderr"] = open("/dev/full", "wb")  # noqa: SIM115
    elif form == "without a reader":
        reads, writes = os.pipe()
        os.close(reads)
        closing["stderr"] = writes
    else:
        numbers = (0, 1, 2) if form == "all closed" else (2,)

        def close() -> None:
            for number in numbers:
                os.close(number)

        closing["preexec_fn"] = close
        closing |= {"stdin": None, "stdout": None, "stderr": None}
    status, _ = machine.provision("-v", **closing)
    assert status == 0
    assert machine.azure.verdict == "Succeeded"
    assert machine.read("/etc/hostname") == "web-1\n"
    assert machine.read("/etc/passwd").startswith("root:x:0:0:root:/root:/bin/sh\ndaemon:")
    assert not [path for path in machine.root.rglob("*") if path.is_file() and b"azready: " in path.read_bytes()]
    assert not machine.leftovers()


@pytest.mark.parametrize("command", ["version", "help"])
def test_a_text_that_nobody_can_read_is_no_crash(machine: Machine, command: str) -> None:
    with open("/dev/full", "wb") as full:
        assert ended(machine.start(command, stdout=full)) == (1, "")


# Ended by a signal


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


# What is left to do after Ready

_SERVICE = "/etc/systemd/system/multi-user.target.wants/azready.service"


def with_script(machine: Machine, text: str) -> dict[str, str]:
    """Settings with which this script is the custom data."""
    machine.file("/media/ovf-env.xml", _OVF.format(base64.b64encode(f"#!/bin/sh\n{text}\n".encode()).decode()))
    link = machine.root / _SERVICE.lstrip("/")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to("/usr/lib/systemd/system/azready.service")
    return {"CUSTOM_DATA": "run", "MEDIA": "/media"}


_OVF = """<e:Environment xmlns:e="http://schemas.dmtf.org/ovf/environment/1"
 xmlns="http://schemas.microsoft.com/windowsazure"><ProvisioningSection><LinuxProvisioningConfigurationSet>
<CustomData>{}</CustomData></LinuxProvisioningConfigurationSet></ProvisioningSection></e:Environment>"""
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
    assert (machine.root / _SERVICE.lstrip("/")).is_symlink()
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
    assert not (machine.root / _SERVICE.lstrip("/")).is_symlink()
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
    assert not (machine.root / _SERVICE.lstrip("/")).is_symlink()
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
    assert not (machine.root / _SERVICE.lstrip("/")).is_symlink()
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
    assert (status, "another azready does what is left to do" in text) == (0, True)
    assert pending.exists()


# One at a time


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


# Locks of account files


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
    machine.file("/media/ovf-env.xml", _OVF.format("").replace("<CustomData>", password))
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


# Odd accounts


@pytest.mark.parametrize("uid", ["9" * 5000, "4294967295", "4294967296", "99999999999999999999"])
def test_a_uid_that_is_none_is_a_malformed_line(machine: Machine, uid: str) -> None:
    passwd = machine.read("/etc/passwd")
    machine.file("/etc/passwd", f"{passwd}odd:x:{uid}:{uid}::/:/bin/sh\n")
    assert machine.provision()[0] == 0
    assert "\nazureuser:x:1000:1000:" in machine.read("/etc/passwd")
    machine.file("/etc/passwd", f"{passwd}azureuser:x:{uid}:1000::/home/azureuser:/bin/sh\n")
    status, text = machine.provision("--force", "--only", "user")
    assert status == 1
    assert "user_not_created step=user file=/etc/passwd error=malformed_line" in text


def test_a_group_of_a_cut_off_try_gets_its_line_in_gshadow(machine: Machine) -> None:
    machine.file("/etc/group", machine.read("/etc/group") + "azureuser:x:1000:\n")
    assert machine.provision()[0] == 0
    assert machine.read("/etc/gshadow") == "root:*::\nazureuser:!::\n"


def test_a_full_home_is_told_as_what_it_is(tmp_path: Path) -> None:
    script = f"""
        root={tmp_path}/root
        mkdir -p $root/home $root/etc/skel
        mount -t tmpfs -o size=64k scratch $root/home
        dd if=/dev/zero of=$root/etc/skel/large bs=1024 count=200 2>/dev/null
        {sys.executable} -c '
import sys
sys.path.append("{DIST}/azready.pyz")
from azready.machine.failure import Failure
from azready.machine.homes import make_home
from azready.machine.system import System
try:
    make_home(System("{tmp_path}/root"), "/home/ada", "/etc/skel", 0o700, 1000, 1000)
except Failure as failure:
    print(failure)
'
        ls -A $root/home"""
    ended = run_script(script, {}, network=False)
    assert ended.stdout == "file_not_writable file=/home/ada error=No space left on device\n", ended.stderr


def test_umask_of_the_caller_does_not_matter(machine: Machine) -> None:
    (machine.root / "home").rmdir()
    (machine.root / "etc/hostname").unlink()
    assert machine.provision(preexec_fn=lambda: os.umask(0o077))[0] == 0
    assert (machine.root / "home").stat().st_mode & 0o777 == 0o755
    assert (machine.root / "etc/hostname").stat().st_mode & 0o777 == 0o644


# Files of root in the hands of the user


@pytest.fixture
def home(machine: Machine) -> Path:
    """The home of an account of uid 1000, which is not this process's."""
    if os.geteuid() != 0:
        pytest.skip("only root meets files of others")
    machine.file("/etc/passwd", machine.read("/etc/passwd") + "azureuser:x:1000:1000::/home/azureuser:/bin/sh\n")
    home = machine.root / "home/azureuser"
    (home / ".ssh").mkdir(parents=True)
    for folder in (home, home / ".ssh"):
        os.chown(folder, 1000, 1000)
    return home


def test_a_secret_of_root_is_not_given_away(machine: Machine, home: Path) -> None:
    """The user may move a file of root within his home, and must not be able to read it then."""
    keys = machine.file("/home/azureuser/.ssh/authorized_keys", "root:$6$secret:20000::::::\n", 0o600)
    status, text = machine.provision("--only", "ssh-keys")
    assert status == 1
    assert "keys_not_added" in text
    assert (keys.stat().st_uid, keys.read_text()) == (0, "root:$6$secret:20000::::::\n")


def test_a_directory_of_root_is_not_opened(machine: Machine, home: Path) -> None:
    (home / ".ssh").rmdir()
    secret = machine.file("/home/azureuser/.ssh/backup-of-root", "secret")
    secret.parent.chmod(0o700)
    assert machine.provision("--only", "ssh-keys")[0] == 1
    assert secret.parent.stat().st_uid == 0


def test_keys_that_root_wrote_become_the_users(machine: Machine, home: Path) -> None:
    text = f'# ours\n\n{KEY}\nfrom="10.0.0.1" {KEY}\n'
    keys = machine.file("/home/azureuser/.ssh/authorized_keys", text, 0o600)
    assert machine.provision("--only", "ssh-keys")[0] == 0
    assert keys.stat().st_uid == 1000
    assert keys.read_text().startswith(text)


# Documents that are made to take long


def test_a_media_that_is_too_large_is_refused(machine: Machine) -> None:
    machine.file("/media/ovf-env.xml", _OVF.format("") + " " * 1048576)
    status, text = machine.provision("--only", "custom-data", MEDIA="/media")
    assert (status, "media_malformed file=ovf-env.xml; going on with IMDS alone" in text) == (0, True)


def test_custom_data_that_is_too_large_is_left_out(machine: Machine) -> None:
    machine.file("/media/ovf-env.xml", _OVF.format(""))
    machine.file("/media/CustomData.bin", bytes(1048577))
    status, text = machine.provision("--only", "custom-data", MEDIA="/media")
    assert status == 0
    assert "warning: provisioning media: CustomData.bin is left out, it is over 1048576 bytes" in text
    assert not (machine.root / "var/lib/azready/custom-data").exists()


def test_a_document_is_read_within_the_limit_of_its_request(machine: Machine) -> None:
    def for_ever(_data: bytes) -> None:
        while True:
            pass

    request = http.Request("GET", machine.azure.wireserver, "/machine/?comp=goalstate", {"x-ms-version": "2012-11-30"})
    with pytest.raises(NoGoodAnswer, match="no_good_answer error=no_answer"):
        http.send(request, 0.5, for_ever)


def test_a_media_is_read_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def for_ever(*_arguments: object) -> None:
        while True:
            pass

    monkeypatch.setattr(media, "read_elements", for_ever)
    with pytest.raises(Failure, match="media_malformed"):
        media.parse_media(b"<a/>", seconds=0.5)


# Answers


def answered(answer: bytes, method: str = "GET") -> str:
    """What becomes of a request that is answered so: the body, or why it is no good."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        request = http.Request(
            method, f"127.0.0.1:{server.getsockname()[1]}", "/", {}, b"x" if method == "POST" else b""
        )
        try:
            return http.send(request, 20, bytes.decode)
        except NoGoodAnswer as problem:
            return problem.what()
        finally:
            thread.join()


def test_only_a_whole_200_answers_a_question() -> None:
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == "hi"
    assert answered(b"HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nhi") == "http_status=206"
    assert answered(b"HTTP/1.1 204 No Content\r\n\r\n") == "http_status=204"
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi") == "error=no_answer"
    assert answered(b"HTTP/1.1 200 OK\r\nContent-") == "error=no_answer"


def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    assert answered(interim + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == "hi"
    assert answered(interim + b"HTTP/1.1 500 No\r\n\r\n") == "http_status=500"
    assert answered(interim) == "error=no_answer"


def test_of_the_answer_to_a_report_only_the_head_counts() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"
    assert answered(chunked, "POST") == ""
    assert answered(chunked) == "error=no_answer"
    assert answered(b"HTTP/1.1 202 Accepted\r\nContent-Length: 50\r\n\r\nshort", "POST") == ""
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Len", "POST") == "error=no_answer"
    assert answered(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "POST") == "http_status=302"


@pytest.mark.parametrize(
    ("first", "limits"), [("10", [10, 20, 40, 60, 60]), ("100", [100, 100]), ("1", [1, 2, 4, 8, 16, 32, 60])]
)
def test_each_try_may_take_longer_than_the_one_before(
    first: str, limits: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azready.machine.tries import Tries

    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr(log, "level", log.QUIET)
    tries = Tries("x", float(first), time.monotonic() + 9999)
    seen = []
    for _ in limits:
        seen.append(round(tries.limit()))
        tries.another(NoGoodAnswer("", error="no_answer"))
    assert seen == limits
    late = Tries("x", float(first), time.monotonic() + 3)
    assert late.limit() <= 3


def test_a_place_with_a_next_line_is_a_setting() -> None:
    assert config.parse_file("MEDIA=/a\u0085b\n", "x") == {"MEDIA": "/a\u0085b"}


@pytest.mark.parametrize("path", ["", "/sbin", "/nowhere:/bin"])
def test_the_usual_directories_are_at_the_end_of_path(machine: Machine, path: str) -> None:
    machine.hook('echo "$PATH" >"$AZREADY_ROOT/etc/path"')
    assert ended(machine.start("provision", path=path))[0] == 0
    usual = [folder for folder in ("/usr/sbin", "/usr/bin", "/sbin", "/bin") if folder not in path.split(":")]
    assert machine.read("/etc/path").strip().split(":") == [*filter(None, path.split(":")), *usual]


def test_half_a_record_does_not_stay_in_a_pool(tmp_path: Path) -> None:
    script = f"""
        mount -t tmpfs -o size=16k scratch {tmp_path}
        dd if=/dev/zero of={tmp_path}/pool bs=2560 count=1 2>/dev/null
        dd if=/dev/zero of={tmp_path}/filler bs=1024 2>/dev/null || :
        {sys.executable} -c '
import sys
sys.path.append("{DIST}/azready.pyz")
from azready.machine.failure import Failure
from azready.machine.system import System
try:
    System("{tmp_path}").append("/pool", b"x" * 2560)
except Failure as failure:
    print(failure)
'
        wc -c <{tmp_path}/pool"""
    ended = run_script(script, {}, network=False)
    assert ended.stdout == "file_not_writable file=/pool error=No space left on device\n2560\n", ended.stderr


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
