"""Who is put under the suite: azready in every combination of engine, shell, HTTP client and Python, or another agent.

A combination is a PATH sandbox: a folder of links to the tools that the engine may use, one HTTP client and nothing
else. All combinations are the tables below.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import support

from .check import COLUMNS
from .facts import PROJECT

AGENT = PROJECT / "dist" / "azready"
ZIPAPP = AGENT.with_suffix(".pyz")

# What the shell engine may expect of any system, next to sh and awk.
# fmt: off
TOOLS = (
    # yash has its built-in [ only where PATH has one.
    "[",
    "basename", "cat", "chmod", "chown", "cmp", "cp", "cut", "date", "dd", "dirname", "env", "expr", "false", "find",
    "grep", "head", "hostname", "id", "kill", "ln", "ls", "mkdir", "mkfifo", "mktemp", "mv", "od", "printf",
    "readlink", "rm", "rmdir", "sed", "setsid", "sleep", "sort", "stat", "sync", "tail", "tee", "test", "touch", "tr",
    "true", "uname", "wc",
)
# fmt: on

# What one step may use where it is; a case can take them away (`without`). busybox has its own mkpasswd instead.
OPTIONAL = ("openssl",)


@dataclass(frozen=True)
class Shell:
    """How a shell is started (its program and the words behind it), and the awk that this row also covers."""

    program: str
    awk: str = "mawk"
    words: tuple[str, ...] = ()
    # The name it is started by, where that changes how it behaves.
    started_as: str = ""
    # Where the other tools come from: "" is the system, else the program that is all of them.
    tools: str = ""


SHELLS = {
    "dash": Shell("dash"),
    "bash": Shell("bash", awk="gawk"),
    "busybox": Shell("busybox", awk="busybox", words=("ash",), tools="busybox"),
    "mksh": Shell("mksh"),
    "yash": Shell("yash"),
    "ksh93": Shell("ksh93", awk="original-awk"),
    # zsh is a POSIX shell only by the name sh.
    "zsh": Shell("zsh", started_as="sh"),
    "posh": Shell("posh"),
}


@dataclass(frozen=True)
class HttpClient:
    """The name on PATH that the engine looks for, and the program behind it."""

    link: str
    program: str


# The keys are also the names in the agent's status file.
HTTP_CLIENTS = {
    "curl": HttpClient("curl", "curl"),
    "wget": HttpClient("wget", "wget"),
    "busybox-wget": HttpClient("wget", "busybox"),
    "nc": HttpClient("nc", "busybox"),
    "bash": HttpClient("bash", "bash"),
}

# Debian builds busybox with FEATURE_SH_STANDALONE and FEATURE_PREFER_APPLETS (measured with 1.35): its ash takes its
# own wget, whatever PATH holds, so nothing that stands behind busybox wget in the probe order can ever be reached.
IMPOSSIBLE = {("busybox", http) for http in ("wget", "nc", "bash")}

PYTHONS = ("3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")


@dataclass(frozen=True)
class Combination:
    """One way to run azready. `python` is empty for the shell engine, whose HTTP client is then `http`."""

    engine: str
    shell: str
    http: str
    python: str = ""

    def __str__(self) -> str:
        return f"python-{self.python}" if self.python else f"shell-{self.shell}-{self.http}"

    @property
    def programs(self) -> tuple[str, ...]:
        """The programs that must be installed for it, beside Python."""
        shell, http = SHELLS[self.shell], HTTP_CLIENTS.get(self.http)
        wanted = {
            shell.program,
            shell.awk,
            *([http.program] if http else ()),
            *(() if shell.tools else (*TOOLS, *OPTIONAL)),
        }
        return tuple(sorted(wanted))


_SHELL_ROWS = [Combination("shell", shell, http) for shell in SHELLS for http in HTTP_CLIENTS]
ALL = [
    *(Combination("python", "dash", "urllib3", version) for version in PYTHONS),
    *(row for row in _SHELL_ROWS if (row.shell, row.http) not in IMPOSSIBLE),
]
# Every case runs with these: the Python of the tests, which can be measured (trust/measuring.py), and the shell engine
# with each awk. `core` cases run with all.
_OWN = f"{sys.version_info[0]}.{sys.version_info[1]}"
OWN_PYTHON = _OWN if _OWN in PYTHONS else PYTHONS[-1]


def always(python: str = OWN_PYTHON) -> list[Combination]:
    """What every case runs with, in tests that run with that Python."""
    return [
        Combination("python", "dash", "urllib3", python),
        *(Combination("shell", shell, "curl") for shell in ("dash", "busybox", "bash", "ksh93")),
    ]


def need_programs(combination: Combination) -> None:
    """Skip the running test (fail it with CI=true) where a program of the combination is missing."""
    for program in combination.programs:
        support.need(program)
    if combination.python and combination.python not in support.interpreters():
        support.need(f"python{combination.python}")


def make_sandbox(folder: Path, combination: Combination, without: Sequence[str] = ()) -> Path:
    """The combination's PATH folder below `folder`, made at its first use; `without` these tools."""
    sandbox = folder / "-without-".join([str(combination), *without])
    if not sandbox.exists():
        sandbox.mkdir(parents=True)
        for name, program in _links(combination).items():
            if name in without:
                continue
            (sandbox / name).symlink_to(program)
    return sandbox


