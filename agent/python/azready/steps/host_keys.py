"""SSH host keys for a machine whose image has none.

Debian makes them when the package is installed and never again, so after `generalize` its server would not start. One
key before the steps: `sshd -T`, which they ask, needs one, and so does a server that starts beside azready. The others
are left to a run of their own, which the launcher starts at the end: rsa can take a slow machine half a minute.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Iterator, NamedTuple

from azready.machine import log, services
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.tables import FACTS

_HOST_KEY_LINE = re.compile(rb'^[ \t]*HostKey[ \t="].*', re.IGNORECASE | re.MULTILINE)


class _Server(NamedTuple):
    """A server that is there and expects keys. `form`: path of a key, its kind left out; `tool` with its words."""

    name: str
    form: str
    tool: list[str]


def make_host_keys(system: System) -> None:
    """One key, where there is a server that has none. Never raises."""
    for server in _servers(system):
        if not _has_keys(system, server):
            _make_first(system, server)


def are_left(system: System) -> bool:
    """Whether others are still to be made. A file remembers it, however the run ends."""
    return system.exists(_left(system))


def _left(system: System) -> str:
    return f"{system.state_directory}/host-keys-left"


def _servers(system: System) -> Iterator[_Server]:
    known: tuple[tuple[str, str, str, list[str]], ...] = (
        ("sshd", "ssh-keygen", "/etc/ssh/ssh_host_{}_key", ["-q", "-N", ""]),
        # Buildroot's directory is a link to one that is not there yet; its server makes its own keys, as OpenWrt's and
        # Alpine's.
        ("dropbear", "dropbearkey", "/etc/dropbear/dropbear_{}_host_key", []),
    )
    for name, keygen, form, words in known:
        tool = system.which(keygen)
        if system.which(name) and tool and system.is_directory(form.rpartition("/")[0]):
            yield _Server(name, form, [tool, *words])


def _has_keys(system: System, server: _Server) -> bool:
    return any(system.read(path) for path in system.matches(server.form.format("*")))


def _make_first(system: System, server: _Server) -> None:
    """Of the kinds that it reads. Then start a server that gave up before: Debian's runit does not try again."""
    cause, directory = "", server.form.rpartition("/")[0]
    for kind in _configured(system, server):
        cause = _make_one(system, server, kind)
        if not cause:
            break
    if not _has_keys(system, server):
        log.warning(f"ssh: host keys not made: {cause}")
        return
    log.info(f"ssh: host key {kind} made in {directory}")
    with contextlib.suppress(Failure):
        system.make_directory(system.state_directory, 0o700)
        system.write(_left(system), b"", 0o600)
    for service in FACTS["SSH_SERVICES"]:
        services.start_service(system, service)


def _configured(system: System, server: _Server) -> list[str]:
    """The kinds that its configuration names, where that are any of ours; else it takes each of them."""
    kinds, lines = FACTS["HOST_KEY_KINDS"], b""
    if server.name == "sshd":
        files = ["/etc/ssh/sshd_config", *system.matches("/etc/ssh/sshd_config.d/*.conf")]
        lines = b"\n".join(line for file in files for line in _HOST_KEY_LINE.findall(system.read(file) or b""))
    return [kind for kind in kinds if server.form.format(kind).encode() in lines] or list(kinds)


def _make_one(system: System, server: _Server, kind: str) -> str:
    """Beside its place first: a service of the image may make the same, and a server may read what is half written.

    Empty, or why there is none.
    """
    key, (tool, *words) = server.form.format(kind), server.tool
    new, public = f"{key}.azready", f"{key}.azready.pub"
    _clear(system, new, public)
    ended = system.command([tool, "-t", kind, "-f", new, *words])
    with contextlib.suppress(OSError):
        if system.read(new) and not system.read(key):
            if system.read(public):
                os.replace(system.path(public), system.path(f"{key}.pub"))
            os.replace(system.path(new), system.path(key))
    _clear(system, new, public)
    return "" if system.read(key) else ended.last_line


def _clear(system: System, *paths: str) -> None:
    for path in paths:
        with contextlib.suppress(Failure):
            if system.exists(path):
                system.remove(path)
