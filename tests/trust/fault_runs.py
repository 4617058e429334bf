"""Runs azready against misbehaving servers and compares what it did with the rules of the contract."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.case import Image
from conformance.client import HTTP_CLIENTS, PYTHONS, Azready, Combination, Start, make_sandbox
from conformance.image import make_root
from conformance.process import Finished, execute
from conformance.run import facts_of, timeline
from lab.emulator import Emulator, Request, load_vm

from trust.faults import ENDPOINTS, Misbehaviour, is_final, is_good

_PATHS = {
    "goalstate": "/machine/?comp=goalstate",
    "imds": "/metadata/instance?api-version=2021-08-01&extended=true",
    "health": "/machine/?comp=health",
    "health-json": "/provisioning/health",
}
# Seconds over its deadline that a run may take to end, where it has a processor for itself.
_GRACE = 5.0
# What is not done by then hangs.
_HUNG = 120.0


def grace() -> float:
    """The same on this computer now: as much longer as there are more processes than processors."""
    return _GRACE * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def clients() -> list[str]:
    """Everything that azready speaks HTTP with."""
    return ["urllib3", *HTTP_CLIENTS]


@dataclass
class Cell:
    """What became of one misbehaviour at one endpoint, once or for ever, with one client."""

    misbehaviour: str
    endpoint: str
    client: str
    ever: bool
    seen: str
    faults: list[str]
    seconds: float
    log: str = ""


@dataclass(frozen=True)
class _Ended:
    finished: Finished
    requests: list[Request]
    verdict: str
    files: Mapping[str, str]
    seconds: float

    def count(self, endpoint: str) -> int:
        return sum(1 for request in self.requests if request.endpoint == endpoint)


class Runner:
    """Runs with one client, in a folder."""

    def __init__(self, client: str, folder: Path) -> None:
        self._client = client
        self._folder = folder
        combination = Combination("shell", "dash", client)
        if client == "urllib3":
            combination = Combination("python", "dash", client, PYTHONS[-1])
        self._azready = Azready(combination, make_sandbox(folder / "tools", combination))

    def once(self, misbehaviour: Misbehaviour) -> Iterator[Cell]:
        """It comes once at each endpoint, and then all is well: so the run ends well, unless a rule says otherwise.

        Two runs: one with the goal state, and a report of its own without.
        """
        rows = {name: misbehaviour.answers_at(name, _PATHS[name]) for name in ENDPOINTS}
        settings = {"DEADLINE": "60", "REQUEST_TIMEOUT": "1" if misbehaviour.slow else "10"}
        both = self._run(["provision"], {name: rows[name] for name in ENDPOINTS[:3]}, settings)
        refused = self._refuses(misbehaviour)
        for endpoint in ENDPOINTS[:3]:
            yield self._cell(misbehaviour, endpoint, both, refused)
        report = {"REPORT_PROTOCOL": "json", **settings}
        alone = self._run(["report", "ready"], {"health-json": rows["health-json"]}, report)
        yield self._cell(misbehaviour, "health-json", alone, False)

    def _refuses(self, misbehaviour: Misbehaviour) -> bool:
        """Whether IMDS says that it will never tell. A 400 is no such answer the first time."""
        outcomes = misbehaviour.outcomes("imds", self._client)
        return len(outcomes) == 1 and outcomes[0] != 400 and is_final("imds", outcomes[0])

    def _cell(self, misbehaviour: Misbehaviour, endpoint: str, ended: _Ended, refused: bool) -> Cell:
        faults = list(_endings(ended, 60.0, 1 if refused else 0))
        outcomes = misbehaviour.outcomes(endpoint, self._client)
        asked = _asked(ended.requests, endpoint, self._without_goal_state(misbehaviour))
        wanted = {_tries(endpoint, outcome, len(misbehaviour.answers)) for outcome in outcomes}
        as_often = asked in wanted or (misbehaviour.slow and asked is not None and asked >= min(wanted))
        if asked is not None and not as_often and "any" not in outcomes:
            faults.append(f"asked {asked} times instead of {' or '.join(map(str, sorted(wanted)))}")
        seen = f"{'not Ready' if refused else 'Ready'}, asked {asked}"
        return self._finished(misbehaviour, endpoint, False, seen, faults, ended)

    def _without_goal_state(self, misbehaviour: Misbehaviour) -> bool:
        return is_final("goalstate", misbehaviour.outcomes("goalstate", self._client)[0])

    def ever(self, misbehaviour: Misbehaviour, endpoint: str) -> Cell:
        """It never stops: the run ends by its deadline, and says why."""
        rows = [{**row, "times": 0} for row in misbehaviour.answers_at(endpoint, _PATHS[endpoint])]
        settings = {"DEADLINE": "4", "REQUEST_TIMEOUT": "1"}
        if endpoint == "health-json":
            ended = self._run(["report", "ready"], {endpoint: rows}, {"REPORT_PROTOCOL": "json", **settings})
        else:
            ended = self._run(["provision"], {endpoint: rows}, settings)
        outcomes = misbehaviour.outcomes(endpoint, self._client)
        # A connection that nobody reads is the server's, whatever was to be asked.
        unread = endpoint == "health" and any(row.get("drop") == "connect" for row in rows)
        wanted = {self._end_of("goalstate" if unread else endpoint, outcome) for outcome in outcomes}
        exits = {status for status, _ in wanted}
        faults = list(_endings(ended, 4.0, *exits))
        reason, _, detail = ended.files.get("REASON", "").partition(" ")
        # The last try may have had no time for an answer.
        said = {"", "error=no_answer", *(f"http_status={outcome}" for outcome in outcomes)}
        if detail not in said and any(isinstance(outcome, int) for outcome in outcomes):
            faults.append(f"says {detail}")
        if endpoint != "health-json" and (ended.finished.exit, reason) not in wanted:
            faults.append(f"exit {ended.finished.exit} {reason or 'without a reason'} instead of {sorted(wanted)}")
        seen = f"exit {ended.finished.exit} {reason} {detail}".rstrip()
        return self._finished(misbehaviour, endpoint, True, seen, faults, ended)

    @staticmethod
    def _end_of(endpoint: str, outcome: int | str) -> tuple[int, str]:
        """Exit status and reason where every answer is so."""
        if is_good(endpoint, outcome) or (endpoint == "goalstate" and is_final(endpoint, outcome)):
            return 0, ""
        if endpoint == "imds":
            return 1, "imds_refused" if is_final(endpoint, outcome) else "imds_unreachable"
        return 3, "goal_state_unavailable" if endpoint == "goalstate" else "report_not_accepted"

    def _run(self, arguments: Sequence[str], answers: Mapping[str, Any], settings: Mapping[str, str]) -> _Ended:
        vm = load_vm({"platform": {"rate": 0}, "answers": dict(answers)})
        with tempfile.TemporaryDirectory(dir=self._folder) as place, Emulator(vm) as azure:
            root, scratch = Path(place) / "root", Path(place) / "scratch"
            make_root(root, Image(), vm, facts_of(vm, azure, root), accounts=False)
            scratch.mkdir()
            where = {"WIRESERVER": azure.wireserver, "IMDS": azure.imds, "STEPS": "hostname", "LOG_CONSOLE": "no"}
            start = Start(root, [word.encode() for word in arguments], {**where, **settings}, {})
            began = time.monotonic()
            command, environment = self._azready.command(start), self._azready.environment(start)
            finished = execute(command, environment, scratch, scratch, _HUNG)
            seconds = time.monotonic() - began
            return _Ended(finished, azure.requests, azure.verdict, _files(root), seconds)

    def _finished(
        self, misbehaviour: Misbehaviour, endpoint: str, ever: bool, seen: str, faults: list[str], ended: _Ended
    ) -> Cell:
        log = "\n".join([*timeline(ended.requests), ended.finished.stderr.decode(errors="replace")]) if faults else ""
        return Cell(misbehaviour.name, endpoint, self._client, ever, seen, faults, round(ended.seconds, 1), log)


def _files(root: Path) -> dict[str, str]:
    """The fields of the status file, and the marker."""
    place = root / "var/lib/azready"
    status = (place / "status").read_text() if (place / "status").exists() else ""
    fields = dict(line.partition("=")[::2] for line in status.splitlines())
    return {**fields, **({"marker": "yes"} if (place / "provisioned").exists() else {})}


def _endings(ended: _Ended, deadline: float, *exits: int) -> Iterator[str]:
    """What holds however the run ended."""
    if ended.finished.exit is None:
        yield "it hangs"
    elif ended.finished.exit not in exits:
        yield f"exit {ended.finished.exit} instead of {' or '.join(map(str, exits))}"
    if ended.seconds > deadline + grace():
        yield f"it took {ended.seconds:.1f} s with a deadline of {deadline:.0f} s"
    if ended.finished.left_running:
        yield f"left running: {ended.finished.left_running}"
    provisioned = ended.finished.exit == 0 and ended.count("imds") > 0
    if provisioned != ("marker" in ended.files):
        yield f"exit {ended.finished.exit} {'with' if 'marker' in ended.files else 'without'} a marker"
    if ended.finished.exit == 0 and ended.verdict != "Succeeded":
        yield f"exit 0, and the platform says {ended.verdict}"
    if ended.finished.exit == 1 and ended.verdict != "Failed":
        yield f"exit 1, and the platform says {ended.verdict}"
    if b"internal_error" in ended.finished.stderr or b"Traceback" in ended.finished.stderr:
        yield "an internal error"


def _tries(endpoint: str, outcome: int | str, answers: int) -> int:
    """How often it is asked where so many answers are like this, and then a good one comes."""
    if is_good(endpoint, outcome) or (is_final(endpoint, outcome) and outcome != 400):
        return 1
    return answers + 1


def _asked(requests: Sequence[Request], endpoint: str, without_goal_state: bool) -> int | None:
    """How often the endpoint was asked while its answer was wanted; None where it had no part in the run."""
    names = [request.endpoint for request in requests]
    if endpoint == "goalstate":
        # Each further report has it read again.
        return next((at for at, name in enumerate(names) if name != "goalstate"), len(names))
    if endpoint == "health" and without_goal_state:
        return None
    return names.count(endpoint)
