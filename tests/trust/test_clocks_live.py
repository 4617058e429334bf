"""The time of day is anything, and leaps by years while a run waits: it neither hangs, nor gives up, nor lies."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from lab.emulator import Emulator, Request, load_vm
from support import need

from trust.machine import Machine
from trust.machine import need as need_machine
from trust.scene import Scene, copy
from trust.verdict import MARKER

# Seconds that the clock is off when the run begins, and as soon as it has asked for the first time.
_YEAR = 366 * 86400
_NOW = int(time.time())
CLOCKS = {
    "it leaps ahead by ten years": (0, 10 * _YEAR),
    "it is set back by ten years": (0, -10 * _YEAR),
    "no clock has ever been set": (5 - _NOW, 5 - _NOW),
    "it is set for the first time": (5 - _NOW, 0),
    "the end of 32 bits": (2**31 - 3 - _NOW, 2**31 - 3 - _NOW),
    "the next century": (4107542395 - _NOW, 4107542395 - _NOW),
}
# In the place of date(1), and in front of Python: both see the clock that is off.
_DATE = """#!/bin/sh
exec {date} -d "@$(($({date} +%s) + $(cat /tmp/clock)))" "$@"
"""
_PYTHON = """#!/usr/bin/python3 -IS
import runpy, sys, time
real, gmtime = time.time, time.gmtime
time.time = lambda: real() + int(open("/tmp/clock").read())
time.gmtime = lambda seconds=None: gmtime(time.time() if seconds is None else seconds)
sys.argv[1:] = sys.argv[sys.argv.index("-S") + 1:]
del sys.argv[0]
sys.path[0:0] = sys.argv[:1]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# Without /proc/uptime the shell engine has no other clock.
SCENES = {"python": Scene("python", media=False), "shell": Scene("shell", media=False), "shell without uptime": None}


@pytest.mark.parametrize("name", CLOCKS)
@pytest.mark.parametrize("engine", SCENES)
def test_no_time_of_day_disturbs_a_run(engine: str, name: str, tmp_path: Path) -> None:
    need_machine()
    scene = SCENES[engine] or Scene("shell", media=False)
    tree = copy(scene.prepare(tmp_path), tmp_path / "tree")
    clock = tree / "tmp/clock"
    began, then = CLOCKS[name]
    clock.write_text(f"{began}\n")
    for tool, text in (("date", _DATE.format(date=need("date"))), ("python3", _PYTHON)):
        if tool == "date" or engine == "python":
            (tmp_path / "tools" / tool).unlink(missing_ok=True)
            (tmp_path / "tools" / tool).write_text(text)
            (tmp_path / "tools" / tool).chmod(0o755)

    def leap(request: Request) -> None:
        clock.write_text(f"{then}\n")

    busy = {"answers": {"goalstate": [{"status": 503, "times": 3}]}}
    vm = replace(scene.vm(), answers=load_vm(busy).answers)
    hide = "mount --bind dev/null proc/uptime" if SCENES[engine] is None else ":"
    with Machine(tree, tmp_path, live=True, more=hide) as machine, Emulator(vm, on_request=leap) as azure:
        environment = {**scene.environment(tmp_path, azure), "AZREADY_DEADLINE": "600"}
        ended = machine.run(scene.words(tmp_path, tree), environment)
        assert (ended.status, azure.verdict) == (0, "Succeeded"), ended.log
        assert [sent.endpoint for sent in azure.requests] == [*["goalstate"] * 4, "imds", "health"]
        assert machine.left().processes == []
    assert (tree / MARKER[1:]).exists()
    status = dict(line.split("=", 1) for line in (tree / "var/lib/azready/status").read_text().splitlines())
    # It tells the time that it was told, and never a run of years.
    assert status["STARTED"][:4] in [time.strftime("%Y", time.gmtime(_NOW + off)) for off in (began, then)]
    assert status["FINISHED"][:4] in [time.strftime("%Y", time.gmtime(_NOW + then + more)) for more in (0, 99)]
    assert 0 <= float(status["SECONDS"]) < 300
