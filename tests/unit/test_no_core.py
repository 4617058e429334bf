"""A crash leaves no core: what the platform gave would be in it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
from pathlib import Path

import pytest
from unit.run_machine import REAL_SHELLS, Machine, end, end_all, new_machine, wait_for

_SECRET = "Tr0ub4dor and 3"
_ENGINES = [*(("shell", shell) for shell in REAL_SHELLS), ("python", "dash")]


def as_much_as_may_be() -> None:
    """Cores of any size, as some images have it for all services."""
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


def writes_cores(folder: Path) -> bool:
    """Whether this computer's kernel puts them where a process is at work."""
    victim = subprocess.Popen(["sleep", "60"], cwd=folder, preexec_fn=as_much_as_may_be)
    victim.send_signal(signal.SIGSEGV)
    victim.wait()
    found = list(folder.iterdir())
    for core in found:
        core.unlink()
    return bool(found)


def core_limits(pids: set[int]) -> set[str]:
    """The soft ones, in bytes, of those that are still there."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/limits").read_text().splitlines()
            found |= {line.split()[4] for line in lines if line.startswith("Max core file size")}
    return found


def crashed(machine: Machine, folder: Path) -> set[str]:
    """Let a run crash that knows the secret, all of it; the limits that its processes had."""
    began = machine.scratch / "began"
    machine.hook("busy", f": >{began}\nwhile :; do sleep 1; done")
    run = subprocess.Popen(
        machine.command("provision"),
        env=machine.environment(),
        stdin=subprocess.DEVNULL,
        stderr=machine.log.open("ab"),
        start_new_session=True,
        cwd=folder,
        preexec_fn=as_much_as_may_be,
    )
    try:
        wait_for(began.exists, 60, "the hook")
        pids = {run.pid, *machine.processes()}
        limits = core_limits(pids)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSEGV)
        run.wait()
    finally:
        end(run)
        end_all(machine)
    return limits


@pytest.mark.parametrize(("engine", "shell"), _ENGINES)
def test_a_crash_leaves_no_core_with_what_the_platform_gave(engine: str, shell: str, tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    leaves_some = writes_cores(folder)
    with new_machine(tmp_path, shell, engine=engine) as machine:
        machine.give_script(f"# {_SECRET}")
        limits = crashed(machine, folder)
    assert limits <= {"0", "1"}
    assert list(folder.iterdir()) == [], leaves_some
