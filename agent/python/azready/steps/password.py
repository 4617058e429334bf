"""The step `password`: the admin user's password as a hash, and whether the SSH server takes passwords."""

from __future__ import annotations

import os
import re
import time

from azready.azure.run import Run
from azready.machine import account_files, log, sshd_password
from azready.machine.account_files import IN_SHADOW, PASSWD, SHADOW, Stored, edit, run_tool, with_password
from azready.machine.failure import Failure
from azready.machine.run import DONE, SKIPPED
from azready.machine.system import System
from azready.tables import hint, number

_ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SALT_LENGTH = 16
_ROUNDS = 5000
_SECONDS_A_DAY = 86400


def step_password(run: Run) -> str:
    """Set the password that the provisioning media gives. Raises Failure, also where nobody could log in."""
    user = run.wanted.admin_user
    if not user:
        return SKIPPED
    password = _wanted_password(run)
    login = True if run.wanted.password_login is None and password else run.wanted.password_login
    stored = account_files.stored(run.system, user)
    _refuse_a_machine_without_login(run, login is not False and bool(password or stored.is_usable))
    if password:
        _set_password(run.system, user, password, stored)
    if login is not None:
        sshd_password.set_password_login(run.system, user, login)
    return SKIPPED if login is None else DONE


def _wanted_password(run: Run) -> str:
    """The password, or an empty text where none was given. Raises Failure, which never shows it."""
    given = run.wanted.password
    if not run.wanted.has_password:
        if given:
            log.warning("password: the media says REDACTED, which is no password")
        return ""
    data = _bytes(given)
    if re.search(rb"[\x00-\x1f\x7f]", data):
        raise Failure("password_invalid", {"cause": "control_character"})
    length = len(re.sub(rb"[\x80-\xbf]", b"", data))
    if length > number("PASSWORD_MAX") or len(data) > number("PASSWORD_BYTES_MAX"):
        details = {"length": str(length), "bytes": str(len(data))}
        limits = f"{number('PASSWORD_MAX')} characters, {number('PASSWORD_BYTES_MAX')} bytes of UTF-8"
        raise Failure("password_too_long", details, f"at most {limits}")
    return given


def _refuse_a_machine_without_login(run: Run, by_password: bool) -> None:
    if by_password or run.wanted.keys:
        return
    if run.wanted.password_login is False:
        raise Failure("login_impossible", {"missing": "keys"}, hint("NO_PASSWORDS"))
    raise Failure("login_impossible", {"missing": "keys,password"}, hint("NO_PASSWORD"))


def _set_password(system: System, user: str, password: str, stored: Stored) -> None:
    """Put the hash into the system, unless the one there is this password's already. Raises Failure."""
    if stored.in_passwd is None:
        raise Failure("account_missing", {"user": user})
    salt = re.match(r"\$6\$([./0-9A-Za-z]{1,16})\$", stored.password)
    if salt and sha512_crypt(_bytes(password), salt[1]) == stored.password:
        log.info(f"password: {user} has it already")
        return
    hashed = sha512_crypt(_bytes(password), _new_salt())
    in_shadow = system.exists(SHADOW)
    # chpasswd knows this system's files, locks and caches; but it would leave a copy in a passwd without the x.
    plain = in_shadow and stored.in_passwd != IN_SHADOW
    if plain or not _told_chpasswd(system, f"{user}:{hashed}\n"):
        _put_into_files(system, user, hashed, in_shadow, stored.in_passwd)
    log.info(f"password: set for {user}")


def _told_chpasswd(system: System, line: str) -> bool:
    chpasswd = system.which("chpasswd")
    return bool(chpasswd) and run_tool(system, [chpasswd, "-e"], [SHADOW], _bytes(line)).status == 0


def _put_into_files(system: System, user: str, hashed: str, in_shadow: bool, in_passwd: str) -> None:
    if not in_shadow:
        edit(system, PASSWD, with_password(user, hashed, None))
        return
    # Day 0 would mean that the password has expired; a clock that was never set says nothing.
    day = int(time.time()) // _SECONDS_A_DAY
    edit(system, SHADOW, with_password(user, hashed, str(day) if day else ""))
    if in_passwd != IN_SHADOW:
        edit(system, PASSWD, with_password(user, IN_SHADOW, None))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _new_salt() -> str:
    return "".join(_ALPHABET[byte & 63] for byte in os.urandom(_SALT_LENGTH))


def sha512_crypt(password: bytes, salt: str) -> str:
    """The `$6$` hash of crypt(5), with the rounds that it has by default.

    Its own, because Python 3.13 has no crypt module, musl and minimal images have no libcrypt, and a tool of the
    system would have to be found and fed. Follows "Unix crypt using SHA-256 and SHA-512" of U. Drepper, step by step.
    """
    # Loads OpenSSL, and most machines have no password.
    from hashlib import sha512

    def hashed(data: bytes) -> bytes:
        return sha512(data).digest()

    salted = salt.encode("ascii")
    size = len(password)
    other = hashed(password + salted + password)
    data = password + salted + _stretched(other, size)
    for bit in range(size.bit_length()):
        data += other if size >> bit & 1 else password
    digest = hashed(data)
    long_password = _stretched(hashed(password * size), size)
    long_salt = _stretched(hashed(salted * (16 + digest[0])), len(salted))
    for turn in range(_ROUNDS):
        data = long_password if turn & 1 else digest
        data += long_salt if turn % 3 else b""
        data += long_password if turn % 7 else b""
        data += digest if turn & 1 else long_password
        digest = hashed(data)
    return f"$6${salt}${_encoded(digest)}"


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
