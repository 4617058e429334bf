"""A scratch machine for one trial: its files, its Azure, and how programs are started on it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.case import Image
from conformance.client import Combination, make_sandbox
from conformance.image import make_root
from conformance.run import facts_of
from lab.emulator import Emulator, load_vm
from support import DIST

AGENT = DIST / "azready"
# Debian's tools, its /usr/bin/python3 among them, and nothing of this computer's own.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Place:
    """`root` is the machine's files. Below `path` is what it can start."""

    root: Path
    azure: Emulator
    path: str = PATH

    def azready(self, engine: str, *words: str) -> list[str]:
        """azready with this engine, below the root."""
        return [str(AGENT), "--engine", engine, "--root", str(self.root), *words]

    @property
    def environment(self) -> dict[str, str]:
        """PATH, and where this machine's Azure is: for azready, and by other names for others."""
        wireserver, imds = self.azure.wireserver, self.azure.imds
        return {
            "PATH": self.path,
            "AZREADY_WIRESERVER": wireserver,
            "AZREADY_IMDS": imds,
            "WIRESERVER": wireserver,
            "IMDS": imds,
            "ROOT": str(self.root),
        }


@contextlib.contextmanager
def place(combination: Combination | None = None, vm: Mapping[str, Any] | None = None) -> Iterator[Place]:
    """A new one, with the accounts of an image. With a combination nothing can be started but what it has."""
    with tempfile.TemporaryDirectory(prefix="azready-place-") as name:
        folder, machine = Path(name), load_vm(vm or {})
        with Emulator(machine) as azure:
            root = folder / "root"
            make_root(root, Image(), machine, facts_of(machine, azure, root), accounts=True)
            path = str(make_sandbox(folder / "path", combination)) if combination else PATH
            yield Place(root, azure, path)
