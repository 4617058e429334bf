"""The source tree as a release has it: which files belong to it, of what day it is, and the archive of it."""

from __future__ import annotations

import calendar
import os
import re
import subprocess
from pathlib import Path

import bundle

from release.packing import Entry, gzip, tar

# In a tree without git, which was unpacked from an archive, everything is the source but for what is made there.
MADE_HERE = (
    ".git",
    ".venv",
    "build",
    "dist",
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
)


class ReleaseError(Exception):
    """Why no release can be made of this; the message names it and says what to do."""


def source_files(root: Path) -> list[str]:
    """The paths of all files of the source: what git tracks, or in a tree without git what no tool has made."""
    if (root / ".git").exists():
        listed = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True)
        if listed.returncode == 0:
            # A file that was deleted and not yet committed is still tracked.
            return sorted(name for name in listed.stdout.decode().split("\0") if name and (root / name).is_file())
        raise ReleaseError(f"git does not list {root}: {listed.stderr.decode(errors='replace').strip()}")
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not set(path.relative_to(root).parts) & set(MADE_HERE)
    )


def uncommitted(root: Path) -> list[str]:
    """The paths that differ from the last commit; none in a tree without git."""
    if not (root / ".git").exists():
        return []
    command = ["git", "-C", str(root), "status", "--porcelain"]
    return [line[3:] for line in subprocess.run(command, capture_output=True, text=True).stdout.splitlines()]


def source_archive(root: Path, version: str, moment: int, made: dict[str, bytes]) -> bytes:
    """azready-VERSION.tar.gz: for packagers; what is made of it is the same release.

    `made`, path -> content, comes along in dist/: a distribution's builder has no network to fetch urllib3 from.
    """
    entries = [
        Entry(f"dist/{name}", content, program=not name.startswith("completions/"))
        for name, content in sorted(made.items())
    ]
    for name in source_files(root):
        content = (root / name).read_bytes()
        # What git keeps of a mode, whatever the umask made of it.
        entries.append(Entry(name, content, program=os.access(root / name, os.X_OK)))
    return gzip(tar(entries, moment, top=f"azready-{version}/"))


def notes(root: Path, version: str) -> str:
    """The section of CHANGELOG.md about this version."""
    text = bundle.read(root / "CHANGELOG.md")
    found = re.search(rf"(?ms)^## {re.escape(version)}\b.*?(?=^## |\Z)", text)
    if not found:
        raise ReleaseError(
            f"CHANGELOG.md has no section '## {version}': write one, or mend the version in pyproject.toml"
        )
    return f"# azready {found[0].removeprefix('## ').strip()}\n"


def release_moment(root: Path, version: str) -> int:
    """Seconds of the release's day, from SOURCE_DATE_EPOCH, the changelog, or the man page as long as it is not out.

    Not from the clock and not from git: the archive of the source, unpacked, has to give the same bytes.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if given:
        if not given.isdigit():
            raise ReleaseError(f"SOURCE_DATE_EPOCH={given}: not seconds since 1970")
        return int(given)
    dated = re.search(rf"(?m)^## {re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)", bundle.read(root / "CHANGELOG.md"))
    page = re.search(r"(?m)^\.TH .*?(\d{4}-\d\d-\d\d)", bundle.read(root / "agent" / "manual" / "azready.8"))
    if not (dated or page):
        raise ReleaseError("no date: write '## VERSION (YEAR-MONTH-DAY)' into CHANGELOG.md")
    year, month, day = map(int, ((dated or page)[1]).split("-"))  # type: ignore[index]
    return calendar.timegm((year, month, day, 0, 0, 0))
