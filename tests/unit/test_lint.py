"""Linters, formatters and the type checker are tests; their configuration stands in pyproject.toml."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import bundle
import pytest
from support import ROOT, need

ENGINE = ROOT / "agent" / "python" / "azready"


def passes(*command: str | Path) -> None:
    """Fail with the tool's own output."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{done.stdout}", pytrace=False)


def test_ruff_finds_nothing() -> None:
    passes(sys.executable, "-m", "ruff", "check", ".")


def test_python_is_formatted() -> None:
    passes(sys.executable, "-m", "ruff", "format", "--check", "--diff", ".")


def test_types_are_right() -> None:
    passes(sys.executable, "-m", "mypy")


def test_shellcheck_finds_nothing_in_the_shell_engine(tmp_path: Path) -> None:
    """The assembled text: only there do the modules see each other and their tables. That of both files is the same.

    SC2317 (unreachable) is off: 0.9 takes every function that is called by a computed name for dead code.
    """
    text = bundle.shell_text(ROOT, "0", with_zip=True, for_linter=True)
    (tmp_path / "azready.sh").write_bytes(text)
    passes(need("shellcheck", "lints the shell engine"), "--shell=sh", "--exclude=SC2317", tmp_path / "azready.sh")


def test_shellcheck_finds_nothing_in_what_systemd_starts() -> None:
    passes(need("shellcheck", "lints it"), "--shell=sh", "agent/tables/outside.sh")


def test_shell_modules_are_formatted() -> None:
    passes(need("shfmt", "checks the layout of the shell engine"), "-ln", "posix", "-d", "agent/shell", "agent/tables")


def test_ci_script_is_sound() -> None:
    passes(need("shellcheck", "lints .ci/run"), ".ci/run")
    passes(need("shfmt", "checks the layout of .ci/run"), "-d", ".ci/run")


# Compiles, and writes no file.
COMPILE = "import sys; [compile(open(path, 'rb').read(), path, 'exec') for path in sys.argv[1:]]"


@pytest.mark.parametrize("version", ["2.7", "3.6"])
def test_entry_parses_on_a_python_that_is_too_old(version: str) -> None:
    """Only then can it say no in its own words, and the launcher take the shell engine."""
    passes(need(f"python{version}", "must parse the entry"), "-c", COMPILE, ENGINE / "__main__.py")


@pytest.mark.parametrize("version", ["3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
def test_engine_parses_on_every_python_it_is_meant_for(version: str) -> None:
    passes(need(f"python{version}", "must parse the engine"), "-c", COMPILE, *sorted(ENGINE.glob("*.py")))


def test_namespaces_are_made_and_entered_in_one_place() -> None:
    """As a command's first word, or as a line of a script."""
    tools = re.compile(r"(\[|where\()[\"'](unshare|nsenter)[\"']|\b(unshare|nsenter) -")
    tests = ROOT / "tests"
    found = {path.relative_to(tests).as_posix() for path in tests.rglob("*.py") if tools.search(path.read_text())}
    # In lab/boot it is a hook on the machine that does so.
    assert found == {"lab/boot/scenario.py", "lab/namespace.py", "lab/unshare.py"}
