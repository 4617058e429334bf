"""The step `login`: can the admin user come in, by what this machine's own programs and files say?

A way in that is shut although somebody relies on it is a warning; where none is left, a failure: Ready would be a lie.
"""

from __future__ import annotations

import time
from typing import NamedTuple

from azready.azure.run import Run
from azready.machine import account_files, accounts, log, ssh_rules, sshd_config
from azready.machine.account_files import Account, Stored
from azready.machine.failure import Failure
from azready.machine.groups import groups_of
from azready.machine.run import DONE, SKIPPED
from azready.machine.ssh_rules import BOTH, CONSOLE, KEY, PASSWORD, Against, User
from azready.machine.system import System
from azready.steps import becoming, keys, ssh_keys, user
from azready.steps.key_way import Way
from azready.tables import hint

_UNKNOWN, _NONE = "unknown", "none"
_SECONDS_A_DAY = 86400
# A clock that says less was never set (November 2023).
_SANE_CLOCK = 1_700_000_000
_SAID = {
    KEY: "by SSH key",
    PASSWORD: "by SSH password",
    BOTH: "by SSH key and password together",
    CONSOLE: "by password at the console",
}
# What stands in the log for the words of a report.
_MEANING = {
    "mode": "others may write to",
    "owner": "it belongs to somebody else:",
    "search": "who logs in cannot enter",
    "read": "who logs in cannot read",
    "symlink": "this is a symlink:",
    "no_keys": "there is no key in",
    "no_password": "no password is set in",
    "locked": "the account is locked in",
    "shell": "the login shell is",
    "shells": "/etc/shells lacks",
    "ed25519": "it takes ed25519 keys alone, and none is in",
}


class _Asked(NamedTuple):
    """What the platform counts on."""

    keys: bool
    password: bool


class _Ways(NamedTuple):
    """The ways in by one server, and what is against others."""

    server: str
    ways: list[str]
    against: list[Against]


def step_login(run: Run) -> str:
    """Look, mend, say. Raises Failure where nobody could come in."""
    name = run.wanted.admin_user
    account = account_files.find(run.system, name) if name else None
    if not account:
        return SKIPPED
    account = user.mend_shell(run, account)
    shadow = account_files.stored(run.system, name)
    servers = list(_servers(run.system, account, shadow))
    asked = _asked(run)
    _warn(run.system, name, servers, shadow, asked)
    is_shut = accounts.is_shut(run.system, account.shell)
    ways = {way for server in servers for way in server.ways} if not is_shut else set()
    if shadow.is_usable and not is_shut:
        ways.add(CONSOLE)
    run.login = " ".join(way for way in _SAID if way in ways) or _NONE
    reason = Against("ssh", "shell", account.shell) if is_shut else _reason(servers, ways, asked)
    if reason:
        run.login = _NONE if not ways else run.login
        details = {"user": name, "error": reason.error, "value": reason.value}
        raise Failure("login_impossible", details, hint("LOGIN"))
    if not ways:
        run.login = _UNKNOWN
        log.warning(f"login: no SSH server that azready knows: nobody can say whether {name} can come in")
    means = becoming.means_of(run, account, groups_of(run.system, name, account.gid), shadow.is_usable)
    said = ", ".join(text for way, text in _SAID.items() if way in ways) or "by nothing that azready knows"
    log.info(f"login: {name} can come in {said}" + (f"; becomes root with {means}" if means else ""))
    return DONE


def _asked(run: Run) -> _Asked:
    return _Asked(bool(run.wanted.keys), run.wanted.has_password and run.wanted.password_login is not False)


def _servers(system: System, account: Account, shadow: Stored) -> list[_Ways]:
    found = []
    if sshd_config.has_sshd(system):
        found.append(_by_sshd(system, account, shadow))
    if sshd_config.has_dropbear(system) and (not found or sshd_config.starts_dropbear(system)):
        found.append(_by_dropbear(system, account, shadow))
    if sshd_config.has_tinysshd(system):
        found.append(_by_tinysshd(system, account))
    return found


