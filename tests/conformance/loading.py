"""Reads the cases from their files, `cases/TOPIC/NAME.toml`.

A file is a case, TOPIC/NAME; or, with `[[rows]]`, the shape of several: each row has a `name`, which makes it the case
TOPIC/NAME/ROW, and what it says is put over the shape: tables into tables, lists of as many tables one by one, and
everything else in the place of the other.
What nearly all cases say stands in none: three good requests, a hostname that is taken, the accounts of the system.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.emulator.tables import TableError, read

from .case import Case, CaseError, FileCheck, Image, ImageFile
from .image import HOSTNAME, accounts

CASES = Path(__file__).parent / "cases"
# These tables go to the emulator as they are; it checks them itself.
_EMULATOR_TABLES = ("vm", "goalstate", "metadata", "media", "platform", "answers")
# Texts that are too long to stand in a case, by the name that stands there instead.
_BULK = {
    "@2KB@": "x" * 2048,
    "@64KB@": "x" * 65536,
    "@2MB@": "x" * 2097152,
    "@QUOTES@": "'" * 1024,
    "@ROCKETS@": "\U0001f680" * 512,
}
_ROW_NAME = re.compile("[a-z0-9]+(-[a-z0-9]+)*")
_MEDIA = "/media/azure/ovf-env.xml"
_OVF = """\
<?xml version="1.0" encoding="utf-8"?>
<Environment xmlns="http://schemas.dmtf.org/ovf/environment/1" xmlns:wa="http://schemas.microsoft.com/windowsazure">
  <wa:ProvisioningSection>
    <wa:Version>1.0</wa:Version>
    <LinuxProvisioningConfigurationSet xmlns="http://schemas.microsoft.com/windowsazure">
      <ConfigurationSetType>LinuxProvisioningConfiguration</ConfigurationSetType>
      <HostName>web-1</HostName>
      <UserName>azureuser</UserName>
{}    </LinuxProvisioningConfigurationSet>
  </wa:ProvisioningSection>
</Environment>
"""


def load_cases(folder: Path = CASES) -> list[Case]:
    """All cases of a folder of topics, sorted by the names of their files. Raises CaseError."""
    return [case for file in sorted(folder.glob("*/*.toml")) for case in load_file(file)]


def select(cases: Iterable[Case], names: Iterable[str]) -> list[Case]:
    """The cases with one of these names, or below it: a topic, a file. Raises CaseError for a name of none."""
    cases, chosen = list(cases), set()
    for name in names:
        found = {case.name for case in cases if f"{case.name}/".startswith(f"{name.rstrip('/')}/")}
        if not found:
            raise CaseError(f"there is no case {name!r}")
        chosen |= found
    return [case for case in cases if case.name in chosen]


def load_file(file: Path) -> list[Case]:
    """The case, or the cases, of a file. Raises CaseError."""
    try:
        shape: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CaseError(f"{file}: {error}") from error
    name = f"{file.parent.name}/{file.stem}"
    rows = shape.pop("rows", None)
    if rows is None:
        return [_case(shape, name)]
    named = dict(_named(rows, name))
    if len(named) != len(rows):
        raise CaseError(f"{name}: two rows have the same name")
    return [_case(_put_over(shape, row), row_name) for row_name, row in named.items()]


def _named(rows: Any, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row without its name, and the case's whole name."""
    for row in rows:
        if not _ROW_NAME.fullmatch(str(row.get("name"))):
            raise CaseError(f"{name}: a row needs a name of small letters, digits and hyphens, not {row.get('name')!r}")
        yield f"{name}/{row['name']}", {key: value for key, value in row.items() if key != "name"}


def _put_over(shape: Any, row: Any) -> Any:
    if isinstance(shape, dict) and isinstance(row, dict):
        return {**shape, **{key: _put_over(shape.get(key), value) for key, value in row.items()}}
    if _tables(shape) and _tables(row) and len(shape) == len(row):
        return [_put_over(below, above) for below, above in zip(shape, row, strict=True)]
    return row


def _tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _case(document: dict[str, Any], name: str) -> Case:
    document = _with_bulk(document)
    machine = {key: value for key, value in document.items() if key in _EMULATOR_TABLES}
    own = {key: value for key, value in document.items() if key not in _EMULATOR_TABLES}
    try:
        case = read(Case, own, name, name=name, vm=machine)
    except TableError as error:
        raise CaseError(str(error)) from error
    case = replace(case, image=_with_accounts(case.image, full=case.full))
    if not _takes_its_name(case):
        return case
    files = {HOSTNAME: FileCheck(content="web-1\n"), **case.expect.files}
    return replace(case, expect=replace(case.expect, files=files))


def _with_bulk(value: Any) -> Any:
    """The same document with the texts of _BULK in place of their names."""
    if isinstance(value, str):
        for name, bulk in _BULK.items():
            value = value.replace(name, bulk)
    elif isinstance(value, list):
        return [_with_bulk(item) for item in value]
    elif isinstance(value, dict):
        return {key: _with_bulk(item) for key, item in value.items()}
    return value


def _with_accounts(image: Image, *, full: bool) -> Image:
    """The image with the files of its short forms among the others."""
    files = {}
    if image.passwd is not None:
        files["/etc/passwd"] = ImageFile(content=accounts("/etc/passwd", full=full) + image.passwd)
    if image.shadow is not None:
        lines = accounts("/etc/shadow", full=full) + image.shadow.content
        files["/etc/shadow"] = replace(image.shadow, content=lines, mode=image.shadow.mode or 0o640)
    if image.ovf is not None:
        files[_MEDIA] = ImageFile(content=_OVF.format(f"      {image.ovf}\n" if image.ovf else ""))
    return replace(image, files={**files, **image.files})


def _takes_its_name(case: Case) -> bool:
    """Whether it is a good provisioning with the few usual steps, on an image that has its name where most have it."""
    given = case.image.files.keys() | case.files.keys()
    usual = not case.full and case.args == (b"provision",) and "STEPS" not in case.settings and HOSTNAME not in given
    return usual and (case.expect.exit, case.expect.verdict) == (0, "Succeeded")
