"""How the launcher hands over to this engine, which it has started as its child.

It gives us a file and waits. Whoever takes the file away has the run: we, once everything is imported that we may need
and before anything is changed; or the launcher, which then goes on with the shell engine. Until then our words are
nobody's: what a broken Python prints must not get into the log. The real descriptors wait at other numbers.
"""

from __future__ import annotations

import os
import signal
import sys

from azready.machine import log

_OPTION = "--handover"
# Standard descriptor -> where the launcher has put it.
_REAL = {0: 7, 1: 8, 2: 9}
# What a shell has its background jobs ignore.
_IGNORED = (signal.SIGINT, signal.SIGQUIT)


class _State:
    # The file; empty where no launcher has started us, and once we have taken over.
    file = ""


def receive(arguments: list[str]) -> list[str]:
    """The command line without what the launcher has put in front of it."""
    if arguments[:1] != [_OPTION]:
        return arguments
    _State.file = arguments[1]
    launcher_ignores = _ignored_by(os.getppid())
    for number in _IGNORED:
        if not launcher_ignores >> (number - 1) & 1:
            signal.signal(number, signal.SIG_DFL)
    return arguments[2:]


def take_over(*late: str) -> None:
    """From now on the run is ours. `late`: modules that are imported where they are needed, and must be there then."""
    if not _State.file:
        return
    missing = [name for name in late if not _is_found(name)]
    if missing:
        sys.exit(f"azready: error: this Python lacks a part of its standard library: {' '.join(missing)}")
    for waiting in _REAL.values():
        os.fstat(waiting)
    # Fails where the launcher did not want to wait any longer.
    os.unlink(_State.file)
    _State.file = ""
    for standard, waiting in _REAL.items():
        os.dup2(waiting, standard)
        os.close(waiting)
    log.debug(f"engine: python ({os.path.basename(sys.executable)})")


def _is_found(module: str) -> bool:
    """Without importing it."""
    finders = (getattr(finder, "find_spec", None) for finder in sys.meta_path)
    return module in sys.modules or any(find and find(module, None) for find in finders)


def _ignored_by(pid: int) -> int:
    """A bit for each signal that a process ignores; none where nobody can say."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
            return next(int(line.split()[1], 16) for line in lines if line.startswith("SigIgn:"))
    except (OSError, ValueError, StopIteration):
        return 0
