"""A run that is ended takes all that it started with it, and whatever it could not take the next run finds."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.namespace import run_script
from support import leave_out, need, shell_functions
from unit.run_machine import REAL_SHELLS, Machine, new_machine, wait_for

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(params=REAL_SHELLS)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Machine]:
    with new_machine(tmp_path, request.param) as made:
        yield made


def busy_hook(machine: Machine) -> Path:
    """A hook that never ends by itself and notes its number, one line for each start; it takes no hint either."""
    began = machine.scratch / "began"
    machine.hook("busy", f"trap '' TERM HUP INT\nprintf '%s\\n' $$ >>{began}\nwhile :; do sleep 1; done")
    return began


def starts(began: Path) -> list[int]:
    return [int(line) for line in began.read_text().split()] if began.exists() else []


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_during_a_hook_ends_all_that_was_started(number: signal.Signals, machine: Machine) -> None:
    began = busy_hook(machine)
    run = machine.start()
    wait_for(lambda: starts(began), 30, "the hook")
    os.kill(run.pid, number)
    assert run.wait(30) == 128 + number, machine.said()
    assert machine.left() == []
    assert machine.status()["OUTCOME"] == "interrupted"
    assert machine.status()["REASON"] == f"signal_{number.name.removeprefix('SIG')}"
    # The next boot tries again: nobody was told.
    assert [sent.endpoint for sent in machine.azure.requests if sent.endpoint == "health"] == []


def test_a_hook_ends_soon_after_its_run_was_killed(machine: Machine) -> None:
    began = busy_hook(machine)
    run = machine.start()
    wait_for(lambda: starts(began), 30, "the hook")
    run.kill()
    run.wait()
    wait_for(lambda: not machine.processes(), 15, "hook and watcher to end")


def test_a_run_after_one_that_was_killed_finds_nothing_in_its_way(machine: Machine) -> None:
    began = busy_hook(machine)
    run = machine.start()
    wait_for(lambda: starts(began), 30, "the hook")
    run.kill()
    run.wait()
    (machine.root / "etc/azready.d/busy").unlink()
    assert machine.run() == 0, machine.said()
    assert machine.left() == []


def test_a_hook_that_outlived_its_run_is_ended_before_it_starts_again(machine: Machine) -> None:
    """Here the watchers were killed with the run: only the record tells of the hook."""
    began = busy_hook(machine)
    run = machine.start()
    wait_for(lambda: starts(began), 30, "the hook")
    wait_for(lambda: (machine.root / "run/azready/child").exists(), 30, "its record")
    (first,) = starts(began)
    for process in machine.processes():
        if os.getsid(process) != os.getsid(first):
            os.kill(process, signal.SIGKILL)
    run.wait()
    machine.hook("busy", "exit 0")
    assert machine.run() == 0, machine.said()
    assert f"(process {first}): ended" in machine.said()
    assert machine.left() == []


def test_a_record_with_a_number_that_somebody_else_has_kills_nobody(machine: Machine) -> None:
    folder = machine.root / "run/azready"
    folder.mkdir()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    # This very process, which began at another time.
    (folder / "child").write_text(f"{os.getpid()} 1 {boot}\nhook busy\n")
    assert machine.run() == 0, machine.said()
    assert "ended" not in machine.said()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_run_that_waits_for_an_answer_ends_at_once_with_its_client(number: signal.Signals, tmp_path: Path) -> None:
    """But a curl whose run was killed ends when its own time is over: to watch it would cost more than it does."""
    with new_machine(tmp_path) as machine, socket.create_server(("127.0.0.1", 0)) as silent:
        machine.settings["WIRESERVER"] = f"127.0.0.1:{silent.getsockname()[1]}"
        machine.settings["REQUEST_TIMEOUT"] = "5" if number == signal.SIGKILL else "60"
        run = machine.start()
        with silent.accept()[0]:
            os.kill(run.pid, number)
            run.wait(15)
            wait_for(lambda: not machine.processes(), 15, "client and watcher to end")


def test_a_signal_during_a_script_ends_it_and_leaves_it_to_the_next_start(tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        began = machine.scratch / "began"
        machine.give_script(f"printf '%s\\n' $$ >>{began}\nsleep 600")
        run = machine.start()
        wait_for(lambda: starts(began), 30, "the script")
        os.kill(run.pid, signal.SIGTERM)
        assert run.wait(30) == 143, machine.said()
        assert machine.left() == []
        # Ready was accepted: that stays.
        assert machine.status()["OUTCOME"] == "ready"
        assert (machine.root / "var/lib/azready/pending").exists()


@pytest.mark.parametrize("shell", [shell for shell in REAL_SHELLS if shell != "busybox"])  # whose sync is its own
@pytest.mark.parametrize("outcome", ["interrupted", "ready"])
def test_a_signal_while_azready_notes_something_waits_for_that(outcome: str, shell: str, tmp_path: Path) -> None:
    """What is begun is done, the log says what ended it, and the status is that of the run."""
    noted = {"interrupted": "pending", "ready": "provisioned"}[outcome]
    outlook = {"interrupted": "the platform was not told, the next start tries again"}
    outlook["ready"] = "the next start does what is left"
    with new_machine(tmp_path, shell) as machine:
        machine.give_script("exit 0")
        sync = f'exec "{need("sync")}" "$@"'
        machine.tool("sync", f'case $1 in *.{noted}.azready) kill -TERM "$PPID" ;; esac\n{sync}')
        assert machine.run() == 143, machine.said()
        assert (machine.status()["OUTCOME"], machine.left()) == (outcome, [])
        assert f"ended by the signal TERM: {outlook[outcome]}" in machine.said()
        machine.tool("sync", sync)
        assert machine.run() == 0, machine.said()
        status = machine.status()
        assert (status["OUTCOME"], status["SCRIPT_CUSTOM_DATA"].split()[0]) == ("ready", "done")


def test_watchers_ask_for_more_than_a_number_before_they_kill(tmp_path: Path) -> None:
    """A watcher whose child has ended unseen, and whose number a stranger has got by now, leaves the stranger alone."""
    text = shell_functions()
    (tmp_path / "functions").write_text(text)
    # Each namespace of processes has its own ns_last_pid; pid_max is the whole machine's before Linux 6.14.
    script = """
    mount -t proc proc /proc
    [ -w /proc/sys/kernel/ns_last_pid ] || exit 77
    . "$SCRATCH/functions"
    work=$SCRATCH/work
    mkdir "$work"
    alive_begin
    sleep 600 & child=$!
    alive_start "$child"
    start=$_start
    kill -KILL "$child"
    wait "$child" || :
    # The clock of start times ticks a hundred times a second.
    sleep 0.1
    echo "$((child - 1))" >/proc/sys/kernel/ns_last_pid
    sleep 600 & stranger=$!
    [ "$stranger" = "$child" ] || exit 78
    (child_watch "$child" "$start" 0)
    kill -0 "$stranger" && echo lives
    kill -KILL "$stranger"
    """
    done = run_script(script, {"SCRATCH": str(tmp_path)}, network=False)
    if done.returncode == 77:
        leave_out("this kernel does not let a test choose the next number")
    assert (done.returncode, done.stdout) == (0, "lives\n"), done.stderr
