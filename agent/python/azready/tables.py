"""The shared tables, read from beside this module: protocol, steps, settings, reasons, template, version."""

from __future__ import annotations

import os


def embedded(name: str) -> str:
    """Text of a file that the build put beside this module, inside the zip too."""
    loader = globals()["__loader__"]
    data: bytes = loader.get_data(os.path.join(os.path.dirname(__file__), name))
    return data.decode("utf-8")


def _lines(name: str) -> list[str]:
    return [line for line in embedded(name).splitlines() if line and not line.startswith("#")]


def _rows(name: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")] for line in _lines(name)]


def _pairs(name: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in _lines(name))
    return {key: value for key, _, value in pairs}


PROTOCOL = _pairs("protocol.conf")
# Facts of machines, SSH servers and accounts: key -> words
FACTS = {
    key: value.split() for name in ("machine.conf", "ssh.conf", "accounts.conf") for key, value in _pairs(name).items()
}
VERSION = embedded("VERSION").strip()
HEALTH_TEMPLATE = embedded("health.xml")
AGENT = f"azready/{VERSION}"
# Names of the steps in the order in which they run.
STEPS = [row[0] for row in _rows("steps.conf")]
# key -> [default, kind, meaning]
SETTINGS = {row[0]: row[1:] for row in _rows("settings.conf")}
# Why a machine is not Ready: reason -> [names of its details, what happened, what to do]
REASONS = {row[0]: row[1:] for row in _rows("reasons.conf")}
# The init systems: name, found by, places, files, enabled by, disabled by
UNITS = _rows("units.conf")


def hint(name: str) -> str:
    """What to do; read only by a run that fails."""
    return _pairs("hints.conf")[name]


def number(key: str) -> int:
    """A protocol fact as an integer."""
    return int(PROTOCOL[key])
