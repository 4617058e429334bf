"""The data model of a case (its file: see loading.py). The dataclasses are the schema, and lab's `tables` reads them.

A field is read by its type; `_by` names the function for those whose TOML says it in another way.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from lab.emulator.tables import Reader, TableError, as_list, as_table, convert, read, shown

ENGINES = ("python", "shell")
VERDICTS = ("Succeeded", "Failed", "Creating", "TimedOut")
AZURE_ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"
# What a good provisioning asks for.
GOOD_REQUESTS = ("GET goalstate", "GET imds", "POST health")


class CaseError(Exception):
    """A case that cannot be understood; the text names file, key and what was expected."""


def _one_of(*known: str) -> Reader:
    def choice(value: Any, where: str) -> str:
        if value not in known:
            raise TableError(f"{where} = {shown(value)} is none of {', '.join(known)}")
        return str(value)

    return choice


def _list_of(each: Reader) -> Reader:
    return lambda value, where: tuple(each(item, f"{where}[{i}]") for i, item in enumerate(as_list(value, where)))


def _table_of(each: Reader) -> Reader:
    return lambda value, where: {key: each(item, f"{where}.{key}") for key, item in as_table(value, where).items()}


def _mode(value: Any, where: str) -> int:
    try:
        return int(convert(value, str, where), 8)
    except ValueError:
        raise TableError(f'{where} = {shown(value)} is no octal mode such as "0640"') from None


def _argument(value: Any, where: str) -> bytes:
    """A text, or {base64 = "..."} for bytes that no TOML text can hold."""
    if isinstance(value, str):
        return value.encode()
    table = as_table(value, where)
    try:
        return base64.b64decode(table["base64"], validate=True)
    except (KeyError, TypeError, binascii.Error):
        raise TableError(f'{where} = {shown(value)} is no text, and no {{base64 = "..."}}') from None


def _setting(value: Any, where: str) -> str | None:
    return None if value is False else str(convert(value, str, where))


def _by(reader: Reader, default: Any) -> Any:
    """A field that this function reads."""
    if callable(default):
        return field(default_factory=default, metadata={"read": reader})
    return field(default=default, metadata={"read": reader})


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """What the image holds at one path: a file, a symlink, a directory, or nothing (`absent`).

    `base64` is the content of a file that is no text. `owner` is the number of its owner and its group, in live cases.
    """

    content: str = ""
    base64: str = ""
    # None: 0644 for a file, 0755 for a directory.
    mode: int | None = _by(_mode, None)
    owner: int = -1
    symlink: str = ""
    directory: bool = False
    absent: bool = False


@dataclass(frozen=True, kw_only=True)
class FileCheck:
    """What must be at one path afterwards; `match` is searched in the content, `symlink` is the link's text.

    `base64` is the exact content of a file that is no text; `pool` are the values of the records of a Hyper-V
    key-value pool, each as a pattern.
    """

    content: str | None = None
    base64: str | None = None
    pool: tuple[str, ...] | None = None
    match: str | None = None
    mode: int | None = _by(_mode, None)
    symlink: str | None = None
    absent: bool = False


def _image_file(value: Any, where: str) -> ImageFile:
    if value is False:
        return ImageFile(absent=True)
    return ImageFile(content=value) if isinstance(value, str) else read(ImageFile, value, where)


def _file_check(value: Any, where: str) -> FileCheck:
    if value is False:
        return FileCheck(absent=True)
    return FileCheck(content=value) if isinstance(value, str) else read(FileCheck, value, where)


@dataclass(frozen=True, kw_only=True)
class Image:
    """The root tree before the run. Where `dmi` is true, it has DMI files: the VM's own uuid unless `product_uuid`.

    `passwd` and `shadow` are the lines behind those of the system's accounts (see image.py). `ovf` is what the media in
    /media/azure says behind the user's name.
    """

    dmi: bool = True
    product_uuid: str | None = None
    asset_tag: str = AZURE_ASSET_TAG
    files: dict[str, ImageFile] = _by(_table_of(_image_file), dict)
    passwd: str | None = None
    shadow: ImageFile | None = _by(_image_file, None)
    ovf: str | None = None
    # Where the emulator's provisioning media lies, as if it were mounted there.
    media: str = ""


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

    requests: tuple[str, ...] = GOOD_REQUESTS
    requests_by_client: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exit: int = 0
    verdict: str = _by(_one_of(*VERDICTS), "Succeeded")
    report: str = _by(_one_of("ready", "any"), "ready")
    description: str | None = None
    failure: dict[str, str] = field(default_factory=dict)
    incarnation: int | None = None
    unchanged: bool = False
    log: tuple[str, ...] = ()
    log_not: tuple[str, ...] = ()
    stdout: tuple[str, ...] = ()
    files: dict[str, FileCheck] = _by(_table_of(_file_check), dict)


@dataclass(frozen=True, kw_only=True)
class Interrupt:
    """The signal that ends a run, as soon as there is a file at a path of the image."""

    signal: str = _by(_one_of("TERM", "INT", "HUP", "KILL"), "TERM")
    at: str


def _expect(value: Any, where: str) -> Expect:
    table = as_table(value, where)
    if "failure" not in table:
        return read(Expect, table, where)
    fields = convert(table["failure"], dict[str, str], f"{where}.failure")
    if "reason" not in fields or "description" in table:
        raise TableError(f"{where}: a failure has a reason, and is the description")
    failed = {"exit": 1, "verdict": "Failed", "description": _description(**fields)}
    return read(Expect, {**failed, **table}, where)


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

    `environment` is set as it is; `files` are written into the image just before. `plain`: as at a boot, without
    --engine, and in a live case without --root. `interrupt`: somebody ends it (not in a live case).
    """

    expect: Expect = _by(_expect, Expect)
    args: tuple[bytes, ...] = _by(_list_of(_argument), (b"provision",))
    settings: dict[str, str | None] = _by(_table_of(_setting), dict)
    environment: dict[str, str] = field(default_factory=dict)
    config: str | None = None
    files: dict[str, ImageFile] = _by(_table_of(_image_file), dict)
    plain: bool = False
    interrupt: Interrupt | None = _by(lambda value, where: read(Interrupt, as_table(value, where), where), None)


