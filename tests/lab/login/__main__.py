"""Provision one machine and log into it, in the namespaces that `unit.test_login` has made.

Reads what to do from a file and prints what came of it, both JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.azure import IMDS, WIRESERVER, serve
from lab.tree import Entry, snapshot

from . import roots

# A server that is not there by then never will be; nothing depends on how long it takes.
_PATIENCE = 60.0
_COMMAND = 'id -un; pwd; echo "$HOME"; command -v sudo; doas -n id -u'
_SSH = ["ssh", "-F", "/dev/null", "-T", "-p", roots.PORT, "-o", "LogLevel=ERROR", "-o", "StrictHostKeyChecking=no"]
_SSH += ["-o", "UserKnownHostsFile=/dev/null", "-o", "GlobalKnownHostsFile=/dev/null", "-o", "IdentityAgent=none"]
_KEY_ONLY = ["-o", "BatchMode=yes", "-o", "PreferredAuthentications=publickey", "-o", "IdentitiesOnly=yes", "-i"]
_PASSWORD_ONLY = ["-o", "PreferredAuthentications=password", "-o", "NumberOfPasswordPrompts=1"]


class Machine:
    """One root with its agent, its SSH server and whoever logs in."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.kind, self.engine, self.scratch = job["root"], job["engine"], Path(job["scratch"])
        self.log = self.scratch / "server"
        self.root = roots.make(self.kind, Path(job["mountpoint"]), Path(job["agent"]))
        environment = {"PATH": f"{os.environ['PATH']}:/usr/sbin:/usr/bin:/sbin:/bin", "AZREADY_MEDIA": "/mnt/media"}
        self.environment = environment | {"AZREADY_DEADLINE": "120"}

    def provision(self) -> dict[str, Any]:
        """How one run of azready ends, and what it says."""
        command = ["chroot", self.root, "/usr/sbin/azready", "--engine", self.engine, "provision", "--force"]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True)
        return {"status": ended.returncode, "log": ended.stderr}

    def files(self) -> dict[str, Entry]:
        """All that is in /etc and /home."""
        return {
            f"/{top}{path}": entry
            for top in ("etc", "home")
            for path, entry in snapshot(self.root / top, owners=True, times=True).items()
        }

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Its SSH server runs for so long."""
        with self.log.open("wb") as log:
            environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            command = ["chroot", str(self.root), *roots.server(self.kind)]
            server = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                _patiently(lambda: _connects() or server.poll() is not None)
                yield
            finally:
                server.terminate()
                server.wait()

    def settle(self, log: str) -> None:
        """Wait for a server that was told to read its configuration again."""
        if "the SSH server reads its configuration again" in log:
            _patiently(lambda: self.log.read_text(errors="replace").count("Server listening on") == 2)

    def attempts(self, *only: str) -> dict[str, dict[str, Any]]:
        """Log in with this and that, all at once: a server is slow to say no."""
        options = {
            "key": [*_KEY_ONLY, str(self.scratch / "key")],
            "other key": [*_KEY_ONLY, str(self.scratch / "other")],
        }
        options |= {"password": _PASSWORD_ONLY, "other password": _PASSWORD_ONLY}
        running = {name: self.ssh(options[name], name.removesuffix("password")) for name in only or options}
        seen = {}
        for name, process in running.items():
            output, errors = process.communicate()
            seen[name] = {"status": process.returncode, "output": output.splitlines(), "errors": errors}
        return seen

    def ssh(self, options: list[str], which: str) -> subprocess.Popen[str]:
        """An ssh that logs in; askpass gives it the right password, or another one."""
        environment = {"PATH": os.environ["PATH"], "SSH_ASKPASS": str(self.scratch / "askpass")}
        environment |= {"SSH_ASKPASS_REQUIRE": "force", "WHICH": "wrong" if which else "right"}
        command = [*_SSH, *options, "azureuser@127.0.0.1", _COMMAND]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True, errors="replace"
        )


def _connects() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(roots.PORT)), timeout=1):
        return True
    return False


def _patiently(is_so: Any) -> None:
    until = time.monotonic() + _PATIENCE
    while not is_so() and time.monotonic() < until:
        time.sleep(0.05)


@contextlib.contextmanager
def _azure(vm: Path, media: Path) -> Iterator[None]:
    """The emulator on the two addresses that azready knows without being told."""
    for address in (WIRESERVER, IMDS):
        subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
    command = serve(vm, "--media", media, "-q")
    emulator = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert emulator.stdout
    emulator.stdout.readline()
    yield
    emulator.terminate()
    emulator.wait()


def main() -> None:
    """Do what the file asks for that the first argument names."""
    job = json.loads(Path(sys.argv[1]).read_text())
    machine = Machine(job)
    seen: dict[str, Any] = {}
    with _azure(Path(job["vm"]), machine.root / "mnt/media"), contextlib.ExitStack() as serving:
        if job["server"] == "first":
            serving.enter_context(machine.serving())
        seen["first"] = machine.provision()
        if job["server"] == "first":
            machine.settle(seen["first"]["log"])
        else:
            serving.enter_context(machine.serving())
        seen["logins"] = machine.attempts()
        before = machine.files()
        seen["second"] = machine.provision()
        seen["changed"] = sorted({name for name, _ in before.items() ^ machine.files().items()})
        seen["again"] = machine.attempts("key", "password")
    seen["server"] = machine.log.read_text(errors="replace")
    json.dump(seen, sys.stdout)


main()
