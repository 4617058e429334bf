"""Settings: defaults, then /etc/azready.conf, then AZREADY_KEY of the environment, all checked against one table."""

from __future__ import annotations

import re
from typing import Mapping

from azready.machine.failure import UsageError
from azready.tables import PROTOCOL, SETTINGS, STEPS, hint

CONFIG_FILE = "/etc/azready.conf"

_LINE = re.compile(
    r"""[ \t]*(?P<key>[A-Za-z_][A-Za-z0-9_]*)=
        (?: '(?P<single>[^']*)' | "(?P<double>[^"]*)" | (?P<bare>[^'" \t\#]*) )
        (?: [ \t]+\#.* | [ \t]* )""",
    re.VERBOSE,
)
_PATTERN = {
    "address": r"[A-Za-z0-9.-]+(:[0-9]{1,5})?",
    "seconds": r"[1-9][0-9]{0,5}",
    "media": r"auto|none|/[^\x00-\x1f\x7f]*",
    "names": r"([A-Za-z0-9_][A-Za-z0-9_-]*(,[A-Za-z0-9_][A-Za-z0-9_-]*)*)?",
    "shell": r"(/[^\x00-\x20\x7f:]*)?",
}


def defaults() -> dict[str, str]:
    """Every setting with its default; `@` stands for the protocol fact of the same name."""
    return {key: PROTOCOL[key] if row[0] == "@" else row[0] for key, row in SETTINGS.items()}


def parse_file(text: str, name: str) -> dict[str, str]:
    """The settings of a configuration file's text. Raises UsageError with file, line and reason."""
    if "\0" in text:
        raise UsageError(f"{name}: it holds NUL bytes", hint="it must be a text")
    found = {}
    # An editor of Windows puts a byte order mark in front.
    text = text[1:] if text.startswith("\ufeff") else text
    for number, line in enumerate(text.split("\n"), 1):
        line = line[:-1] if line.endswith("\r") else line
        if not line.strip(" \t") or line.lstrip(" \t").startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if not match:
            raise UsageError(f"{name}:{number}: not a setting: {line.strip()}", hint=hint("CONFIG_LINE"))
        value = next((match[kind] for kind in ("single", "double", "bare") if match[kind] is not None), "")
        if match["bare"] is not None and not line[match.end("bare") :].strip(" \t"):
            # More than one at the end of the line: trimmed with the blanks.
            value = value.rstrip("\r")
        found[match["key"]] = check(match["key"], value, f"{name}:{number}")
    return found


def from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings among the environment's variables."""
    given = ((key, environment.get("AZREADY_" + key)) for key in SETTINGS)
    return {key: check(key, value, "environment AZREADY_" + key) for key, value in given if value is not None}


def check(key: str, value: str, where: str) -> str:
    """The value, if the table allows it for this key. Raises UsageError with what was expected."""
    if key not in SETTINGS:
        raise UsageError(f"{where}: unknown key {key}", hint="known keys: " + " ".join(SETTINGS))
    kind = SETTINGS[key][1]
    if kind == "steps":
        split_steps(value, where)
        return value
    if kind.startswith("one-of:"):
        allowed = kind[len("one-of:") :].split(",")
        good, expected = value in allowed, "one of: " + " ".join(allowed)
    else:
        good, expected = bool(re.fullmatch(_PATTERN[kind], value, re.ASCII)), ""
    if not good:
        raise UsageError(f"{where}: bad value '{value}' for {key}", hint=f"expected {expected or hint(kind.upper())}")
    return value


def split_steps(value: str, where: str) -> list[str]:
    """The steps that a list (commas or blanks) names, in the table's order. Raises UsageError for an unknown one."""
    names = [name for name in re.split("[, \t\n]+", value) if name]
    if names == ["all"]:
        return list(STEPS)
    for name in names:
        if name not in STEPS:
            known = "'all', or steps out of: " + " ".join(STEPS)
            raise UsageError(f"{where}: unknown step '{name}'", hint=f"expected {known}")
    return [step for step in STEPS if step in names]


def host_and_port(address: str) -> tuple[str, int]:
    """`host[:port]` taken apart; the port defaults to 80."""
    host, _, port = address.partition(":")
    return host, int(port or 80)