@dataclass(frozen=True, kw_only=True)
class Case(Run):
    """A case: its first run, the machine and the image, and further runs in the same root with the same emulator.

    `name` is TOPIC/NAME, or TOPIC/NAME/ROW, as its file has it.
    `core`: run it for every combination. `full`: with all steps, and accounts in the image; the others leave out
    the steps of accounts and data (STEPS), so that a case about the wire needs none. `live`: the root is /, and
    what it has to show beside files are `processes`, words each, and `mounts`, paths that are mounts of their own,
    `ro` or `rw` (see live.py). `zipapp`: azready.pyz runs. `own`: it is about azready's own files, or replaces the
    whole instance document (another agent may ask for single values), or has links that only a --root keeps inside;
    other agents are not put under it. `without`: tools that PATH does not have; a combination whose shell is all
    tools in one takes no part.
    """

    about: str
    core: bool = False
    full: bool = False
    live: bool = False
    zipapp: bool = False
    processes: tuple[tuple[str, ...], ...] = ()
    mounts: dict[str, str] = _by(_table_of(_one_of("ro", "rw")), dict)
    own: bool = False
    engines: tuple[str, ...] = _by(_list_of(_one_of(*ENGINES)), ENGINES)
    without: tuple[str, ...] = ()
    image: Image = field(default_factory=Image)
    then: tuple[Run, ...] = ()
    name: str = ""
    # The emulator's tables, as its `load_vm` takes them.
    vm: dict[str, Any] = field(default_factory=dict)

    @property
    def runs(self) -> tuple[Run, ...]:
        """All starts of the agent, in order."""
        return (self, *self.then)
