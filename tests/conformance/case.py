"""The data model of a case (see loading.py for its file): what a case does not know, it refuses.

The dataclasses are the schema. Every field says how its TOML value is read; a field without a default must be given.
"""

from __future__ import annotations

import base64
import binascii
import difflib
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

ENGINES = ("python", "shell")
VERDICTS = ("Succeeded", "Failed", "Creating", "TimedOut")
AZURE_ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"
# What a good provisioning asks for.
GOOD_REQUESTS = ("GET goalstate", "GET imds", "POST health")
T = TypeVar("T")
Row = TypeVar("Row", bound="DataclassInstance")
# Reads one TOML value; the text says where it stands, for the error.
Reader = Callable[[Any, str], T]


class CaseError(Exception):
    """A case that cannot be understood; the text names file, key and what was expected."""


def _of_type(kind: type[T], name: str) -> Reader[T]:
    def read(value: Any, where: str) -> T:
        # bool is an int to Python, and never to an author of cases.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise CaseError(f"{where}: expected {name}, found {value!r}")
        return value

    return read


_text = _of_type(str, "a text")
_flag = _of_type(bool, "true or false")
_number = _of_type(int, "a whole number")
_array = _of_type(list, "a list")
_any_table = _of_type(dict, "a table")


def _list_of(read: Reader[T]) -> Reader[tuple[T, ...]]:
    return lambda value, where: tuple(read(item, f"{where}[{i}]") for i, item in enumerate(_array(value, where)))


def _table_of(read: Reader[T]) -> Reader[dict[str, T]]:
    return lambda value, where: {key: read(item, f"{where}.{key}") for key, item in _any_table(value, where).items()}


def _one_of(known: Iterable[str]) -> Reader[str]:
    def read(value: Any, where: str) -> str:
        if value not in known:
            raise CaseError(f"{where}: expected one of {', '.join(known)}, found {value!r}")
        return str(value)

    return read


def _mode(value: Any, where: str) -> int:
    try:
        return int(_text(value, where), 8)
    except ValueError:
        raise CaseError(f'{where}: expected an octal mode such as "0640", found {value!r}') from None


