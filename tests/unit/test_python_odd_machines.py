"""The Python engine on odd machines: no log, odd accounts, full disks, and files of root in a user's home."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lab.namespace import run_script
from support import DIST

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready import provision
from azready.machine import config, sweep
from unit.python_machine import KEY, Machine, ended, new_machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine as it comes, and a platform that has nothing against it."""
    with new_machine(tmp_path) as made:
        yield made


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


def test_a_place_with_a_next_line_is_a_setting() -> None:
    assert config.parse_file("MEDIA=/a\u0085b\n", "x") == {"MEDIA": "/a\u0085b"}


def test_a_mistake_of_azready_is_told_by_its_place_and_not_by_its_words() -> None:
    """They might hold what nobody should see."""
    try:
        raise KeyError("a secret")
    except KeyError as error:
        failure = provision._bug(error)
    assert failure.reason == "internal_error"
    assert failure.details["error"] == "KeyError"
    assert failure.details["where"].startswith("test_a_mistake_of_azready_is_told_by_its_place_and_not_by_its_words:")
    assert "secret" not in f"{failure}{failure.hint}"


def test_work_that_ends_while_it_is_looked_at_is_no_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run's own directory, which goes with it: here behind the first look."""
    work, look = tmp_path / f"azready.{os.getppid()}", os.lstat
    work.mkdir()

    def looked(path: str) -> os.stat_result:
        about = look(path)
        if path == str(work):
            work.rmdir()
        return about

    monkeypatch.setattr(os, "lstat", looked)
    sweep._sweep_work(str(tmp_path))
    monkeypatch.undo()
    assert not work.exists()
