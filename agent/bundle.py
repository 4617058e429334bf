"""Assembles dist/ from the source tree: one shell text, one zip, and the two joined to the file that runs everywhere.

Standard library only, so that a packager needs nothing but the wheels named in the locks. The output depends on
the content of the inputs alone: not on the clock, the umask, the folder, the order of a directory or the Python.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from bundle_inputs import BundleError, locked_wheel, project_version, read, require_wheel, sha256
from bundle_shell import INSTALL_CONF, quote, shell_text, unit_lines, units_table
from bundle_zip import (
    DROPPED,
    LAB_VENDORED,
    LOCKED,
    STAND_INS,
    VENDORED,
    lab_members,
    python_members,
    vendored_members,
    zip_behind,
)

# For build.py, the release and the tests: what they need of the halves they find here.
__all__ = [
    "DROPPED",
    "INSTALL_CONF",
    "LAB_VENDORED",
    "LOCKED",
    "STAND_INS",
    "VENDORED",
    "BundleError",
    "locked_wheel",
    "project_version",
    "quote",
    "read",
    "require_wheel",
    "sha256",
    "shell_text",
    "unit_lines",
    "units_table",
]

ROOT = Path(__file__).resolve().parent.parent


def assemble(root: Path, wheels: Path) -> dict[str, bytes]:
    """Everything that belongs into dist/: file name -> content."""
    version = project_version(root)
    engine = python_members(root, version)
    for name in VENDORED:
        engine |= vendored_members(name, require_wheel(root / "agent" / f"{name}.lock", wheels))
    files = {
        "azready": zip_behind(shell_text(root, version, with_zip=True), engine),
        "azready.sh": shell_text(root, version, with_zip=False),
        "azready.pyz": zip_behind(b"#!/usr/bin/env python3\n", engine),
        "azready-lab.pyz": zip_behind(b"#!/usr/bin/env python3\n", lab_members(root, wheels)),
    }
    return files | {"SHA256SUMS": checksums(files)}


def checksums(files: dict[str, bytes]) -> bytes:
    """The list that `sha256sum -c` reads."""
    return "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(files.items())).encode()


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Put the files in place, each in one move, so that nobody who runs the old one sees half of the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        handle, temporary = tempfile.mkstemp(dir=folder)
        with open(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o755 if content.startswith(b"#!") else 0o644)
        os.replace(temporary, folder / name)


def main() -> int:
    """Assemble dist/ from the tree that this file lies in and from wheels that are there already."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "wheels", help="folder with the locked wheels")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder to write to")
    options = parser.parse_args()
    try:
        write(options.out, assemble(ROOT, options.wheels))
    except BundleError as error:
        print(f"bundle.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
