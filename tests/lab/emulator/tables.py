"""A dataclass from a TOML table, by the types of its fields: what it does not know it refuses, with a way out."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from types import FunctionType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row", bound="DataclassInstance")
# Reads one value; the text says where it stands.
Reader = Callable[[Any, str], Any]


class TableError(ValueError):
    """What cannot be used: `message` names place, key and value, `hint` says what would help."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} (hint: {self.hint})" if self.hint else self.message


class Rule(NamedTuple):
    """What must hold of a value, beside its type, and what to say where it does not."""

    holds: Callable[[Any], bool]
    complaint: str
    hint: str = ""


def read(kind: type[Row], value: Any, path: str, rules: Mapping[str, Rule] | None = None, **given: Any) -> Row:
    """A dataclass from the table that stands at `path`; `given` are fields that no table may have.

    A field is read by its type, or by the function of value and place that is its metadata's `read`.
    """
    hints = get_type_hints(kind)
    known = [row for row in fields(kind) if row.name not in given]
    read_values = values(value, {row.name: row.metadata.get("read", hints[row.name]) for row in known}, path, rules)
    for row in known:
        if row.name not in read_values and row.default is MISSING and row.default_factory is MISSING:
            raise TableError(f"{path}: the key {row.name} is missing")
    return kind(**read_values, **given)


def values(value: Any, kinds: Mapping[str, Any], path: str, rules: Mapping[str, Rule] | None = None) -> dict[str, Any]:
    """What a table holds, each key in the type, or read by the function, that `kinds` has for it."""
    table = as_table(value, path)
    refuse_unknown(table, kinds, f"{path}.")
    converted = {key: convert(item, kinds[key], f"{path}.{key}") for key, item in table.items()}
    for key, item in converted.items():
        rule = (rules or {}).get(key)
        if rule and not rule.holds(item):
            raise TableError(f"{path}.{key} = {shown(item)} {rule.complaint}", rule.hint)
    return converted


def convert(value: Any, kind: Any, path: str) -> Any:
    """The value in the type that the field has, or the error that says which type it needs."""
    if isinstance(kind, FunctionType):
        return kind(value, path)
    if isinstance(kind, type) and is_dataclass(kind):
        return read(kind, value, path)
    for expected in _TYPES:
        if kind in expected.kinds and expected.fits(value):
            return expected.convert(value)
    wanted = " or ".join(expected.words for expected in _TYPES if kind in expected.kinds)
    if wanted:
        raise TableError(f"{path} = {shown(value)} is not {wanted}", _quote_hint(value, kind))
    item = get_args(kind)[-1] if get_origin(kind) is dict else get_args(kind)[0]
    if get_origin(kind) is dict:
        return {key: convert(each, item, f"{path}.{key}") for key, each in as_table(value, path).items()}
    return tuple(convert(each, item, f"{path}[{index}]") for index, each in enumerate(as_list(value, path)))


def as_table(value: Any, path: str) -> Mapping[str, Any]:
    """The value, if it is a table."""
    if isinstance(value, Mapping):
        return value
    raise TableError(f"{path} = {shown(value)} is not a table", f"write [{path}] and its keys below")


def as_list(value: Any, path: str) -> Iterable[Any]:
    """The value, if it is a list."""
    if isinstance(value, (list, tuple)):
        return value
    raise TableError(f"{path} = {shown(value)} is not a list of tables", f"write [[{path}]] with two brackets")


def refuse_unknown(table: Mapping[str, Any], known: Iterable[str], prefix: str) -> None:
    """Raises TableError for a key that is none of these."""
    names = sorted(known)
    for key, value in table.items():
        if key not in names:
            close = difflib.get_close_matches(key, names, 1)
            meant = f"did you mean {prefix}{close[0]}? " if close else ""
            raise TableError(f"{prefix}{key} = {shown(value)}: unknown key", f"{meant}known: {', '.join(names)}")


def shown(value: Any) -> str:
    """A value as the file would write it (TOML and JSON agree for what is refused here), shortened."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def _quote_hint(value: Any, kind: Any) -> str:
    scalar_for_text = kind in (str, str | None) and isinstance(value, (bool, int, float))
    return f'write it in quotes: "{str(value).lower()}"' if scalar_for_text else ""


class _Type(NamedTuple):
    kinds: tuple[Any, ...]
    words: str
    fits: Callable[[Any], bool]
    convert: Callable[[Any], Any]


def _is_number(value: Any, *kinds: type) -> bool:
    # bool is an int to Python; it is not one to the writer of a file.
    return isinstance(value, kinds) and not isinstance(value, bool)


_TYPES = (
    _Type((str, str | None), "a text in quotes", lambda value: isinstance(value, str), str),
    _Type((bool,), "true or false", lambda value: isinstance(value, bool), bool),
    _Type((int, int | None), "a whole number", lambda value: _is_number(value, int), int),
    _Type((float,), "a number of seconds", lambda value: _is_number(value, int, float), float),
    _Type(
        (tuple[str, ...], tuple[str, ...] | None),
        "a list of texts",
        lambda value: isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value),
        tuple,
    ),
    _Type(
        (Mapping[str, str], dict[str, str]),
        "a table of texts",
        lambda value: isinstance(value, Mapping) and all(isinstance(item, str) for item in value.values()),
        dict,
    ),
)
