"""Run a command and wait for all that it starts: `watch.py REPORT COMMAND..` writes status and processor time as JSON.

A program of its own, so that the kernel adds up this one family alone; orphans come to it and are waited for, too.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import time

_SET_CHILD_SUBREAPER = 36
# What is left behind gets as long to end.
_GRACE_SECONDS = 2.0


def main(report: str, *command: str) -> None:
    """Write the report once the command and its orphans have ended."""
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    began = time.monotonic()
    child = os.posix_spawnp(command[0], command, os.environ)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - began
    _wait_for_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "status": os.waitstatus_to_exitcode(status),
        "cpu": used.ru_utime + used.ru_stime,
        "seconds": seconds,
    }
    with open(report, "w") as file:
        json.dump(found, file)


def _wait_for_orphans() -> None:
    until = time.monotonic() + _GRACE_SECONDS
    while time.monotonic() < until:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            time.sleep(0.01)


if __name__ == "__main__":
    main(*sys.argv[1:])
