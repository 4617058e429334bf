"""Programs that a run starts: hooks, scripts of the user, commands of the system. A part of `system`.

They end with the run. A hook or a script that outlived it would run beside itself at the next try, so two things see to
it even where the run is killed: a watcher, forked beforehand, that ends within a moment of the run and ends the child
then; and a record of the child, by which the next run finds one that is left.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import time
from typing import IO, Callable, Iterator, NamedTuple, NoReturn

from azready.machine import alive, signals
from azready.tables import FACTS

# Where what a program prints may lie, without a name. A place counts if that much fits.
_PLACES = FACTS["WORK_PLACES"]
_ROOM = 1 << 20
# A command of the system is in the middle of something and done in a moment; a hook is not.
_GRACE_SECONDS = 5.0
_MANY_FILES = 4096


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


class Noted(NamedTuple):
    """A hook or a script: the file that holds its record while it runs, and what it is called there."""

    file: str
    name: str


def run(
    words: list[str], environment: dict[str, str], folder: str, seconds: float, given: bytes, noted: Noted | None
) -> Ended:
    """Run a program with `given` on stdin, at most so long; then it and its children are killed. Raises OSError."""
    # Files and not pipes: what the program leaves running in the background may hold a pipe open for ever.
    with _holding(given) as stdin, _scratch() as output, _scratch() as errors, contextlib.ExitStack() as until_it_ends:
        watcher = None
        if noted:
            watcher = until_it_ends.enter_context(_Watcher())
            until_it_ends.callback(_forget, noted.file)
        process = subprocess.Popen(
            words,
            stdin=stdin,
            stdout=output,
            stderr=errors,
            cwd=folder,
            env={**os.environ, **environment},
            start_new_session=True,
            preexec_fn=_signing(noted, watcher) if noted and watcher else None,
        )
        timed_out = not _ends_within(process, seconds, 0.0 if noted else _GRACE_SECONDS)
        if watcher:
            watcher.dismiss()
        process.wait()
        status = process.returncode
        return Ended(status if status >= 0 else 128 - status, _printed(output), _printed(errors), timed_out)


def end_left(file: str) -> str:
    """Kill the child of which a run that is gone has left this record; its name, or nothing where none lives."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            record, name = [*lines.read().split("\n"), ""][:2]
    except OSError:
        return ""
    if not alive.is_surely(record):
        return ""
    _kill_group(alive.pid_of(record))
    until = time.monotonic() + _GRACE_SECONDS
    while alive.is_alive(record) and time.monotonic() < until:
        signals.sleep(0.02)
    return name or "a program"


def _forget(file: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(file)


def _ends_within(process: subprocess.Popen[bytes], seconds: float, grace: float) -> bool:
    """Wait for it, but leave it to be asked how it ended: until then its number is nobody else's."""
    try:
        _wait(process.pid, max(1.0, seconds))
        return True
    except signals.Expired:
        _kill_group(process.pid)
        return False
    except signals.Interrupted:
        with contextlib.suppress(signals.Expired):
            if grace:
                _wait(process.pid, grace)
        _kill_group(process.pid)
        process.wait()
        raise


def _wait(pid: int, seconds: float) -> None:
    with signals.limit(seconds):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)


def _signing(noted: Noted, watcher: _Watcher) -> Callable[[], None]:
    """What the child does before it becomes the program: so there is no moment in which nobody knows of it."""

    def sign() -> None:
        record = alive.record(os.getpid())
        watcher.tell(record)
        with contextlib.suppress(OSError):
            new = os.path.join(os.path.dirname(noted.file), f".{os.path.basename(noted.file)}.azready")
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new)
            handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, f"{record}\n{noted.name}\n".encode("utf-8", "surrogateescape"))
            os.close(handle)
            os.rename(new, noted.file)

    return sign


class _Watcher:
    """A process that kills a child whose run is gone. It hears of that from a pipe that only the run holds open."""

    def __enter__(self) -> _Watcher:
        hears, self._pipe = os.pipe()
        self._pid = -1
        # No room for another process: then there is still the record.
        with contextlib.suppress(OSError):
            self._pid = os.fork()
        if self._pid == 0:
            _watch(hears)
        os.close(hears)
        return self

    def tell(self, record: str) -> None:
        """Whom to watch."""
        with contextlib.suppress(OSError):
            os.write(self._pipe, f"{record}\n".encode("ascii"))

    def dismiss(self) -> None:
        """The child has ended by itself; what it left in the background is to stay."""
        self.tell("")

    def __exit__(self, *_error: object) -> None:
        os.close(self._pipe)
        if self._pid > 0:
            with contextlib.suppress(OSError):
                os.waitpid(self._pid, 0)


def _watch(hears: int) -> NoReturn:
    """The watcher's life. It keeps nothing of the run: neither its terminal nor what its files lock."""
    try:
        # Whoever ends the run by its group need not end us: we do so ourselves.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        os.setsid()
        with contextlib.suppress(OSError):
            null = os.open(os.devnull, os.O_RDWR)
            for standard in (0, 1, 2):
                os.dup2(null, standard)
        for handle in _open_files():
            if handle > 2 and handle != hears:
                _close(handle)
        said = b""
        while True:
            more = os.read(hears, 4096)
            if not more:
                break
            said += more
        record = said.decode("ascii").split("\n")[-2:][0]
        if alive.is_surely(record):
            _kill_group(alive.pid_of(record))
    finally:
        os._exit(0)


def _open_files() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc/self/fd")]
    except (OSError, ValueError):
        return list(range(_MANY_FILES))


def _close(handle: int) -> None:
    with contextlib.suppress(OSError):
        os.close(handle)


@contextlib.contextmanager
def _holding(data: bytes) -> Iterator[int]:
    """A pipe that holds this, which may be a secret and must not get onto a disk: a line, so there is room for it."""
    reads, writes = os.pipe()
    try:
        try:
            os.write(writes, data)
        finally:
            os.close(writes)
        yield reads
    finally:
        os.close(reads)


def _scratch() -> IO[bytes]:
    """A file without a name. Raises OSError where there is room for none."""
    own = os.environ.get("TMPDIR") if os.geteuid() else None
    for place in ([own] if own else []) + _PLACES:
        with contextlib.suppress(OSError), contextlib.ExitStack() as closed:
            file = closed.enter_context(_unnamed(place))
            if file.write(bytes(_ROOM)) == _ROOM:
                file.truncate(0)
                file.seek(0)
                closed.pop_all()
                return file
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _unnamed(folder: str) -> IO[bytes]:
    """A new file there that has no name. Not by tempfile, which loads random numbers, their hashes, and OpenSSL."""
    try:
        handle = os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError:
        # Not every file system has such files.
        name = os.path.join(folder, f".azready.{os.getpid()}.{time.time():.6f}")
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        os.unlink(name)
    return open(handle, "w+b", buffering=0)


def _printed(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")