def _by_sshd(system: System, account: Account, shadow: Stored) -> _Ways:
    settings = sshd_config.settings_of(system, account.name)
    groups = groups_of(system, account.name, account.gid)

    def words(keyword: str) -> list[str]:
        return sshd_config.words_of(settings, keyword)

    files = words(sshd_config.FILES) or sshd_config.DEFAULT_FILES
    place = next(filter(None, (ssh_keys.expanded(word, account) for word in files)), "")
    way = Way(system, account, groups, words("strictmodes") != ["no"])
    nowhere = Against("key", "AuthorizedKeysFile", " ".join(files))
    against, types = _file(way, place) if place else ([nowhere], [])
    user = User(account.name, groups, types, shadow.password.startswith("!"))
    out = ssh_rules.keeps_out(words, user)
    against += ssh_rules.against_keys(words, user)
    passwords = [*_unusable(shadow), *ssh_rules.against_passwords(words)]
    is_out = any(each.way == "ssh" for each in out)
    ways, more = ssh_rules.by_methods(words, not against and not is_out, not passwords and not is_out)
    return _Ways("sshd", ways, [*out, *against, *passwords, *more])


def _file(way: Way, place: str) -> tuple[list[Against], list[str]]:
    """What is against the keys of a file, and of which types they are."""
    found = way.to(place)
    types = keys.types_of(found.content)
    if found.against:
        return [found.against], types
    return ([] if types else [Against("key", "no_keys", place)]), types


def _unusable(shadow: Stored) -> list[Against]:
    return [] if shadow.is_usable else [Against("password", "no_password", "/etc/shadow")]


def _by_dropbear(system: System, account: Account, shadow: Stored) -> _Ways:
    place = ssh_keys.expanded(".ssh/authorized_keys", account)
    against, _ = _file(Way(system, account, groups_of(system, account.name, account.gid), True), place)
    passwords, out = _unusable(shadow), []
    if system.exists("/etc/shells") and (account.shell or "/bin/sh") not in accounts.known_shells(system):
        out.append(Against("ssh", "shells", account.shell or "/bin/sh"))
    ways = [KEY] * (not against and not out) + [PASSWORD] * (not passwords and not out)
    return _Ways("dropbear", ways, [*out, *against, *passwords])


def _by_tinysshd(system: System, account: Account) -> _Ways:
    place = ssh_keys.expanded(".ssh/authorized_keys", account)
    against, types = _file(Way(system, account, groups_of(system, account.name, account.gid), True), place)
    if not against and "ssh-ed25519" not in types:
        against = [Against("key", "ed25519", place)]
    return _Ways("tinysshd", [KEY] * (not against), against)


def _warn(system: System, name: str, servers: list[_Ways], shadow: Stored, asked: _Asked) -> None:
    for server, _, found in servers:
        for way, error, value in found:
            what = f"{_MEANING.get(error, error)} {value}"
            if way == "ssh":
                log.warning(f"login: {server} keeps {name} out: {what}")
            elif way == "note":
                log.warning(f"login: {server} takes {name} from some places alone: {what}")
            elif way == "key" and (asked.keys or error != "no_keys"):
                log.warning(f"login: {server} takes no key from {name}: {what}")
            elif way == "password" and asked.password:
                log.warning(f"login: {server} takes no password from {name}: {what}")
    if system.exists("/etc/nologin"):
        log.warning("login: /etc/nologin lets nobody in but root")
    for fault in _ages(shadow.shadow):
        log.warning(f"login: {fault} (/etc/shadow), so {name} may be turned away")


def _ages(fields: list[str]) -> list[str]:
    """What the dates of a line in shadow say against its account, where the clock can be trusted."""
    numbers = [int(field) if field.isdecimal() and len(field) < 10 else None for field in (*fields, *[""] * 9)[:9]]
    changed, longest, expires = numbers[2], numbers[4], numbers[7]
    today = int(time.time()) // _SECONDS_A_DAY
    found = ["the password must be changed at the first login"] if changed == 0 else []
    if time.time() < _SANE_CLOCK:
        return found
    if changed and longest is not None and changed + longest < today:
        found.append("the password has expired")
    if expires is not None and expires <= today:
        found.append("the account has expired")
    return found


def _reason(servers: list[_Ways], ways: set[str], asked: _Asked) -> Against | None:
    """Why Ready would be a lie: nobody comes in; or a password is all that there is, and SSH does not take it."""
    found = [against for server in servers for against in server.against if against.way != "note"]
    if ways - {CONSOLE}:
        return None
    if not ways:
        found.sort(key=lambda against: ("ssh", "key", "password").index(against.way))
        return found[0] if found else None
    if asked.password and not asked.keys:
        policy = ("PasswordAuthentication", "AuthenticationMethods")
        return next((each for each in found if each.error in policy and each.way == "password"), None)
    return None
