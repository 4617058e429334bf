"""One start of Python: when it takes over from the launcher, what happens before that and behind it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import DIST, need
from unit.python_machine import HANG, Machine, ended, lives, new_machine, wait_for

SHELLS = ("dash", "bash", "busybox", "mksh", "yash", "ksh", "zsh", "posh")
AGENT = DIST / "azready"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine as it comes, and a platform that has nothing against it."""
    with new_machine(tmp_path) as made:
        yield made


def command(machine: Machine, *arguments: str, shell: str = "dash", engine: str = "python") -> list[str]:
    words = [need(shell), *(["sh"] if shell == "busybox" else [])]
    return [*words, str(AGENT), "--root", str(machine.root), "--engine", engine, *arguments]


def environment(machine: Machine, path: str = os.environ["PATH"], **settings: str) -> dict[str, str]:
    known = {"WIRESERVER": machine.azure.wireserver, "IMDS": machine.azure.imds, "DEADLINE": "40", "MEDIA": "none"}
    return {"PATH": path, **{f"AZREADY_{key}": value for key, value in (known | settings).items()}}


def start(
    machine: Machine, *arguments: str, shell: str = "dash", engine: str = "python", **options: Any
) -> subprocess.Popen[bytes]:
    """A run that is on its way."""
    words = command(machine, *arguments, shell=shell, engine=engine)
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, **{"env": environment(machine), **pipes, **options})


def python_before(machine: Machine, folder: Path, text: str) -> dict[str, str]:
    """An environment whose `python3` does this first; `$python` is the real one."""
    folder.mkdir(exist_ok=True)
    for name in ("python3", "python"):
        (folder / name).write_text(f"#!/bin/sh\npython={need('python3')}\n{text}\n")
        (folder / name).chmod(0o755)
    return environment(machine, f"{folder}:{os.environ['PATH']}")


@pytest.mark.parametrize("shell", SHELLS)
def test_python_provisions_as_a_child_of_every_shell(shell: str, machine: Machine) -> None:
    status, log = ended(start(machine, "provision", shell=shell))
    assert (status, machine.status()["ENGINE"]) == (0, "python"), log


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("name", "number"), [("TERM", 15), ("INT", 2), ("HUP", 1)])
def test_a_signal_is_handed_on_and_the_status_comes_back(shell: str, name: str, number: int, machine: Machine) -> None:
    machine.hook(': >"$AZREADY_ROOT/etc/hook-runs"; sleep 600')
    run = start(machine, "provision", shell=shell)
    wait_for((machine.root / "etc/hook-runs").exists, "the hook")
    run.send_signal(number)
    status, log = ended(run)
    assert (status, machine.status()["OUTCOME"]) == (128 + number, "interrupted"), log
    assert f"azready: warning: ended by the signal {name}" in log
    assert not machine.leftovers()


def test_a_signal_before_python_has_taken_over_ends_the_run(machine: Machine, tmp_path: Path) -> None:
    marks = tmp_path / "started"
    hangs = python_before(machine, tmp_path / "bin", f'echo $$ >"{marks}"; exec sleep 600')
    run = start(machine, "provision", env=hangs)
    wait_for(lambda: marks.exists() and marks.read_text(), "the interpreter")
    run.send_signal(signal.SIGTERM)
    status, log = ended(run)
    assert (status, log) == (143, "azready: warning: ended by the signal TERM\n")
    assert not lives(int(marks.read_text()))


def test_an_ignored_signal_stays_ignored(machine: Machine) -> None:
    """As under nohup, or in the background of a shell."""
    machine.hook(': >"$AZREADY_ROOT/etc/hook-runs"; sleep 2')

    def ignore() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    run = start(machine, "provision", preexec_fn=ignore)
    wait_for((machine.root / "etc/hook-runs").exists, "the hook")
    run.send_signal(signal.SIGINT)
    assert ended(run)[0] == 0


def test_a_hook_may_be_interrupted_as_ever(machine: Machine) -> None:
    """What a shell's background jobs ignore is not ignored by what Python starts."""
    machine.hook('grep SigIgn /proc/self/status >"$AZREADY_ROOT/etc/ignored"')
    assert ended(start(machine, "provision"))[0] == 0
    assert int(machine.read("/etc/ignored").split()[1], 16) & 0b110 == 0


