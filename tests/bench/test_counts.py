"""The shell engine starts few programs. Counted, never timed: the second boot of a thousand VMs is a sum of these."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import need

from .counts import count, traced, wrapped
from .place import Place, place

# As strace counts them, with the shell that reads the file. What they are today; provision is to get to 70.
# Lower them with each improvement. On a busy computer a watcher sleeps a few times more, so two have some room.
REPORT, PROVISION, SECOND_BOOT = 10, 90, 1


@pytest.fixture(autouse=True)
def tools() -> None:
    for tool in ("strace", "curl", "dash"):
        need(tool, "counts programs")


def azready(here: Place, *words: str) -> int:
    """How many programs azready's shell engine starts, the shell among them. It must end well."""
    counted = count(["dash", *here.azready("shell", *words)], here.environment)
    assert counted.status == 0, counted.output
    print(counted)
    return counted.started


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


@pytest.mark.parametrize("way", [traced, wrapped])
def test_both_ways_to_count_see_every_program(way: object, tmp_path: Path) -> None:
    assert callable(way)
    script = 'date >/dev/null; for _ in 1 2 3; do x=$(uname); done; (true; sleep 0); echo "$x"'
    counted = way(["dash", "-c", script], {"PATH": "/usr/bin:/bin"}, tmp_path)
    assert dict(counted.programs) == {"dash": 1, "date": 1, "uname": 3, "sleep": 1}
    assert counted.output == "Linux\n"
    assert counted.forks in (5, None)
