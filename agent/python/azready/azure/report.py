"""The health report: its row of details, its document, and sending it."""

from __future__ import annotations

import re

from azready.azure import wireserver
from azready.azure.run import GoalState, Run
from azready.machine import log, state
from azready.machine.clock import timestamp
from azready.machine.failure import Failure, NoGoodAnswer, NotTold
from azready.tables import AGENT, HEALTH_TEMPLATE, PROTOCOL, number


def report_ready(run: Run) -> None:
    """Report Ready. Raises NotTold at the deadline."""
    _send(run, "Ready", "")


def report_failed(run: Run, failure: Failure) -> None:
    """Report NotReady with the cause. Raises NotTold at the deadline."""
    run.row = description(failure.reason, failure.details, run.vm_id, timestamp())
    _send(run, "NotReady", run.row)


def _send(run: Run, health_state: str, details: str) -> None:
    """Post until the report is accepted, and keep it.

    A refused report may be addressed wrongly (410: stale incarnation), so each further try reads the goal state again.
    """
    log.info(f"reporting {health_state}" + (f": {details}" if details else ""))
    tries = run.tries("health report", run.deadline)
    if not run.goal_state_read:
        wireserver.read_goal_state(run)
    while True:
        body = _document(run.goal_state, health_state, details)
        try:
            wireserver.post_report(run, body, tries.limit())
            break
        except NoGoodAnswer as problem:
            if not tries.another(problem):
                raise NotTold("report_not_accepted", problem.details) from problem
        wireserver.read_goal_state(run)
    log.info(f"the platform accepted the report {health_state}")
    state.keep_report(run.system, body, "xml" if run.goal_state else "json")


def _document(goal_state: GoalState | None, health_state: str, details: str) -> bytes:
    if not goal_state:
        return json_document(health_state, details)
    return fill({"STATE": health_state, "DESCRIPTION": details, **_address(goal_state)})


def json_document(health_state: str, details: str) -> bytes:
    """The report that needs no goal state."""
    # One report in many: loaded when it is needed.
    import json

    document: dict[str, object] = {"state": health_state}
    if details:
        document["details"] = {"subStatus": "ProvisioningFailed", "description": details}
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _address(goal_state: GoalState) -> dict[str, str]:
    return {key.upper(): value for key, value in goal_state._asdict().items()}


def fill(values: dict[str, str]) -> bytes:
    """The template with each @KEY@ replaced; a line whose value is empty is left out."""

    def value(match: re.Match[str]) -> str:
        return _escape(values[match[1]])

    lines = []
    for line in HEALTH_TEMPLATE.splitlines(keepends=True):
        keys = re.findall("@([A-Z_]+)@", line)
        if all(values[key] for key in keys):
            lines.append(re.sub("@([A-Z_]+)@", value, line))
    return "".join(lines).encode("utf-8")


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def description(reason: str, details: dict[str, str], vm_id: str, when: str) -> str:
    """One row `result=error|reason=…|…|documentation_url=…` of at most DESCRIPTION_MAX bytes.

    Details are shortened first, then the reason; agent, vm_id and timestamp are always whole. Lengths count bytes of
    UTF-8, so that both engines cut at the same place.
    """
    agent = f"agent={AGENT}"
    tail = [f"vm_id={vm_id or 'unknown'}", f"timestamp={when}", f"documentation_url={PROTOCOL['DOCUMENTATION_URL']}"]
    room = number("DESCRIPTION_MAX") - _size(["result=error", agent, *tail])
    cause = _fit([("reason", reason), *details.items()], room)
    return "|".join(["result=error", *cause[:1], agent, *cause[1:], *tail])


def success_row(vm_id: str, when: str) -> str:
    """The row for the key-value pool after an accepted Ready."""
    return f"result=success|agent={AGENT}|vm_id={vm_id}|timestamp={when}"


def _fit(pairs: list[tuple[str, str]], room: int) -> list[str]:
    """The encoded pairs that fit into `room` bytes, each with its delimiter; the first that does not is shortened."""
    fields: list[str] = []
    for key, value in pairs:
        text = _clean(value)
        field = _encode(f"{key}={text}")
        while text and _size([*fields, field]) > room:
            text = text[:-1]
            field = _encode(f"{key}={text}")
        if _size([*fields, field]) > room:
            break
        fields.append(field)
    return fields


def _size(fields: list[str]) -> int:
    return sum(len(field.encode("utf-8")) + 1 for field in fields)


def _encode(field: str) -> str:
    """Quote a field that holds the delimiter, a quote or a line break, as the platform's csv reader expects."""
    return "'" + field.replace("'", "''") + "'" if re.search("[|'\r\n]", field) else field


def _clean(value: str) -> str:
    """The value without what XML cannot hold: control characters go, bytes that are not UTF-8 become `?`."""
    text = value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    text = re.sub("[\udc80-\udcff\ufffe\uffff]", "?", text[: number("DESCRIPTION_MAX")])
    return re.sub("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text)
