"""SSH host keys for a machine whose image has none.

Debian makes them when the package is installed and never again, so after `generalize` its server would not start.
"""

from __future__ import annotations

from . import log, state
from .system import System

_SERVICES = ("ssh", "sshd", "dropbear")


def make_host_keys(system: System) -> None:
    """Only where there is a server that has no key at all. Never raises."""
    _make(system, "sshd", "ssh-keygen", "/etc/ssh/ssh_host_{}_key", ["-A"])
    # Buildroot's directory is a link to one that is not there yet; its server makes its own keys, as OpenWrt's and
    # Alpine's.
    form = "/etc/dropbear/dropbear_{}_host_key"
    kinds = (["-t", kind, "-f", form.format(kind)] for kind in ("ed25519", "ecdsa", "rsa"))
    _make(system, "dropbear", "dropbearkey", form, *kinds)


def _make(system: System, server: str, tool: str, form: str, *calls: list[str]) -> None:
    """`form`: path of a key, its kind left out."""
    keygen, directory = system.which(tool), form.rpartition("/")[0]
    if not (system.which(server) and keygen and system.is_directory(directory)) or _are_there(system, form):
        return
    ended = [system.command([keygen, *words]) for words in calls]
    if not _are_there(system, form):
        log.warning(f"ssh: host keys not made: {ended[-1].last_line}")
        return
    log.info(f"ssh: host keys made in {directory}")
    # One that gave up before there were keys: Debian's runit does not try again.
    for service in _SERVICES:
        state.start_service(system, service)


def _are_there(system: System, form: str) -> bool:
    return any(system.read(path) for path in system.matches(form.format("*")))
