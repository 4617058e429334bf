"""Files below --root: read, found, replaced in one step."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import fnmatch
import os
import stat
from typing import Iterator

from azready.machine import log
from azready.machine.failure import Failure

# As many as Linux follows before it says ELOOP.
_MAX_LINKS = 40


@contextlib.contextmanager
def blaming(path: str) -> Iterator[None]:
    """An OSError inside becomes the Failure that names this file."""
    try:
        yield
    except OSError as error:
        raise Failure("file_not_writable", {"file": path, "error": cause(error)}) from error


def cause(error: OSError) -> str:
    """What went wrong, in the words of the C library."""
    return os.strerror(error.errno) if error.errno else str(error)


class Files:
    """What lies below `root`. Every path given to a method is absolute and means the one inside the root."""

    def __init__(self, root: str = "/") -> None:
        # Empty for the machine itself, so that every path is root + path.
        self.root = os.path.realpath(root).rstrip("/")
        self.live = not self.root

    def path(self, name: str, links: list[str] | None = None) -> str:
        """Where the image's `name` really is. Links are followed; an absolute one of the image stays inside it.

        The places of the links that were followed are added to `links`.
        """
        pending, done, followed = name.split("/")[::-1], "", 0
        while pending:
            part = pending.pop()
            if part == "..":
                done = done.rpartition("/")[0]
            elif part not in ("", "."):
                here = f"{self.root}{done}/{part}"
                if os.path.islink(here) and followed < _MAX_LINKS:
                    followed += 1
                    if links is not None:
                        links.append(here)
                    target = os.readlink(here)
                    done = "" if target.startswith("/") else done
                    pending += target.split("/")[::-1]
                else:
                    done = f"{done}/{part}"
        return self.root + done

    def exists(self, name: str) -> bool:
        """Whether the image has this file or directory."""
        return os.path.exists(self.path(name))

    def is_directory(self, name: str) -> bool:
        """Whether the image has a directory of this name."""
        return os.path.isdir(self.path(name))

    def is_link(self, name: str) -> bool:
        """Whether the path itself is a symlink."""
        return os.path.islink(os.path.join(self.path(os.path.dirname(name)), os.path.basename(name)))

    def is_executable(self, name: str) -> bool:
        """Whether the image has this file, and it can be run."""
        where = self.path(name)
        return os.path.isfile(where) and os.access(where, os.X_OK)

    def read(self, name: str, most: int = -1) -> bytes | None:
        """Content of a file, or its first `most` bytes; None where it is missing or unreadable."""
        try:
            with open(self.path(name), "rb") as file:
                return file.read(most)
        except OSError:
            return None

    def lines(self, name: str) -> list[str]:
        """Lines of a file without their ends; none where it is missing. Bytes that are not UTF-8 survive."""
        text = (self.read(name) or b"").decode("utf-8", "surrogateescape")
        return text[: -1 if text.endswith("\n") else None].split("\n") if text else []

    def require_readable(self, name: str) -> None:
        """A file that is to be changed must be readable, or it would be taken for an empty one. Raises Failure."""
        with blaming(name), contextlib.suppress(FileNotFoundError), open(self.path(name), "rb") as file:
            file.read()

    def matches(self, pattern: str) -> list[str]:
        """The image's paths that match, sorted; links that dangle included, hidden names only where asked for."""
        found = [""]
        for part in pattern.strip("/").split("/"):
            found = [f"{above}/{name}" for above in found for name in self._names(above) if _fits(name, part)]
        return found

    def _names(self, directory: str) -> list[str]:
        try:
            return sorted(os.listdir(self.path(directory) or "/"))
        except OSError:
            return []

    def matching(self, directory: str, pattern: str) -> list[str]:
        """Paths of the files of a directory whose names fit the pattern as in a shell, sorted by bytes."""
        try:
            names = sorted(os.listdir(self.path(directory)), key=os.fsencode)
        except OSError:
            return []
        fitting = (name for name in names if fnmatch.fnmatchcase(name, pattern))
        return [f"{directory}/{name}" for name in fitting if name[0] != "." or pattern[0] == "."]

    def executables(self, directory: str) -> list[str]:
        """Names of the files of a directory that can be run, sorted by bytes; hidden ones are left out."""
        try:
            names = sorted(os.listdir(self.path(directory)), key=os.fsencode)
        except OSError:
            return []
        return [name for name in names if name[0] != "." and self.is_executable(f"{directory}/{name}")]

    def give(self, name: str, uid: int, gid: int) -> None:
        """Make a file, a directory or a symlink itself somebody's. Without privileges it says so and goes on."""
        where = os.path.join(self.path(os.path.dirname(name)), os.path.basename(name))
        try:
            os.chown(where, uid, gid, follow_symlinks=False)
        except PermissionError:
            if (os.lstat(where).st_uid, os.lstat(where).st_gid) != (uid, gid):
                log.warning(f"{name} cannot be given to {uid}:{gid} without being root")
        except OSError as error:
            raise Failure("file_not_writable", {"file": name, "error": cause(error)}) from error

    def make_directory(self, name: str, mode: int) -> None:
        """Make a directory and what leads to it; an existing one gets the mode. Raises Failure."""
        with blaming(name):
            where = self.path(name)
            os.makedirs(where, exist_ok=True)
            if stat.S_IMODE(os.stat(where).st_mode) != mode:
                os.chmod(where, mode)

    def write(self, name: str, data: bytes, mode: int) -> None:
        """Replace a file in one step: either the old or the whole new content survives a power cut.

        A file that is there keeps its mode and owner, a symlink is followed, `mode` is for a new file. Raises Failure.
        """
        with blaming(name):
            target = self.path(name)
            directory = os.path.dirname(target)
            os.makedirs(directory, exist_ok=True)
            temporary = os.path.join(directory, f".{os.path.basename(target)}.azready")
            try:
                self._write_durably(temporary, data, mode, target)
                _replace(temporary, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
            _sync_directory(directory)

    @staticmethod
    def _write_durably(temporary: str, data: bytes, mode: int, like: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "wb") as file:
            with contextlib.suppress(FileNotFoundError):
                old = os.stat(like)
                mode = stat.S_IMODE(old.st_mode)
                # Without privileges the file becomes ours; that is said nowhere else and stops nothing.
                with contextlib.suppress(PermissionError):
                    os.chown(temporary, old.st_uid, old.st_gid)
            os.chmod(temporary, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())

    def write_lines(self, name: str, lines: list[str], mode: int) -> None:
        """Replace a file, as `write`, by what `lines` gave."""
        self.write(name, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"), mode)

    def may_write(self, name: str) -> bool:
        """Whether the file system lets us change this file and what lies beside it."""
        where = self.path(name)
        if os.path.exists(where) and not os.access(where, os.W_OK):
            return False
        folder = os.path.dirname(where)
        while folder and not os.path.exists(folder):
            folder = os.path.dirname(folder)
        return os.access(folder or "/", os.W_OK)

    def remove(self, name: str) -> None:
        """Remove a file or a symlink itself, not what it points to. Raises Failure."""
        with blaming(name):
            os.unlink(os.path.join(self.path(os.path.dirname(name)), os.path.basename(name)))

    def remove_directory(self, name: str) -> None:
        """Remove an empty directory; one that is not empty or not there stays as it is."""
        with contextlib.suppress(OSError):
            os.rmdir(self.path(name))

    def append(self, name: str, data: bytes) -> bool:
        """Append to a file in one write, under the lock that fcntl gives; False where somebody else holds that."""
        with blaming(name), open(self.path(name), "ab", buffering=0) as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            size = os.fstat(file.fileno()).st_size
            if file.write(data) != len(data):
                # Half a record would shift all that come behind it.
                file.truncate(size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
            return True

    def tell(self, name: str, data: bytes) -> None:
        """Write into a named pipe; never wait for whoever reads it, or ought to."""
        with contextlib.suppress(OSError):
            where = self.path(name)
            if stat.S_ISFIFO(os.stat(where).st_mode):
                with open(os.open(where, os.O_WRONLY | os.O_NONBLOCK), "wb") as pipe:
                    pipe.write(data)


def _replace(new: str, target: str) -> None:
    """Put the new file in the old one's place.

    One that is a mount of its own (a container's /etc/hostname) can only be written where it is; the new one lies
    beside it until that is done.
    """
    try:
        os.rename(new, target)
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        with open(new, "rb") as source, open(target, "wb") as file:
            file.write(source.read())
            file.flush()
            os.fsync(file.fileno())
        os.unlink(new)


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (name[0] != "." or pattern[0] == ".")


def _sync_directory(directory: str) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
