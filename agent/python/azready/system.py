"""The only module that touches the machine: files below --root, the kernel's hostname, the clock."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import fnmatch
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from typing import IO, Callable, Iterator, NamedTuple

from . import log
from .errors import Failure

# Where the system's own commands are, whatever PATH a service gets.
_SYSTEM_PATH = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
# As many as Linux follows before it says ELOOP.
_MAX_LINKS = 40
# As long as the tools of shadow and glibc wait for a lock.
_LOCK_SECONDS = 15.0


class Ended(NamedTuple):
    """What became of a program: exit status as a shell counts it (128 + signal), its output, whether it was killed."""

    status: int
    output: str
    errors: str
    timed_out: bool

    @property
    def last_line(self) -> str:
        """The last line of its stderr, or `none`."""
        return self.errors.rstrip("\n").rpartition("\n")[2].strip(" \t\r\n") or "none"


def uptime() -> float:
    """Seconds on a clock that NTP cannot set; deadlines are counted on it."""
    return time.monotonic()


def timestamp() -> str:
    """The time of day for reports, ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


@contextlib.contextmanager
def _blaming(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Failure("file_not_writable", {"file": path, "error": os.strerror(error.errno or 0)}) from error


class System:
    """The machine or image below `root`. Every path given to a method is absolute and means the one inside the root."""

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

    def read(self, name: str) -> bytes | None:
        """Content of a file, or None where it is missing or unreadable."""
        try:
            with open(self.path(name), "rb") as file:
                return file.read()
        except OSError:
            return None

    def lines(self, name: str) -> list[str]:
        """Lines of a file without their ends; none where it is missing. Bytes that are not UTF-8 survive."""
        text = (self.read(name) or b"").decode("utf-8", "surrogateescape")
        return text[: -1 if text.endswith("\n") else None].split("\n") if text else []

    def require_readable(self, name: str) -> None:
        """A file that is to be changed must be readable, or it would be taken for an empty one. Raises Failure."""
        with _blaming(name), contextlib.suppress(FileNotFoundError), open(self.path(name), "rb") as file:
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

    def is_executable(self, name: str) -> bool:
        """Whether the image has this file, and it can be run."""
        where = self.path(name)
        return os.path.isfile(where) and os.access(where, os.X_OK)

    def execute(self, name: str, environment: dict[str, str], seconds: float, through: tuple[str, ...] = ()) -> Ended:
        """Run a program of the image in the root directory, at most so long; then it and its children are killed.

        `through`: an interpreter and its arguments, for a script that is not executable itself.
        """
        program = [*through, self.path(name)]
        try:
            return self._execute(program, environment, seconds)
        except OSError as error:
            if error.errno == errno.ENOEXEC:
                # A script without a first line that names its interpreter is the shell's, as from a shell.
                return self._execute(["/bin/sh", *program], environment, seconds)
            return Ended(126, "", os.strerror(error.errno or 0), False)

    def which(self, program: str) -> str:
        """Path of a command of this system, or an empty text; always empty with a root other than /."""
        if not self.live:
            return ""
        folders = [*os.get_exec_path(), *_SYSTEM_PATH]
        found = (os.path.join(folder, program) for folder in folders)
        return next((path for path in found if os.path.isfile(path) and os.access(path, os.X_OK)), "")

    def command(self, words: list[str], given: bytes = b"", seconds: float = 60.0) -> Ended:
        """Run a command of this system, by a path from `which`, with `given` on stdin; killed after so many seconds.

        Secrets go to stdin, never into `words`.
        """
        path = os.pathsep.join([*os.get_exec_path(), *_SYSTEM_PATH])
        try:
            return self._execute(words, {"LC_ALL": "C", "PATH": path}, seconds, given)
        except OSError as error:
            return Ended(126, "", os.strerror(error.errno or 0), False)

    def _execute(self, command: list[str], environment: dict[str, str], seconds: float, given: bytes = b"") -> Ended:
        # Files and not pipes: what the program leaves running in the background may hold a pipe open for ever.
        with _file_of(given) as stdin, tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=output,
                stderr=errors,
                cwd=self.root or "/",
                env={**os.environ, **environment},
                start_new_session=True,
            )
            timed_out = not _ends_within(process, seconds)
            status = process.returncode
            return Ended(status if status >= 0 else 128 - status, _printed(output), _printed(errors), timed_out)

    def give(self, name: str, uid: int, gid: int) -> None:
        """Make a file, a directory or a symlink itself somebody's. Without privileges it says so and goes on."""
        where = os.path.join(self.path(os.path.dirname(name)), os.path.basename(name))
        try:
            os.chown(where, uid, gid, follow_symlinks=False)
        except PermissionError:
            if (os.lstat(where).st_uid, os.lstat(where).st_gid) != (uid, gid):
                log.warning(f"{name} cannot be given to {uid}:{gid} without being root")
        except OSError as error:
            raise Failure("file_not_writable", {"file": name, "error": os.strerror(error.errno or 0)}) from error

    def make_directory(self, name: str, mode: int) -> None:
        """Make a directory and what leads to it; an existing one gets the mode. Raises Failure."""
        with _blaming(name):
            where = self.path(name)
            os.makedirs(where, exist_ok=True)
            if stat.S_IMODE(os.stat(where).st_mode) != mode:
                os.chmod(where, mode)

    def write(self, name: str, data: bytes, mode: int) -> None:
        """Replace a file in one step: either the old or the whole new content survives a power cut.

        A file that is there keeps its mode and owner, a symlink is followed, `mode` is for a new file. Raises Failure.
        """
        with _blaming(name):
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

    def may_write(self, name: str) -> bool:
        """Whether the file system lets us change this file and what lies beside it."""
        where = self.path(name)
        if os.path.exists(where) and not os.access(where, os.W_OK):
            return False
        folder = os.path.dirname(where)
        while folder and not os.path.exists(folder):
            folder = os.path.dirname(folder)
        return os.access(folder or "/", os.W_OK)

    def write_lines(self, name: str, lines: list[str], mode: int) -> None:
        """Replace a file, as `write`, by what `lines` gave."""
        self.write(name, "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogateescape"), mode)

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

    def make_home(self, name: str, skeleton: str, mode: int, uid: int, gid: int) -> None:
        """Make somebody's directory, with a copy of another's content if that is there; whole or not at all.

        Raises Failure.
        """
        with _blaming(name):
            where, source = self.path(name), self.path(skeleton)
            new = os.path.join(os.path.dirname(where), f".{os.path.basename(where)}.azready")
            os.makedirs(os.path.dirname(where), exist_ok=True)
            shutil.rmtree(new, ignore_errors=True)
            if os.path.isdir(source):
                shutil.copytree(source, new, symlinks=True)
            else:
                os.mkdir(new)
            if os.geteuid() == 0:
                for folder, _, files in os.walk(new):
                    for each in [folder, *(os.path.join(folder, file) for file in files)]:
                        os.chown(each, uid, gid, follow_symlinks=False)
            os.chmod(new, mode)
            os.rename(new, where)
        self.give(name, uid, gid)

    @contextlib.contextmanager
    def locked(self, names: list[str], seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Keep others off these files of /etc while we change them, as shadow's tools do. Raises Failure.

        FILE.lock is a link to a file with our process id; on the machine itself glibc's lock is held too.
        """
        until = uptime() + min(_LOCK_SECONDS, seconds)
        with contextlib.ExitStack() as held:
            if self.live:
                with _blaming("/etc/.pwd.lock"):
                    handle = os.open(self.path("/etc/.pwd.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
                held.callback(os.close, handle)
                _patiently(lambda: _lock_whole(handle), "/etc/.pwd.lock", until)
            for name in names:
                lock = os.path.join(self.path(os.path.dirname(name)), f"{os.path.basename(name)}.lock")
                _patiently(lambda lock=lock: _link_lock(lock), name, until)  # type: ignore[misc]
                held.callback(os.unlink, lock)
            yield

    def remove(self, name: str) -> None:
        """Remove a file or a symlink itself, not what it points to. Raises Failure."""
        with _blaming(name):
            os.unlink(os.path.join(self.path(os.path.dirname(name)), os.path.basename(name)))

    def remove_directory(self, name: str) -> None:
        """Remove an empty directory; one that is not empty or not there stays as it is."""
        with contextlib.suppress(OSError):
            os.rmdir(self.path(name))

    def append(self, name: str, data: bytes) -> bool:
        """Append to a file in one write, under the lock that fcntl gives; False where somebody else holds that."""
        with _blaming(name), open(self.path(name), "ab", buffering=0) as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            file.write(data)
            os.fsync(file.fileno())
            return True

    def tell(self, name: str, data: bytes) -> None:
        """Write into a named pipe; never wait for whoever reads it, or ought to."""
        with contextlib.suppress(OSError):
            where = self.path(name)
            if stat.S_ISFIFO(os.stat(where).st_mode):
                with open(os.open(where, os.O_WRONLY | os.O_NONBLOCK), "wb") as pipe:
                    pipe.write(data)

    def to_console(self, text: str) -> None:
        """Append to the console; never wait for it and never fail because of it."""
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK
            handle = os.open(self.path("/dev/console"), flags)
            with open(handle, "wb") as console:
                console.write(text.encode("utf-8", "replace"))

    def kernel_hostname(self) -> str:
        """The running kernel's hostname."""
        return socket.gethostname()

    def set_kernel_hostname(self, name: str) -> None:
        """Set the running kernel's hostname; with a root other than / nothing live is touched. Raises Failure."""
        if self.live:
            with _blaming("/proc/sys/kernel/hostname"):
                socket.sethostname(name)


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


def _patiently(attempt: Callable[[], bool], name: str, until: float) -> None:
    with _blaming(name):
        while not attempt():
            if uptime() >= until:
                raise Failure("file_not_writable", {"file": name, "error": "locked"})
            time.sleep(0.25)


def _lock_whole(handle: int) -> bool:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _link_lock(lock: str) -> bool:
    """Take a lock; one whose process is gone is taken away first."""
    mine = f"{lock[: -len('.lock')]}.{os.getpid()}"
    try:
        with open(mine, "w") as file:
            file.write(str(os.getpid()))
        os.link(mine, lock)
        return True
    except FileExistsError:
        if not _is_held(lock):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(lock)
        return False
    finally:
        with contextlib.suppress(OSError):
            os.unlink(mine)


def _is_held(lock: str) -> bool:
    try:
        with open(lock, "rb") as file:
            os.kill(int(file.read().strip(b"\0\n ")), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except OSError:
        pass
    return True


def _fits(name: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(name, pattern) and (name[0] != "." or pattern[0] == ".")


def _ends_within(process: subprocess.Popen[bytes], seconds: float) -> bool:
    try:
        process.wait(max(1.0, seconds))
        return True
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return False


@contextlib.contextmanager
def _file_of(data: bytes) -> Iterator[IO[bytes]]:
    """A file without a name that holds this, read from its beginning."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _printed(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")


def _sync_directory(directory: str) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
