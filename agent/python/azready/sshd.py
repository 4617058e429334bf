"""The SSH server's configuration: what counts in it for a user, and whether it takes passwords."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import signal
from typing import Iterator, NamedTuple

from . import log
from .errors import Failure
from .run import Run
from .secondary import spared
from .system import System

_DROP_INS = "/etc/ssh/sshd_config.d"
_DROP_IN = "50-azready.conf"
# sshd goes 16 deep and then refuses; less here, because two files that include each other twice would take for ever.
_MAX_INCLUDES = 4
_PROGRAMS = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin", "/run/current-system/sw/bin"]
_PID_FILES = ("/run/sshd.pid", "/var/run/sshd.pid")
_PASSWORD = "passwordauthentication"
# Old name and new name of one thing; before 8.7 they were two, and either let PAM ask for a password.
_KEYBOARD = ("kbdinteractiveauthentication", "challengeresponseauthentication")
_NAMES = {
    _PASSWORD: "PasswordAuthentication",
    "kbdinteractiveauthentication": "KbdInteractiveAuthentication",
    "challengeresponseauthentication": "ChallengeResponseAuthentication",
}
_READ = {"include", "match", "authorizedkeysfile", *_NAMES}
_FILES = "authorizedkeysfile"


class _Line(NamedTuple):
    """A line that matters: its place in the file, its keyword, the words behind it."""

    number: int
    keyword: str
    words: list[str]


def has_sshd(system: System) -> bool:
    """Whether OpenSSH's server is there."""
    places = [_main(system), *(f"{folder}/sshd" for folder in _PROGRAMS)]
    return any(map(system.exists, places)) or bool(system.which("sshd"))


def has_dropbear(system: System) -> bool:
    """Whether the dropbear server is there."""
    return any(system.exists(f"{folder}/dropbear") for folder in _PROGRAMS) or bool(system.which("dropbear"))


def key_files(system: System, user: str) -> list[str]:
    """The words of AuthorizedKeysFile that count for this user, not expanded."""
    return _first(_settings(system, user), _FILES) or [".ssh/authorized_keys", ".ssh/authorized_keys2"]


def set_password_login(run: Run, wanted: bool) -> None:
    """Have the SSH server take passwords, or not; a configuration that does so is left alone. Raises Failure."""
    system, user, login = run.system, run.wanted.admin_user, "yes" if wanted else "no"
    if not wanted and has_dropbear(system):
        log.warning("password: dropbear takes passwords unless it is started with -s: set that where it is started")
    main = _main(system)
    if not system.exists(main):
        return
    if _is_set(system, user, wanted):
        log.info(f"password: the SSH server's PasswordAuthentication is {login} already")
        return
    place, text = _with_login(system, main, login)
    if (system.read(place) or b"") != text:
        with spared(system) as kept:
            _keep(system, place, text, login)
        if kept:
            return
        log.info(f"password: PasswordAuthentication {login} written to {place}")
        _reload(system)
    if not _is_set(system, user, wanted):
        log.warning(
            f"password: another line of the SSH server's configuration is against PasswordAuthentication {login}"
        )


def _main(system: System) -> str:
    """openSUSE has its own file in /usr, which counts where /etc has none."""
    etc, usr = "/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"
    return usr if system.exists(usr) and not system.exists(etc) else etc


def _is_set(system: System, user: str, wanted: bool) -> bool:
    settings = _settings(system, user)
    password = _first(settings, _PASSWORD) or ["yes"]
    keyboard = _first(settings, *_KEYBOARD) or ["yes"]
    return password == ["yes"] if wanted else password == keyboard == ["no"]


def _first(settings: list[_Line], *keywords: str) -> list[str]:
    """In an sshd_config the first value of a keyword is the one that counts."""
    return next((line.words for line in settings if line.keyword in keywords), [])


def _settings(system: System, user: str) -> list[_Line]:
    """The lines that count for this user: as sshd prints them, or as they stand in the files."""
    program = system.which("sshd")
    # -G is of OpenSSH 9.3; -T also needs host keys and /run/sshd, which a first boot may not have yet.
    for option in ("-G", "-T") if program else ():
        ended = system.command([program, option, "-C", f"user={user},host=localhost,addr=127.0.0.1"], seconds=20)
        if ended.status == 0:
            return list(parse(ended.output.encode("utf-8", "surrogateescape")))
    return list(_lines(system, _main(system), 0))


def _lines(system: System, file: str, depth: int) -> Iterator[_Line]:
    """The lines of a file and of those it includes that hold for everybody."""
    counts = True
    for line in parse(system.read(file) or b""):
        if line.keyword == "match":
            counts = line.words == ["all"]
        elif counts and line.keyword != "include":
            yield line
        elif counts and depth < _MAX_INCLUDES:
            for pattern in line.words:
                folder, _, name = _absolute(pattern).rpartition("/")
                for path in system.matching(folder, name) if name else ():
                    yield from _lines(system, path, depth + 1)


def _absolute(name: str) -> str:
    return name if name.startswith("/") else f"/etc/ssh/{name}"


def parse(data: bytes) -> Iterator[_Line]:
    """The lines that matter: keywords in lower case, and all words but file names. As sshd.awk does."""
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        found = re.match(r"[ \t\r\f]*([A-Za-z]+)[ \t]*=?[ \t]*", line)
        keyword = found[1].lower() if found else ""
        if not found or keyword not in _READ:
            continue
        words, rest = [], line[found.end() :].rstrip(" \t\r\f")
        while True:
            word = re.match(r'("[^"]*"|[^" \t#][^ \t]*)[ \t]*', rest)
            if not word:
                break
            words.append(word[1].strip('"') if word[1].startswith('"') else word[1])
            rest = rest[word.end() :]
        if any(words):
            names = keyword in ("include", _FILES)
            yield _Line(number, keyword, [word if names else _lower(word) for word in words if word])


def _lower(word: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), word)


def _with_login(system: System, main: str, login: str) -> tuple[str, bytes]:
    """The file to write, and its text: a drop-in if one would be read in time, else the main file with some lines more.

    In the main file they stand before the first line that could be against them; no line of others is changed.
    """
    lacking = [_PASSWORD, *(_KEYBOARD if login == "no" else ())]
    wanted, at = list(lacking), 0
    text = system.read(main) or b""
    for line in parse(text):
        if line.keyword == "include" and any(map(_takes_drop_in, line.words)):
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
    folder, _, name = _absolute(pattern).rpartition("/")
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
    raise Failure(
        "ssh_not_set", {"file": place, "error": refusal}, f"sshd refuses PasswordAuthentication {login}: see sshd -t"
    )


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
    for file in _PID_FILES if system.live else ():
        pid = (system.read(file) or b"").decode("ascii", "replace").strip()
        if re.fullmatch("[0-9]+", pid) and system.read(f"/proc/{pid}/comm") == b"sshd\n":
            with contextlib.suppress(OSError):
                os.kill(int(pid), signal.SIGHUP)
            log.info("password: the SSH server reads its configuration again")
            return
