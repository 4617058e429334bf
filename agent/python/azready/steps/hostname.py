"""The step `hostname`: nothing but a validated name ever reaches the system."""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

from azready.azure.run import Run
from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.read_only import spared
from azready.machine.run import DONE, SKIPPED
from azready.machine.system import System
from azready.steps import publish
from azready.tables import number

_BLANKS = " \t\r\n"


def step_hostname(run: Run) -> str:
    """Give the machine its name; says what was done. Raises Failure for a name that cannot be mended."""
    given = run.wanted.hostname
    if not given:
        return SKIPPED
    name = legal_hostname(given)
    if name != given:
        log.warning(f"hostname: '{given}' is not a legal hostname, using '{name}'")
    changed = run.system.live and run.system.kernel_hostname() != name
    run.system.set_kernel_hostname(name)
    with spared(run.system):
        _keep(run.system, name)
    with spared(run.system):
        _keep_in_hosts(run.system, name)
    run.system.relabel("-i", "/etc/hostname", "/etc/hosts")
    if changed:
        publish.publish_later(run, name)
    run.hostname = name
    log.info(f"hostname: set to {name}")
    return DONE


def legal_hostname(given: str) -> str:
    """The legal hostname nearest to the given one. Raises Failure where it is no name at all, as an error page.

    Runs of illegal characters become one `-`, labels are stripped of `-` and cut to 63 bytes, empty labels are
    dropped, and trailing labels are dropped until the kernel's 64 bytes suffice. Case is kept.
    """
    trimmed = given.strip(_BLANKS)
    size = len(trimmed.encode("utf-8"))
    if size > number("NAME_MAX") or re.search(r"[\x00-\x20\x7f<>]", trimmed):
        raise _refused(trimmed)
    labels = [
        label.strip("-")[: number("LABEL_MAX")].rstrip("-")
        for label in re.sub(r"[^A-Za-z0-9.-]+", "-", trimmed).split(".")
    ]
    labels = [label for label in labels if label]
    while len(".".join(labels)) > number("HOSTNAME_MAX"):
        labels.pop()
    if not labels:
        raise _refused(trimmed)
    return ".".join(labels)


def _refused(given: str) -> Failure:
    return Failure("hostname_invalid", {"value": given})


class _Place(NamedTuple):
    """A file that keeps the hostname, how its text looks with a new name, and when it is the distribution's place."""

    path: str
    with_name: Callable[[str, str], str]
    is_it: Callable[[System, str], bool]


def _setting(pattern: str, form: str) -> Callable[[str, str], str]:
    """Replace the first line that matches, or append one."""

    def with_name(text: str, name: str) -> str:
        line = form.format(name)
        mended, count = re.subn(pattern, lambda match: match[1] + line, text, count=1, flags=re.MULTILINE)
        mended += "" if mended.endswith("\n") or not mended else "\n"
        return mended if count else f"{mended}{line}\n"

    return with_name


def _no_etc_hostname(system: System, _text: str) -> bool:
    return not system.exists("/etc/hostname")


_PLACES: list[_Place] = [
    # OpenWrt keeps it in uci; /etc/hostname does not count there.
    _Place(
        "/etc/config/system",
        _setting(r"^([ \t]*)option[ \t]+hostname[ \t].*$", "option hostname '{}'"),
        lambda s, t: True,
    ),
    # Slackware.
    _Place("/etc/HOSTNAME", lambda text, name: name + "\n", lambda s, t: True),
    # Gentoo without /etc/hostname.
    _Place("/etc/conf.d/hostname", _setting(r"^()hostname=.*$", 'hostname="{}"'), _no_etc_hostname),
    # Void without /etc/hostname.
    _Place(
        "/etc/rc.conf",
        _setting(r"^()#?HOSTNAME=.*$", 'HOSTNAME="{}"'),
        lambda s, t: "HOSTNAME=" in t and _no_etc_hostname(s, t),
    ),
    # Tiny Core: its root is in RAM, the boot script sets the name.
    _Place(
        "/opt/bootsync.sh",
        _setting(r"^()/usr/bin/sethostname .*$", "/usr/bin/sethostname {}"),
        lambda s, t: "sethostname" in t,
    ),
]
_DEFAULT = _Place("/etc/hostname", lambda text, name: name + "\n", lambda s, t: True)


def _keep(system: System, name: str) -> None:
    """Write the name where this distribution reads it at boot; a file that already says so is left alone."""
    place, text = _place(system)
    mended = place.with_name(text or "", name)
    if mended != text:
        system.write(place.path, mended.encode("utf-8", "surrogateescape"), 0o644)


def _keep_in_hosts(system: System, name: str) -> None:
    """The line by which Debian has the machine's own name resolved: the whole one first, the short one behind it.

    A line is added where nothing else knows the name: without it each sudo would wait for a DNS that is away.
    """
    names = f"{name} {name.partition('.')[0]}" if "." in name else name
    text = system.read("/etc/hosts")
    mended = re.sub(rb"(?m)^(127\.0\.1\.1[ \t]+).*$", rb"\g<1>" + names.encode(), text or b"")
    added = not _is_known(system, name, mended)
    if added:
        mended = b"127.0.0.1\tlocalhost\n" if text is None else mended
        mended += b"" if mended.endswith(b"\n") or not mended else b"\n"
        # In this form, and at the end, generalize takes it away.
        mended += f"127.0.1.1\t{names}\n".encode()
    if mended != (text or b""):
        system.write("/etc/hosts", mended, 0o644)
    if added:
        log.info("hostname: a line of /etc/hosts knows it")


def _is_known(system: System, name: str, hosts: bytes) -> bool:
    """Whether the machine's own name is found: in the text of /etc/hosts, or by what else looks names up."""
    for line in hosts.split(b"\n"):
        if name.lower().encode() in line.partition(b"#")[0].lower().split()[1:]:
            return True
    getent = system.which("getent")
    if getent:
        # Two seconds: a DNS that is away is just what this is about.
        ended = system.command([getent, "hosts", name], seconds=2)
        return ended.status == 0 and not ended.timed_out
    lines = [line for line in system.lines("/etc/nsswitch.conf") if line.startswith("hosts:")]
    if not lines and not system.exists("/etc/hosts"):
        return True
    return any("myhostname" in line for line in lines)


def _place(system: System) -> tuple[_Place, str | None]:
    for place in [*_PLACES, _DEFAULT]:
        data = system.read(place.path)
        text = None if data is None else data.decode("utf-8", "surrogateescape")
        if place is _DEFAULT or (text is not None and place.is_it(system, text)):
            return place, text
    raise AssertionError("the default place fits always")
