"""What the rules of an sshd_config say of one user: whether he may come in at all, and by which methods.

login.awk has the same rules.
"""

from __future__ import annotations

import re
from typing import Callable, NamedTuple

from azready.machine.groups import Groups

# Ways in, as the status file has them.
KEY, PASSWORD, BOTH, CONSOLE = "ssh-key", "ssh-password", "ssh-key-and-password", "console-password"
# The keywords that are looked at, and those whose words count all together: of the others the first line does.
LISTS = ("allowusers", "denyusers", "allowgroups", "denygroups")
KEYWORDS = (
    *LISTS,
    "authenticationmethods",
    "passwordauthentication",
    "kbdinteractiveauthentication",
    "challengeresponseauthentication",
    "pubkeyacceptedalgorithms",
    "pubkeyacceptedkeytypes",
    "pubkeyauthentication",
    "strictmodes",
    "usepam",
)
# Since OpenSSH 7.2 an RSA key may sign by any of these.
_SIGNATURES = {"ssh-rsa": ("ssh-rsa", "rsa-sha2-256", "rsa-sha2-512")}

# The words behind a keyword: of its first line, or of all its lines if it is one of LISTS.
Words = Callable[[str], "list[str]"]


class Against(NamedTuple):
    """What keeps somebody out: of every way by SSH (`ssh`), of keys (`key`), of passwords (`password`), or of some
    places alone (`note`); `error` is a keyword or a fixed word, `value` what stands there."""

    way: str
    error: str
    value: str


class User(NamedTuple):
    """Whom the rules are asked about. `key_types`: of the keys in his file."""

    name: str
    groups: Groups
    key_types: list[str]
    is_locked: bool


def fits(text: str, pattern: str) -> bool:
    """As sshd's match_pattern: `*` and `?`, nothing else."""
    rule = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern)
    return re.fullmatch(rule, text, re.DOTALL) is not None


def _fits_list(text: str, patterns: str) -> int:
    """As sshd's match_pattern_list: -1 where a pattern with `!` fits, else 1 where one without does, else 0."""
    found = 0
    for pattern in patterns.split(","):
        if fits(text, pattern[1:] if pattern.startswith("!") else pattern):
            if pattern.startswith("!"):
                return -1
            found = 1
    return found


def holds(words: list[str], user: str, groups: Callable[[], list[str]]) -> bool:
    """Whether a Match line is about this user, wherever he comes from."""
    if [word.lower() for word in words] == ["all"]:
        return True
    if len(words) % 2 or not words:
        return False
    for criterion, patterns in zip(words[::2], words[1::2]):
        if criterion.lower() == "user":
            said = [_fits_list(user, patterns)]
        elif criterion.lower() == "group":
            said = [_fits_list(group, patterns) for group in groups()]
        else:
            # An address, a port, a command: nobody can know that before somebody comes.
            return False
        if -1 in said or 1 not in said:
            return False
    return True


def keeps_out(words: Words, user: User) -> list[Against]:
    """What keeps this user out, whatever he has."""
    found = [*_users(words, user.name)]
    denied = _first_group(words("denygroups"), user.groups.names)
    allowed = words("allowgroups")
    if denied:
        found.append(Against("ssh", "DenyGroups", denied))
    if allowed and not _first_group(allowed, user.groups.names):
        found.append(Against("ssh", "AllowGroups", " ".join(allowed)))
    # With PAM the lock is on the password alone.
    if user.is_locked and words("usepam") != ["yes"]:
        found.append(Against("ssh", "locked", "/etc/shadow"))
    return found


def _users(words: Words, user: str) -> list[Against]:
    denied = [pattern for pattern in words("denyusers") if fits(user, pattern.partition("@")[0])]
    allowed = words("allowusers")
    let_in = [pattern for pattern in allowed if fits(user, pattern.partition("@")[0])]
    found = []
    if denied:
        found.append(Against("ssh" if any(map(_everywhere, denied)) else "note", "DenyUsers", " ".join(denied)))
    if allowed and not let_in:
        found.append(Against("ssh", "AllowUsers", " ".join(allowed)))
    elif allowed and not any(map(_everywhere, let_in)):
        found.append(Against("note", "AllowUsers", " ".join(let_in)))
    return found


def _everywhere(pattern: str) -> bool:
    _, at, host = pattern.partition("@")
    return not at or host == "*"


def _first_group(patterns: list[str], groups: list[str]) -> str:
    return next((pattern for pattern in patterns for group in groups if fits(group, pattern)), "")


def against_keys(words: Words, user: User) -> list[Against]:
    """What keeps his keys out, wherever they lie."""
    if (words("pubkeyauthentication") or ["yes"]) != ["yes"]:
        return [Against("key", "PubkeyAuthentication", " ".join(words("pubkeyauthentication")))]
    accepted = (words("pubkeyacceptedalgorithms") or words("pubkeyacceptedkeytypes"))[:1]
    if accepted and user.key_types and not any(_accepts(accepted[0], kind) for kind in user.key_types):
        return [Against("key", "PubkeyAcceptedAlgorithms", " ".join(user.key_types))]
    return []


def _accepts(accepted: str, kind: str) -> bool:
    names = _SIGNATURES.get(kind, (kind,))
    if accepted[0] in "+^":
        return True
    patterns = accepted.lstrip("-").split(",")
    among = [any(fits(name, pattern) for pattern in patterns) for name in names]
    return not all(among) if accepted[0] == "-" else any(among)


def against_passwords(words: Words) -> list[Against]:
    """What keeps passwords out."""
    password = words("passwordauthentication") or ["yes"]
    # Old name and new name of one thing; without PAM there is nobody who would ask.
    keyboard = words("kbdinteractiveauthentication") or words("challengeresponseauthentication") or ["yes"]
    if password == ["yes"] or (keyboard == ["yes"] and words("usepam") == ["yes"]):
        return []
    return [Against("password", "PasswordAuthentication", " ".join(password))]


def by_methods(words: Words, key: bool, password: bool) -> tuple[list[str], list[Against]]:
    """The ways that AuthenticationMethods leaves to somebody with a key, or a password, and what it keeps out."""
    given = words("authenticationmethods")
    if given in ([], ["any"]):
        return [KEY] * key + [PASSWORD] * password, []
    ways = {_way(methods.split(","), key, password) for methods in given} - {""}
    found = []
    for has, way, short in ((key, KEY, "key"), (password, PASSWORD, "password")):
        if has and way not in ways:
            found.append(Against(short, "AuthenticationMethods", " ".join(given)))
    return [way for way in (KEY, PASSWORD, BOTH) if way in ways], found


def _way(methods: list[str], key: bool, password: bool) -> str:
    kinds = {method.partition(":")[0] for method in methods}
    keys, passwords = "publickey" in kinds, bool(kinds & {"password", "keyboard-interactive"})
    if kinds - {"publickey", "password", "keyboard-interactive"} or keys > key or passwords > password:
        return ""
    return BOTH if keys and passwords else KEY if keys else PASSWORD