def test_junk_that_an_interpreter_prints_is_not_shown(machine: Machine, tmp_path: Path) -> None:
    talks = python_before(machine, tmp_path / "bin", 'echo junk; echo junk >&2; exec "$python" "$@"')
    run = start(machine, "provision", engine="auto", env=talks)
    output, errors = run.communicate(timeout=HANG)
    assert (run.returncode, output, machine.status()["ENGINE"]) == (0, b"", "python")
    assert [line for line in errors.decode().splitlines() if not line.startswith("azready: ")] == []


UNUSABLE = {
    "killed half-way": '(sleep 0.05; kill -KILL $$) & exec "$python" -v "$@"',
    "ended by TERM": "kill -TERM $$",
    "a fault in its site": 'exec "$python" -c "import" "$@"',
    "closes descriptors": 'exec "$python" "$@" 7<&- 8<&- 9<&-',
    "touches the word": 'mv "$5" "$5.x"; mv "$5.x" "$5"; exit 0',
    "without a module that is needed late": 'exec "$python" -c "$(cat "${0%/*}/late.py")" "$@"',
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_python_that_fails_before_it_takes_over_is_passed_over(kind: str, machine: Machine, tmp_path: Path) -> None:
    environment = python_before(machine, tmp_path / "bin", UNUSABLE[kind])
    (tmp_path / "bin/late.py").write_text(WITHOUT_HASHLIB)
    status, log = ended(start(machine, "provision", engine="auto", env=environment))
    assert (status, machine.status()["ENGINE"]) == (0, "shell"), log
    assert machine.requests() == ["GET goalstate", "GET imds", "POST health"]


# An interpreter that has no hashlib runs the file.
WITHOUT_HASHLIB = """
import runpy, sys
sys.argv = sys.argv[3:]
sys.path[0] = sys.argv[0]
class Lacking:
    def __init__(self, finder): self.finder = finder
    def find_spec(self, name, *rest): return None if name == "hashlib" else self.finder.find_spec(name, *rest)
sys.modules.pop("hashlib", None)
sys.meta_path[:] = [Lacking(finder) for finder in sys.meta_path]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_python_that_dies_behind_its_word_has_no_stand_in(number: int, machine: Machine) -> None:
    """What it has changed nobody knows: the next boot tries again."""
    machine.hook(f"kill -{number} $(($(ps -o ppid= $$)))")
    run = start(machine, "provision", engine="auto")
    assert ended(run)[0] == 128 + number
    assert machine.requests() == ["GET goalstate", "GET imds"]


def test_python_does_not_outlive_a_launcher_that_is_killed(machine: Machine) -> None:
    machine.hook('echo $(($(ps -o ppid= $$))) $$ >"$AZREADY_ROOT/etc/numbers"; sleep 600')
    run = start(machine, "provision", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: machine.read("/etc/numbers").endswith("\n"), "the hook")
    run.kill()
    run.wait()
    for number in map(int, machine.read("/etc/numbers").split()):
        wait_for(lambda number=number: not lives(number), "the end of what it had started")  # type: ignore[misc]


def test_a_terminal_stays_a_terminal(machine: Machine) -> None:
    """The outcome goes to the console unless stderr is a terminal."""
    machine.file("/dev/console", "")
    ours, theirs = pty.openpty()
    run = start(machine, "provision", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    assert run.wait(HANG) == 0
    os.close(ours)
    assert machine.read("/dev/console") == ""


def test_words_of_the_command_line_arrive_whole(machine: Machine) -> None:
    run = start(machine, "report", "failed", "disk full", "need=40 G", "have=it's *")
    assert ended(run)[0] == 0
    assert "reason=disk full|" in machine.azure.description
    assert "|need=40 G|'have=it''s *'|" in machine.azure.description


def test_a_setting_that_is_refused_is_told_once(machine: Machine) -> None:
    status, log = ended(start(machine, "provision", env=environment(machine, DEADLINE="soon")))
    assert (status, log.count("\n"), machine.requests()) == (2, 1, []), log
