"""Files in a directory whose owner may change it meanwhile: no symlink of his leads anywhere. A part of `system`.

Everything is done relative to open directories (dir_fd) and never follows the last part of a name.
"""

from __future__ import annotations

import contextlib
import errno
import fnmatch
import os
import stat
from typing import Callable, Iterator, NamedTuple

from azready.machine import log
from azready.machine.system import System

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotSafe(Exception):
    """The file cannot be written, or not without following what the user could have planted; the text says why."""


class Owner(NamedTuple):
    """Who is to have what is below a home."""

    uid: int
    gid: int


def change(
    system: System,
    base: str,
    name: str,
    owner: Owner | None,
    change: Callable[[bytes], bytes],
    is_harmless: Callable[[bytes], bool],
) -> bool:
    """Replace `base`/`name` by what `change` makes of its content, unless that is the same; whether it was replaced.

    With an owner, everything below `base` becomes his, the file 0600 and its directory 0700; without, the file keeps
    its owner and is 0644. Directories are made. What the owner cannot read today may be a secret that he has moved
    there: it becomes his only if `is_harmless` says so of its content. Raises NotSafe.
    """
    *folders, file = [part for part in name.split("/") if part not in ("", ".")]
    with contextlib.ExitStack() as opened:
        try:
            here = opened.enter_context(_opened(_base(system, base, owner), _DIRECTORY))
            _sweep(here, owner)
            for number, folder in enumerate(folders):
                base = f"{base}/{folder}"
                here = opened.enter_context(_folder(here, folder, base, owner))
                if owner:
                    _sweep(here, owner)
                    _look_into(here, base, owner, (*folders[number + 1 :], file)[0])
                    _own(here, base, owner, 0o700 if number == len(folders) - 1 else None)
            return _File(here, file, f"{base}/{file}", owner).change(change, is_harmless)
        except OSError as error:
            raise NotSafe(os.strerror(error.errno or 0)) from error


def _base(system: System, base: str, owner: Owner | None) -> str:
    """Where the base really is, made if it is missing. Raises NotSafe for a link on the way that is not root's."""
    links: list[str] = []
    where = system.path(base, links)
    roots = os.stat(system.root or "/").st_uid
    for link in links:
        if os.lstat(link).st_uid != roots:
            raise NotSafe(f"{link[len(system.root) :]} is a symlink that is not root's")
    if not os.path.isdir(where):
        os.makedirs(os.path.dirname(where), exist_ok=True)
        os.mkdir(where, 0o700 if owner else 0o755)
        if owner:
            system.give(base, *owner)
    return where


@contextlib.contextmanager
def _opened(name: str, flags: int, inside: int | None = None, mode: int = 0) -> Iterator[int]:
    handle = os.open(name, flags, mode, dir_fd=inside)
    try:
        yield handle
    finally:
        os.close(handle)


@contextlib.contextmanager
def _folder(inside: int, name: str, shown: str, owner: Owner | None) -> Iterator[int]:
    """A directory, made if it is missing, and open."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700 if owner else 0o755, dir_fd=inside)
    kind = os.stat(name, dir_fd=inside, follow_symlinks=False).st_mode
    if not stat.S_ISDIR(kind):
        raise NotSafe(f"{shown} is {'a symlink' if stat.S_ISLNK(kind) else 'not a directory'}")
    with _opened(name, _DIRECTORY, inside) as handle:
        yield handle


def _sweep(handle: int, owner: Owner | None) -> None:
    """Take away what a run that was cut off has left in an open directory of the owner."""
    for name in os.listdir(handle) if owner else ():
        if fnmatch.fnmatchcase(name, ".*.azready"):
            with contextlib.suppress(OSError):
                os.unlink(name, dir_fd=handle)


def _look_into(handle: int, shown: str, owner: Owner, expected: str) -> None:
    """A directory that the owner cannot look into, and others filled, is not opened to him. Raises NotSafe."""
    if _can_read(os.fstat(handle), owner):
        return
    for name in os.listdir(handle):
        if name != expected and os.stat(name, dir_fd=handle, follow_symlinks=False).st_uid != owner.uid:
            raise NotSafe(f"{shown} is not the user's and holds {name}, which is not either")


def _can_read(found: os.stat_result, owner: Owner) -> bool:
    """Whether the owner-to-be can read it as it is; groups that he is in besides do not count."""
    if found.st_uid == owner.uid:
        return True
    return bool(found.st_mode & (stat.S_IRGRP if found.st_gid == owner.gid else stat.S_IROTH))


def _own(handle: int, shown: str, owner: Owner | None, mode: int | None) -> None:
    """Give an open file or directory its owner and mode, unless it has them."""
    now = os.fstat(handle)
    if owner and (now.st_uid, now.st_gid) != owner:
        try:
            os.fchown(handle, *owner)
        except PermissionError:
            log.warning(f"{shown} cannot be given to {owner.uid}:{owner.gid} without being root")
    if mode is not None and stat.S_IMODE(now.st_mode) != mode:
        os.fchmod(handle, mode)


class _File(NamedTuple):
    """A file of an open directory; `shown` is its path for messages."""

    inside: int
    name: str
    shown: str
    owner: Owner | None

    @property
    def mode(self) -> int:
        return 0o600 if self.owner else 0o644

    def change(self, change: Callable[[bytes], bytes], is_harmless: Callable[[bytes], bool]) -> bool:
        old, keeper = b"", self.owner
        with contextlib.suppress(FileNotFoundError), self._open() as handle:
            with open(handle, "rb", closefd=False) as file:
                old = file.read()
            if self.owner and not _can_read(os.fstat(handle), self.owner) and not is_harmless(old):
                raise NotSafe(f"{self.shown} is not the user's and holds more than keys")
            if change(old) == old:
                _own(handle, self.shown, self.owner, self.mode)
                return False
            keeper = keeper or Owner(os.fstat(handle).st_uid, os.fstat(handle).st_gid)
        self._put(change(old), keeper)
        return True

    @contextlib.contextmanager
    def _open(self) -> Iterator[int]:
        """The plain file, open for reading; a name of a file elsewhere would have that one's content copied."""
        try:
            with _opened(self.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, self.inside) as handle:
                found = os.fstat(handle)
                if not stat.S_ISREG(found.st_mode):
                    raise NotSafe(f"{self.shown} is not a regular file")
                if found.st_nlink != 1:
                    raise NotSafe(f"{self.shown} is a hard link")
                yield handle
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise NotSafe(f"{self.shown} is a symlink") from error
            raise

    def _put(self, data: bytes, keeper: Owner | None) -> None:
        temporary = f".{self.name}.azready"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=self.inside)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with _opened(temporary, flags, self.inside, 0o600) as handle:
                with open(handle, "wb", closefd=False) as file:
                    file.write(data)
                _own(handle, self.shown, keeper, self.mode)
                os.fsync(handle)
            os.rename(temporary, self.name, src_dir_fd=self.inside, dst_dir_fd=self.inside)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=self.inside)
            raise
        os.fsync(self.inside)
