"""The recipes of units/recipes with the checksums of this release filled in: ready for a distribution's tree."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path

from release.packing import Entry, gzip, tar
from release.source import ReleaseError, source_files

FOLDER = "units/recipes/"


def for_packagers(built: dict[str, bytes], completions: dict[str, bytes]) -> dict[str, bytes]:
    """What lies in dist/ of the source archive: path -> content."""
    programs = {name: built[name] for name in ("azready", "azready.sh")}
    return programs | {f"completions/{name}": content for name, content in completions.items()}


def recipes_archive(root: Path, version: str, moment: int, source: bytes) -> bytes:
    """azready-recipes-VERSION.tar.gz: all recipes, for this source archive."""
    entries = []
    for name in source_files(root):
        if name.startswith(FOLDER):
            content = filled((root / name).read_bytes(), checksums(root, source))
            program = os.access(root / name, os.X_OK)
            entries.append(Entry(name.removeprefix(FOLDER), content, program=program))
    if not entries:
        raise ReleaseError(f"{FOLDER} has no recipes: is the tree whole?")
    return gzip(tar(entries, moment, top=f"azready-recipes-{version}/"))


def checksums(root: Path, source: bytes) -> dict[bytes, bytes]:
    """What stands for a checksum in a recipe -> that checksum, each in the form that its distribution wants."""
    licence = (root / "LICENSE").read_bytes()
    sri = b"sha256-" + base64.b64encode(hashlib.sha256(source).digest())
    return {
        b"@SHA256@": hashlib.sha256(source).hexdigest().encode(),
        b"@SHA512@": hashlib.sha512(source).hexdigest().encode(),
        b"@SRI256@": sri,
        b"@LICENSE_SHA256@": hashlib.sha256(licence).hexdigest().encode(),
        # Yocto compares licences by MD5, to see them change.
        b"@LICENSE_MD5@": hashlib.md5(licence, usedforsecurity=False).hexdigest().encode(),
    }


def filled(text: bytes, values: dict[bytes, bytes]) -> bytes:
    """A recipe with its checksums."""
    for word, value in values.items():
        text = text.replace(word, value)
    return text
