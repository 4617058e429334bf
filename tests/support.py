"""What tests share: where the project is, which tools and interpreters this machine has, and what to do without one."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"

# Interpreters that some test asks for: those of the Python engine, and two that must be turned away politely.
PYTHONS = ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


def need(tool: str, why: str = "") -> str:
    """Path of a tool, or of the interpreter `pythonX.Y`. Without it the test is left out, and the summary says so.

    With CI=true it fails instead: .ci/debian-packages promises the tools, and CI's machine the interpreters.
    """
    version = tool.removeprefix("python")
    path = interpreters().get(version) if version in PYTHONS else shutil.which(tool)
    if not path:
        leave_out(f"{tool} is not installed" + (f": {why}" if why else ""))
    return path


def leave_out(reason: str) -> NoReturn:
    """Leave the running test out, and have the summary say why; with CI=true it fails."""
    import pytest  # the lab's zip has the conformance suite with it, but no pytest

    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason} (CI=true: nothing is left out; is it in .ci/debian-packages?)", pytrace=False)
    pytest.skip(reason)


@functools.cache
def interpreters() -> dict[str, str]:
    """The Pythons of this machine: "3.7" -> path."""
    found = {version: next((path for path in candidates(version) if runs(path, version)), "") for version in PYTHONS}
    return {version: path for version, path in found.items() if path}


def candidates(version: str) -> Iterator[str]:
    """Where an interpreter may lie. pyenv's folders first: its shims on PATH are slow, and may only print an error."""
    for root in filter(None, (os.environ.get("PYENV_ROOT"), os.path.expanduser("~/.pyenv"))):
        yield from map(str, Path(root).glob(f"versions/{version}.*/bin/python{version}"))
    for folder in os.get_exec_path():
        yield os.path.join(folder, f"python{version}")


def runs(path: str, version: str) -> bool:
    """Whether this file is a Python of this version."""
    probe = f"import sys; sys.exit('%d.%d' % sys.version_info[:2] != '{version}')"
    return os.access(path, os.X_OK) and subprocess.run([path, "-c", probe], capture_output=True).returncode == 0


def shell_functions() -> str:
    """The shell engine of dist/ with its tables, without the two places where it runs: for a script that calls it."""
    text = (DIST / "azready.sh").read_text()
    for runs in ('\nlauncher_self "$0"\nmain ${1+"$@"}\n', '\n"$launcher_rest"\nexit $?\n'):
        assert runs in text, f"launcher.sh and last.sh, which start the engine, no longer say: {runs}"
        text = text.replace(runs, "\n")
    return text
