"""The way to a file of keys: does the server trust it, and does the user, as whom it is read, get there?

What is azready's to mend on that way is mended: the home and what is below it, and a directory of root above it that
lets nobody through. The rules are those of sshd's StrictModes; dropbear's and tinysshd's are a part of them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import Iterator, NamedTuple

from azready.machine import accounts, log
from azready.machine.account_files import Account
from azready.machine.groups import Groups
from azready.machine.ssh_rules import Against
from azready.machine.system import System

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class Found(NamedTuple):
    """The first thing that is in the way, or None, and the file's content."""

    against: Against | None
    content: bytes


class _Blocked(Exception):
    def __init__(self, error: str, value: str) -> None:
        super().__init__(error)
        self.against = Against("key", error, value)


class Way:
    """The ways of one account. `strict`: whether the server minds owners and modes."""

    def __init__(self, system: System, account: Account, groups: Groups, strict: bool) -> None:
        self._system = system
        self._account = account
        self._groups = groups
        self._strict = strict
        self._home = account.home.rstrip("/")
        self._own_home = accounts.has_own_home(system, account)
        # Who stands for root: in a tree that was made without privileges, its owner does.
        self._roots = {0, os.stat(system.root or "/").st_uid}

    def mend_home(self) -> None:
        """Only the home, before keys go into it."""
        with contextlib.suppress(_Blocked, OSError), contextlib.ExitStack() as opened:
            self._enter_home(opened)

    def to(self, place: str) -> Found:
        """Go there, and mend what can be."""
        try:
            with contextlib.ExitStack() as opened:
                if self._home and place.startswith(f"{self._home}/"):
                    return Found(None, self._below_home(opened, place))
                return Found(None, self._elsewhere(opened, place))
        except _Blocked as blocked:
            return Found(blocked.against, b"")
        except FileNotFoundError:
            return Found(Against("key", "no_keys", place), b"")
        except OSError:
            return Found(Against("key", "read", place), b"")

    def _below_home(self, opened: contextlib.ExitStack, place: str) -> bytes:
        here = self._enter_home(opened)
        shown = self._home
        *folders, file = [part for part in place[len(shown) :].split("/") if part not in ("", ".")]
        for folder in folders:
            shown = f"{shown}/{folder}"
            here = _opened(opened, folder, _DIRECTORY, shown, here)
            self._check_folder(here, shown)
        return self._read(opened, file, f"{shown}/{file}", here)

    def _enter_home(self, opened: contextlib.ExitStack) -> int:
        where = self._where(self._home)
        for above, shown in self._above(where):
            self._check_above(above, shown)
        here = _opened(opened, where or "/", _DIRECTORY, self._home)
        self._check_folder(here, self._home)
        return here

    def _elsewhere(self, opened: contextlib.ExitStack, place: str) -> bytes:
        folder, _, file = place.rpartition("/")
        where = self._where(folder)
        for above, shown in [*self._above(where), (where, folder or "/")]:
            self._check_above(above, shown, self._strict)
        here = _opened(opened, where or "/", _DIRECTORY, folder or "/")
        return self._read(opened, file, place, here)

    def _where(self, name: str) -> str:
        links: list[str] = []
        where = self._system.path(name, links)
        for link in links:
            if os.lstat(link).st_uid not in self._roots:
                raise _Blocked("symlink", link[len(self._system.root) :])
        return where

    def _above(self, where: str) -> Iterator[tuple[str, str]]:
        """What leads there from the root, which counts on the machine itself alone: elsewhere it is the builder's."""
        parts = where[len(self._system.root) :].split("/")[1:-1]
        if self._system.live and where not in ("", "/"):
            yield "/", "/"
        for number in range(len(parts)):
            shown = "/" + "/".join(parts[: number + 1])
            yield self._system.root + shown, shown

    def _check_above(self, where: str, shown: str, strict: bool = False) -> None:
        status = os.stat(where or "/")
        if strict:
            self._check(status, shown)
        if self._may(status, 1):
            return
        if (
            status.st_uid in self._roots
            and not status.st_mode & _OTHERS_WRITE
            and status.st_gid not in self._groups.ids
        ):
            with contextlib.suppress(PermissionError):
                os.chmod(where, stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
                log.info(f"login: {shown} let nobody through: now it does (o+x)")
                return
        raise _Blocked("search", shown)

    def _check_folder(self, handle: int, shown: str) -> None:
        """The home, or a directory below it."""
        self._mend(handle, shown)
        status = os.fstat(handle)
        self._check(status, shown)
        if not self._may(status, 1):
            raise _Blocked("search", shown)

    def _mend(self, handle: int, shown: str) -> None:
        if not self._own_home:
            return
        account, status = self._account, os.fstat(handle)
        foreign = status.st_uid not in {*self._roots, account.uid}
        # What root owns stays, a home may be one's prison; unless its user cannot even enter it.
        if foreign or (status.st_uid in self._roots and not self._may(status, 1)):
            with contextlib.suppress(PermissionError):
                os.fchown(handle, account.uid, account.gid)
                log.info(f"login: {shown} belonged to uid {status.st_uid}: now it is {account.name}'s")
        status = os.fstat(handle)
        mode, changes = stat.S_IMODE(status.st_mode), []
        if self._strict and mode & _OTHERS_WRITE:
            mode, changes = mode & ~_OTHERS_WRITE, ["go-w"]
        if status.st_uid == account.uid and not self._may(status, 1):
            mode, changes = mode | stat.S_IRWXU, [*changes, "u+rwx"]
        if changes:
            with contextlib.suppress(PermissionError):
                os.fchmod(handle, mode)
                log.info(f"login: {shown} was {stat.filemode(status.st_mode)}: {','.join(changes)}")

    def _check(self, status: os.stat_result, shown: str) -> None:
        if self._strict and status.st_uid not in {*self._roots, self._account.uid}:
            raise _Blocked("owner", shown)
        if self._strict and status.st_mode & _OTHERS_WRITE:
            raise _Blocked("mode", shown)

    def _may(self, status: os.stat_result, bit: int) -> bool:
        """Whether the user has this right, as the kernel has it: owner, else group, else others."""
        if status.st_uid == self._account.uid or (status.st_uid in self._roots and status.st_uid != 0):
            return bool(status.st_mode & bit << 6)
        return bool(status.st_mode & (bit << 3 if status.st_gid in self._groups.ids else bit))

    def _read(self, opened: contextlib.ExitStack, name: str, shown: str, inside: int) -> bytes:
        handle = _opened(opened, name, _FILE, shown, inside)
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise _Blocked("read", shown)
        self._check(status, shown)
        if not self._may(status, 4):
            raise _Blocked("read", shown)
        with open(handle, "rb", closefd=False) as file:
            return file.read()


def _opened(opened: contextlib.ExitStack, name: str, flags: int, shown: str, inside: int | None = None) -> int:
    with contextlib.suppress(OSError):
        if stat.S_ISLNK(os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode):
            raise _Blocked("symlink", shown)
    handle = os.open(name, flags, dir_fd=inside)
    opened.callback(os.close, handle)
    return handle
