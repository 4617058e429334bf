"""What `build.py live` looks at, in root file systems made of Debian's packages."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import support

from . import namespace, roots

_ROOTS = roots.roots()


def _live(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command as build.py does."""
    environment = {**os.environ, "PYTHONPATH": str(support.ROOT / "tests")}
    command = [sys.executable, "-m", "live", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=support.ROOT)


def _need_tools() -> None:
    for tool, why in {**namespace.TOOLS, "openssl": "judges the hash", "mmdebstrap": "makes the roots"}.items():
        support.need(tool, why)
    if os.geteuid() != 0:
        support.leave_out("root makes namespaces")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", _ROOTS)
def test_azready_lives_in_this_root(name: str) -> None:
    _need_tools()
    machine = _ROOTS[name]
    options = ["--engine", machine.engine] + (["--client", machine.client] if machine.engine == "shell" else [])
    done = _live(str(roots.make(machine)), "--json", *options)
    assert done.stdout, done.stderr
    checks = json.loads(done.stdout)["checks"]
    wrong = {check["name"]: check["problems"] + check["log"] for check in checks if check["outcome"] != "ok"}
    assert (done.returncode, wrong) == (0, {})
