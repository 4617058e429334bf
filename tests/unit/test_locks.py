"""Locks of the account files that a run left which was cut off, and the rest of what it left.

Whose number stands in such a lock says nothing: it may live again, and may even be azready's own.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from bundle import quote
from support import leave_out, need, shell_functions

SHELLS = ["dash", "busybox ash", "bash", "mksh"]
PASSWD = "root:x:0:0::/root:/bin/sh\n"
CODE = """
log_level=0 engine=auto force=no config_file='' skip='' goal_state='' metadata='' fail_value='' fail_hint=
current_step='' vm_id='' root=ROOT work=WORK
set_USER_SHELL= set_USER_GROUPS= set_ADMIN_RIGHTS=none
clock_now
deadline=$((_now + 400))
"""
MAKE = 'step_user\nstatus=$?\ncat "$work/failure" 2>/dev/null\nexit $status\n'

Run = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture(params=SHELLS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Shell code with the engine's functions, in a tree whose /etc it finds in tmp_path/root."""
    if os.geteuid() != 0:
        leave_out("root gives files away")
    functions = shell_functions()
    shell = request.param.split()
    need(shell[0])
    root, work = tmp_path / "root", tmp_path / "work"
    (root / "etc").mkdir(parents=True)
    (root / "home").mkdir()
    for name, text in {"passwd": PASSWD, "group": "root:x:0:\n", "shadow": "root:*:::::::\n", "gshadow": ""}.items():
        (root / "etc" / name).write_text(text)

    def run(code: str) -> subprocess.CompletedProcess[str]:
        work.mkdir(exist_ok=True)
        (work / "wanted.admin-user").write_text("azureuser")
        script = tmp_path / "script"
        begin = CODE.replace("ROOT", quote(str(root))).replace("WORK", quote(str(work)))
        script.write_text(f"{functions}{begin}{code}")
        return subprocess.run([*shell, str(script)], capture_output=True, text=True, timeout=60)

    return run


def living() -> int:
    """The number of a process that lives: the one that runs the test."""
    return os.getpid()


def made(etc: Path) -> bool:
    return "azureuser:x:1000:1000:" in (etc / "passwd").read_text()


def assert_clean(etc: Path) -> None:
    assert sorted(path.name for path in etc.iterdir()) == ["group", "gshadow", "passwd", "shadow"]


def test_lock_of_a_process_that_lives_is_waited_for(run: Run, tmp_path: Path) -> None:
    etc = tmp_path / "root/etc"
    (etc / "passwd.lock").write_text(str(living()))
    done = run(f"sweep_files\n{MAKE}")
    assert done.stdout == "file_not_writable file=/etc/passwd error=locked"
    assert done.returncode == 1
    assert (etc / "passwd.lock").read_text() == str(living())
    assert [path.name for path in etc.iterdir() if "azready" in path.name] == []


@pytest.mark.parametrize("name", ["passwd", "gshadow"])
def test_lock_of_an_older_boot_is_stale(run: Run, name: str, tmp_path: Path) -> None:
    etc = tmp_path / "root/etc"
    (etc / f"{name}.lock").write_text(str(living()))
    booted = time.time() - float(Path("/proc/uptime").read_text().split()[0])
    os.utime(etc / f"{name}.lock", (booted - 60, booted - 60))
    done = run(MAKE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert made(etc)
    assert_clean(etc)


def test_lock_with_our_own_number_is_stale(run: Run, tmp_path: Path) -> None:
    etc = tmp_path / "root/etc"
    done = run(f"printf %s $$ >{etc}/group.lock\n{MAKE}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert_clean(etc)


def test_lock_beside_its_partner_is_cleared_at_the_start(run: Run, tmp_path: Path) -> None:
    """It was made in this boot, and its number lives: only the partner tells that it is ours."""
    etc = tmp_path / "root/etc"
    for name in ("passwd", "shadow"):
        (etc / f".{name}.azready.lock").write_text(str(living()))
        os.link(etc / f".{name}.azready.lock", etc / f"{name}.lock")
    assert run("sweep_files\n").returncode == 0
    assert_clean(etc)


def test_partner_does_not_clear_the_lock_of_somebody_else(run: Run, tmp_path: Path) -> None:
    etc = tmp_path / "root/etc"
    (etc / ".passwd.azready.lock").write_text("4194304")
    (etc / "passwd.lock").write_text(str(living()))
    run("sweep_files\n")
    assert (etc / "passwd.lock").read_text() == str(living())
    assert not (etc / ".passwd.azready.lock").exists()


@pytest.mark.parametrize("text", ["", "no number\n", "4194304"])
def test_lock_of_nobody_is_cleared_at_the_start(run: Run, text: str, tmp_path: Path) -> None:
    """So useradd, which would refuse, finds none either."""
    etc = tmp_path / "root/etc"
    (etc / "passwd.lock").write_text(text)
    run("sweep_files\n")
    assert_clean(etc)


def test_partner_is_there_while_the_lock_is_held(run: Run, tmp_path: Path) -> None:
    etc = tmp_path / "root/etc"
    names = f"{etc}/passwd.lock {etc}/.passwd.azready.lock"
    done = run(f"account_lock /etc/passwd /etc/group\nls -i {names}\naccount_lock_give_back\n")
    assert len({line.split()[0] for line in done.stdout.splitlines()}) == 1
    assert len(done.stdout.splitlines()) == 2
    assert_clean(etc)


def test_what_a_run_left_is_taken_away(run: Run, tmp_path: Path) -> None:
    root = tmp_path / "root"
    etc = root / "etc"
    for name in ("passwd.4194303", ".gshadow.azready", ".hosts.azready"):
        (etc / name).write_text("4194303")
    (root / "home/.azureuser.azready/deep").mkdir(parents=True)
    (root / "home/.azureuser.azready/deep/link").symlink_to(root / "etc/passwd")
    # Somebody's, not ours.
    (etc / "passwd.2024").write_text("a copy")
    run("sweep_files\n")
    (etc / "passwd.2024").unlink()
    assert_clean(etc)
    assert list((root / "home").iterdir()) == []


def test_account_that_appeared_meanwhile_is_taken(run: Run, tmp_path: Path) -> None:
    """Somebody else's useradd ran between the look and the lock."""
    etc = tmp_path / "root/etc"
    line = "azureuser:x:1234:1234::/home/azureuser:/bin/sh"
    done = run(f"account_lock() {{ printf '%s\\n' {quote(line)} >>{etc}/passwd; account_lock_held=; }}\n{MAKE}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [text for text in (etc / "passwd").read_text().splitlines() if text.startswith("azureuser")] == [line]


def test_gshadow_gets_its_line_where_the_group_is_there(run: Run, tmp_path: Path) -> None:
    etc = tmp_path / "root/etc"
    (etc / "group").write_text("root:x:0:\nazureuser:x:1500:\n")
    assert run(MAKE).returncode == 0
    assert (etc / "gshadow").read_text() == "azureuser:!::\n"
    assert "azureuser:x:1000:1500:" in (etc / "passwd").read_text()


@pytest.mark.parametrize("number", ["4294967295", "4294967296", "9" * 5000])
def test_uid_that_the_kernel_does_not_have_is_nobodys(run: Run, number: str, tmp_path: Path) -> None:
    etc = tmp_path / "root/etc"
    (etc / "passwd").write_text(f"{PASSWD}azureuser:x:{number}:1000::/home/azureuser:/bin/sh\n")
    done = run(MAKE)
    assert done.stdout == "user_not_created file=/etc/passwd error=malformed_line"
