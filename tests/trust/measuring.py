"""Watches what of the engines a run of the conformance suite reaches; covered.py adds it up.

One Python run of each case is measured, and each with dash and posh, the functions of whose shell engine say that they
were called. What is written down lies in a folder for this very azready.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

import support
from conformance.case import Case
from conformance.client import AGENT, Azready, Combination, always
from conformance.results import sha256_of_agent

# Set by `build.py test`: the cases that run there are measured. Not AZREADY_.., which would be a setting.
SWITCH = "MEASURE_COVERAGE"
FOLDERS = support.ROOT / "build" / "trust" / "coverage"
# posh has an awkward `wait`, and a function for that.
_SHELLS = ("dash", "posh")
_FUNCTION = re.compile(r"^([a-z_0-9]+)\(\) \{$", re.MULTILINE)
_WRAPPER = Path(__file__).with_name("measured_python.py")


def folder() -> Path:
    """Where it lies: `python.*` are coverage's data, `functions/NAME` and `ran/CASE[COMBINATION]` are empty."""
    return FOLDERS / sha256_of_agent()[:16]


def is_measured(combination: Combination) -> bool:
    """Whether what this one runs counts."""
    return combination == always()[0] or (combination.engine == "shell" and combination.shell in _SHELLS)


def measured(client: Azready) -> Azready:
    """The same client, if it is one of those: what it runs is written down."""
    if not is_measured(client.combination):
        return client
    for name in ("functions", "ran"):
        (folder() / name).mkdir(parents=True, exist_ok=True)
    if client.combination.python:
        _measure_python(client.sandbox)
    return replace(client, agent=_traced())


def note(case: Case, combination: Combination) -> None:
    """It has run."""
    (folder() / "ran" / _label(case, combination)).touch()


def has_run(case: Case, combination: Combination) -> bool:
    """Whether it has, with this azready."""
    return (folder() / "ran" / _label(case, combination)).exists()


def _label(case: Case, combination: Combination) -> str:
    # A case that was changed has not run yet.
    version = hashlib.sha256(repr(case).encode()).hexdigest()[:8]
    return f"{case.name}[{combination}]{version}".replace("/", ":")


def _measure_python(sandbox: Path) -> None:
    """Put a script in the interpreter's place."""
    import coverage

    link = sandbox / "python3"
    if not link.is_symlink():
        return
    site = Path(coverage.__file__).parent.parent
    words = [os.path.realpath(link), "-I", "-S", _WRAPPER, site, folder() / "python"]
    script = sandbox / f"python3.{os.getpid()}"
    script.write_text(f'#!/bin/sh\nexec {shlex.join(map(str, words))} "$@"\n')
    script.chmod(0o755)
    script.replace(link)


def _traced() -> Path:
    """azready, each function of whose shell engine leaves a file of its name when it is called, and $? as it was."""
    path = folder() / "azready"
    if not path.exists():
        whole = AGENT.read_bytes()
        text, zipped = whole[: (end := whole.index(b"\nexit $?\n"))].decode(), whole[end:]
        first, _, rest = text.partition("\n")
        names = f"{shlex.quote(str(folder() / 'functions'))}/$1"
        tell = f'trace_function() {{\n\t{{ {{ :; }} >>{names}; }} 2>/dev/null\n\treturn "$2"\n}}\n'
        new = path.with_name(f"azready.{os.getpid()}")
        new.write_bytes(f"{first}\n{tell}{_FUNCTION.sub(_says, rest)}".encode() + zipped)
        new.replace(path)
    return path


def _says(found: re.Match[str]) -> str:
    known = found[1] in shell_functions()
    return f'{found[0]}\n\ttrace_function {found[1]} "$?"' if known else found[0]


def shell_functions() -> dict[str, str]:
    """The functions of the shell engine, and the file of each: not those in the text of a service file."""
    if not _functions:
        agent = support.ROOT / "agent" / "shell"
        for file in sorted(agent.rglob("*.sh")):
            found = _FUNCTION.findall(file.read_text())
            _functions.update(dict.fromkeys(found, str(file.relative_to(agent))))
    return _functions


_functions: dict[str, str] = {}
