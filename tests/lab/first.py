"""Process 1 of a `Namespace`: sets the scene with the host's programs, then makes ROOT its root and buries the dead.

Started by `unshare`. Needs nothing but Python's standard library. ROOT is "" where the host's own root stays; SCENE is
a shell script. Says `up` when the scene is set, and ends, with all that runs in here, when its standard input does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import Any


def bury(*_: Any) -> None:
    """Take note of every child that has ended: a zombie looks alive to whoever asks for its number."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def main(root: str, scene: str) -> None:
    """Set the scene and stay."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    if subprocess.run(["sh", "-euc", scene], stdin=subprocess.DEVNULL).returncode:
        sys.exit("the scene could not be set")
    if root:
        # As switch_root does it: no program that enters later can see what lies below.
        os.chdir(root)
        subprocess.run(["mount", "--move", ".", "/"], check=True)
        os.chroot(".")
    os.chdir("/")
    signal.signal(signal.SIGCHLD, bury)
    print("up", flush=True)
    while os.read(0, 4096):
        pass


if __name__ == "__main__":
    main(*sys.argv[1:])
