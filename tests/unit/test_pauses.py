"""The pauses between tries differ from VM to VM, so that a fleet which met one trouble does not come back in step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from conformance.client import SHELLS
from support import DIST, need, shell_functions

sys.path.append(str(DIST / "azready.pyz"))
from azready.machine import signals
from azready.machine.failure import NoGoodAnswer
from azready.machine.tries import Tries

# Hundredths of a second, as the table has them.
TABLE = [25, 50, 100, 200, 400, 500, 500]
DRAWS = 20
ONE_RUN = """
clock_now() { _now=0; }
child_pause() { printf '%s ' "$1"; }
log_info() { :; }
log_debug() { :; }
clock_seconds() { _seconds=0; }
set_REQUEST_TIMEOUT=1 _problem=x _why=
"""


def shell_pauses(shell: str, folder: Path, retry_after: int) -> list[list[int]]:
    """What the shell engine pauses from try to try, in some runs."""
    row = SHELLS[shell]
    functions = shell_functions()
    tries = f"_retry_after={retry_after}; tries_another x X; " * len(TABLE)
    runs = f"tries_begin x 100000; {tries}echo\n" * DRAWS
    (folder / "script").write_text(f"{functions}\n{ONE_RUN}{runs}")
    (folder / "sh").symlink_to(need(row.program))
    program = str(folder / "sh") if row.started_as else need(row.program)
    done = subprocess.run([program, *row.words, folder / "script"], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return [[int(word) for word in line.split()] for line in done.stdout.splitlines()]


def python_pauses(patch: pytest.MonkeyPatch, retry_after: int) -> list[list[int]]:
    """What the Python engine pauses from try to try, in some runs."""
    runs: list[list[int]] = []
    patch.setattr(signals, "sleep", lambda seconds: runs[-1].append(round(seconds * 100)))
    for _ in range(DRAWS):
        runs.append([])
        tries = Tries("x", 1.0, float("inf"))
        assert all(tries.another(NoGoodAnswer("x", retry_after=retry_after)) for _ in TABLE)
    return runs


def are_spread(runs: list[list[int]], retry_after: int = 0) -> None:
    """Half of the table's pause and another part of it each time; behind Retry-After, half of that."""
    assert len(runs) == DRAWS
    for column, pause in zip(zip(*runs, strict=True), TABLE, strict=True):
        least, most = (retry_after * 100 + pause // 4 - 1, retry_after * 100 + pause // 2) if retry_after else (
            pause // 2, pause)  # fmt: skip
        assert least <= min(column) <= max(column) <= most
        assert len(set(column)) > 2


@pytest.mark.parametrize("retry_after", [0, 3])
@pytest.mark.parametrize("shell", SHELLS)
def test_no_two_vms_pause_alike_in_the_shell_engine(shell: str, retry_after: int, tmp_path: Path) -> None:
    are_spread(shell_pauses(shell, tmp_path, retry_after), retry_after)


@pytest.mark.parametrize("retry_after", [0, 3])
def test_no_two_vms_pause_alike_in_the_python_engine(retry_after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    are_spread(python_pauses(monkeypatch, retry_after), retry_after)
