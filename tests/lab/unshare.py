"""The words that start a command in namespaces of its own: nothing else in the tests makes any."""

from __future__ import annotations

import os
import shutil


def where(tool: str) -> str:
    """The full path of a program of this machine, whatever PATH is inside."""
    path = shutil.which(tool, path=search_path())
    if not path:
        raise FileNotFoundError(f"{tool} is not installed")
    return path


def search_path() -> str:
    """PATH, with the folders of root's programs."""
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin:/sbin:/bin"


def unshared(kinds: str, *command: str, proc: bool = False, bound: bool = False) -> list[str]:
    """The command in namespaces of these kinds, such as `mount pid`; with `pid` all that it started ends with it.

    `proc`: with a /proc that shows its processes alone. `bound`: it ends with whoever starts it.
    """
    options = [f"--{kind}" for kind in kinds.split()]
    options += [*(["--fork", "--kill-child"] * ("pid" in kinds)), *(["--mount-proc"] * proc)]
    start = [where("setpriv"), "--pdeathsig", "KILL", "--"] if bound else []
    return [*start, where("unshare"), *options, "--", *command]
