"""Time without /proc: a time of day that leaps makes a run neither hang nor give up."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.namespace import run_script
from support import shell_functions
from unit.shell_engine import ShellEngine

_FUNCTIONS = """
set +e
. "$SCRATCH/functions"
mount -t tmpfs hidden /proc
work=$SCRATCH/work
mkdir "$work"
PATH=$SCRATCH/bin:$PATH
alive_begin
"""
# A clock that is told what to say.
_DATE = '#!/bin/sh\ncat "$SCRATCH/clock"\n'


def without_proc(tmp_path: Path, script: str) -> str:
    """What a script prints that has the shell engine's functions, a clock of its own, and no /proc."""
    (tmp_path / "functions").write_text(shell_functions())
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "date").write_text(_DATE)
    (tmp_path / "bin" / "date").chmod(0o755)
    done = run_script(_FUNCTIONS + script, {"SCRATCH": str(tmp_path)}, network=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


READINGS = {
    "as it should": ([1700000000, 1700000001, 1700000004], [0, 100, 400]),
    "set back a day": ([1700000000, 1699913600, 1699913602], [0, 0, 200]),
    "leaps ahead by years": ([1000, 1700000000, 1700000001], [0, 10000, 10100]),
    # A remainder of ten million seconds would have wrapped here.
    "at a round number": ([1709999999, 1710000000, 1710000001], [0, 100, 200]),
}


@pytest.mark.parametrize("kind", READINGS)
def test_time_without_proc_never_goes_back_and_leaps_little(kind: str, tmp_path: Path) -> None:
    says, expected = READINGS[kind]
    steps = "".join(f'echo {second} >"$SCRATCH/clock"\nclock_now\nprintf "%s " "$_now"\n' for second in says)
    assert [int(word) for word in without_proc(tmp_path, steps).split()] == expected


def test_a_child_is_ended_in_time_although_the_clock_was_set_back(tmp_path: Path) -> None:
    script = """
    echo 1700000000 >"$SCRATCH/clock"
    sleep 600 & child=$!
    (sleep 1; echo 1600000000 >"$SCRATCH/clock") &
    child_supervise "$child" 200
    echo "$_ended $_late"
    """
    assert without_proc(tmp_path, script) == "137 yes\n"


def test_a_child_is_not_ended_early_because_the_clock_leapt(tmp_path: Path) -> None:
    script = """
    echo 1700000000 >"$SCRATCH/clock"
    (sleep 1; echo 1800000000 >"$SCRATCH/clock") &
    (sleep 3; exit 5) & child=$!
    child_supervise "$child" 5000
    echo "$_ended $_late"
    """
    assert without_proc(tmp_path, script) == "5 no\n"


def limits(shell: ShellEngine, timeout: int, tries: int, deadline: int = 10000) -> list[int]:
    """Seconds that one try after the other may take."""
    loop = f"clock_now() {{ _now=0; }}\nset_REQUEST_TIMEOUT={timeout}\ntries_begin x {deadline * 100}\n"
    shell.run(
        loop + f'for _ in {" ".join("x" * tries)}; do tries_limit x; printf "%s " "$_limit"; done >"$work/limits"'
    )
    return [int(word) // 100 for word in shell.kept("limits")[0].split()]


@pytest.mark.parametrize("shell", ["mawk"], indirect=True)
def test_a_slow_server_gets_more_time_from_try_to_try(shell: ShellEngine) -> None:
    assert limits(shell, 10, 5) == [10, 20, 40, 60, 60]
    assert limits(shell, 1, 8) == [1, 2, 4, 8, 16, 32, 60, 60]
    # Never less than what the settings give, never past the deadline.
    assert limits(shell, 90, 3) == [90, 90, 90]
    assert limits(shell, 10, 3, deadline=15) == [10, 15, 15]


@pytest.mark.parametrize("shell", ["mawk"], indirect=True)
@pytest.mark.parametrize(("left", "pause"), [(300, "250"), (450, "400"), (90, ""), (10000, "400")])
def test_the_last_pause_leaves_time_for_a_last_try(shell: ShellEngine, left: int, pause: str) -> None:
    """The next pause would be 4 s."""
    shell.run(
        f'clock_now() {{ _now=0; }}\nchild_pause() {{ printf %s "$1" >"$work/pause"; }}\nset_REQUEST_TIMEOUT=1\n'
        "tries_spread() { try_pause=$1; }\n"
        f"tries_begin x {left}\ntry_x_pauses='4000 5000'\n_retry_after=0 _problem=x _why=\n"
        ': >"$work/pause"\ntries_another x X',
    )
    assert shell.kept("pause")[0].decode() == pause
