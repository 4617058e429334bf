"""A log line may fail, nothing else may: a full disk behind stderr, a reader that is gone, closed descriptors."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from unit.run_machine import LIMIT, REAL_SHELLS, Machine, end, new_machine

ENGINES = [*(("shell", shell) for shell in REAL_SHELLS), ("python", "dash")]


@pytest.fixture(params=ENGINES, ids="-".join)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    engine, shell = request.param
    with new_machine(tmp_path, shell, engine=engine) as made:
        yield made


def full(number: int) -> None:
    os.dup2(os.open("/dev/full", os.O_WRONLY), number)


def gone(number: int) -> None:
    reads, writes = os.pipe()
    os.dup2(writes, number)
    os.close(reads)
    os.close(writes)


WAYS: dict[str, Callable[[int], None]] = {"full": full, "closed": os.close, "reader gone": gone}


def run(machine: Machine, words: list[str], way: str, *numbers: int) -> int:
    """azready with these descriptors spoiled."""

    def spoil() -> None:
        # As whoever started it may have left it: with SIGPIPE at its default.
        for number in numbers:
            WAYS[way](number)

    process = subprocess.Popen(
        machine.command(*words),
        env=machine.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=spoil,
        start_new_session=True,
        cwd="/",
    )
    try:
        return process.wait(LIMIT)
    finally:
        end(process)


@pytest.mark.parametrize("way", WAYS)
def test_a_machine_becomes_ready_without_a_log(way: str, machine: Machine) -> None:
    machine.hook("talks", "echo one; echo two >&2; exit 0")
    assert run(machine, ["-v", "provision"], way, 1, 2) == 0
    assert machine.azure.verdict == "Succeeded"
    assert [sent.endpoint for sent in machine.azure.requests] == ["goalstate", "imds", "health"]
    assert machine.status()["OUTCOME"] == "ready"


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_is_reported_with_its_cause_without_a_log(way: str, machine: Machine) -> None:
    machine.hook("fails", "echo no luck >&2; exit 5")
    assert run(machine, ["provision"], way, 2) == 1
    assert "|reason=hook_failed|" in machine.azure.description.replace("result=error|reason", "|reason")
    assert "|status=5|stderr=no luck|" in machine.azure.description


def test_files_do_not_get_the_number_of_a_descriptor_that_is_closed(machine: Machine) -> None:
    """All three closed: the first file that is opened would be standard input, the next get a hook's output."""
    machine.hook("talks", "echo from the hook; echo from the hook >&2")
    assert run(machine, ["provision"], "closed", 0, 1, 2) == 0
    assert machine.azure.verdict == "Succeeded"
    for place in machine.root.rglob("*"):
        if place.is_file() and "azready.d" not in str(place):
            assert b"from the hook" not in place.read_bytes(), place


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("words", [["help"], ["version"], ["help", "provision"], ["status", "--json"]], ids=" ".join)
def test_what_is_asked_for_and_cannot_be_printed_is_a_status_at_most(
    words: list[str], way: str, tmp_path: Path
) -> None:
    with new_machine(tmp_path) as machine:
        done = subprocess.run(
            machine.command(*words),
            env=machine.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: WAYS[way](1),
            timeout=LIMIT,
        )
        assert done.returncode in (0, 1)
        assert done.stderr == b""