def _links(combination: Combination) -> dict[str, str]:
    """Name on PATH -> program, for everything that the agent may find."""
    shell, http = SHELLS[combination.shell], HTTP_CLIENTS.get(combination.http)
    links = {tool: _where(shell.tools or tool) for tool in TOOLS}
    links |= {} if shell.tools else {tool: _where(tool) for tool in OPTIONAL}
    links |= {"sh": _where(shell.program), "awk": _where(shell.awk)}
    if http:
        links[http.link] = _where(http.program)
    if combination.python:
        links["python3"] = support.interpreters()[combination.python]
    return links


def _where(program: str) -> str:
    found = shutil.which(program)
    if not found:
        raise FileNotFoundError(f"{program} is not installed")
    return found


@dataclass(frozen=True)
class Start:
    """What the runner wants started: arguments, the root, and settings of the case (KEY -> value).

    `plain`: with no option that a boot does not have. `zipapp`: the Python engine without the shell's.
    """

    root: Path
    args: Sequence[bytes]
    settings: Mapping[str, str]
    environment: Mapping[str, str]
    plain: bool = False
    zipapp: bool = False


class Client(Protocol):
    """An agent under the suite. `contract`: held to all of it, or only to what the platform and the user see."""

    @property
    def name(self) -> str: ...

    @property
    def contract(self) -> bool: ...

    @property
    def http(self) -> str: ...

    @property
    def limit(self) -> float: ...

    @property
    def work(self) -> Path | None: ...

    def command(self, start: Start) -> list[str | bytes]: ...

    def environment(self, start: Start) -> dict[str, str]: ...


@dataclass(frozen=True)
class Azready:
    """azready from dist/, in one combination and its sandbox. `limit`: seconds until a run counts as hung."""

    combination: Combination
    sandbox: Path
    contract: bool = True
    limit: float = 60.0
    # The file that runs.
    agent: Path = AGENT
    # A scratch folder.
    work: Path | None = None

    @property
    def name(self) -> str:
        """As in the test's id."""
        return str(self.combination)

    @property
    def http(self) -> str:
        """The HTTP client that must really have run."""
        return self.combination.http

    def command(self, start: Start) -> list[str | bytes]:
        """The shell by its full path, because PATH has no other; zsh through its link `sh`."""
        if start.zipapp:
            return [str(self.sandbox / "python3"), str(ZIPAPP), "--root", str(start.root), *start.args]
        shell = SHELLS[self.combination.shell]
        program = str(self.sandbox / "sh") if shell.started_as else _where(shell.program)
        root = [] if start.plain and start.root == Path("/") else ["--root", str(start.root)]
        options = [*([] if start.plain else ["--engine", self.combination.engine]), *root]
        return [program, *shell.words, str(self.agent), *options, *start.args]

    def environment(self, start: Start) -> dict[str, str]:
        """Nothing but PATH and what the case sets."""
        settings = {f"AZREADY_{key}": value for key, value in start.settings.items()}
        return {"PATH": str(self.sandbox), **settings, **start.environment}


@dataclass(frozen=True)
class Other:
    """Any other agent: a command with {root}, {wireserver} and {imds}; the same stand in ROOT, WIRESERVER and IMDS."""

    template: str
    limit: float = 20.0
    # What counts; the other columns are shown all the same.
    demanded: tuple[str, ...] = COLUMNS
    contract: bool = False
    http: str = ""
    # Where its command was written, so that relative paths in it are right.
    work: Path | None = field(default_factory=Path.cwd)

    @property
    def name(self) -> str:
        """The command as it was given."""
        return self.template

    def command(self, start: Start) -> list[str | bytes]:
        """The template's words, filled; each case's arguments are azready's own and are not passed on."""
        values = {key.lower(): value for key, value in start.settings.items()}
        return [word.format(root=start.root, **values) for word in shlex.split(self.template)]

    def environment(self, start: Start) -> dict[str, str]:
        """This process' PATH, the three names, and what the case sets."""
        return {"PATH": os.environ["PATH"], "ROOT": str(start.root), **start.settings, **start.environment}
