"""The shell engine starts few programs. Counted, never timed: the second boot of a thousand VMs is a sum of these."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab.emulator import Emulator
from lab.unshare import unshared
from support import leave_out, need
from trust.machine import Machine
from trust.scene import Scene

from .counts import can_trace, count, read_logs, strace, traced, wrapped
from .place import Place, place

# As strace counts them, with the shell that reads the file. Lower them with each improvement.
REPORT, PROVISION, SECOND_BOOT = 10, 70, 1
# Those with room: a watcher that starts late sleeps once more.
LIVE = 220


@pytest.fixture(autouse=True)
def tools() -> None:
    for tool in ("strace", "curl", "dash", "unshare"):
        need(tool, "counts programs")
    if os.geteuid() != 0:
        leave_out("root gives a run a /run of its own")


# A /run of its own: what other runs have there is looked at, too.
_ALONE = unshared("mount", "sh", "-c", 'mount -t tmpfs run /run && exec "$@"', "-")
_PROGRAMS_OF_ALONE = 3


def azready(here: Place, *words: str) -> int:
    """How many programs azready's shell engine starts, the shell among them. It must end well."""
    counted = count([*_ALONE, "dash", *here.azready("shell", *words)], here.environment)
    assert counted.status == 0, counted.output
    print(counted)
    return counted.started - _PROGRAMS_OF_ALONE


def test_report_ready_starts_few_programs() -> None:
    with place() as here:
        assert azready(here, "report", "ready") <= REPORT
        assert (here.azure.verdict, len(here.azure.requests)) == ("Succeeded", 2)


def test_provision_starts_few_programs_and_the_second_boot_fewer() -> None:
    with place() as here:
        assert azready(here, "provision") <= PROVISION
        assert (here.azure.verdict, len(here.azure.requests)) == ("Succeeded", 3)
        assert azready(here, "provision") <= SECOND_BOOT
        assert len(here.azure.requests) == 3


def test_a_whole_first_boot_on_a_live_machine_starts_few_programs(tmp_path: Path) -> None:
    """With password, key, custom data that is started, a hook, sudo's answer and the service of systemd."""
    if not can_trace():
        leave_out("strace may not trace here")
    scene = Scene("shell")
    tree, scratch = scene.prepare(tmp_path), tmp_path / "scratch"
    scratch.mkdir()
    (scratch / "tools").symlink_to(tmp_path / "tools")
    (tree / "tmp/seen").mkdir()
    with Machine(tree, scratch, live=True) as machine, Emulator(scene.vm()) as azure:
        words = [*strace(Path("/tmp/seen/process")), *scene.words(scratch, tree)]
        ended = machine.run(words, scene.environment(scratch, azure))
        counted = read_logs(tree / "tmp/seen", ended.status or 0, ended.log)
    print(counted)
    assert (ended.status, azure.verdict) == (0, "Succeeded"), ended.log
    assert counted.started <= LIVE


@pytest.mark.parametrize("way", [traced, wrapped])
def test_both_ways_to_count_see_every_program(way: object, tmp_path: Path) -> None:
    assert callable(way)
    script = 'date >/dev/null; for _ in 1 2 3; do x=$(uname); done; (true; sleep 0); echo "$x"'
    counted = way(["dash", "-c", script], {"PATH": "/usr/bin:/bin"}, tmp_path)
    assert dict(counted.programs) == {"dash": 1, "date": 1, "uname": 3, "sleep": 1}
    assert counted.output == "Linux\n"
    assert counted.forks in (5, None)
