"""What Python loads, and what is started before it: each module costs every VM its compilation."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from bench.counts import can_trace, count
from lab.emulator import Emulator, load_vm
from support import DIST, leave_out, need
from unit.python_machine import Machine, new_machine

# All of ours that `report ready` is made of.
REPORT = """
azready azready.cli azready.handover azready.tables
azready.azure azready.azure.identity azready.azure.report azready.azure.run azready.azure.wireserver
azready.machine azready.machine.alive azready.machine.clock azready.machine.config azready.machine.failure
azready.machine.files azready.machine.http azready.machine.log azready.machine.run azready.machine.signals
azready.machine.state azready.machine.system azready.machine.tries azready.machine.xml
"""
URLLIB3 = """
urllib3 urllib3._base_connection urllib3._collections urllib3._version urllib3.connection urllib3.exceptions
urllib3.http2 urllib3.http2.probe urllib3.util urllib3.util.connection urllib3.util.request urllib3.util.response
urllib3.util.ssl_ urllib3.util.ssl_match_hostname urllib3.util.timeout urllib3.util.url urllib3.util.util
urllib3.util.wait
"""
# What the standard library would load for things that azready never does, or seldom.
SPARED = {"_ssl", "_hashlib", "_bz2", "_lzma", "tempfile", "json", "subprocess", "shutil"}
# Runs the file behind it, and says on stderr which source is compiled, each time.
TELL = """
import os, runpy, sys
tell = lambda event, what: event == "compile" and os.write(2, b"compile %s\\n" % str(what[1]).encode())
sys.addaudithook(tell)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# The launcher, and a Python in a session of its own; a work directory is looked at, made and taken away.
BEFORE_PYTHON = 8


def said(machine: Machine, start: tuple[str, ...], *words: str, **settings: str) -> str:
    """What a Python that is started so says on stderr while the engine runs in it."""
    known = {"WIRESERVER": machine.azure.wireserver, "IMDS": machine.azure.imds, "MEDIA": "none", **settings}
    environment = {"PATH": "/usr/bin:/bin", **{f"AZREADY_{key}": value for key, value in known.items()}}
    command = [need("python3.13"), "-I", "-S", *start, str(DIST / "azready.pyz"), "--root", str(machine.root), *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def loaded(machine: Machine, *words: str, **settings: str) -> set[str]:
    """The modules that a run of the Python engine imports."""
    told = said(machine, ("-v",), *words, **settings)
    return set(re.findall(r"^import '([\w.]+)' #", told, re.MULTILINE))


def ours(names: set[str], package: str) -> set[str]:
    return {name for name in names if name.split(".")[0] == package}


def test_report_loads_what_a_report_needs(tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        names = loaded(machine, "report", "ready")
    assert ours(names, "azready") == set(REPORT.split())
    assert ours(names, "urllib3") == set(URLLIB3.split())
    assert names & SPARED == set()


def test_provision_loads_the_steps_that_are_chosen(tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        names = loaded(machine, "provision", STEPS="hostname,user-data")
    steps = {name.rpartition(".")[2] for name in names if name.startswith("azready.steps.")}
    assert steps == {"hostname", "user_data", "data", "hooks", "host_keys", "publish"}
    assert names & {"_ssl", "_hashlib", "_bz2", "_lzma", "tempfile"} == set()


def test_whole_provision_loads_no_more_than_this(tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        names = loaded(machine, "provision")
    assert len(ours(names, "azready")) <= 60
    assert ours(names, "urllib3") == set(URLLIB3.split())
    assert names & {"_ssl", "_hashlib", "_bz2", "_lzma", "tempfile"} == set()


def test_each_module_is_compiled_once(tmp_path: Path) -> None:
    """Python's own importer of zips would do it twice."""
    with new_machine(tmp_path) as machine:
        told = said(machine, ("-c", TELL), "provision")
    files = Counter(re.findall(r"^compile (.*\.pyz/.*)$", told, re.MULTILINE))
    assert len(files) > 60
    assert [file for file, times in files.items() if times > 1 and not file.endswith("/__main__.py")] == []


@pytest.mark.parametrize(("words", "most"), [(("report", "ready"), BEFORE_PYTHON), (("status",), None)])
def test_few_programs_are_started_beside_python(words: tuple[str, ...], most: int | None, tmp_path: Path) -> None:
    if not can_trace():
        leave_out("strace may not trace here")
    with new_machine(tmp_path) as machine, Emulator(load_vm({})) as azure:
        settings = {"AZREADY_WIRESERVER": azure.wireserver, "AZREADY_IMDS": azure.imds}
        command = [need("dash"), str(DIST / "azready"), "--root", str(machine.root), *words]
        counted = count(command, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **settings})
    pythons = sum(times for name, times in counted.programs.items() if name.startswith("python"))
    assert pythons == (0 if most is None else 1)
    # A busy computer may need longer than a second: each second is a sleep.
    assert most is None or counted.started - counted.programs["sleep"] < most
