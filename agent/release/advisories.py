"""The known advisories of what is vendored: advisories.conf as data, and which of them name a version."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from manual.tables import rows


class Advisory(NamedTuple):
    """A row of the table. `ranges`: the first version that has it, and the first one that has it no more."""

    cve: str
    ghsa: str
    ranges: tuple[tuple[str, str], ...]
    what: str
    why: str
    test: str

    def names(self, version: str) -> bool:
        """Whether it says that this version has the fault."""
        return any(number(first) <= number(version) < number(mended) for first, mended in self.ranges)


def advisories() -> list[Advisory]:
    """All rows. Raises ValueError for one that cannot be understood."""
    found = []
    for cve, ghsa, ranges, *words in rows("advisories"):
        pairs = [part.split() for part in ranges.split(",")]
        found.append(Advisory(cve, ghsa, tuple((first, mended) for first, mended in pairs), *words))
    return found


def number(version: str) -> tuple[int, ...]:
    """A version that can be compared."""
    return tuple(map(int, version.split(".")))


def locked_version(root: Path, name: str) -> str:
    """The version that agent/NAME.lock pins."""
    found = re.search(r"(?m)^[a-z0-9-]+==([0-9.]+)", (root / "agent" / f"{name}.lock").read_text(encoding="utf-8"))
    if not found:
        raise ValueError(f"agent/{name}.lock pins no version")
    return found[1]
