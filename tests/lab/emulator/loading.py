"""Reads a VM file into a `VirtualMachine`; refuses what it does not understand, with file, key, value and a way out."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
import tomllib
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

from .vm import DROPS, ENDPOINTS, Answer, GoalState, Media, Platform, PublicKey, VirtualMachine

_Section = TypeVar("_Section", GoalState, Media, Platform, PublicKey, Answer)
_VM_KEYS = ("id", "generation", "name", "hostname")
_TABLES = ("vm", "goalstate", "metadata", "media", "platform", "answers")


class VMError(ValueError):
    """A VM file (or mapping) that cannot be used: `message` names file, key and value, `hint` says what would help."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} (hint: {self.hint})" if self.hint else self.message


def load_vm(source: Mapping[str, Any] | str | Path) -> VirtualMachine:
    """The virtual machine that a TOML file, or a mapping of the same shape, describes. Raises `VMError`."""
    if isinstance(source, Mapping):
        return _virtual_machine(source)
    try:
        return _virtual_machine(_parsed(Path(source)))
    except VMError as error:
        raise VMError(f"{source}: {error.message}", error.hint) from error


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
    _refuse_unknown(source, _TABLES, "")
    tables = {name: _table(source.get(name, {}), name) for name in _TABLES}
    hints = get_type_hints(VirtualMachine)
    return VirtualMachine(
        **_values(tables["vm"], {key: hints[key] for key in _VM_KEYS}, "vm", "vm"),
        goalstate=_section(GoalState, tables["goalstate"], "goalstate"),
        metadata=_metadata(tables["metadata"]),
        media=_section(Media, tables["media"], "media"),
        platform=_section(Platform, tables["platform"], "platform"),
        answers=_answers(tables["answers"]),
    )


def _section(kind: type[_Section], table: Mapping[str, Any], path: str, rules: str = "") -> _Section:
    """An instance of one of the classes in `vm`; `rules` names its rows in `_RULES` where `path` has an index."""
    hints = get_type_hints(kind)
    return kind(**_values(table, {entry.name: hints[entry.name] for entry in fields(kind)}, path, rules or path))


def _values(table: Mapping[str, Any], kinds: Mapping[str, Any], path: str, rules: str) -> dict[str, Any]:
    _refuse_unknown(table, kinds, f"{path}.")
    values = {key: _converted(value, kinds[key], f"{path}.{key}") for key, value in table.items()}
    for key, value in values.items():
        rule = _RULES.get(f"{rules}.{key}")
        if rule and not rule.holds(value):
            raise VMError(f"{path}.{key} = {_shown(value)} {rule.complaint}", rule.hint)
    return values


def _converted(value: Any, kind: Any, path: str) -> Any:
    """The value in the type that the field has, or the error that says which type it needs."""
    if kind == tuple[PublicKey, ...]:
        return _public_keys(value, path)
    for expected in _TYPES:
        if kind in expected.kinds and expected.fits(value):
            return expected.convert(value)
    wanted = " or ".join(expected.words for expected in _TYPES if kind in expected.kinds)
    raise VMError(f"{path} = {_shown(value)} is not {wanted}", _quote_hint(value, kind))


def _quote_hint(value: Any, kind: Any) -> str:
    scalar_for_text = kind in (str, str | None) and isinstance(value, (bool, int, float))
    return f'write it in quotes: "{str(value).lower()}"' if scalar_for_text else ""


class _Type(NamedTuple):
    kinds: tuple[Any, ...]
    words: str
    fits: Callable[[Any], bool]
    convert: Callable[[Any], Any]


def _is_number(value: Any, *kinds: type) -> bool:
    # bool is an int to Python; it is not one to the writer of a VM file.
    return isinstance(value, kinds) and not isinstance(value, bool)


_TYPES = (
    _Type((str, str | None), "a text in quotes", lambda value: isinstance(value, str), str),
    _Type((bool,), "true or false", lambda value: isinstance(value, bool), bool),
    _Type((int, int | None), "a whole number", lambda value: _is_number(value, int), int),
    _Type((float,), "a number of seconds", lambda value: _is_number(value, int, float), float),
    _Type(
        (tuple[str, ...],),
        "a list of texts",
        lambda value: isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value),
        tuple,
    ),
    _Type(
        (Mapping[str, str],),
        "a table of texts",
        lambda value: isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values()),
        dict,
    ),
)


class _Rule(NamedTuple):
    holds: Callable[[Any], bool]
    complaint: str
    hint: str = ""


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
_NOT_NEGATIVE = _Rule(lambda value: value >= 0, "is negative", "0 or more")
_WAIT = _Rule(lambda value: 0 <= value <= LONGEST_WAIT, "is no time to wait", "seconds, 0 or more")
_BASE64 = _Rule(_is_base64, "is not base64", "`base64 -w0 FILE` makes it")
_RULES = {
    "vm.id": _Rule(_is_uuid, "is not a UUID", "36 characters, as in b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d"),
    "vm.generation": _Rule(lambda value: value in (1, 2), "is no generation", "1 has a BIOS, 2 has UEFI"),
    "goalstate.incarnation": _NOT_NEGATIVE,
    "goalstate.moves_after": _NOT_NEGATIVE,
    "platform.timeout": _Rule(lambda value: 0 < value <= LONGEST_WAIT, "is no time to wait", "seconds, more than 0"),
    "platform.rate": _Rule(lambda value: value >= 0, "is negative", "0 means no limit"),
    "media.custom_data_file_base64": _BASE64,
    "answers.times": _Rule(lambda value: value >= 0, "is negative", "0 means for ever"),
    "answers.status": _Rule(lambda value: 100 <= value <= 999, "is no HTTP status", "three digits"),
    "answers.body_base64": _BASE64,
    "answers.raw_base64": _BASE64,
    "answers.delay": _WAIT,
    "answers.drip": _WAIT,
    "answers.truncate": _NOT_NEGATIVE,
    "answers.length": _NOT_NEGATIVE,
    "answers.drop": _Rule(lambda value: value in ("", *DROPS), "is no way to drop", f"one of: {', '.join(DROPS)}"),
}


def _answers(table: Mapping[str, Any]) -> dict[str, tuple[Answer, ...]]:
    _refuse_unknown(table, ENDPOINTS, "answers.")
    return {endpoint: tuple(_rows(Answer, rows, f"answers.{endpoint}", "answers")) for endpoint, rows in table.items()}


def _public_keys(rows: Any, path: str) -> tuple[PublicKey, ...]:
    return tuple(_rows(PublicKey, rows, path, path))


def _rows(kind: type[_Section], rows: Any, path: str, rules: str) -> Iterable[_Section]:
    if not isinstance(rows, (list, tuple)):
        raise VMError(f"{path} = {_shown(rows)} is not a list of tables", f"write [[{path}]] with two brackets")
    for index, row in enumerate(rows):
        here = f"{path}[{index}]"
        values = _table(row, here)
        _refuse_contradiction(values, here)
        yield _section(kind, values, here, rules)


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


def _table(value: Any, path: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise VMError(f"{path} = {_shown(value)} is not a table", f"write [{path}] and its keys below")


def _refuse_unknown(table: Mapping[str, Any], known: Iterable[str], prefix: str) -> None:
    names = sorted(known)
    for key, value in table.items():
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            meant = f"did you mean {prefix}{close[0]}? " if close else ""
            raise VMError(f"{prefix}{key} = {_shown(value)}: unknown key", f"{meant}known: {', '.join(names)}")


def _shown(value: Any) -> str:
    """A value as the file would write it (TOML and JSON agree for what is refused here), shortened."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
