"""Bad days of Azure: which agent still brings its machine to Ready, each in a machine of its own (peers.py).

Every one of these days has happened to somebody, and every one ends well: a server that is late, says no, or breaks off
has its normal answers again after a while. Who does not try again loses the machine.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from lab.clients import test_cloud_init
from lab.clients.machine import Machine
from lab.process import NotSeen

from .measure import Progress
from .peers import AGENTS, Agent

# Seconds until a day is over. cloud-init waits up to a minute between two tries.
LIMIT = 180
_PAGE = "<html><body><h1>Bad Gateway</h1></body></html>"

# Name of the day -> the answers that are bent, endpoint by endpoint.
DAYS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "a good day": {},
    "goal state: 503 three times": {"goalstate": [{"times": 3, "status": 503}]},
    "goal state: the connection is reset": {"goalstate": [{"times": 2, "drop": "reset"}]},
    "goal state: cut off": {"goalstate": [{"times": 1, "truncate": 60}]},
    "goal state: an error page, status 200": {"goalstate": [{"times": 1, "status": 200, "body": _PAGE}]},
    "health: 500 once": {"health": [{"times": 1, "status": 500}]},
    "health: 503 with Retry-After": {"health": [{"times": 2, "status": 503, "headers": {"Retry-After": "2"}}]},
    "health: read, and no answer": {"health": [{"times": 1, "drop": "request"}]},
    "IMDS: 404 while it starts": {"imds": [{"times": 3, "status": 404}]},
    "IMDS: 429, too many requests": {"imds": [{"times": 2, "status": 429}]},
    "IMDS: 410 while it is updated": {"imds": [{"times": 2, "status": 410}]},
    "IMDS: an error page, status 200": {"imds": [{"times": 1, "status": 200, "body": _PAGE}]},
    "IMDS: cut off": {"imds": [{"times": 1, "truncate": 100}]},
}


def survive(progress: Progress) -> dict[str, dict[str, str]]:
    """What each agent made of each day: name of the day -> name of the agent -> what the platform came to."""
    total = len(DAYS) * len(AGENTS)
    outcomes: dict[str, dict[str, str]] = {}
    for number, (day, answers) in enumerate(DAYS.items()):
        outcomes[day] = {}
        for place, agent in enumerate(AGENTS):
            progress("bad days", number * len(AGENTS) + place, total)
            outcomes[day][agent.name] = _outcome(agent, answers)
    progress("bad days", total, total)
    return outcomes


def survived(outcomes: dict[str, dict[str, str]], agent: str) -> int:
    """On how many days this agent's machine became Ready."""
    return sum(day[agent] == "Succeeded" for day in outcomes.values())


def _outcome(agent: Agent, answers: dict[str, list[dict[str, Any]]]) -> str:
    """`Succeeded`, `Failed` or `not told`. Ready without the name that the platform gave is `no name`."""
    tables = {**test_cloud_init.VM, "answers": answers} if answers else test_cloud_init.VM
    with tempfile.TemporaryDirectory(prefix="azready-day-") as name, Machine(Path(name), **tables) as machine:
        agent.put(machine)
        machine.run(agent.prepare)
        machine.start(agent.work)
        try:
            line = machine.emulator.wait_for(" verdict +Creating -> ", LIMIT)[1]
        except NotSeen:
            return "not told"
        verdict = line.partition(" -> ")[2].split()[0]
        if verdict == "Succeeded" and not _is_named(machine):
            return "no name"
        return verdict


def _is_named(machine: Machine) -> bool:
    """Whether the machine has its name within a minute: some agents report before they set it."""
    script = f"for _ in $(seq 60); do [ $(cat /etc/hostname) = {machine.vm.hostname} ] && exit; sleep 1; done; exit 1"
    try:
        machine.run(script)
    except AssertionError:
        return False
    return True
