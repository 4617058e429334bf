"""What a case may name without knowing it: @VM_ID@ and the like, and the golden reports filled with them."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

GOLDEN = Path(__file__).parent / "golden"
PROJECT = Path(__file__).parents[2]
# What differs from run to run; in a comparison these stand for anything of that shape.
_VARIABLE = {
    "@TIME@": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "@URL@": r"https?://[^|\s]+",
    "@ANY@": r".*",
}
_PLACEHOLDER = re.compile(r"(@[A-Z_]+@)")


def project_version() -> str:
    """The version in pyproject.toml, which the build puts into the agent."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def fill(text: str, facts: Mapping[str, str]) -> str:
    """The text with every @NAME@ that the facts hold; others stay as they are."""
    return _PLACEHOLDER.sub(lambda match: facts.get(match[0].strip("@"), match[0]), text)


def pattern(text: str) -> re.Pattern[str]:
    """A filled text as a pattern for the whole of another: literal but for @TIME@, @URL@ and @ANY@."""
    pieces = _PLACEHOLDER.split(text)
    return re.compile("".join(_VARIABLE.get(piece, re.escape(piece)) for piece in pieces), re.DOTALL)


def golden_report(name: str, facts: Mapping[str, str], description: str = "") -> str:
    """The golden document `ready.xml`, `not-ready.json` or the like with these facts, escaped as its form asks for."""
    document = (GOLDEN / name).read_bytes().decode("utf-8")
    escaped = _json_escape if name.endswith(".json") else escape
    values = {key: escaped(value) for key, value in facts.items()}
    return fill(document, {**values, "DESCRIPTION": escaped(fill(description, facts))})


def _json_escape(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]
