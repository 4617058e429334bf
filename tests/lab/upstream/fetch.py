"""Packages of another Debian: fetched and checked by apt, from the mirror that this computer uses, and unpacked."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# An index of all packages has some 11 MB.
_PATIENCE = 600


class FetchError(Exception):
    """A package could not be had; the text says why and what to do."""


def newest(suite: str, folder: Path, names: Sequence[str]) -> dict[str, Path]:
    """Packages of a Debian suite as files in `folder`, where the index stays for the next time.

    Raises FetchError. Nothing of this computer's own package lists is touched.
    """
    apt = _private_apt(suite, folder)
    _run([*apt, "update"])
    # Only packages of this look: an older one would be taken for the newest.
    for old in folder.glob("*.deb"):
        old.unlink()
    _run([*apt, "download", *names], cwd=folder)
    return {name: _the_one(folder, name) for name in names}


def unpack(package: Path, folder: Path) -> tuple[str, str]:
    """Unpack a package below `folder`; its name and the version of the agent in it. Raises FetchError."""
    name, version = (_run(["dpkg-deb", "--field", str(package), field]).strip() for field in ("Package", "Version"))
    _run(["dpkg-deb", "--extract", str(package), str(folder)])
    return name, version


def _private_apt(suite: str, folder: Path) -> list[str]:
    """apt-get with lists and a cache of its own, and this suite alone."""
    for needed in ("lists/partial", "cache/archives/partial"):
        (folder / needed).mkdir(parents=True, exist_ok=True)
    sources = folder / "sources.list"
    sources.write_text(f"deb [signed-by={_KEYRING}] {mirror()} {suite} main\n")
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder / "cache",
        "Acquire::Languages": "none",
        "APT::Sandbox::User": "root",
    }
    return ["apt-get", "-q", *(word for key, value in options.items() for word in ("-o", f"{key}={value}"))]


def mirror() -> str:
    """The first mirror of Debian's own packages that this computer's apt knows. Raises FetchError."""
    sites = _run(["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian"]).split()
    for site in sites:
        if site.rstrip("/").endswith("/debian"):
            return site
    raise FetchError("apt knows no mirror of Debian's packages: add one to its sources and run apt-get update")


def _the_one(folder: Path, name: str) -> Path:
    found = list(folder.glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise FetchError(f"apt brought {len(found)} packages of the name {name}")
    return found[0]


def _run(command: list[str], cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_PATIENCE)
    except FileNotFoundError:
        raise FetchError(f"{command[0]} is not installed: this needs Debian, or packages given with --deb") from None
    except subprocess.TimeoutExpired:
        raise FetchError(f"{command[0]} took longer than {_PATIENCE} s") from None
    if done.returncode:
        raise FetchError(f"{' '.join(command[:1] + command[-2:])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout
