"""What Debian's packages need, by the list of those that are installed in a root file system."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path


class Installed:
    """The packages of a root file system."""

    def __init__(self, root: Path) -> None:
        text = (root / "var/lib/dpkg/status").read_text(errors="replace")
        self._fields = {fields["Package"]: fields for fields in map(_fields, text.strip().split("\n\n"))}
        self._real = {name: name for name in self._fields}
        for name, fields in self._fields.items():
            for provided, *_ in _names(fields.get("Provides", "")):
                self._real.setdefault(provided, name)

    def version(self, name: str) -> str:
        """Its version; "" where it is not installed."""
        return self._fields.get(name, {}).get("Version", "")

    def size(self, names: Iterable[str]) -> int:
        """Bytes, as their makers tell them."""
        return sum(int(self._fields[name].get("Installed-Size", "0")) for name in names) * 1024

    def beyond_base(self, names: Iterable[str]) -> set[str]:
        """These and all that they need, but for what every Debian has."""
        base = (
            name
            for name, fields in self._fields.items()
            if fields.get("Essential") == "yes" or fields.get("Priority") == "required"
        )
        return self._with_needs(names) - self._with_needs(base)

    def _with_needs(self, names: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                fields = self._fields[name]
                needs = f"{fields.get('Pre-Depends', '')},{fields.get('Depends', '')}"
                # Of alternatives the one that is there.
                waiting += [
                    next(self._real[name] for name in names if name in self._real)
                    for names in _names(needs)
                    if any(name in self._real for name in names)
                ]
        return found


def _fields(paragraph: str) -> dict[str, str]:
    return {name: value.strip() for name, value in re.findall(r"(?m)^([A-Za-z-]+): ?(.*)$", paragraph)}


def _names(relations: str) -> Iterator[list[str]]:
    """Each relation as its alternatives, versions and architectures left out."""
    for relation in filter(str.strip, relations.split(",")):
        yield [re.split(r"[\s(:\[]", name.strip(), maxsplit=1)[0] for name in relation.split("|")]
