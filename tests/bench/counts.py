"""How many programs a command starts, and in how many forks: counted, so that a busy computer changes nothing."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_STARTED = re.compile(r'execve\("([^"]*)", .* = 0')
_CALLS = "execve,fork,vfork,clone,clone3"
_LIMIT = 120.0
# In place of a program: a line with its name, then the program.
_WRAPPER = '#!{shell}\necho {name} >>{book}\nexec {program} "$@"\n'


@dataclass(frozen=True)
class Counted:
    """`programs` by name, the command itself among them; `forks` is None where nothing could see them."""

    status: int
    programs: Counter[str] = field(default_factory=Counter)
    forks: int | None = None
    output: str = ""

    @property
    def started(self) -> int:
        """How many programs, in all."""
        return self.programs.total()

    def __str__(self) -> str:
        names = ", ".join(f"{name} {times}" for name, times in self.programs.most_common())
        forks = "" if self.forks is None else f" in {self.forks} forks"
        return f"{self.started} programs{forks}: {names}"


@functools.cache
def can_trace() -> bool:
    """Whether strace is there and may do its work; some containers forbid it."""
    with tempfile.TemporaryDirectory(prefix="azready-count-") as folder:
        command = [*strace(Path(folder, "process")), "true"]
        return bool(shutil.which("strace")) and subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def strace(log: Path, hold: int = 0) -> list[str]:
    """The command that traces another, with a log for each process; the kernel stops none for any other call.

    `hold`: so many microseconds each process is held at its end.
    """
    held = [f"--inject=exit_group:delay_enter={hold}"] if hold else []
    trace = f"trace={_CALLS}{',exit_group' * bool(hold)}"
    return [
        shutil.which("strace") or "strace",
        "-ff",
        "--seccomp-bpf",
        "-qq",
        "-o",
        str(log),
        "-e",
        trace,
        "-e",
        "signal=none",
        *held,
    ]


def count(command: Sequence[str], environment: Mapping[str, str]) -> Counted:
    """Run it to its end. Without strace its programs are counted by name alone, those that PATH leads to."""
    with tempfile.TemporaryDirectory(prefix="azready-count-") as folder:
        return (traced if can_trace() else wrapped)(command, environment, Path(folder))


def traced(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Counted:
    """As the kernel sees it. `folder` is empty, and gets a file for each process."""
    done = _run([*strace(folder / "process"), *command], environment)
    return read_logs(folder, done.returncode, done.stdout)


def read_logs(folder: Path, status: int, output: str) -> Counted:
    """What strace has seen, by its logs of all processes."""
    logs = [place.read_text(errors="replace") for place in folder.iterdir()]
    programs = Counter(os.path.basename(found[1]) for log in logs for found in _STARTED.finditer(log))
    threads = sum(log.count("CLONE_THREAD") for log in logs)
    return Counted(status, programs, len(logs) - 1 - threads, output)


def wrapped(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Counted:
    """By wrappers for all that PATH has; `folder` is empty, and gets them."""
    book, path = folder / "book", folder / "path"
    path.mkdir()
    book.touch()
    shell = os.path.realpath("/bin/sh")
    # The first of a name is the one that a shell takes.
    for place in reversed(environment["PATH"].split(os.pathsep)):
        for program in Path(place).glob("*"):
            wrapper = path / program.name
            wrapper.unlink(missing_ok=True)
            wrapper.write_text(_WRAPPER.format(shell=shell, name=program.name, book=book, program=program))
            wrapper.chmod(0o755)
    done = _run(command, {**environment, "PATH": str(path)})
    # The command itself is looked for along PATH, too, unless it is a path.
    names = [*map(os.path.basename, command[:1] if "/" in command[0] else ()), *book.read_text().split()]
    return Counted(done.returncode, Counter(names), None, done.stdout)


def _run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", timeout=_LIMIT,
    )  # fmt: skip
