"""The step `password`: the admin user's password as a hash, and whether the SSH server takes passwords."""

from __future__ import annotations

import hashlib
import os
import re
import time
from typing import NamedTuple

from azready.azure.run import Run
from azready.machine import log, sshd_config
from azready.machine.account_locks import locked, wait_until_free
from azready.machine.failure import Failure
from azready.machine.run import DONE, SKIPPED
from azready.machine.system import System
from azready.tables import number

_BLANKS = " \t\r\n"
_PASSWD, _SHADOW = "/etc/passwd", "/etc/shadow"
# In passwd: the password stands in shadow.
_IN_SHADOW = "x"
_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT_LENGTH = 16
_ROUNDS = 5000
_SECONDS_A_DAY = 86400


class _Stored(NamedTuple):
    """What the system has of the account: its field in passwd (None: no such account), and the hash that counts."""

    in_passwd: str | None
    password: str


def step_password(run: Run) -> str:
    """Set the password that the provisioning media gives. Raises Failure, also where nobody could log in."""
    user = run.wanted.admin_user
    if not user:
        return SKIPPED
    password = _wanted_password(run.wanted.password)
    login = True if run.wanted.password_login is None and password else run.wanted.password_login
    stored = _stored(run.system, user)
    _refuse_a_machine_without_login(run, login is not False and bool(password or _is_usable(stored.password)))
    if password:
        _set_password(run.system, user, password, stored)
    if login is not None:
        sshd_config.set_password_login(run.system, user, login)
    return SKIPPED if login is None else DONE


def _wanted_password(given: str) -> str:
    """The password, or an empty text where none was given. Raises Failure, which never shows it."""
    if not given.strip(_BLANKS):
        return ""
    if given == "REDACTED":
        log.warning("password: the media says REDACTED, which is no password")
        return ""
    data = _bytes(given)
    if re.search(rb"[\x00-\x1f\x7f]", data):
        raise Failure(
            "password_invalid", {"cause": "control_character"}, "line breaks and tabs are not typed at a login"
        )
    length = len(re.sub(rb"[\x80-\xbf]", b"", data))
    if length > number("PASSWORD_MAX") or len(data) > number("PASSWORD_BYTES_MAX"):
        details = {"length": str(length), "bytes": str(len(data))}
        limits = f"{number('PASSWORD_MAX')} characters, {number('PASSWORD_BYTES_MAX')} bytes of UTF-8"
        raise Failure("password_too_long", details, f"at most {limits}")
    return given


def _refuse_a_machine_without_login(run: Run, by_password: bool) -> None:
    if by_password or any(key.strip(_BLANKS) for key in run.wanted.keys):
        return
    if run.wanted.password_login is False:
        raise Failure("login_impossible", {"missing": "keys"}, "passwords are switched off: deploy with a public key")
    hint = "was the provisioning media readable? the kernel needs udf and a CD driver for it"
    raise Failure("login_impossible", {"missing": "keys,password"}, hint)


def _is_usable(stored: str) -> bool:
    return stored not in ("", _IN_SHADOW) and stored[0] not in "!*"


def _stored(system: System, user: str) -> _Stored:
    in_passwd = _password_field(system, _PASSWD, user)
    if in_passwd == _IN_SHADOW:
        return _Stored(in_passwd, _password_field(system, _SHADOW, user) or "")
    return _Stored(in_passwd, in_passwd or "")


def _password_field(system: System, file: str, user: str) -> str | None:
    for line in _text(system.read(file) or b"").split("\n"):
        fields = line.split(":")
        if fields[0] == user:
            return fields[1] if len(fields) > 1 else ""
    return None


def _set_password(system: System, user: str, password: str, stored: _Stored) -> None:
    """Put the hash into the system, unless the one there is this password's already. Raises Failure."""
    if stored.in_passwd is None:
        raise Failure("account_missing", {"user": user}, "a password needs an account: let the step user make it")
    salt = re.match(r"\$6\$([./0-9A-Za-z]{1,16})\$", stored.password)
    if salt and sha512_crypt(_bytes(password), salt[1]) == stored.password:
        log.info(f"password: {user} has it already")
        return
    hashed = sha512_crypt(_bytes(password), _new_salt())
    in_shadow = system.exists(_SHADOW)
    # chpasswd knows this system's files, locks and caches; but it would leave a copy in a passwd without the x.
    plain = in_shadow and stored.in_passwd != _IN_SHADOW
    if plain or not _told_chpasswd(system, f"{user}:{hashed}\n"):
        _put_into_files(system, user, hashed, in_shadow, stored.in_passwd)
    log.info(f"password: set for {user}")


