"""`build.py live TREE`: the command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import support
from conformance.client import HTTP_CLIENTS

from lab import namespace
from lab.emulator import VMError, load_vm
from lab.tree import Tree, TreeError, copy, hide_clients

from .machine import AGENT, Machine
from .show import Screen
from .story import FAILED, Chapter, Story

_USAGE = 2
_ABOUT = """\
Run the azready of dist/ live in a COPY of a root file system: with mounts, processes, a hostname and a network of its
own, Azure's two addresses on port 80, and the identity that a VM has. TREE stays as it is, nothing is downloaded."""
_MANUAL = """\
what is looked at, one line each:
  install and uninstall     the tree byte for byte; without an init that azready knows: whether it says so
  provision                 password, key, custom data, user data, hook: Ready, and the machine is what the VM file says
  second boot               nothing is done, nobody is asked
  status                    for a person and for a program
  generalize                no word of user, name, keys or password is left
  provision as another VM   the image that was captured works

examples:
  python3 build.py live alpine-minirootfs-3.20.3-x86_64.tar.gz
  python3 build.py live ./tree --engine shell --client busybox-wget
  python3 build.py live ./tree --vm vm.toml --keep      (a VM file: dist/azready-lab.pyz example)

exit status: 0 all is well, 1 something is not, 2 wrong usage (no TREE, not root, no unshare)

tests/README.md says where to get root file systems."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    options = _parser().parse_args(arguments)
    problem = _unusable(options)
    if problem:
        print(f"live: {problem}", file=sys.stderr)
        return _USAGE
    # The copy goes and the namespaces end, whoever ends this.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    screen = Screen(options.json)
    with _scratch(options.keep) as scratch:
        try:
            screen.begins(f"copying {options.tree}")
            tree = copy(Path(options.tree), scratch / "root")
            hide_clients(tree, options.client)
        except TreeError as error:
            screen.over()
            print(f"live: {error}", file=sys.stderr)
            return _USAGE
        return _tell(options, screen, tree, scratch)


def _tell(options: argparse.Namespace, screen: Screen, tree: Tree, scratch: Path) -> int:
    screen.title(f"{options.tree}: {tree.system()}")
    vm = Path(options.vm).resolve() if options.vm else None
    story = Story(Machine(tree, scratch, options.engine), vm, options.client, screen.begins)
    chapters: list[Chapter] = []
    for chapter in story.tell():
        chapters.append(chapter)
        screen.chapter(chapter)
    screen.over()
    screen.details(chapters)
    failed = any(chapter.outcome == FAILED for chapter in chapters)
    if options.json:
        print(json.dumps({"tree": options.tree, "system": tree.system(), "ok": not failed, "checks": screen.rows}))
    if options.keep:
        print(f"kept: {tree.root}, and what was recorded beside it", file=sys.stderr)
    return int(failed)


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("build.py live", None, _ABOUT, _MANUAL, formatter_class=shape)
    add = parser.add_argument
    add("tree", metavar="TREE", help="a folder, or a tar archive (.tar, .gz, .xz, ..), with a root file system")
    add("--engine", choices=("auto", "python", "shell"), default="auto", help="default: auto")
    add("--client", choices=tuple(HTTP_CLIENTS), default="", help="HTTP client that the shell engine must take")
    add("--vm", metavar="FILE", help="the VM that it is first deployed as (default: one that brings all there is)")
    add("--keep", action="store_true", help="keep the copy, and say where")
    add("--json", action="store_true", help="print one JSON object, for a program")
    return parser


def _unusable(options: argparse.Namespace) -> str:
    """Why this cannot be done here; "" where it can."""
    if not os.path.exists(options.tree):
        return f"{options.tree}: there is no such folder or archive"
    if os.geteuid() != 0:
        return "namespaces need root"
    missing = namespace.missing()
    if missing:
        return f"not installed: {', '.join(missing)} (packages util-linux, mount, iproute2)"
    if not AGENT.is_file():
        return f"{AGENT} is not there: python3 build.py build"
    if options.client and options.engine == "python":
        return "--client is for the shell engine: the Python engine has its own"
    try:
        load_vm(Path(options.vm) if options.vm else {})
    except VMError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def _scratch(keep: bool) -> Iterator[Path]:
    folder = support.ROOT / "build" / "live"
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="tree-", dir=folder))
    try:
        yield scratch
    finally:
        if not keep:
            shutil.rmtree(scratch)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
