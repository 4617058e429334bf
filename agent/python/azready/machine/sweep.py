"""What runs that were cut off have left: a program that still runs, locks, temporary files, a media that is mounted.

Only with the run lock held: then whatever lies there is of nobody who lives.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import shutil
import stat

from azready.machine import account_locks, alive, log, mounts, programs
from azready.machine.system import System
from azready.tables import FACTS

# Where azready writes a file beside another one first.
_FOLDERS = FACTS["SWEPT_FOLDERS"]
_TEMPORARY = ".*.azready"
# A home is made as a whole, beside its place.
_HOMES = "/home"
# Where the shell engine works. These are of the machine that azready runs on, whatever the root.
_WORK_PLACES = FACTS["WORK_PLACES"]
_WORK = re.compile(r"azready\.([0-9]{1,10})(\.[1-9])?")


def sweep(system: System) -> None:
    """Never raises: what cannot be taken away is no reason not to go on."""
    child = programs.end_left(system.path(system.child_file))
    if child:
        log.warning(f"{child} of a run that was cut off was still at work: it was killed")
    with contextlib.suppress(OSError):
        os.unlink(system.path(system.child_file))
    account_locks.clear(system)
    for folder in (*_FOLDERS, system.state_directory, system.run_directory):
        for path in _temporary(system.path(folder)):
            with contextlib.suppress(OSError):
                os.unlink(path)
    for path in _temporary(system.path(_HOMES)):
        if _is_directory(path):
            shutil.rmtree(path, ignore_errors=True)
    for place in (*_WORK_PLACES, *filter(None, [os.environ.get("TMPDIR")])):
        _sweep_work(place)
    mounts.release(system)


def _temporary(folder: str) -> list[str]:
    return [os.path.join(folder, name) for name in _names(folder) if fnmatch.fnmatchcase(name, _TEMPORARY)]


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _line(path: str) -> str | None:
    """What a record says; None where there is none."""
    with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
        return file.read(4096).rstrip("\n")
    return None


def _is_directory(path: str, of: int | None = None) -> bool:
    """Itself, and not what a link leads to; of this user. Looked at once: it may go meanwhile."""
    with contextlib.suppress(OSError):
        about = os.lstat(path)
        return stat.S_ISDIR(about.st_mode) and of in (None, about.st_uid)
    return False


def _sweep_work(place: str) -> None:
    """Work directories of shell engines that were killed: a password may lie in one."""
    for name in _names(place):
        path, found = os.path.join(place, name), _WORK.fullmatch(name)
        # In /tmp anybody may make one, and this is not for him.
        if found and _is_directory(path, of=os.geteuid()) and not _is_in_use(path, int(found[1])):
            shutil.rmtree(path, ignore_errors=True)


def _is_in_use(path: str, number: int) -> bool:
    # A container may share /run with its host: neither sees the other's processes.
    space = _line(os.path.join(path, "namespace"))
    if space and space != alive.space():
        return True
    record = _line(os.path.join(path, "owner")) or ""
    # It has none in its first moment, and where it is of an older azready.
    return alive.is_alive(record) if alive.pid_of(record) else number != os.getpid() and alive.exists(number)
