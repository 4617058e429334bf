"""Both engines write the failure report and read the settings alike."""

from __future__ import annotations

import sys

import pytest
from bundle import quote
from hypothesis import given
from hypothesis import strategies as st
from support import DIST
from unit.odd_documents import (
    ARGUMENTS,
    PRINTABLE,
    SETTINGS,
    VM_ID,
    encode,
)
from unit.shell_engine import WHEN, ShellEngine

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready import tables
from azready.azure import report
from azready.azure.run import GoalState
from azready.machine import config
from azready.machine.failure import UsageError
from unit.engines import accepts, bounded, one_awk

# Reason, details, VM id.
ROWS: dict[str, tuple[str, dict[str, str], str]] = {
    "no VM id": ("disk_full", {}, ""),
    "option for a reason": ("-f", {"need": "-v"}, VM_ID),
    "backslashes": ("a\\nb", {"path": "C:\\new", "x": "\\"}, VM_ID),
    "quotes at the cut": ("x", {"a": "'" * 500, "b": "c"}, VM_ID),
    "character at the cut": ("x", {"a": "\u20ac" * 200}, VM_ID),
    "half a character": ("x", {"a": "\udce2\udc82", "b": "\udcff"}, VM_ID),
}
keys = st.from_regex("[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)


def python_row(reason: str, details: dict[str, str], vm_id: str) -> bytes:
    return report.description(reason, details, vm_id, WHEN).encode()


def shell_row(shell: ShellEngine, reason: str, details: dict[str, str], vm_id: str) -> bytes:
    words = [reason, "the hint", *(f"{key}={value}" for key, value in details.items())]
    shell.run(f"vm_id={vm_id}; fail {' '.join(map(quote, words))}")
    return shell.kept("DESCRIPTION")[0]


@pytest.mark.parametrize("fault", ROWS)
def test_row_is_written_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_row(shell, *ROWS[fault]) == python_row(*ROWS[fault])


@bounded
@given(reason=ARGUMENTS, details=st.dictionaries(keys, ARGUMENTS, max_size=4))
def test_odd_row_is_written_alike(shell: ShellEngine, reason: str, details: dict[str, str]) -> None:
    assert shell_row(shell, reason, details, VM_ID) == python_row(reason, details, VM_ID)


@bounded
@given(container=PRINTABLE.map("c".__add__), instance=PRINTABLE.map("i".__add__), row=PRINTABLE)
def test_template_is_filled_alike(shell: ShellEngine, container: str, instance: str, row: str) -> None:
    values = {**GoalState("7", container, instance)._asdict(), "state": "NotReady", "description": row}
    upper = {key.upper(): value for key, value in values.items()}
    shell.run("report_state=NotReady; report_document", {key: value.encode() for key, value in upper.items()})
    assert shell.kept("report") == [report.fill(upper)]


CONFIGURATIONS = {
    "two values of a choice at once": b"LOG_CONSOLE=auto,yes\n",
    "blanks inside the quotes": b"RUN=' once '\n",
    "blank inside the quotes of an address": b'IMDS=" 127.0.0.1"\n',
    "all, and a comma": b"STEPS=all,\n",
    "pattern for a step": b"STEPS='hostnam?'\n",
    "vertical tab in a list": b"STEPS='hostname\x0bhostname'\n",
    "two carriage returns": b"RUN=once\r\r\n",
    "carriage return inside the quotes": b"RUN='once\r'\n",
    "backslash": b"STEPS='a\\'\n",
    "NUL": b"RUN=once\0\n",
    "NUL in a comment": b"# \0\nRUN=once\n",
    "byte order mark": b"\xef\xbb\xbfRUN=once\n",
    "comment that is not UTF-8": b"# \xff\nRUN=once # \xfe\n",
    "no-break space before a comment": "RUN=once\u00a0# x\n".encode(),
}
OTHER_LINES = ("", "#", " # c", "\udcff", "# \udcff", "=", "[a]", "export RUN=once", "\ufeff", "\r", "\x0b")


@st.composite
def lines(draw: st.DrawFn) -> str:
    """KEY=VALUE with odd blanks, quotes and comments."""
    key = draw(st.sampled_from([*tables.SETTINGS, *tables.SETTINGS, "UNKNOWN", "run", "1RUN", "RUN RUN", ""]))
    value = draw(st.sampled_from(SETTINGS[kind_of(key) if key in tables.SETTINGS else "seconds"]))
    quoted = draw(st.sampled_from(["{}", "{}", "'{}'", '"{}"', "'{}", "{}'", "'{}\"", "{}x", "\\{}", "$({})"]))
    gap = st.sampled_from(["", "", "", " ", "\t", "\x0b", "\xa0", "\r"])
    tail = draw(st.sampled_from(["", "", " # c", "# c", " x", " #", "\r", "\r\r", ";"]))
    return draw(gap) + key + draw(gap) + "=" + draw(gap) + quoted.format(value) + tail


def kind_of(key: str) -> str:
    """The kind of a setting: address, seconds, steps or one-of."""
    return tables.SETTINGS[key][1].partition(":")[0]


def python_configuration(data: bytes) -> dict[str, str] | None:
    try:
        return {**config.defaults(), **config.parse_file(data.decode("utf-8", "replace"), "azready.conf")}
    except UsageError:
        return None


def shell_configuration(shell: ShellEngine, data: bytes) -> dict[str, str] | None:
    dump = "".join(f'printf %s "$set_{key}" >"$work/{key}"\n' for key in tables.SETTINGS)
    if shell.run(f"config_read\n{dump}", {}, {"etc/azready.conf": data}):
        return None
    return {key: shell.kept(key)[0].decode() for key in tables.SETTINGS}


@pytest.mark.parametrize("fault", CONFIGURATIONS)
def test_configuration_is_read_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_configuration(shell, CONFIGURATIONS[fault]) == python_configuration(CONFIGURATIONS[fault])


@bounded
@given(texts=st.lists(lines() | st.sampled_from(OTHER_LINES), max_size=3))
def test_odd_configuration_is_read_alike(shell: ShellEngine, texts: list[str]) -> None:
    data = encode("\n".join(texts))
    assert shell_configuration(shell, data) == python_configuration(data)


@one_awk
@pytest.mark.parametrize("key", tables.SETTINGS)
def test_value_of_the_environment_is_checked_alike(key: str, shell: ShellEngine) -> None:
    values = SETTINGS[kind_of(key)]
    taken = [value for value in values if not shell.run(f"config_set {key} {quote(value)} environment")]
    assert taken == [value for value in values if accepts(config.check, key, value, "environment")]


@one_awk
@pytest.mark.parametrize("steps", SETTINGS["steps"])
def test_steps_are_chosen_alike(steps: str, shell: ShellEngine) -> None:
    refused = shell.run(f"""config_split_steps {quote(steps)} --only && printf %s "$_steps" >"$work/steps" """)
    assert refused == 2 * (not accepts(config.split_steps, steps, "--only"))
    if not refused:
        assert set(shell.kept("steps")[0].decode().split()) == set(config.split_steps(steps, "--only"))
