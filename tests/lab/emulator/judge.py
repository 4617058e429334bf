"""Reads health reports as the platform does and comes to its verdict about the VM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

CREATING = "Creating"
SUCCEEDED = "Succeeded"
FAILED = "Failed"
TIMED_OUT = "TimedOut"
# What a program that came to a verdict exits with.
EXIT_STATUS = {SUCCEEDED: 0, FAILED: 1, TIMED_OUT: 3, CREATING: 4}

# The one SubStatus that ends the wait; any other NotReady is a sign of life.
_PROVISIONING_FAILED = "ProvisioningFailed"
_ROLE = "Container/RoleInstanceList/Role"


class Refused(Exception):
    """A report that the server does not take. `status` is the HTTP status of its answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Report:
    """An accepted report: State Ready or NotReady, and the Details of the latter."""

    state: str
    sub_status: str = ""
    description: str = ""

    @property
    def verdict(self) -> str:
        """What the platform makes of it: Creating means that it goes on waiting."""
        if self.state == "Ready":
            return SUCCEEDED
        return FAILED if self.sub_status == _PROVISIONING_FAILED else CREATING

    def __str__(self) -> str:
        return " ".join(word for word in (self.state, self.sub_status) if word)


class Judge:
    """The provisioning state of the VM: Creating until a report or the time-out ends it, then final."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._verdict = CREATING
        self.description = ""

    def verdict(self, elapsed: float) -> str:
        """The verdict `elapsed` seconds after the start."""
        if self._verdict == CREATING and elapsed >= self._timeout:
            return TIMED_OUT
        return self._verdict

    def hear(self, report: Report, elapsed: float) -> None:
        """Take a report into account; a later one than the verdict changes nothing, as on the platform."""
        if self.verdict(elapsed) == CREATING:
            self._verdict = report.verdict
            self.description = report.description if report.verdict == FAILED else ""


def read_health(document: bytes, incarnation: int, container_id: str, instance_id: str) -> Report:
    """The report in a WireServer health document. Raises `Refused`: 410 for a stale incarnation, 400 for the rest."""
    try:
        root = ElementTree.fromstring(document)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise Refused(400, f"health document is not well-formed: {error}") from error
    if root.tag != "Health":
        raise Refused(400, f"health document has the root {root.tag}, not Health")
    if _text(root, "GoalStateIncarnation") != str(incarnation):
        raise Refused(410, f"incarnation {_text(root, 'GoalStateIncarnation')} is not the current {incarnation}")
    for path, expected in (("Container/ContainerId", container_id), (f"{_ROLE}/InstanceId", instance_id)):
        if _text(root, path) != expected:
            raise Refused(400, f"{path} {_text(root, path)!r} is not {expected!r}")
    health = f"{_ROLE}/Health"
    return _report(
        _text(root, f"{health}/State"),
        root.findtext(f"{health}/Details/SubStatus", "").strip(),
        root.findtext(f"{health}/Details/Description", ""),
    )


def read_health_json(document: bytes) -> Report:
    """The report in a body of POST /provisioning/health. Raises `Refused` (400)."""
    try:
        fields: Any = json.loads(document)
    except ValueError as error:
        raise Refused(400, f"health report is not JSON: {error}") from error
    details = fields.get("details") or {} if isinstance(fields, dict) else None
    if not isinstance(details, dict):
        raise Refused(400, "health report is not an object with state and details")
    return _report(fields.get("state"), str(details.get("subStatus", "")), str(details.get("description", "")))


def _report(state: Any, sub_status: str, description: str) -> Report:
    if state not in ("Ready", "NotReady"):
        raise Refused(400, f"State {state!r} is neither Ready nor NotReady")
    return Report(state, sub_status, description)


def _text(root: ElementTree.Element, path: str) -> str:
    text = root.findtext(path)
    if text is None or not text.strip():
        raise Refused(400, f"health document has no {path}")
    return text.strip()
