"""The WireServer: fetch the goal state, which is tried again until the deadline; hand over a health report, once."""

from __future__ import annotations

import re

from azready.azure.run import GoalState, Run
from azready.machine import http, log
from azready.machine.failure import NoGoodAnswer, NotTold
from azready.machine.xml import NotReadable, read_elements
from azready.tables import AGENT, PROTOCOL, number

_CONTAINER = "GoalState/Container"
_PATHS = {
    "incarnation": "GoalState/Incarnation",
    "container_id": f"{_CONTAINER}/ContainerId",
    "instance_id": f"{_CONTAINER}/RoleInstanceList/RoleInstance/InstanceId",
}
_HEADERS = {PROTOCOL["WIRE_VERSION_HEADER"]: PROTOCOL["WIRE_VERSION"], PROTOCOL["AGENT_NAME_HEADER"]: AGENT}


def read_goal_state(run: Run) -> None:
    """Learn a fresh goal state, or that the report needs none. Raises NotTold at the deadline: nothing to address."""
    run.goal_state = None if run.settings["REPORT_PROTOCOL"] == "json" else _goal_state(run)
    run.goal_state_read = True
    if run.goal_state:
        run.saw("GOAL_STATE")


def _goal_state(run: Run) -> GoalState | None:
    tries = run.tries("goal state", run.deadline)
    while True:
        request = http.Request("GET", run.settings["WIRESERVER"], PROTOCOL["GOAL_STATE_PATH"], _HEADERS)
        try:
            return http.send(request, tries.limit(), parse_goal_state)
        except NoGoodAnswer as problem:
            if run.settings["REPORT_PROTOCOL"] == "auto" and str(problem.status) in PROTOCOL["NO_GOAL_STATE"].split():
                log.info(f"goal state: {problem.what()}; reporting without one, as JSON")
                return None
            if not tries.another(problem):
                raise NotTold("goal_state_unavailable", problem.details) from problem


def post_report(run: Run, body: bytes, seconds: float) -> None:
    """One try to hand over a report: an XML document for a goal state, a JSON one without. Raises NoGoodAnswer."""
    if run.goal_state:
        path, headers = PROTOCOL["HEALTH_PATH"], {"Content-Type": PROTOCOL["HEALTH_CONTENT_TYPE"]}
    else:
        path, headers = PROTOCOL["HEALTH_JSON_PATH"], {"Content-Type": PROTOCOL["HEALTH_JSON_CONTENT_TYPE"]}
        headers[PROTOCOL["GUEST_AGENT_HEADER"]] = AGENT
    http.send(http.Request("POST", run.settings["WIRESERVER"], path, {**_HEADERS, **headers}, body), seconds, bytes)


def parse_goal_state(data: bytes) -> GoalState:
    """The three identifiers of a goal state document. Raises NoGoodAnswer for anything that is not one."""
    try:
        found = read_elements(data, set(_PATHS.values()))
    except NotReadable as error:
        raise _malformed(str(error)) from error
    values = {name: _identifier(name, found.get(path, [""])[0]) for name, path in _PATHS.items()}
    if not re.fullmatch("[0-9]+", values["incarnation"]):
        raise _malformed(f"incarnation '{values['incarnation']}' is not a number")
    log.debug("goal state: " + " ".join(f"{name}={value}" for name, value in values.items()))
    return GoalState(**values)


def _malformed(why: str) -> NoGoodAnswer:
    return NoGoodAnswer(why, error="goal_state_malformed")


def _identifier(name: str, text: str) -> str:
    value = text.strip(" \t\r\n")
    if not value:
        raise _malformed(f"{name} is missing")
    if len(value.encode("utf-8")) > number("ID_MAX") or any(c < " " or c == "\x7f" for c in value):
        raise _malformed(f"{name} is too long or has control characters")
    return value