def _argument(value: Any, where: str) -> bytes:
    """A text, or {base64 = "..."} for bytes that no TOML text can hold."""
    if isinstance(value, str):
        return value.encode()
    table = _any_table(value, where)
    try:
        return base64.b64decode(table["base64"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise CaseError(f'{where}: expected a text or {{base64 = "..."}}, found {value!r}') from None


def _setting(value: Any, where: str) -> str | None:
    return None if value is False else _text(value, where)


def _key(read: Reader[T], default: Any = MISSING) -> T:
    """A field of a row: how its value is read, and what holds when the case does not give it."""
    metadata = {"read": read}
    if callable(default):
        return cast(T, field(default_factory=default, metadata=metadata))
    return cast(T, field(default=default, metadata=metadata))


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """What the image holds at one path: a file, a symlink, a directory, or nothing (`absent`).

    `base64` is the content of a file that is no text.
    """

    content: str = _key(_text, "")
    base64: str = _key(_text, "")
    # None: 0644 for a file, 0755 for a directory.
    mode: int | None = _key(_mode, None)
    symlink: str = _key(_text, "")
    directory: bool = _key(_flag, False)
    absent: bool = _key(_flag, False)


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """What must be at one path afterwards; `match` is searched in the content, `symlink` is the link's text.

    `base64` is the exact content of a file that is no text; `pool` are the values of the records of a Hyper-V
    key-value pool, each as a pattern.
    """

    content: str | None = _key(_text, None)
    base64: str | None = _key(_text, None)
    pool: tuple[str, ...] | None = _key(_list_of(_text), None)
    match: str | None = _key(_text, None)
    mode: int | None = _key(_mode, None)
    symlink: str | None = _key(_text, None)
    absent: bool = _key(_flag, False)


def _image_file(value: Any, where: str) -> ImageFile:
    if value is False:
        return ImageFile(absent=True)
    return ImageFile(content=value) if isinstance(value, str) else read_row(ImageFile, value, where)


def _file_check(value: Any, where: str) -> FileCheck:
    if value is False:
        return FileCheck(absent=True)
    return FileCheck(content=value) if isinstance(value, str) else read_row(FileCheck, value, where)


@dataclass(frozen=True, kw_only=True)
class Image:
    """The root tree before the run. Where `dmi` is true, it has DMI files: the VM's own uuid unless `product_uuid`.

    `passwd` and `shadow` are the lines behind those of the system's accounts (see image.py). `ovf` is what the media in
    /media/azure says behind the user's name.
    """

    dmi: bool = _key(_flag, True)
    product_uuid: str | None = _key(_text, None)
    asset_tag: str = _key(_text, AZURE_ASSET_TAG)
    files: dict[str, ImageFile] = _key(_table_of(_image_file), dict)
    passwd: str | None = _key(_text, None)
    shadow: ImageFile | None = _key(_image_file, None)
    ovf: str | None = _key(_text, None)
    # Where the emulator's provisioning media lies, as if it were mounted there.
    media: str = _key(_text, "")


@dataclass(frozen=True, kw_only=True)
class Expect:
    """What must come out of one run.

    `requests` is the whole list in order. An entry may hold several requests, separated by commas, and may end in
    ` +` (one or more times) or ` *` (none or more). `requests_by_client` replaces it for one HTTP client.
    `report` is what the last health report must be, byte for byte: `ready`, or the failure with `description`.
    `failure` is that description as a table, without what every one has, and means exit status 1 and verdict Failed.
    `incarnation` is the one that the report must carry (default: the goal state's first).
    `unchanged`: no file but azready's own may be written, not even with what it held before.
    """

    requests: tuple[str, ...] = _key(_list_of(_text), GOOD_REQUESTS)
    requests_by_client: dict[str, tuple[str, ...]] = _key(_table_of(_list_of(_text)), dict)
    exit: int = _key(_number, 0)
    verdict: str = _key(_one_of(VERDICTS), "Succeeded")
    report: str = _key(_one_of(("ready", "any")), "ready")
    description: str | None = _key(_text, None)
    failure: dict[str, str] = _key(_table_of(_text), dict)
    incarnation: int | None = _key(_number, None)
    unchanged: bool = _key(_flag, False)
    log: tuple[str, ...] = _key(_list_of(_text), ())
    log_not: tuple[str, ...] = _key(_list_of(_text), ())
    stdout: tuple[str, ...] = _key(_list_of(_text), ())
    files: dict[str, FileCheck] = _key(_table_of(_file_check), dict)


def _expect(value: Any, where: str) -> Expect:
    table = _any_table(value, where)
    if "failure" not in table:
        return read_row(Expect, table, where)
    fields = _table_of(_text)(table["failure"], f"{where}.failure")
    if "reason" not in fields or "description" in table:
        raise CaseError(f"{where}: a failure has a reason, and is the description")
    failed = {"exit": 1, "verdict": "Failed", "description": _description(**fields)}
    return read_row(Expect, {**failed, **table}, where)


def _description(reason: str, vm_id: str = "@VM_ID@", **details: str) -> str:
    """The row of a failure as the platform's tools read it: one field that holds a special character is in quotes."""
    fields = {
        "result": "error",
        "reason": reason,
        "agent": "azready/@VERSION@",
        **details,
        "vm_id": vm_id,
        "timestamp": "@TIME@",
        "documentation_url": "@URL@",
    }
    return "|".join(_quoted(f"{key}={value}") for key, value in fields.items())


def _quoted(field: str) -> str:
    return "'" + field.replace("'", "''") + "'" if set(field) & set("|'\r\n") else field


@dataclass(frozen=True, kw_only=True)
class Run:
    """One start of the agent. `settings` become AZREADY_KEY; false takes away what the runner would set.

    `environment` is set as it is; `files` are written into the image just before.
    """

    expect: Expect = _key(_expect, Expect)
    args: tuple[bytes, ...] = _key(_list_of(_argument), (b"provision",))
    settings: dict[str, str | None] = _key(_table_of(_setting), dict)
    environment: dict[str, str] = _key(_table_of(_text), dict)
    config: str | None = _key(_text, None)
    files: dict[str, ImageFile] = _key(_table_of(_image_file), dict)


@dataclass(frozen=True, kw_only=True)
class Case(Run):
    """A case: its first run, the machine and the image, and further runs in the same root with the same emulator.

    `name` is TOPIC/NAME, or TOPIC/NAME/ROW, as its file has it.
    `core`: run it for every combination. `full`: with all steps, and accounts in the image; the others leave out the
    steps of accounts and data (STEPS), so that a case about the wire needs none. `own`: it is about azready's own
    files, or replaces the whole instance document (another agent may ask for single values), or has links that only a
    --root keeps inside; other agents are not put under it. `without`: tools that PATH does not have; a combination
    whose shell is all tools in one takes no part.
    """

    about: str = _key(_text)
    core: bool = _key(_flag, False)
    full: bool = _key(_flag, False)
    own: bool = _key(_flag, False)
    engines: tuple[str, ...] = _key(_list_of(_one_of(ENGINES)), ENGINES)
    without: tuple[str, ...] = _key(_list_of(_text), ())
    image: Image = _key(lambda value, where: read_row(Image, value, where), Image)
    then: tuple[Run, ...] = _key(_list_of(lambda value, where: read_row(Run, value, where)), ())
    name: str = ""
    # The emulator's tables, as its `load_vm` takes them.
    vm: dict[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[Run, ...]:
        """All starts of the agent, in order."""
        return (self, *self.then)


def read_row(kind: type[Row], value: Any, where: str, **given: Any) -> Row:
    """A dataclass from a TOML table, `given` on top. Raises CaseError for unknown, missing and wrong keys."""
    table = _any_table(value, where)
    known = {row.name: row for row in fields(kind) if "read" in row.metadata}
    for key in table:
        if key not in known:
            raise CaseError(f"{where}: unknown key {key!r}{_did_you_mean(key, known)}; known: {', '.join(known)}")
    for key, row in known.items():
        if key not in table and row.default is MISSING and row.default_factory is MISSING:
            raise CaseError(f"{where}: the key {key!r} is missing")
    values = {key: known[key].metadata["read"](item, f"{where}.{key}") for key, item in table.items()}
    return kind(**values, **given)


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""
