"""The step `ssh-keys`: the public keys, where the SSH server of this system looks for them."""

from __future__ import annotations

import base64
import re

from . import accounts, log, sshd, userfiles
from .accounts import Account
from .errors import Failure
from .run import DONE, SKIPPED, Run
from .system import System

_BLANKS = " \t\r\n"
_TYPES = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
)
# How much of a bad key the log shows: enough to know it again.
_SHOWN = 20
_PLAIN = "each component must be a plain file or directory that no user but its owner and root can change"


def step_ssh_keys(run: Run) -> str:
    """Add the keys that are not there yet. Raises Failure where none can be added and there is no password either."""
    user = run.wanted.admin_user
    if not user or not run.wanted.keys:
        return SKIPPED
    account = accounts.find(run.system, user)
    if not account:
        raise _not_added(user, "no such account", "the step user makes it, unless it is left out")
    keys, why = _good_keys(run.wanted.keys)
    if keys:
        for place in _places(run.system, account):
            _add(run.system, account, place, keys)
    elif not run.wanted.password:
        details = {"user": user, "keys": str(len(run.wanted.keys)), "error": why}
        raise Failure("no_good_key", details, "give a key as in a .pub file: its type, a blank, base64")
    return DONE


def _not_added(user: str, error: str, hint: str, file: str = "") -> Failure:
    return Failure("keys_not_added", {"user": user, **({"file": file} if file else {}), "error": error}, hint)


def _good_keys(given: tuple[str, ...]) -> tuple[list[str], str]:
    """Those that the server can use, one text a byte; and what is wrong with the last of the others."""
    good, why = [], ""
    for number, key in enumerate(given, 1):
        text = key.encode("utf-8", "surrogateescape").decode("latin-1").strip(_BLANKS)
        fault = key_fault(text)
        if fault:
            why = fault
            shown = re.sub("[^ -~]", "?", text[:_SHOWN])
            log.warning(f"ssh-keys: key {number} ({shown}) is left out: {fault}")
        else:
            good.append(text)
    return good, why


def key_fault(text: str) -> str:
    """Why a trimmed text is no public key, or an empty text. keys.awk has the same rules."""
    kind, _, rest = text.replace("\t", " ").partition(" ")
    blob = rest.strip(" ").partition(" ")[0]
    if not text:
        return "it is empty"
    if text.startswith(("-----BEGIN", "---- BEGIN")):
        return "it is a PEM or SSH2 file; give one line as in a .pub file"
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        return "it has several lines or control characters"
    if kind.endswith("-cert-v01@openssh.com"):
        return "it is a certificate"
    if kind == "ssh-dss":
        return "SSH servers take no DSA keys any more"
    if kind not in _TYPES:
        return "it does not begin with a known type; options are not taken"
    if not re.fullmatch("[A-Za-z0-9+/]+={0,2}", blob) or len(blob) % 4:
        return "it is not base64"
    return "" if _is_whole(kind, base64.b64decode(blob)) else "its base64 is cut off or of another type"


def _is_whole(kind: str, blob: bytes) -> bool:
    """Whether a key is made of whole fields (four bytes of length, then so many), its type the first of them."""
    fields = []
    while len(blob) >= 4:
        end = 4 + int.from_bytes(blob[:4], "big")
        if end > len(blob):
            return False
        fields.append(blob[4:end])
        blob = blob[end:]
    return not blob and len(fields) > 1 and fields[0] == kind.encode()


def key_of(line: str) -> str:
    """Type and base64 of a line of authorized_keys, or what stands in their place."""
    line = line.strip(" \t\r")
    if line.split(" ")[0].split("\t")[0] not in _TYPES:
        line = line[_options(line) :].lstrip(" \t")
    return " ".join(re.split("[ \t]+", line)[:2])


def _options(line: str) -> int:
    """How long the options in front are: up to the first blank outside of quotes, as sshd has it."""
    at, quoted = 0, False
    while at < len(line) and (quoted or line[at] not in " \t"):
        if line[at : at + 2] == '\\"':
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        at += 1
    return at


def with_keys(data: bytes, keys: list[str]) -> bytes:
    """The content of authorized_keys with those keys that are not in it. What is there stays byte for byte."""
    text = data.decode("latin-1")
    there, added = {key_of(line) for line in text.split("\n") if not line.lstrip(" \t\r").startswith("#")}, ""
    for key in keys:
        if key_of(key) not in there:
            there.add(key_of(key))
            added += f"{key}\n"
    gap = "\n" if added and text and not text.endswith("\n") else ""
    return (text + gap + added).encode("latin-1")


def holds_keys(data: bytes) -> bool:
    """Whether there is nothing in it but keys, comments and blank lines."""
    lines = (line.strip(_BLANKS) for line in data.decode("latin-1").split("\n"))
    return all(_is_key(line) for line in lines if line and not line.startswith("#"))


def _is_key(line: str) -> bool:
    """Whether it begins with a known type, or is a key of any other one: the base64 says so itself."""
    for text in (line, line[_options(line) :].lstrip(" \t")):
        kind, blob = [*re.split("[ \t]+", text), ""][:2]
        if kind in _TYPES:
            return True
        is_base64 = re.fullmatch("[A-Za-z0-9+/]+={0,2}", blob) and len(blob) % 4 == 0
        if is_base64 and _is_whole(kind, base64.b64decode(blob)):
            return True
    return False


def _places(system: System, account: Account) -> list[str]:
    """The files that get the keys: sshd's, and dropbear's where it is there or nothing is. Raises Failure."""
    own = f"{_home(account)}/.ssh/authorized_keys"
    if not sshd.has_sshd(system):
        if not sshd.has_dropbear(system):
            log.warning("ssh-keys: neither sshd nor dropbear is installed")
        return [own]
    words = sshd.key_files(system, account.name)
    place = next(filter(None, (expanded(word, account) for word in words)), "")
    if not place:
        raise _not_added(
            account.name, f"AuthorizedKeysFile {' '.join(words)}", "sshd_config must name a file for the keys"
        )
    return [place, own] if sshd.has_dropbear(system) and own != place else [place]


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
        base, name, owner = home, place[len(home) + 1 :], userfiles.Owner(account.uid, account.gid)
    try:
        changed = userfiles.change(system, base or "/", name, owner, lambda data: with_keys(data, keys), holds_keys)
    except userfiles.NotSafe as problem:
        raise _not_added(account.name, str(problem), _PLAIN, place) from problem
    if not changed:
        log.info(f"ssh-keys: nothing to add to {place}")
        return
    log.info(f"ssh-keys: keys added to {place}")
    _label(system, place)


def _label(system: System, place: str) -> None:
    """Where SELinux is, sshd reads only what has its label."""
    program = system.which("restorecon")
    if program and system.exists("/sys/fs/selinux"):
        ended = system.command([program, place.rpartition("/")[0], place])
        if ended.status:
            log.warning(f"ssh-keys: restorecon fails on {place}")
