"""What `build.py live` looks at, in root file systems made of Debian's packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import support
from conformance.process import Finished

from lab import namespace
from lab.tree import Tree, copy

from . import machine, roots
from .machine import Boot, Machine
from .story import FAILED, LEFT_OUT, Chapter, Story

_ROOTS = roots.roots()
_BUSYBOX = "busybox"


def _live(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as build.py does."""
    environment = {**os.environ, "PYTHONPATH": str(support.ROOT / "tests")}
    command = [sys.executable, "-m", "lab.live", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=support.ROOT)


def _said(story: Story) -> dict[str, Chapter]:
    return {chapter.name: chapter for chapter in story.tell()}


def _need_tools() -> None:
    for tool, why in {**namespace.TOOLS, "openssl": "judges the hash", "mmdebstrap": "makes the roots"}.items():
        support.need(tool, why)
    if os.geteuid() != 0:
        support.leave_out("root makes namespaces")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", _ROOTS)
def test_azready_lives_in_this_root(name: str) -> None:
    _need_tools()
    machine = _ROOTS[name]
    options = ["--engine", machine.engine] + (["--client", machine.client] if machine.engine == "shell" else [])
    done = _live(str(roots.make(machine)), "--json", *options)
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)["checks"]
    wrong = {check["name"]: check["problems"] + check["log"] for check in checks if check["outcome"] != "ok"}
    assert (done.returncode, wrong) == (0, {})


def _append(path: str, text: str) -> Callable[[Boot], None]:
    def damage(boot: Boot) -> None:
        with boot.tree.place(path).open("a") as file:
            file.write(text)

    return damage


def _shell(script: str) -> Callable[[Boot], None]:
    def damage(boot: Boot) -> None:
        assert boot.namespace.run("/bin/sh", "-euc", script).exit == 0

    return damage


# Command of azready -> what is done behind its back at the first time, and the complaint that must follow.
_DAMAGE: dict[str, list[tuple[Callable[[Boot], None], str]]] = {
    "uninstall": [
        (_append("/etc/forgotten", ""), "after uninstall: /etc/forgotten is new"),
        (_shell("touch -d '2001-01-01 00:00' /etc/group"), "after uninstall: /etc/group has another time"),
        (_shell("chmod 0700 /etc"), "after uninstall: /etc has another mode"),
    ],
    "provision": [
        (_shell("hostname other"), "hostname in the kernel: expected 'live-web-1', found 'other'"),
        (_shell("echo live-web-11 >/etc/hostname"), "hostname: in none of"),
        (_shell("chmod 0777 /home/liveada"), "/home/liveada: drwxrwxrwx 1000, an SSH server ignores keys"),
        (_shell("sed -i s/AAAA/AAAB/ /home/liveada/.ssh/authorized_keys"), "keys: not in /home/liveada/.ssh"),
        (_shell("chown 0 /home/liveada/.ssh"), "/home/liveada/.ssh: drwx------ 0, an SSH server ignores keys"),
        (_shell("sed -i '/^liveada/s/[$]6[$]..../$6$AAAA/' /etc/passwd"), "password's hash: expected"),
        (_shell("sed -i '/^liveada/s,:[^:]*$,:/bin/none,' /etc/passwd"), "its shell /bin/none cannot be run"),
        (_append("/var/lib/azready/custom-data", "x"), "custom-data: 34 bytes"),
        (_append("/var/lib/azready/user-data", "x"), "user-data: 257 bytes"),
        (_append("/dev/hook-says", "x"), "what the hook was told: expected"),
        # Before what is left behind, which it would sweep away.
        (_shell("azready install"), "the service is still enabled"),
        (
            _append("/etc/.passwd.azready", ""),
            "left behind: /etc/.passwd.azready, /etc/passwd.lock, work directory azr",
        ),
        (_append("/etc/passwd.lock", ""), "left behind:"),
        (_shell("mkdir /run/azready.7"), "left behind:"),
        (_shell(": >/dev/console"), "nothing on /dev/console"),
        (_shell("setsid sleep 300 </dev/null >/dev/null 2>&1 &"), "still running: sleep 300"),
    ],
    "status": [(_append("/etc/hosts", "#"), "/etc/hosts has another content, time")],
    "generalize": [
        (_append("/etc/motd", "for liveada"), "left: /etc/motd: liveada"),
        (_append("/etc/live-web-1", ""), "left: /etc/live-web-1: live-web-1"),
        (_shell("sed -i /azready/d /etc/inittab"), "/etc/inittab is not as install had made it"),
    ],
}


def test_what_is_wrong_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each complaint once, on a machine that somebody damages where azready has just done it right."""
    _need_tools()
    damage = dict(_DAMAGE)
    honest = Boot.azready

    def sabotaged(boot: Boot, *words: str, **options: str) -> Finished:
        done = honest(boot, *words, **options)  # type: ignore[arg-type] # options are texts here
        for act, _ in damage.pop(words[0], []):
            act(boot)
        return done

    monkeypatch.setattr(Boot, "azready", sabotaged)
    tree = copy(roots.make(_ROOTS[_BUSYBOX]), tmp_path / "root")
    chapters = _said(Story(Machine(tree, tmp_path, "shell"), client="curl"))
    said = [problem for chapter in chapters.values() for problem in chapter.problems]
    wanted = [complaint for acts in _DAMAGE.values() for _, complaint in acts]
    wanted.append("HTTP client: expected 'curl', found 'busybox-wget'")
    assert [complaint for complaint in wanted if not any(complaint in line for line in said)] == []


def test_an_azready_that_does_nothing_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _need_tools()
    lazy = tmp_path / "azready"
    lazy.write_text("#!/bin/sh\nexit 0\n")
    monkeypatch.setattr(machine, "AGENT", lazy)
    tree = copy(roots.make(_ROOTS[_BUSYBOX]), tmp_path / "root")
    tree.place("/usr/sbin/azready").write_text(lazy.read_text())
    chapters = _said(Story(Machine(tree, tmp_path)))
    outcomes = {name: chapter.outcome for name, chapter in chapters.items()}
    assert outcomes.pop("install and uninstall") == FAILED
    assert outcomes.pop("provision") == FAILED
    assert {*outcomes.values()} == {LEFT_OUT}
    assert "verdict: expected 'Succeeded', found 'Creating'" in chapters["provision"].problems


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["/nowhere/at/all"], "there is no such folder or archive"),
        ([str(support.ROOT / "tests" / "lab" / "live")], "is it a root file system?"),
        ([str(support.ROOT / "build.py")], "tar: "),
        ([str(support.ROOT), "--vm", "/nowhere"], "/nowhere: cannot be read"),
        ([str(support.ROOT), "--engine", "python", "--client", "nc"], "--client is for the shell engine"),
        ([], "TREE"),
    ],
)
def test_wrong_usage_is_exit_2_and_says_what(arguments: list[str], complaint: str) -> None:
    _need_tools()
    done = _live(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr


def test_the_tree_that_is_given_stays_as_it_is() -> None:
    _need_tools()
    tree = Tree(roots.make(_ROOTS[_BUSYBOX]))
    before = tree.snapshot()
    done = _live(str(tree.root))
    assert done.returncode == 0, done.stdout
    assert "\x1b" not in done.stdout
    assert tree.snapshot() == before
