"""SSH host keys for a machine whose image has none.

Debian makes them when the package is installed and never again, so after `generalize` its server would not start. One
key before the steps: `sshd -T`, which they ask, needs one, and so does a server that starts beside azready. The others
once Ready was accepted, because rsa can take a slow machine half a minute.
"""

from __future__ import annotations

import contextlib
import os
import re
from typing import Iterator, NamedTuple

from azready.azure.run import Run
from azready.machine import log, pending, services, signals
from azready.machine.failure import Failure
from azready.machine.run_lock import RunLock
from azready.machine.system import System
from azready.tables import FACTS

# As nice(1) understands it.
_LOW_PRIORITY = 10
# So long a server may need that is about to start.
_START_SECONDS = 3.0
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


def make_other_host_keys(run: Run) -> None:
    """If some are left: by a process of its own, which stays behind, at a low priority.

    Where the init starts the SSH server after azready, it would have to wait for them.
    """
    rest = pending.read(run.system, run.vm_id)
    if rest and "host-keys" in rest.items and _is_child():
        try:
            _alone(run)
        finally:
            # Nothing of what the run itself does at its end.
            os._exit(0)


def _is_child() -> bool:
    """Become two, and say which this is."""
    try:
        if os.fork():
            return False
    except OSError as error:
        log.warning(f"ssh: the other host keys are left to the next start: {error.strerror}")
        return False
    os.setsid()
    os.nice(_LOW_PRIORITY)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return True


def _alone(run: Run) -> None:
    """What that process does, and all that comes after it."""
    run.system.deadline = float("inf")
    with RunLock(run.system) as lock:
        rest = None if lock.take() else pending.read(run.system, run.vm_id)
        if rest:
            rest.do("host-keys", lambda: _make_all(run.system))
            rest.do("service", lambda: services.disable_service(run.system))
            rest.keep()


def _make_all(system: System) -> None:
    for server in _servers(system):
        _make_others(system, server)
    with contextlib.suppress(Failure):
        system.remove(_left(system))


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


def _make_others(system: System, server: _Server) -> None:
    """Then have a server that runs read them."""
    # Few machines get here.
    from azready.machine.sshd_password import reload_server

    lacking = [kind for kind in FACTS["HOST_KEY_KINDS"] if not system.read(server.form.format(kind))]
    made = []
    for kind in lacking:
        cause = _make_one(system, server, kind)
        if cause:
            log.info(f"ssh: host key {kind} not made: {cause}")
        else:
            made.append(kind)
    if not made:
        return
    log.info(f"ssh: host keys {' '.join(made)} made in {server.form.rpartition('/')[0]}")
    if server.name == "sshd" and not reload_server(system, "ssh"):
        # It may be about to start, with the keys that it has seen already.
        signals.sleep(_START_SECONDS)
        reload_server(system, "ssh")


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
    ended = system.command([tool, "-t", kind, "-f", new, *words], seconds=600)
    with contextlib.suppress(OSError):
        if system.read(new) and not system.read(key):
            if system.read(public):
                os.replace(system.path(public), system.path(f"{key}.pub"))
            os.replace(system.path(new), system.path(key))
    _clear(system, new, public)
    return "" if system.read(key) else ended.last_line or "none"


def _clear(system: System, *paths: str) -> None:
    for path in paths:
        with contextlib.suppress(Failure):
            if system.exists(path):
                system.remove(path)
