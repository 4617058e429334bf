"""The image that the recipe units/recipes/mkosi describes, made by the real mkosi, as a tree."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import support

from lab.upstream import fetch

RECIPE = support.ROOT / "units" / "recipes" / "mkosi"
# The first Debian whose mkosi has today's keys. It is all Python and runs on an older one.
_SUITE = "trixie"
# A disk needs a newer systemd than some hosts have; the machine brings its own kernel.
_AS_TREE = ("--format=directory", "--bootable=no", "--output=tree", "--force", "build")
# Debian's: what mkosi imports in its sandbox is not in .venv.
_PYTHON = "/usr/bin/python3"
_PATIENCE = 1500


def make(azready: Path, cache: Path, tree: Path) -> None:
    """Make the image as the new folder `tree`, with `azready` in it. Raises RuntimeError or fetch.FetchError."""
    if not Path("/usr/lib/python3/dist-packages/pefile.py").exists():
        support.leave_out("python3-pefile is not installed: mkosi needs it")
    packages = cache / "mkosi"
    packages.mkdir(parents=True, exist_ok=True)
    folder = tree.with_name("mkosi")
    folder.mkdir()
    fetch.unpack(fetch.newest(_SUITE, packages, ("mkosi",))["mkosi"], folder / "program")
    shutil.copytree(RECIPE, folder / "recipe")
    shutil.copy(azready, folder / "recipe" / "azready")
    options = (f"--directory={folder / 'recipe'}", f"--local-mirror={fetch.mirror()}", *_AS_TREE)
    variables = {**os.environ, "PYTHONPATH": str(folder / "program" / "usr/lib/python3/dist-packages")}
    log = folder / "log"
    with log.open("w") as file:
        done = subprocess.run(
            [_PYTHON, "-m", "mkosi", *options], env=variables, stdout=file, stderr=subprocess.STDOUT, timeout=_PATIENCE
        )
    if done.returncode:
        raise RuntimeError(f"mkosi: status {done.returncode}: {log.read_text(errors='replace')[-2000:]}")
    shutil.move(folder / "recipe" / "tree", tree)
