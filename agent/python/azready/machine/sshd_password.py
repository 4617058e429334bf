"""Have the SSH server take passwords, or not."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import signal

from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.read_only import spared
from azready.machine.sshd_config import (
    KEYBOARD,
    PASSWORD,
    Line,
    absolute,
    first,
    for_everybody,
    has_dropbear,
    main_file,
    parse,
    settings_of,
)
from azready.machine.system import System
from azready.tables import FACTS, hint

_DROP_INS = "/etc/ssh/sshd_config.d"
# It sorts before those of others, because the first line counts.
_DROP_IN = "00-azready.conf"
# What earlier versions wrote.
_OLD_DROP_IN = f"{_DROP_INS}/50-azready.conf"
_NAMES = {
    PASSWORD: "PasswordAuthentication",
    "kbdinteractiveauthentication": "KbdInteractiveAuthentication",
    "challengeresponseauthentication": "ChallengeResponseAuthentication",
}


def set_password_login(system: System, user: str, wanted: bool) -> None:
    """Have the SSH server take passwords, or not; a configuration that does so is left alone. Raises Failure."""
    login = "yes" if wanted else "no"
    if not wanted and has_dropbear(system):
        log.warning("password: dropbear takes passwords unless it is started with -s: set that where it is started")
    main = main_file(system)
    if not system.exists(main):
        return
    if _is_set(system, user, wanted):
        log.info(f"password: the SSH server's PasswordAuthentication is {login} already")
        return
    with spared(system) as kept:
        written = _write_login(system, main, login, True)
        if not _is_set(system, user, wanted) and not _says(for_everybody(system, user), wanted):
            # A drop-in before ours is against it: the main file is before both.
            written = _write_login(system, main, login, False) or written
    if kept:
        return
    if written:
        _reload(system)
    if not _is_set(system, user, wanted):
        log.warning(
            f"password: another line of the SSH server's configuration is against PasswordAuthentication {login}"
        )


def _write_login(system: System, main: str, login: str, drop_in: bool) -> bool:
    place, text = _with_login(system, main, login, drop_in)
    if (system.read(place) or b"") == text:
        return False
    _keep(system, place, text, login)
    log.info(f"password: PasswordAuthentication {login} written to {place}")
    if place != main and system.exists(_OLD_DROP_IN):
        system.remove(_OLD_DROP_IN)
    return True


def _is_set(system: System, user: str, wanted: bool) -> bool:
    return _says(settings_of(system, user), wanted)


def _says(settings: list[Line], wanted: bool) -> bool:
    password = first(settings, PASSWORD) or ["yes"]
    keyboard = first(settings, *KEYBOARD) or ["yes"]
    return password == ["yes"] if wanted else password == keyboard == ["no"]


def _with_login(system: System, main: str, login: str, drop_in: bool) -> tuple[str, bytes]:
    """The file to write, and its text: a drop-in if one would be read in time, else the main file with some lines more.

    In the main file they stand before the first line that could be against them; no line of others is changed.
    """
    lacking = [PASSWORD, *(KEYBOARD if login == "no" else ())]
    wanted, at = list(lacking), 0
    text = system.read(main) or b""
    for line in parse(text):
        if drop_in and line.keyword == "include" and any(map(_takes_drop_in, line.words)):
            return f"{_DROP_INS}/{_DROP_IN}", b"# Written by azready, as the platform asked for.\n" + _text(
                wanted, login
            )
        if line.keyword in wanted and line.words == [login]:
            if not at and line.keyword in lacking:
                lacking.remove(line.keyword)
        elif line.keyword in wanted or line.keyword in ("match", "include"):
            at = at or line.number
            if line.keyword != "include":
                break
    if not lacking:
        return main, text
    lines = text.split(b"\n")[:-1] if text.endswith(b"\n") or not text else text.split(b"\n")
    at = at - 1 if at else len(lines)
    before, behind = (b"".join(line + b"\n" for line in part) for part in (lines[:at], lines[at:]))
    return main, before + _text(lacking, login) + behind


def _takes_drop_in(pattern: str) -> bool:
    folder, _, name = absolute(pattern).rpartition("/")
    return folder == _DROP_INS and fnmatch.fnmatchcase(_DROP_IN, name)


def _text(keywords: list[str], login: str) -> bytes:
    return "".join(f"{_NAMES[keyword]} {login}\n" for keyword in keywords).encode()


def _keep(system: System, place: str, text: bytes, login: str) -> None:
    """Write the file, and take it back where the server took its configuration before and does not any more."""
    old, took = system.read(place), not _refusal(system)
    system.write(place, text, 0o644)
    refusal = _refusal(system)
    if not took or not refusal:
        return
    if old is None:
        system.remove(place)
    else:
        system.write(place, old, 0o644)
    raise Failure("ssh_not_set", {"file": place, "error": refusal}, f"{hint('SSHD_REFUSES')} {login}: see sshd -t")


def _refusal(system: System) -> str:
    """Why the server would not start with its configuration; empty where it would, or nobody can tell."""
    program, said = system.which("sshd"), ""
    for option in ("-G", "-t") if program else ():
        ended = system.command([program, option], seconds=20)
        if ended.status == 0:
            return ""
        said = ended.errors.rstrip("\n").rpartition("\n")[2] or f"status {ended.status}"
    return said


def _reload(system: System) -> None:
    """Have a server that runs read its configuration again."""
    for file in FACTS["SSHD_PID_FILES"] if system.live else ():
        pid = (system.read(file) or b"").decode("ascii", "replace").strip()
        if re.fullmatch("[0-9]+", pid) and system.read(f"/proc/{pid}/comm") == b"sshd\n":
            with contextlib.suppress(OSError):
                os.kill(int(pid), signal.SIGHUP)
            log.info("password: the SSH server reads its configuration again")
            return
