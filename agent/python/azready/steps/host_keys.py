"""SSH host keys for a machine whose image has none.

Debian makes them when the package is installed and never again, so after `generalize` its server would not start.
"""

from __future__ import annotations

import contextlib

from azready.machine import log, services
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.tables import FACTS


def make_host_keys(system: System) -> None:
    """Only where there is a server that has no key at all. Never raises."""
    _make(system, "sshd", "ssh-keygen", "/etc/ssh/ssh_host_{}_key", ["-q", "-N", ""])
    # Buildroot's directory is a link to one that is not there yet; its server makes its own keys, as OpenWrt's and
    # Alpine's.
    _make(system, "dropbear", "dropbearkey", "/etc/dropbear/dropbear_{}_host_key", [])


def _make(system: System, server: str, tool: str, form: str, words: list[str]) -> None:
    """`form`: path of a key, its kind left out. Then start a server that gave up: Debian's runit does not try again."""
    keygen, directory = system.which(tool), form.rpartition("/")[0]
    if not (system.which(server) and keygen and system.is_directory(directory)) or _are_there(system, form):
        return
    cause = ""
    for kind in FACTS["HOST_KEY_KINDS"]:
        # What a power cut left is in the way.
        with contextlib.suppress(Failure):
            system.remove(form.format(kind))
        cause = system.command([keygen, "-t", kind, "-f", form.format(kind), *words]).last_line
    if not _are_there(system, form):
        log.warning(f"ssh: host keys not made: {cause}")
        return
    log.info(f"ssh: host keys made in {directory}")
    for service in FACTS["SSH_SERVICES"]:
        services.start_service(system, service)


def _are_there(system: System, form: str) -> bool:
    return any(system.read(path) for path in system.matches(form.format("*")))
