"""A user who exchanges files and directories of his home while azready, as root, writes his keys into it.

He runs as a process of his own, as fast as he can; nothing outside of his home may ever change.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from bundle import quote
from support import DIST, leave_out, need, shell_functions

UID = 54321
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
WAYS = [
    "folder_for_link",
    "folder_for_folder",
    "file_for_link",
    "new_name",
    "new_folder",
    "file_for_fifo",
    "folder_is_fifo",
    "file_for_hard_link",
    "name_for_hard_link",
]
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "ash": ["busybox", "ash"]}
ROUNDS = 6
_SHELL = """
log_level=0 engine=auto force=no config_file='' skip='' deadline='' goal_state='' metadata='' fail_value=''
current_step='' vm_id='' wanted_keys=1 root=ROOT
n=0
while [ "$n" -lt ROUNDS ]; do
	n=$((n + 1))
	rm -rf WORK
	mkdir WORK
	work=WORK
	printf azureuser >"$work/wanted.admin-user"
	printf '=%s\\n' "KEY-$n" >"$work/wanted.keys"
	(step_ssh_keys) >"$work/out" 2>&1
	printf '%s %s\\n' "$?" "$(cat "$work/failure" 2>/dev/null)"
done
"""
_PYTHON = """
import sys
sys.path.insert(0, PYZ)
from azready.machine import log, config
from azready.steps import ssh_keys
from azready.machine.failure import Failure
from azready.azure.run import Run, Wanted
from azready.machine.system import System
log.level = log.QUIET
for n in range(ROUNDS * 4):
    run = Run(System(ROOT), config.defaults(), [])
    run.wanted = Wanted(admin_user="azureuser", keys=("KEY-%d" % n,))
    try:
        ssh_keys.step_ssh_keys(run)
        print(0)
    except Failure as failure:
        print(1, failure)
"""


def tree(folder: Path) -> Path:
    """An image with a user, and with files of root that he would like to have."""
    root = folder / "root"
    for name, text, mode in (
        ("etc/passwd", f"root:x:0:0::/root:/bin/sh\nazureuser:x:{UID}:{UID}::/home/azureuser:/bin/sh\n", 0o644),
        ("etc/shadow", "root:$6$secret:20000::::::\n", 0o640),
        ("etc/ssh/sshd_config", "UsePAM yes\n", 0o644),
        ("root/.ssh/authorized_keys", "ssh-rsa root\n", 0o644),
    ):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        file.chmod(mode)
    (root / "home/azureuser").mkdir(parents=True)
    os.chown(root / "home/azureuser", UID, UID)
    return root


def outside(root: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Mode, owner and content of everything but the user's home."""
    found = {}
    for path in (root, *root.rglob("*")):
        if not path.is_relative_to(root / "home/azureuser"):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() else b""
            found[str(path.relative_to(root))] = (status.st_mode, status.st_uid, status.st_gid, content)
    return found


def copies(root: Path) -> list[Path]:
    """Files of the user's that have what he may not read; another name of root's file is none."""
    shadow = root / "etc/shadow"
    files = [path for path in (root / "home").rglob("*") if path.is_file() and not path.samefile(shadow)]
    return [path for path in files if b"secret" in path.read_bytes()]


@contextmanager
def attack(home: Path, way: str) -> Iterator[None]:
    command = [sys.executable, str(Path(__file__).with_name("attacker.py")), str(home), str(UID), way]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as attacker:
        assert attacker.stdout
        try:
            assert attacker.stdout.readline() == b"ready\n"
            yield
            assert attacker.poll() is None, "the attacker gave up"
        finally:
            attacker.kill()


def attacked(command: list[str], root: Path, way: str) -> list[str]:
    """The lines of a command that is run under attack; fails where something outside of the home has changed."""
    if os.geteuid() != 0:
        leave_out("root gives files away")
    before = outside(root)
    with attack(root / "home/azureuser", way):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120)
    assert outside(root) == before
    assert copies(root) == []
    return done.stdout.splitlines()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shell", SHELLS)
def test_user_gets_nothing_outside_of_his_home_from_the_shell_engine(shell: str, way: str, tmp_path: Path) -> None:
    functions = shell_functions()
    root = tree(tmp_path)
    code = _SHELL.replace("ROOT", quote(str(root))).replace("WORK", str(tmp_path / "work"))
    (tmp_path / "script").write_text(functions + code.replace("ROUNDS", str(ROUNDS)).replace("KEY", KEY))
    need(SHELLS[shell][0])
    lines = attacked([*SHELLS[shell], str(tmp_path / "script")], root, way)
    assert len(lines) == ROUNDS
    # What it did not do, it said.
    assert [line for line in lines if line != "0 " and not line.startswith("1 keys_not_added ")] == []


@pytest.mark.parametrize("way", WAYS)
def test_user_gets_nothing_outside_of_his_home_from_the_python_engine(way: str, tmp_path: Path) -> None:
    root = tree(tmp_path)
    code = _PYTHON.replace("PYZ", repr(str(DIST / "azready.pyz"))).replace("ROOT", repr(str(root)))
    code = code.replace("ROUNDS", str(ROUNDS)).replace("KEY", KEY)
    lines = attacked([sys.executable, "-c", code], root, way)
    assert len(lines) == ROUNDS * 4


@pytest.mark.parametrize("shell", SHELLS)
def test_directory_is_given_back(shell: str, tmp_path: Path) -> None:
    """Whatever happens: to the user, with its mode, also after a failure."""
    if os.geteuid() != 0:
        leave_out("root gives files away")
    functions = shell_functions()
    root = tree(tmp_path)
    home = root / "home/azureuser"
    (root / "etc/ssh/sshd_config").write_text("AuthorizedKeysFile %h/keys\n")
    home.chmod(0o2751)
    code = _SHELL.replace("ROOT", quote(str(root))).replace("WORK", str(tmp_path / "work"))
    code = functions + code.replace("ROUNDS", "1").replace("KEY", KEY)
    (tmp_path / "script").write_text(code)
    command = [need(SHELLS[shell][0]), *SHELLS[shell][1:], str(tmp_path / "script")]
    assert subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout == "0 \n"
    assert (home.stat().st_uid, home.stat().st_mode & 0o7777) == (UID, 0o2751)
    assert (home / "keys").read_text() == f"{KEY}-1\n"
    (home / "keys").unlink()
    (home / "keys").mkdir()
    assert subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.startswith("1 keys_not_added ")
    assert (home.stat().st_uid, home.stat().st_mode & 0o7777) == (UID, 0o2751)
