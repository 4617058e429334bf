"""A machine whose /dev is not there yet is told so; nothing that is thrown away becomes a file there."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab.namespace import run_script
from support import DIST

# A /dev of its own; FOUND tells what lies at /dev/null afterwards.
SCRIPT = """
set +e
mount -t tmpfs dev /dev
eval "$1"
shift
"$@" 2>"$SCRATCH/said"
echo "$?" >"$SCRATCH/status"
if [ -e /dev/null ]; then echo there; else echo nothing; fi >"$SCRATCH/found"
"""
ENGINES = {
    "shell": ("dash", str(DIST / "azready.sh"), "provision"),
    "busybox": ("busybox", "sh", str(DIST / "azready.sh"), "provision"),
    "python": ("/usr/bin/python3", str(DIST / "azready.pyz"), "provision"),
}


def run(tmp_path: Path, made: str, command: tuple[str, ...]) -> tuple[int, str, str]:
    """In a mount namespace: exit status, what was said, what is there then."""
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SCRATCH": str(tmp_path)}
    assert run_script(SCRIPT, environment, made, *command, network=False).returncode == 0
    status, said, found = ((tmp_path / name).read_text() for name in ("status", "said", "found"))
    return int(status), said, found.strip()


@pytest.mark.parametrize("engine", ENGINES)
def test_without_dev_null_nothing_is_done_and_it_is_said(engine: str, tmp_path: Path) -> None:
    status, said, found = run(tmp_path, ":", ENGINES[engine])
    assert (status, found) == (3, "nothing")
    assert said == "azready: error: missing: /dev/null (hint: mount devtmpfs on /dev before azready is started)\n"


@pytest.mark.parametrize("engine", [name for name in ENGINES if name != "python"])
def test_a_dev_null_that_is_a_file_is_a_warning(engine: str, tmp_path: Path) -> None:
    command = (*ENGINES[engine][:-1], "version")
    status, said, _ = run(tmp_path, "echo junk >/dev/null", command)
    assert status == 0
    assert said.startswith("azready: warning: /dev/null is no device")
