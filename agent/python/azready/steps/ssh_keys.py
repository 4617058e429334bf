"""The step `ssh-keys`: the public keys, where the SSH server of this system looks for them."""

from __future__ import annotations

import re

from azready.azure.run import Run
from azready.machine import log, sshd_config, user_files
from azready.machine.account_files import Account, find
from azready.machine.failure import Failure
from azready.machine.groups import groups_of
from azready.machine.run import DONE, SKIPPED
from azready.machine.system import System
from azready.steps.key_way import Way
from azready.steps.keys import holds_keys, key_fault, keys_in, with_keys
from azready.tables import hint

# How much of a bad key the log shows: enough to know it again; and of how many.
_SHOWN = 20
_MAX_WARNINGS = 20


def step_ssh_keys(run: Run) -> str:
    """Add the keys that are not there yet. Raises Failure where none can be added and there is no password either."""
    user = run.wanted.admin_user
    if not user or not run.wanted.keys:
        return SKIPPED
    account = find(run.system, user)
    if not account:
        raise _not_added(user, "no such account", hint("KEYS_ACCOUNT"))
    keys, why = _good_keys(run.wanted.keys)
    if keys:
        for place in _places(run.system, account):
            _add(run.system, account, place, keys)
    elif not run.wanted.password:
        details = {"user": user, "keys": str(len(run.wanted.keys)), "error": why}
        raise Failure("no_good_key", details)
    return DONE


def _not_added(user: str, error: str, hint: str, file: str = "") -> Failure:
    return Failure("keys_not_added", {"user": user, **({"file": file} if file else {}), "error": error}, hint)


def _good_keys(given: tuple[str, ...]) -> tuple[list[str], str]:
    """Those that the server can use, one text a byte; and what is wrong with the last of the others."""
    good, bad = [], []
    for number, data in enumerate(given, 1):
        for text in keys_in(data.encode("utf-8", "surrogateescape").decode("latin-1")):
            fault = key_fault(text)
            if fault:
                bad.append((number, text[:_SHOWN], fault))
            else:
                good.append(text)
    for number, text, fault in bad[:_MAX_WARNINGS]:
        shown = re.sub("[^ -~]", "?", text)
        log.warning(f"ssh-keys: key {number} ({shown}) is left out: {fault}")
    if len(bad) > _MAX_WARNINGS:
        log.warning(f"ssh-keys: {len(bad) - _MAX_WARNINGS} more are left out")
    return good, bad[-1][2] if bad else ""


def _places(system: System, account: Account) -> list[str]:
    """The files that get the keys: sshd's, and dropbear's where it is there or nothing is. Raises Failure."""
    own = f"{_home(account)}/.ssh/authorized_keys"
    if not sshd_config.has_sshd(system):
        if not sshd_config.has_dropbear(system) and not sshd_config.has_tinysshd(system):
            log.warning("ssh-keys: neither sshd nor dropbear is installed")
        return [own]
    words = sshd_config.key_files(system, account.name)
    place = next(filter(None, (expanded(word, account) for word in words)), "")
    if not place:
        raise _not_added(account.name, f"AuthorizedKeysFile {' '.join(words)}", hint("KEYS_FILE"))
    return [place, own] if sshd_config.has_dropbear(system) and own != place else [place]


def _home(account: Account) -> str:
    return account.home[:-1] if account.home.endswith("/") else account.home


def expanded(word: str, account: Account) -> str:
    """The path that a word of AuthorizedKeysFile means for this account; empty for `none` and unknown tokens."""
    values = {"%": "%", "h": _home(account), "u": account.name, "U": str(account.uid)}
    unknown = [token for token in re.findall("%(.?)", word) if token not in values]
    if unknown or word.lower() == "none":
        return ""
    path = re.sub("%(.)", lambda token: values[token[1]], word)
    path = path if path.startswith("/") else f"{_home(account)}/{path}"
    return "" if ".." in path.split("/") or path.endswith("/") or not path.startswith("/") else path


def _add(system: System, account: Account, place: str, keys: list[str]) -> None:
    """Add the keys to one file. Raises Failure."""
    home = _home(account)
    base, _, name = place.rpartition("/")
    owner = None
    # What is not below the home is root's, and no user but root makes a part of it.
    if home and place.startswith(f"{home}/"):
        mend_home(system, account)
        base, name, owner = home, place[len(home) + 1 :], user_files.Owner(account.uid, account.gid)
    try:
        changed = user_files.change(system, base or "/", name, owner, lambda data: with_keys(data, keys), holds_keys)
    except user_files.NotSafe as problem:
        raise _not_added(account.name, str(problem), hint("KEYS_PLACE"), place) from problem
    if not changed:
        log.info(f"ssh-keys: nothing to add to {place}")
        return
    log.info(f"ssh-keys: keys added to {place}")
    # Where SELinux is, sshd reads only what has its label.
    if not system.relabel(place.rpartition("/")[0], place):
        log.warning(f"ssh-keys: restorecon fails on {place}")


def mend_home(system: System, account: Account) -> None:
    """A home that is somebody else's, or that others may write to, is mended before keys go there."""
    words = (
        sshd_config.words_of(sshd_config.settings_of(system, account.name), "strictmodes")
        if sshd_config.has_sshd(system)
        else []
    )
    strict = words != ["no"] or sshd_config.has_dropbear(system)
    Way(system, account, groups_of(system, account.name, account.gid), strict).mend_home()