def _told_chpasswd(system: System, line: str) -> bool:
    chpasswd = system.which("chpasswd")
    if chpasswd:
        wait_until_free(system, [_SHADOW])
    return bool(chpasswd) and system.command([chpasswd, "-e"], _bytes(line)).status == 0


def _put_into_files(system: System, user: str, hashed: str, in_shadow: bool, in_passwd: str) -> None:
    if not in_shadow:
        _put(system, _PASSWD, user, hashed, None)
        return
    # Day 0 would mean that the password has expired; a clock that was never set says nothing.
    day = int(time.time()) // _SECONDS_A_DAY
    _put(system, _SHADOW, user, hashed, str(day) if day else "")
    if in_passwd != _IN_SHADOW:
        _put(system, _PASSWD, user, _IN_SHADOW, None)


def _put(system: System, file: str, user: str, value: str, day: str | None) -> None:
    with locked(system, [file]):
        data = system.read(file)
        if data is None:
            raise Failure("file_not_writable", {"file": file, "error": "Permission denied"})
        system.write(file, _bytes(_with_field(_text(data), user, value, day)), 0o600)


def _with_field(text: str, user: str, value: str, day: str | None) -> str:
    """The file's text with this password field for the user; `day`: it is shadow, where the day of change follows."""
    lines = text[:-1].split("\n") if text.endswith("\n") else text.split("\n") if text else []
    for number_of_line, line in enumerate(lines):
        fields = line.split(":")
        if fields[0] == user:
            fields[1:2] = [value]
            if day is not None:
                fields[2:3] = [day]
            lines[number_of_line] = ":".join(fields)
            break
    else:
        lines += [] if day is None else [f"{user}:{value}:{day}:0:99999:7:::"]
    return "".join(f"{line}\n" for line in lines)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _new_salt() -> str:
    return "".join(_ALPHABET[byte & 63] for byte in os.urandom(_SALT_LENGTH))


def sha512_crypt(password: bytes, salt: str) -> str:
    """The `$6$` hash of crypt(5), with the rounds that it has by default.

    Its own, because Python 3.13 has no crypt module, musl and minimal images have no libcrypt, and a tool of the
    system would have to be found and fed. Follows "Unix crypt using SHA-256 and SHA-512" of U. Drepper, step by step.
    """
    salted = salt.encode("ascii")
    size = len(password)
    other = _sha512(password + salted + password)
    data = password + salted + _stretched(other, size)
    for bit in range(size.bit_length()):
        data += other if size >> bit & 1 else password
    digest = _sha512(data)
    long_password = _stretched(_sha512(password * size), size)
    long_salt = _stretched(_sha512(salted * (16 + digest[0])), len(salted))
    for turn in range(_ROUNDS):
        data = long_password if turn & 1 else digest
        data += long_salt if turn % 3 else b""
        data += long_password if turn % 7 else b""
        data += digest if turn & 1 else long_password
        digest = _sha512(data)
    return f"$6${salt}${_encoded(digest)}"


def _sha512(data: bytes) -> bytes:
    return hashlib.sha512(data).digest()


def _stretched(digest: bytes, size: int) -> bytes:
    return (digest * (size // len(digest) + 1))[:size]


def _encoded(digest: bytes) -> str:
    """Three bytes at a time, 21 apart and turned by one each time, as four characters with the low bits first."""
    text = ""
    for i in range(21):
        a, b, c = (digest[i + 21 * ((i + k) % 3)] for k in range(3))
        text += _characters(a << 16 | b << 8 | c, 4)
    return text + _characters(digest[63], 2)


def _characters(value: int, count: int) -> str:
    return "".join(_ALPHABET[value >> 6 * k & 63] for k in range(count))
