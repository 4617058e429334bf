"""One look at the agents against the look before it, and against `agent/tables/protocol.conf`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bundle_shell

from .facts import KINDS, Facts, path_key

LAST = Path(__file__).parent / "last.json"

# The facts of protocol.conf that other agents have too, and how each of its values reads there.
_OURS = {
    "WIRESERVER": "address",
    "GOAL_STATE_PATH": "path",
    "HEALTH_PATH": "path",
    "WIRE_VERSION_HEADER": "header",
    "WIRE_VERSION": "api-version",
    "AGENT_NAME_HEADER": "header",
    "HEALTH_CONTENT_TYPE": "media-type",
    "HEALTH_JSON_PATH": "path",
    "HEALTH_JSON_CONTENT_TYPE": "media-type",
    "GUEST_AGENT_HEADER": "header",
    "IMDS": "address",
    "IMDS_HEADER": "header",
    "IMDS_PATH": "path",
    "IMDS_FALLBACK_PATH": "path",
    "OVF_NAMESPACE": "namespace",
    "AZURE_NAMESPACE": "namespace",
    "KVP_POOL": "health",
    "KVP_KEY": "health",
    "DOCUMENTATION_URL": "namespace",
    "AZURE_ASSET_TAG": "asset-tag",
}
# IMDS' paths are built of its root and the rest.
_IMDS_ROOT = "/metadata"


class LookError(Exception):
    """The last look cannot be read; the text says why and what to do."""


@dataclass
class Agent:
    """An agent as it was seen: its version, and its facts by kind."""

    version: str
    facts: Facts


@dataclass
class Change:
    """What one agent does otherwise than at the last look."""

    agent: str
    before: str
    now: str
    # (kind, fact)
    new: list[tuple[str, str]] = field(default_factory=list)
    gone: list[tuple[str, str]] = field(default_factory=list)


def load(path: Path = LAST) -> dict[str, Agent]:
    """The last look; empty where there was none. Raises LookError."""
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {name: Agent(str(seen["version"]), dict(seen["facts"])) for name, seen in document.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise LookError(f"{path}: not a look ({error}): restore it, or remove it and use --accept") from None


def store(agents: dict[str, Agent], path: Path = LAST) -> None:
    """Keep this look as the last one."""
    path.write_text(json.dumps(as_data(agents), indent=1) + "\n", encoding="utf-8")


def as_data(agents: dict[str, Agent]) -> dict[str, Any]:
    """Looks as they are stored."""
    return {name: {"version": seen.version, "facts": seen.facts} for name, seen in sorted(agents.items())}


def compare(before: dict[str, Agent], now: dict[str, Agent]) -> list[Change]:
    """What changed, an agent each; one whose facts are the same is left out, whatever its version."""
    changes = []
    for name, seen in sorted(now.items()):
        last = before.get(name, Agent("never", {}))
        old, new = set(_pairs(last.facts)), set(_pairs(seen.facts))
        if old != new:
            changes.append(Change(name, last.version, seen.version, sorted(new - old), sorted(old - new)))
    return changes


def protocol(root: Path) -> dict[str, str]:
    """The facts of a source tree's protocol.conf that can be compared."""
    table = bundle_shell.protocol(root)
    return {key: table[key] for key in _OURS}


def users(table: dict[str, str], agents: dict[str, Agent]) -> dict[str, list[str]]:
    """For each of our facts the agents that have it too."""
    return {
        key: [name for name, seen in sorted(agents.items()) if _has(seen.facts, _OURS[key], value)]
        for key, value in table.items()
    }


def _has(facts: Facts, kind: str, value: str) -> bool:
    there = {_plain(kind, fact) for fact in facts.get(kind, [])}
    return bool({_plain(kind, value), _plain(kind, value.removeprefix(_IMDS_ROOT))} & there)


def _plain(kind: str, fact: str) -> str:
    """A fact as the server compares it: headers and types in any case, blanks of a type left out."""
    if kind == "path":
        return path_key(fact)
    return fact.lower().replace(" ", "") if kind in ("header", "media-type") else fact


def _pairs(facts: Facts) -> Iterator[tuple[str, str]]:
    return ((kind, fact) for kind in KINDS for fact in facts.get(kind, []))
