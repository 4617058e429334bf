"""The point of it all: the user of a provisioned machine logs in, with what was given and with nothing else.

A real sshd or dropbear on the loopback of a network namespace, in a root of its own, provisioned by azready with no
settings but where the media is; the ssh of this machine logs in. The machine outside must not notice.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import support
from lab.login.roots import ALPINE, BUSYBOX, DEBIAN, DEBIAN_WITHOUT_PAM
from lab.namespace import run_script

# What XML, a shell, sed, a line of shadow and a byte-wise awk could trip over.
_PASSWORD = "p&<'\"% :$x\\é"
# Root, engine, and whether its server runs already and has to be told; one that starts later reads what it finds.
_ROOTS = [(DEBIAN, "python", True), (DEBIAN, "shell", False), (DEBIAN_WITHOUT_PAM, "shell", True)]
_ROOTS += [(BUSYBOX, "shell", False), (ALPINE, "shell", False)]
_GIVEN = {"key": (True, False), "password": (False, True), "both": (True, True)}
_TOOLS = {
    "ssh": "logs in",
    "ssh-keygen": "keys",
    "sshd": "serves",
    "busybox": "is a root",
    "dropbear": "serves",
    "doas": "gives root",
    "useradd": "accounts",
}
_NO_ROOT = "no sudo and no doas: azureuser cannot become root"


def _vm(with_key: bool, with_password: bool, public_key: str) -> str:
    """The VM file; the key comes with IMDS alone, the password with the media alone."""
    keys = [f"{{ keyData = {json.dumps(public_key)}, path = '/home/azureuser/.ssh/authorized_keys' }}"] * with_key
    disabled = json.dumps(str(not with_password).lower())
    return f"""
    [metadata.compute]
    publicKeys = [{", ".join(keys)}]
    osProfile.disablePasswordAuthentication = {disabled}
    [media]
    public_keys = []
    disable_password = {disabled}
    password = {json.dumps(_PASSWORD) if with_password else '""'}
    """


def _prepare(folder: Path, with_key: bool, with_password: bool) -> None:
    """Two keys, of which the platform knows one; what tells ssh the password; the VM."""
    for name in ("key", "other"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", str(folder / name)]
        subprocess.run(command, check=True)
    (folder / "right").write_text(f"{_PASSWORD}\n")
    (folder / "wrong").write_text(f"{_PASSWORD}x\n")
    (folder / "askpass").write_text(f'#!/bin/sh\ncat "{folder}/$WHICH"\n')
    (folder / "askpass").chmod(0o700)
    (folder / "vm.toml").write_text(_vm(with_key, with_password, (folder / "key.pub").read_text().strip()))


def _machine(folder: Path, root: str, engine: str, server_first: bool) -> dict[str, Any]:
    """What happens on that machine."""
    for tool, why in _TOOLS.items():
        support.need(tool, why)
    (folder / "mountpoint").mkdir()
    agent = support.DIST / ("azready.sh" if root in (BUSYBOX, ALPINE) else "azready")
    places = {"scratch": folder, "mountpoint": folder / "mountpoint", "vm": folder / "vm.toml", "agent": agent}
    job = {name: str(place) for name, place in places.items()} | {"root": root, "engine": engine}
    job["server"] = "first" if server_first else "last"
    (folder / "job").write_text(json.dumps(job))
    environment = {"PYTHONPATH": str(support.ROOT / "tests"), "LC_ALL": "C.UTF-8"}
    ended = run_script('exec "$@"', environment, sys.executable, "-m", "lab.login", str(folder / "job"))
    assert ended.returncode == 0, ended.stderr
    seen: dict[str, Any] = json.loads(ended.stdout)
    return seen


def _outside() -> tuple[str, bool]:
    """What the test must leave alone: the kernel's hostname, and that azready never ran here."""
    return platform.node(), Path("/var/lib/azready").exists()


def _story(seen: dict[str, Any]) -> str:
    """For whoever has to find out what went wrong."""
    logs = [seen["first"]["log"], seen["second"]["log"], seen["server"]]
    return "\n".join([*logs, json.dumps([seen["logins"], seen["again"]], indent=1)])


@pytest.mark.parametrize("given", _GIVEN)
@pytest.mark.parametrize(("root", "engine", "server_first"), _ROOTS)
def test_user_logs_in_with_what_was_given_and_nothing_else(
    root: str, engine: str, server_first: bool, given: str, tmp_path: Path
) -> None:
    with_key, with_password = _GIVEN[given]
    _prepare(tmp_path, with_key, with_password)
    before = _outside()
    seen = _machine(tmp_path, root, engine, server_first)
    assert _outside() == before
    story = _story(seen)
    assert (seen["first"]["status"], seen["second"]["status"]) == (0, 0), story
    expected = {"key": with_key, "other key": False, "password": with_password, "other password": False}
    welcome = ["azureuser", "/home/azureuser", "/home/azureuser"] + ["0"] * (root == ALPINE)
    # dropbear takes no settings from a file: it still asks for a password that nobody has.
    methods = "publickey,password" if with_password or root in (BUSYBOX, ALPINE) else "publickey"
    for name, login in [*seen["logins"].items(), *seen["again"].items()]:
        if expected[name]:
            assert login["output"] == welcome, f"{name}\n{story}"
        else:
            assert login["errors"].endswith(f": Permission denied ({methods}).\n"), f"{name}\n{story}"
            assert (login["status"], login["output"]) == (255, []), f"{name}\n{story}"
    assert (_NO_ROOT in seen["first"]["log"]) == (root != ALPINE), story
    assert seen["changed"] == [], story
