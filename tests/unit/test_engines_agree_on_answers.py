"""Both engines read a goal state and a Retry-After alike, or both refuse."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from support import DIST
from unit.odd_documents import (
    BOM,
    GOAL_STATE,
    MARKUP,
    odd,
)
from unit.shell_engine import ShellEngine

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready.azure import wireserver
from azready.machine import http
from azready.machine.failure import NoGoodAnswer
from unit.engines import bounded


def goal_state(
    number: str = "1", container: str = "c0", instance: str = "i1", before: str = "", after: str = ""
) -> bytes:
    """A good goal state but for the parts that are given."""
    roles = f"<RoleInstanceList><RoleInstance><InstanceId>{instance}</InstanceId></RoleInstance></RoleInstanceList>"
    text = f"<Container><ContainerId>{container}</ContainerId>{roles}</Container>"
    return f"{before}<GoalState><Incarnation>{number}</Incarnation>{text}</GoalState>{after}".encode()


DEEP = b"<a>" * 5000 + b"</a>" * 5000


def nested(depth: int) -> str:
    """Elements inside each other."""
    return "<a>" * depth + "</a>" * depth


def with_attributes(count: int) -> str:
    """One element with so many attributes."""
    return "<a " + " ".join(f"a{number}=''" for number in range(count)) + "/>"


GOAL_STATES = {
    "good": goal_state(),
    "line breaks between the elements": goal_state().replace(b"><", b">\n<"),
    "line break inside an id": goal_state(container="a\nb"),
    "tab inside an id": goal_state(instance="a\tb"),
    "carriage return by reference": goal_state(container="a&#13;b"),
    "reference with leading zeros": goal_state(container="&#0065;"),
    "digit that is not ASCII": goal_state(number="\u0661"),
    "superscript digit": goal_state(number="\u00b2"),
    "reference to white space behind the root": goal_state(after="&#32;"),
    "reference to white space before the root": goal_state(before="<!-- -->&#10;"),
    "instruction whose name is not ASCII": goal_state(before="<?\u00e9?>"),
    "blank in the version": goal_state(before='<?xml version="1 0"?>'),
    "colon in the version": goal_state(before='<?xml version="1:0"?>'),
    "standalone is neither yes nor no": goal_state(before='<?xml version="1.0" standalone="maybe"?>'),
    "blank in the encoding": goal_state(before='<?xml version="1.0" encoding="utf-8 "?>'),
    "empty": b"",
    "nothing but a byte order mark": BOM.encode(),
    "NUL": goal_state(after="\0"),
    # Behind the root element, which is the first level.
    "63 levels": goal_state().replace(b"<Container>", f"{nested(62)}<Container>".encode()),
    "64 levels": goal_state().replace(b"<Container>", f"{nested(63)}<Container>".encode()),
    "65 levels": goal_state().replace(b"<Container>", f"{nested(64)}<Container>".encode()),
    "256 attributes": goal_state().replace(b"<Container>", f"{with_attributes(256)}<Container>".encode()),
    "257 attributes": goal_state().replace(b"<Container>", f"{with_attributes(257)}<Container>".encode()),
    "less-than at the very end": goal_state(after="<"),
    "less-than in a comment": goal_state(before="<!-- < <a> <!- -->"),
    "less-than in an id": goal_state(container="<![CDATA[a<b<]]>"),
    "instruction with a less-than": goal_state(before="<?a <b?>"),
    "declaration with a less-than": goal_state(before="<?xml version='1.0' encoding='<'?>"),
    "id in many pieces": goal_state(container="<![CDATA[a]]><!-- -->b<?c?>&#99;&amp;"),
    "reference with a thousand zeros": goal_state(container=f"&#x{'0' * 5000}41;&#{'0' * 5000}66;"),
    "reference with too many digits": goal_state(container=f"&#x{'1' * 5000};"),
    "characters at the borders of the pieces": goal_state(
        after="<!--" + "\u20ac" * 3000 + "x" + "\U0001f600" * 2000 + "-->"
    ),
    "half a character at a border": goal_state(after="<!--" + "\u20ac" * 171).replace(
        b"\xac" + b"\xe2\x82\xac" * 2, b""
    )
    + b"-->",
    "line ends at the borders of the pieces": goal_state(after="\r\n" * 3000, before=" " + "\r\n" * 2000),
    "nested 5000 levels deep": goal_state().replace(b"<Container>", DEEP + b"<Container>"),
}


def python_goal_state(data: bytes) -> list[bytes] | None:
    try:
        return [value.encode() for value in wireserver.parse_goal_state(data)]
    except NoGoodAnswer:
        return None


def shell_goal_state(shell: ShellEngine, data: bytes) -> list[bytes] | None:
    if shell.run('wire_parse "$work/body"', {"body": data}):
        return None
    return shell.kept("INCARNATION", "CONTAINER_ID", "INSTANCE_ID")


@pytest.mark.parametrize("fault", GOAL_STATES)
def test_goal_state_is_read_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_goal_state(shell, GOAL_STATES[fault]) == python_goal_state(GOAL_STATES[fault])


@bounded
@given(data=odd(GOAL_STATE, MARKUP))
def test_odd_goal_state_is_read_alike(shell: ShellEngine, data: bytes) -> None:
    assert shell_goal_state(shell, data) == python_goal_state(data)


WAITS = [
    *("", "0", "1", " 5 ", "60", "61", "007", "010", "0000000000005", "9" * 20, "-1", "+1", "1.5", "1e1", "0x10"),
    *("5,6", "5 6", "5\t", "\t5", "\u0661", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"),
]


@pytest.mark.parametrize("value", WAITS)
def test_retry_after_is_read_alike(value: str, shell: ShellEngine) -> None:
    head = f"HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\n\r\n".encode()
    shell.run('http_look "$work/head" told; printf "%s %s\\n" "$_status" "$_retry_after" >"$work/line"', {"head": head})
    assert shell.kept("line") == [b"503 %d\n" % http._retry_after(value)]
