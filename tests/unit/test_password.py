"""The hash of a password is the right one, whoever makes it, and the SSH server is told what the platform wants.

What is right says `openssl passwd`, which the Python engine never asks, and for the shell engine's other tools too.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.client import Combination, make_sandbox, need_programs
from support import DIST, need
from unit.shell_engine import ShellEngine

sys.path.append(str(DIST / "azready.pyz"))
from azready.azure.run import Run, Wanted
from azready.machine import log, sshd_password
from azready.machine.system import System
from azready.steps import password

_SALT = "./09AZaz.klmnop"
_PASSWORDS = {
    "plain": "Corr3ct horse",
    "one character": "x",
    "blanks at the ends": "  two words\u00a0 ",
    "what tools take for syntax": "a:b$c%s%%d\\n\\\\e`id`$(id)'\"*?[!]{}~#;&|<>",
    "looks like an option": "-stdin",
    "beyond ASCII": "pässwörd\u2028\U0001f680",
    "63 bytes": "q" * 63,
    "64 bytes": "q" * 64,
    "65 bytes": "q" * 65,
    "72 characters": "Ab3$" * 18,
    "256 bytes": "\U0001f680" * 64,
}
_every_password = pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in _PASSWORDS.items()])


def right_hash(text: str, salt: str) -> str:
    """What openssl makes of it."""
    command = [need("openssl"), "passwd", "-6", "-salt", salt, "-stdin"]
    return subprocess.run(command, input=text.encode() + b"\n", check=True, capture_output=True).stdout.decode().strip()


@_every_password
@pytest.mark.parametrize("salt", [_SALT, "x", "sixteen.letters/"])
def test_python_makes_the_right_hash(text: str, salt: str) -> None:
    assert password.sha512_crypt(text.encode(), salt) == right_hash(text, salt)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShellEngine]:
    engine = ShellEngine(tmp_path_factory.mktemp("engine"), "mawk")
    yield engine
    engine.end()


# The name that the engine looks for, the program behind it.
_TOOLS = [("openssl", "openssl"), ("mkpasswd", "mkpasswd"), ("mkpasswd", "busybox")]


@_every_password
@pytest.mark.parametrize(("name", "program"), _TOOLS)
def test_every_tool_makes_the_right_hash(
    name: str, program: str, text: str, shell: ShellEngine, tmp_path: Path
) -> None:
    combination = Combination("shell", "dash", "curl")
    need_programs(combination)
    path = make_sandbox(tmp_path, combination, without=["openssl"])
    (path / name).symlink_to(need(program))
    assert shell.run(f"PATH={path}\npassword_hash {_SALT}", {"password": text.encode() + b"\n"}) == 0
    assert shell.kept("hash") == [right_hash(text, _SALT).encode() + b"\n"]


# The account of the scratch machine; its password is "locked" by the star.
_TREE = {"etc/passwd": b"u:x:1:1::/:/bin/sh\n", "etc/shadow": b"u:*:1::::::\n"}
# What the platform says of passwords, the password, the keys -> what the SSH server is told (nothing, yes, no).
_POLICIES = [
    (None, "s3cret", (), "yes"),
    (True, "s3cret", (), "yes"),
    (True, "", ("key",), "yes"),
    (True, "s3cret", ("key",), "yes"),
    (False, "", ("key",), "no"),
    (False, "s3cret", ("key",), "no"),
    (None, "", ("key",), ""),
    (None, "REDACTED", ("key",), ""),
]
_every_policy = pytest.mark.parametrize(("login", "text", "keys", "told"), _POLICIES)


@_every_policy
def test_python_tells_the_ssh_server(
    login: bool | None, text: str, keys: tuple[str, ...], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in _TREE.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(log, "level", log.QUIET)
    heard: list[bool] = []
    monkeypatch.setattr(sshd_password, "set_password_login", lambda system, user, wanted: heard.append(wanted))
    run = Run(System(str(tmp_path)), {"DEADLINE": "9"}, ["password"])
    run.wanted = Wanted(admin_user="u", password=text, keys=keys, password_login=login)
    assert password.step_password(run) == ("done" if told else "skipped")
    assert heard == {"": [], "yes": [True], "no": [False]}[told]


@_every_policy
def test_the_shell_tells_the_ssh_server(
    login: bool | None, text: str, keys: tuple[str, ...], told: str, shell: ShellEngine
) -> None:
    word = {None: "", True: "yes", False: "no"}[login]
    code = f"""
sshd_set_password_login() {{ printf '%s' "$1" >"$work/told"; }}
wanted_keys={len(keys)} wanted_password_login={word}
: >"$work/told"
step_password
case $? in 0) printf done ;; 3) printf skipped ;; esac >"$work/result"
"""
    need("openssl")
    work = {"wanted.admin-user": b"u", "wanted.password": text.encode()}
    assert shell.run(code, work, _TREE) == 0
    assert shell.kept("told", "result") == [told.encode(), b"done" if told else b"skipped"]
