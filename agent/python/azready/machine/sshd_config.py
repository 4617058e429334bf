"""The SSH server's configuration: what counts in it for a user, and whether it takes passwords."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import signal
from typing import Iterator, NamedTuple

from azready.machine import log, ssh_rules
from azready.machine.failure import Failure
from azready.machine.groups import groups_of
from azready.machine.programs import Ended
from azready.machine.read_only import spared
from azready.machine.system import System

_DROP_INS = "/etc/ssh/sshd_config.d"
# It sorts before those of others, because the first line counts.
_DROP_IN = "00-azready.conf"
# What earlier versions wrote.
_OLD_DROP_IN = f"{_DROP_INS}/50-azready.conf"
# sshd goes 16 deep and then refuses; less here, because two files that include each other twice would take for ever.
_MAX_INCLUDES = 4
_PROGRAMS = ["/usr/sbin", "/sbin", "/usr/bin", "/usr/local/sbin", "/run/current-system/sw/bin"]
_DROPBEAR_SERVICES = [
    "/etc/init.d/dropbear",
    "/etc/sv/dropbear",
    "/etc/dinit.d/dropbear",
    "/etc/systemd/system/dropbear.service",
    "/usr/lib/systemd/system/dropbear.service",
    "/lib/systemd/system/dropbear.service",
]
_PID_FILES = ("/run/sshd.pid", "/var/run/sshd.pid")
_PASSWORD = "passwordauthentication"
# Old name and new name of one thing; before 8.7 they were two, and either let PAM ask for a password.
_KEYBOARD = ("kbdinteractiveauthentication", "challengeresponseauthentication")
_NAMES = {
    _PASSWORD: "PasswordAuthentication",
    "kbdinteractiveauthentication": "KbdInteractiveAuthentication",
    "challengeresponseauthentication": "ChallengeResponseAuthentication",
}
FILES = "authorizedkeysfile"
DEFAULT_FILES = [".ssh/authorized_keys", ".ssh/authorized_keys2"]
_READ = {"include", "match", FILES, *_NAMES, *ssh_rules.KEYWORDS}
# Their words keep their letters' case: paths, patterns of names.
_WITH_CASE = {"include", "match", FILES, *ssh_rules.LISTS}
# Who asks sshd for a user: somebody from an address of documentation (RFC 5737), of whom no rule speaks.
_FROM = "host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22"
_PRIVSEP = "/run/sshd"


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
    return _has(system, "dropbear")


def starts_dropbear(system: System) -> bool:
    """Whether something starts it at boot. Beside sshd it is often there for its client or the initramfs alone."""
    return any(map(system.exists, _DROPBEAR_SERVICES))


def has_tinysshd(system: System) -> bool:
    """Whether the tinyssh server is there."""
    return _has(system, "tinysshd")


def _has(system: System, program: str) -> bool:
    return any(system.exists(f"{folder}/{program}") for folder in _PROGRAMS) or bool(system.which(program))


def key_files(system: System, user: str) -> list[str]:
    """The words of AuthorizedKeysFile that count for this user, not expanded."""
    return _first(settings_of(system, user), FILES) or DEFAULT_FILES


def set_password_login(system: System, user: str, wanted: bool) -> None:
    """Have the SSH server take passwords, or not; a configuration that does so is left alone. Raises Failure."""
    login = "yes" if wanted else "no"
    if not wanted and has_dropbear(system):
        log.warning("password: dropbear takes passwords unless it is started with -s: set that where it is started")
    main = _main(system)
    if not system.exists(main):
        return
    if _is_set(system, user, wanted):
        log.info(f"password: the SSH server's PasswordAuthentication is {login} already")
        return
    with spared(system) as kept:
        written = _write_login(system, main, login, True)
        if not _is_set(system, user, wanted) and not _says(_for_everybody(system, user), wanted):
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


def _main(system: System) -> str:
    """openSUSE has its own file in /usr, which counts where /etc has none."""
    etc, usr = "/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"
    return usr if system.exists(usr) and not system.exists(etc) else etc


def _is_set(system: System, user: str, wanted: bool) -> bool:
    return _says(settings_of(system, user), wanted)


def _says(settings: list[_Line], wanted: bool) -> bool:
    password = _first(settings, _PASSWORD) or ["yes"]
    keyboard = _first(settings, *_KEYBOARD) or ["yes"]
    return password == ["yes"] if wanted else password == keyboard == ["no"]


def _first(settings: list[_Line], *keywords: str) -> list[str]:
    """In an sshd_config the first value of a keyword is the one that counts."""
    return next((line.words for line in settings if line.keyword in keywords), [])


def settings_of(system: System, user: str) -> list[_Line]:
    """The lines that count for this user: as sshd prints them, or as they stand in the files."""
    program = system.which("sshd")
    # -G is of OpenSSH 9.3; -T also needs host keys and /run/sshd, which a first boot may not have yet.
    for option in ("-G", "-T") if program else ():
        ended = _asked(system, [program, option, "-C", f"user={user},{_FROM}"])
        if ended.status == 0:
            return list(parse(ended.output.encode("utf-8", "surrogateescape")))
    lines = list(_lines(system, _main(system), 0, user, False))
    # A Match block wins over what holds for everybody, wherever it stands.
    matched = [line for line, in_block in lines if in_block]
    lists = {line.keyword for line in matched if line.keyword in ssh_rules.LISTS}
    return [*matched, *(line for line, in_block in lines if not in_block and line.keyword not in lists)]


def _asked(system: System, words: list[str]) -> Ended:
    """What sshd says; without the directory that its service would make at its start it says nothing (-T)."""
    ended = system.command(words, seconds=20)
    if ended.status and f"Missing privilege separation directory: {_PRIVSEP}\n" in ended.errors + "\n":
        with contextlib.suppress(Failure):
            system.make_directory(_PRIVSEP, 0o755)
            ended = system.command(words, seconds=20)
    return ended


def _lines(system: System, file: str, depth: int, user: str, in_block: bool) -> Iterator[tuple[_Line, bool]]:
    """The lines of a file and of those it includes that hold for this user, and whether a Match block has them."""
    counts = True
    for line in parse(system.read(file) or b""):
        if line.keyword == "match":
            counts, in_block = ssh_rules.holds(line.words, user, lambda: _group_names(system, user)), True
        elif counts and line.keyword != "include":
            yield line, in_block
        elif counts and depth < _MAX_INCLUDES:
            for pattern in line.words:
                folder, _, name = _absolute(pattern).rpartition("/")
                for path in system.matching(folder, name) if name else ():
                    yield from _lines(system, path, depth + 1, user, in_block)


def _for_everybody(system: System, user: str) -> list[_Line]:
    return [line for line, in_block in _lines(system, _main(system), 0, user, False) if not in_block]


def words_of(settings: list[_Line], keyword: str) -> list[str]:
    """The words that count for a keyword: those of its first line, or of all its lines."""
    if keyword in ssh_rules.LISTS:
        return [word for line in settings if line.keyword == keyword for word in line.words]
    return _first(settings, keyword)


def _group_names(system: System, user: str) -> list[str]:
    for line in system.lines("/etc/passwd"):
        fields = line.split(":")
        if fields[0] == user and len(fields) > 3 and re.fullmatch("[0-9]{1,10}", fields[3]):
            return groups_of(system, user, int(fields[3])).names
    return []


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
            yield _Line(number, keyword, [word if keyword in _WITH_CASE else _lower(word) for word in words if word])


def _lower(word: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), word)


def _with_login(system: System, main: str, login: str, drop_in: bool) -> tuple[str, bytes]:
    """The file to write, and its text: a drop-in if one would be read in time, else the main file with some lines more.

    In the main file they stand before the first line that could be against them; no line of others is changed.
    """
    lacking = [_PASSWORD, *(_KEYBOARD if login == "no" else ())]
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
