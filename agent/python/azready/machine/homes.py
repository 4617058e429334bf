"""Somebody's directory, made where nobody else can exchange what lies there."""

from __future__ import annotations

import os
import shutil

from azready.machine.files import blaming
from azready.machine.system import System


def make_home(system: System, name: str, skeleton: str, mode: int, uid: int, gid: int) -> None:
    """Make somebody's directory, with a copy of another's content if that is there; whole or not at all.

    Raises Failure.
    """
    with blaming(name):
        where, source = system.path(name), system.path(skeleton)
        new = os.path.join(os.path.dirname(where), f".{os.path.basename(where)}.azready")
        os.makedirs(os.path.dirname(where), exist_ok=True)
        shutil.rmtree(new, ignore_errors=True)
        try:
            _copy_tree(source, new) if os.path.isdir(source) else os.mkdir(new)
            _give_tree(new, uid, gid)
            os.chmod(new, mode)
            os.rename(new, where)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    system.give(name, uid, gid)


def _copy_tree(source: str, target: str) -> None:
    """A copy of a directory, symlinks as they are. Raises OSError for the first that cannot be copied.

    shutil.copytree goes on and hides the cause: its error has no errno. What is neither file, directory nor link has
    no business in a skeleton.
    """
    os.mkdir(target, 0o700)
    with os.scandir(source) as entries:
        for entry in entries:
            new = os.path.join(target, entry.name)
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), new)
            elif entry.is_dir():
                _copy_tree(entry.path, new)
            elif entry.is_file():
                shutil.copy2(entry.path, new)
    shutil.copystat(source, target)


def _give_tree(top: str, uid: int, gid: int) -> None:
    if os.geteuid() == 0:
        for folder, folders, files in os.walk(top):
            for each in [folder, *(os.path.join(folder, name) for name in folders + files)]:
                os.chown(each, uid, gid, follow_symlinks=False)
