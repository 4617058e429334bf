"""What the files of dist/ are made of: texts of the source tree, and wheels that the locks name."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path


class BundleError(Exception):
    """An input that no good file can be made of; the message names it and says what to do."""


def project_version(root: Path) -> str:
    """The version; pyproject.toml is the only place that states it."""
    return str(tomllib.loads(read(root / "pyproject.toml"))["project"]["version"])


def read(path: Path) -> str:
    """Text of an input file with plain line ends."""
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"cannot read {path}: {error}") from error


def require_wheel(lock: Path, wheels: Path) -> Path:
    """The wheel that the lock names. Raises when it is missing or its bytes are others."""
    wheel = locked_wheel(lock, wheels)
    if wheel is None:
        raise BundleError(f"no wheel in {wheels} has a SHA-256 of {lock}: `python3 build.py build` fetches it")
    return wheel


def locked_wheel(lock: Path, wheels: Path) -> Path | None:
    """The wheel whose SHA-256 stands in the lock: the name does not count, the bytes do."""
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", read(lock)))
    found = (path for path in sorted(wheels.glob("*.whl")) if sha256(path.read_bytes()) in hashes)
    return next(found, None)


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()
