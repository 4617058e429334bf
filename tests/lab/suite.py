"""`lab conformance`: the suite for any agent, from the source tree, or out of the zip.

The suite's cases are files, and an agent under it may be a program beside them. So the zip brings the suite as a piece
of the source tree, below `suite/`, and that is unpacked for the run.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

# In the zip: what the source tree has in these places.
FOLDER = "suite/"


def main(arguments: Sequence[str]) -> int:
    """Run the suite's own command line; its exit status."""
    with _importable():
        from conformance.__main__ import main as conformance

        return conformance(arguments)


def parser() -> argparse.ArgumentParser:
    """What the suite's own command line takes."""
    with _importable():
        from conformance.__main__ import parser as conformance

        return conformance()


@contextlib.contextmanager
def _importable() -> Iterator[None]:
    """Within the block there is a package `conformance`."""
    if importlib.util.find_spec("conformance"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="azready-lab-") as folder, zipfile.ZipFile(_zip()) as archive:
        archive.extractall(folder, [name for name in archive.namelist() if name.startswith(FOLDER)])
        sys.path.insert(0, str(Path(folder, FOLDER, "tests")))
        importlib.invalidate_caches()
        yield


def _zip() -> Path:
    """The zip that this module is in: ZIP/lab/suite.py."""
    return Path(__file__).parents[1]
