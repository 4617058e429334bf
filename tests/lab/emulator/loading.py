"""Reads a VM file into a `VirtualMachine`; refuses what it does not understand, with file, key, value and a way out."""

from __future__ import annotations

import base64
import binascii
import json
import tomllib
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_type_hints

from .tables import Rule, TableError, as_list, as_table, read, refuse_unknown, values
from .vm import CHUNKED, DROPS, ENDPOINTS, ENDS, Answer, GoalState, Media, Platform, VirtualMachine

_VM_KEYS = ("id", "generation", "name", "hostname")
_TABLES = ("vm", "goalstate", "metadata", "media", "platform", "answers")


class VMError(TableError):
    """A VM file (or mapping) that cannot be used: `message` names file, key and value, `hint` says what would help."""


def load_vm(source: Mapping[str, Any] | str | Path) -> VirtualMachine:
    """The virtual machine that a TOML file, or a mapping of the same shape, describes. Raises `VMError`."""
    place = "" if isinstance(source, Mapping) else f"{source}: "
    try:
        return _virtual_machine(source if isinstance(source, Mapping) else _parsed(Path(source)))
    except TableError as error:
        raise VMError(f"{place}{error.message}", error.hint) from error


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise VMError(f"cannot be read: {error.strerror}", "`lab example` prints a VM file") from error
    except UnicodeDecodeError as error:
        raise VMError("is not UTF-8 text", "TOML files are UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise VMError(f"is not TOML: {error}", "texts stand in double quotes, tables in [brackets]") from error


def _virtual_machine(source: Mapping[str, Any]) -> VirtualMachine:
    refuse_unknown(source, _TABLES, "")
    tables = {name: as_table(source.get(name, {}), name) for name in _TABLES}
    hints = get_type_hints(VirtualMachine)
    return VirtualMachine(
        **values(tables["vm"], {key: hints[key] for key in _VM_KEYS}, "vm", _rules("vm")),
        goalstate=read(GoalState, tables["goalstate"], "goalstate", _rules("goalstate")),
        metadata=_metadata(tables["metadata"]),
        media=read(Media, tables["media"], "media", _rules("media")),
        platform=read(Platform, tables["platform"], "platform", _rules("platform")),
        answers=_answers(tables["answers"]),
    )


def _is_uuid(value: str) -> bool:
    try:
        return str(uuid.UUID(value)) == value.lower()
    except ValueError:
        return False


def _is_base64(value: str) -> bool:
    try:
        return base64.b64decode(value, validate=True) is not None
    except binascii.Error:
        return False


# More than this many seconds is a slip (and TOML has inf), less than nothing too.
LONGEST_WAIT = 1e6
_NOT_NEGATIVE = Rule(lambda value: value >= 0, "is negative", "0 or more")
_WAIT = Rule(lambda value: 0 <= value <= LONGEST_WAIT, "is no time to wait", "seconds, 0 or more")
_BASE64 = Rule(_is_base64, "is not base64", "`base64 -w0 FILE` makes it")
_RULES = {
    "vm.id": Rule(_is_uuid, "is not a UUID", "36 characters, as in b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d"),
    "vm.generation": Rule(lambda value: value in (1, 2), "is no generation", "1 has a BIOS, 2 has UEFI"),
    "goalstate.incarnation": _NOT_NEGATIVE,
    "goalstate.moves_after": _NOT_NEGATIVE,
    "platform.timeout": Rule(lambda value: 0 < value <= LONGEST_WAIT, "is no time to wait", "seconds, more than 0"),
    "platform.rate": Rule(lambda value: value >= 0, "is negative", "0 means no limit"),
    "media.custom_data_file_base64": _BASE64,
    "answers.times": Rule(lambda value: value >= 0, "is negative", "0 means for ever"),
    "answers.status": Rule(lambda value: 100 <= value <= 999, "is no HTTP status", "three digits"),
    "answers.body_base64": _BASE64,
    "answers.raw_base64": _BASE64,
    "answers.delay": _WAIT,
    "answers.drip": _WAIT,
    "answers.truncate": _NOT_NEGATIVE,
    "answers.length": _NOT_NEGATIVE,
    "answers.before_base64": _BASE64,
    "answers.cut_head": _NOT_NEGATIVE,
    "answers.chunked": Rule(
        lambda value: value in ("", *CHUNKED), "is no way to chunk", f"one of: {', '.join(CHUNKED)}"
    ),
    "answers.then": Rule(lambda value: value in ("", *ENDS), "is no end", f"one of: {', '.join(ENDS)}"),
    "answers.drop": Rule(lambda value: value in ("", *DROPS), "is no way to drop", f"one of: {', '.join(DROPS)}"),
}


def _rules(table: str) -> dict[str, Rule]:
    return {key.partition(".")[2]: rule for key, rule in _RULES.items() if key.startswith(f"{table}.")}


def _answers(table: Mapping[str, Any]) -> dict[str, tuple[Answer, ...]]:
    refuse_unknown(table, ENDPOINTS, "answers.")
    return {endpoint: tuple(_rows(rows, f"answers.{endpoint}")) for endpoint, rows in table.items()}


def _rows(rows: Any, path: str) -> Iterable[Answer]:
    for index, row in enumerate(as_list(rows, path)):
        here = f"{path}[{index}]"
        _refuse_contradiction(as_table(row, here), here)
        yield read(Answer, row, here, _rules("answers"))


def _refuse_contradiction(table: Mapping[str, Any], path: str) -> None:
    for rivals in (("body", "body_base64"), ("drop", "hang", "raw_base64", "status")):
        given = [key for key in rivals if table.get(key)]
        if len(given) > 1:
            raise VMError(f"{path} has both {given[0]} and {given[1]}", "one answer can be only one of them")


def _metadata(table: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        json.dumps(table)
    except TypeError as error:
        raise VMError(f"metadata has a value that JSON has not: {error}", "write dates in quotes") from error
    return table
