"""`build.py bench` measures what it says, and tells bad usage apart from a work that failed. No figure is judged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support import ROOT, need

from .measure import Ratio, clock
from .packages import Installed
from .picture import picture
from .results import Results
from .sizes import INPUTS, Curve
from .tree import timed, weighed
from .works import ROWS, WORKS, MeasureError, Row, Work

ENVIRONMENT = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(autouse=True)
def tools() -> None:
    for tool in ("strace", "curl", "dash"):
        need(tool, "measures programs")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT / "tests", capture_output=True, text=True, timeout=120)


def test_a_row_becomes_figures_and_a_ratio(tmp_path: Path) -> None:
    done = bench("--rounds", "2", "--only", "second boot", "--json", "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found == json.loads((tmp_path / "bench.json").read_text())
    boot, beside = found["works"]
    assert (boot["name"], beside["name"]) == ("second boot", "sh -c :")
    assert [len(work["cpu"]) for work in found["works"]] == [2, 2]
    assert (boot["requests"], beside["programs"], beside["forks"]) == (0, 1, 0)
    (ratio,) = found["ratios"]
    assert ratio["met"] == (ratio["ratio"] <= ratio["at_most"])
    assert "bench: processor time" in done.stderr
    picture = ElementTree.parse(tmp_path / "bench.svg")
    said = " ".join(filter(None, picture.getroot().itertext()))
    assert all(text in said for text in (found["date"], "second boot", "x sh -c :"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--rounds", "0"], "'0' is not a number from 1 on"), (["--only", "nothing"], "no row has 'nothing' in its name")],
)
def test_wrong_usage_is_told(arguments: list[str], message: str) -> None:
    done = bench(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_a_work_that_fails_is_not_measured() -> None:
    """Its figures would be those of something else."""
    with pytest.raises(MeasureError, match="bad: status 3, verdict Creating: oops"):
        clock(Work("bad", lambda _: ["sh", "-c", "echo oops; exit 3"]))
    with pytest.raises(MeasureError, match="idle: status 0, verdict Creating"):
        clock(Work("idle", lambda _: ["true"]))


def test_all_that_a_command_starts_is_counted_orphans_too() -> None:
    busy = "i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done"
    alone = timed(["dash", "-c", busy], ENVIRONMENT).cpu
    both = timed(["dash", "-c", f"(({busy}) &); {busy}"], ENVIRONMENT).cpu
    assert both > 1.3 * alone


def test_memory_of_a_family_is_what_all_have_at_one_time() -> None:
    hold = "import sys, time; kept = 'x' * (20 << 20); time.sleep(1)"
    one = weighed(["python3", "-I", "-S", "-c", hold], ENVIRONMENT).memory
    two = weighed(["sh", "-c", f'python3 -I -S -c "{hold}" & python3 -I -S -c "{hold}"; wait'], ENVIRONMENT).memory
    assert 20 << 10 < one < 45 << 10
    # The second brings its own 20 MB, and the interpreter's file is there already.
    assert 20 << 10 < two - one < 30 << 10


def test_each_row_is_of_works_that_are_measured() -> None:
    assert {name for row in ROWS for name in (row.work, row.against)} == set(WORKS)


STATUS = """\
Package: base
Essential: yes
Depends: libc

Package: libc
Installed-Size: 1000

Package: agent
Version: 1.2-3
Installed-Size: 20
Pre-Depends: libc (>= 2)
Depends: gone | tool (>= 1), python3:any, virtual

Package: tool
Installed-Size: 5

Package: python3
Installed-Size: 100
Depends: libc, agent

Package: real
Installed-Size: 7
Provides: virtual (= 1)
"""


def test_packages_of_an_agent_are_those_beyond_the_base(tmp_path: Path) -> None:
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(STATUS)
    installed = Installed(tmp_path)
    needed = installed.beyond_base(["agent"])
    assert needed == {"agent", "tool", "python3", "real"}
    assert installed.size(needed) == 132 * 1024
    assert installed.version("agent") == "1.2-3"


def test_growth_is_told_by_the_two_largest_sizes() -> None:
    sizes = (1, 100, 200, 400)
    assert Curve("keys", "mawk", sizes, (50.0, 100.0, 150.0, 250.0)).power == 1.0
    assert round(Curve("keys", "mawk", sizes, (50.0, 70.0, 130.0, 370.0)).power, 6) == 2.0
    assert Curve("keys", "mawk", sizes, (50.0, 51.0, 49.0, 52.0)).power == 0.0


def test_the_picture_has_every_part_that_was_measured() -> None:
    facts = {"date": "2026-11-26", "azready": "1.0", "system": "Debian", "kernel": "6.1", "processor": "one & only",
             "processors": 2, "versions": {"curl": "8.0"}}  # fmt: skip
    results = Results(facts, 3)
    row = {"version": "22.4", "cpu_ms": 1500, "memory_kb": 70000, "packages": ["a", "b"]}
    results.agents = [{**row, "agent": "azready, shell"}, {**row, "agent": "cloud-init"}]
    results.ratios = [Ratio(Row("dash+curl report", "two curls", 2.0), 5.0)]
    results.curves = [Curve(given.name, "mawk", (1, *given.sizes), (1.0,) * 5) for given in INPUTS]
    said = " ".join(filter(None, ElementTree.fromstring(picture(results)).itertext()))
    wanted = ("one & only", "cloud-init 22.4", "1.50 s, 68 MB, 2 packages", "5.0 x two curls", "64 KB of user data")
    assert [text for text in wanted if text not in said] == []
