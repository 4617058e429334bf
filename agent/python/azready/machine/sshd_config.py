"""The SSH server's configuration: what counts in it for a user, and whether it takes passwords."""

from __future__ import annotations

import contextlib
import re
from typing import Iterator, NamedTuple

from azready.machine import ssh_rules
from azready.machine.account_files import find
from azready.machine.failure import Failure
from azready.machine.groups import groups_of
from azready.machine.programs import Ended
from azready.machine.system import System
from azready.tables import FACTS

# sshd goes 16 deep and then refuses; less here, because two files that include each other twice would take for ever.
_MAX_INCLUDES = 4
PASSWORD = "passwordauthentication"
# Old name and new name of one thing; before 8.7 they were two, and either let PAM ask for a password.
KEYBOARD = ("kbdinteractiveauthentication", "challengeresponseauthentication")
FILES = "authorizedkeysfile"
DEFAULT_FILES = [".ssh/authorized_keys", ".ssh/authorized_keys2"]
_READ = {"include", "match", FILES, PASSWORD, *KEYBOARD, *ssh_rules.KEYWORDS}
# Their words keep their letters' case: paths, patterns of names.
_WITH_CASE = {"include", "match", FILES, *ssh_rules.LISTS}
# Who asks sshd for a user: somebody from an address of documentation (RFC 5737), of whom no rule speaks.
_FROM = "host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22"
_PRIVSEP = "/run/sshd"


class Line(NamedTuple):
    """A line that matters: its place in the file, its keyword, the words behind it."""

    number: int
    keyword: str
    words: list[str]


def has_sshd(system: System) -> bool:
    """Whether OpenSSH's server is there."""
    places = [main_file(system), *(f"{folder}/sshd" for folder in FACTS["SSH_FOLDERS"])]
    return any(map(system.exists, places)) or bool(system.which("sshd"))


def has_dropbear(system: System) -> bool:
    """Whether the dropbear server is there."""
    return _has(system, "dropbear")


def starts_dropbear(system: System) -> bool:
    """Whether something starts it at boot. Beside sshd it is often there for its client or the initramfs alone."""
    return any(map(system.exists, FACTS["DROPBEAR_SERVICES"]))


def has_tinysshd(system: System) -> bool:
    """Whether the tinyssh server is there."""
    return _has(system, "tinysshd")


def _has(system: System, program: str) -> bool:
    return any(system.exists(f"{folder}/{program}") for folder in FACTS["SSH_FOLDERS"]) or bool(system.which(program))


def key_files(system: System, user: str) -> list[str]:
    """The words of AuthorizedKeysFile that count for this user, not expanded."""
    return first(settings_of(system, user), FILES) or DEFAULT_FILES


def main_file(system: System) -> str:
    """openSUSE has its own file in /usr, which counts where /etc has none."""
    etc, usr = "/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"
    return usr if system.exists(usr) and not system.exists(etc) else etc


def first(settings: list[Line], *keywords: str) -> list[str]:
    """In an sshd_config the first value of a keyword is the one that counts."""
    return next((line.words for line in settings if line.keyword in keywords), [])


def settings_of(system: System, user: str) -> list[Line]:
    """The lines that count for this user: as sshd prints them, or as they stand in the files."""
    program = system.which("sshd")
    # -G is of OpenSSH 9.3; -T also needs host keys and /run/sshd, which a first boot may not have yet.
    for option in ("-G", "-T") if program else ():
        ended = _asked(system, [program, option, "-C", f"user={user},{_FROM}"])
        if ended.status == 0:
            return list(parse(ended.output.encode("utf-8", "surrogateescape")))
    lines = list(_lines(system, main_file(system), 0, user, False))
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


def _lines(system: System, file: str, depth: int, user: str, in_block: bool) -> Iterator[tuple[Line, bool]]:
    """The lines of a file and of those it includes that hold for this user, and whether a Match block has them."""
    counts = True
    for line in parse(system.read(file) or b""):
        if line.keyword == "match":
            counts, in_block = ssh_rules.holds(line.words, user, lambda: _group_names(system, user)), True
        elif counts and line.keyword != "include":
            yield line, in_block
        elif counts and depth < _MAX_INCLUDES:
            for pattern in line.words:
                folder, _, name = absolute(pattern).rpartition("/")
                for path in system.matching(folder, name) if name else ():
                    yield from _lines(system, path, depth + 1, user, in_block)


def for_everybody(system: System, user: str) -> list[Line]:
    """The lines outside of Match blocks."""
    return [line for line, in_block in _lines(system, main_file(system), 0, user, False) if not in_block]


def words_of(settings: list[Line], keyword: str) -> list[str]:
    """The words that count for a keyword: those of its first line, or of all its lines."""
    if keyword in ssh_rules.LISTS:
        return [word for line in settings if line.keyword == keyword for word in line.words]
    return first(settings, keyword)


def _group_names(system: System, user: str) -> list[str]:
    account = find(system, user)
    return groups_of(system, user, account.gid).names if account else []


def absolute(name: str) -> str:
    """What Include means."""
    return name if name.startswith("/") else f"/etc/ssh/{name}"


def parse(data: bytes) -> Iterator[Line]:
    """The lines that matter: keywords in lower case, and all words but file names. As sshd.awk does."""
    # No path can hold a NUL, and no awk sees it.
    text = data.replace(b"\0", b"\x01").decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
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
            yield Line(number, keyword, [word if keyword in _WITH_CASE else _lower(word) for word in words if word])


def _lower(word: str) -> str:
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), word)
