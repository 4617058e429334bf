"""What a machine can do without: where the system lets nobody change such a file, that is a warning and no failure."""

from __future__ import annotations

import contextlib
import fnmatch
from typing import Iterator

from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.tables import FACTS


@contextlib.contextmanager
def spared(system: System) -> Iterator[list[str]]:
    """Take a failure to write a secondary file for a warning, if nobody may: a read-only store, not a full disk.

    The list that it gives holds that file then.
    """
    kept: list[str] = []
    try:
        yield kept
    except Failure as failure:
        file = failure.details.get("file", "")
        if failure.reason != "file_not_writable" or not _is_secondary(system, file) or system.may_write(file):
            raise
        kept.append(file)
        log.warning(f"{file} stays as it is: {failure.details['error']}")


def _is_secondary(system: System, file: str) -> bool:
    """Whether a machine without a change of this file is still one that its user can enter.

    The name is kept for the next boot alone: the kernel has it already, but never with a root other than /.
    """
    if any(fnmatch.fnmatchcase(file, pattern) for pattern in FACTS["SECONDARY_FILES"]):
        return True
    return system.live and file in FACTS["HOSTNAME_FILES"]
