"""What a machine can do without: where the system lets nobody change such a file, that is a warning and no failure."""

from __future__ import annotations

import contextlib
import re
from typing import Iterator

from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.system import System

# Without a change of these a machine is still one that its user can enter.
_FILES = re.compile(
    r"/etc/(sudoers|sudoers\.d(/.*)?|doas\.conf|doas\.d/.*|hosts)|(/usr)?/etc/ssh/sshd_config|/etc/ssh/sshd_config\.d(/.*)?"
)
# These keep the name for the next boot alone: the kernel has it already, but never with a root other than /.
_NAMES = re.compile(r"/etc/(hostname|HOSTNAME|conf\.d/hostname|config/system|rc\.conf)|/opt/bootsync\.sh")


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
        secondary = _FILES.fullmatch(file) or (system.live and _NAMES.fullmatch(file))
        if failure.reason != "file_not_writable" or not secondary or system.may_write(file):
            raise
        kept.append(file)
        log.warning(f"{file} stays as it is: {failure.details['error']}")
