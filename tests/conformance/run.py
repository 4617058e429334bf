"""Run one case against one client: emulator, root, the client once or several times, then compare."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.emulator import Emulator, Request, VirtualMachine, load_vm
from lab.tree import snapshot

from .case import Case, Run
from .check import Observed, contract_faults, engine_faults, outcome_faults
from .client import Azready, Client, Other, Start
from .facts import fill, project_version
from .image import below, make_root, write_files
from .live import live, prepare
from .process import execute

# Long for any case that goes well, short for whoever waits for one that does not.
_DEADLINE = "20"
# What a case takes that is not `full`.
_FEW_STEPS = "hostname,hooks"


@dataclass
class Result:
    """What became of a case: what each run did, and what was wrong with it (nothing: the case passed)."""

    case: Case
    client: str
    runs: list[Observed] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    # Of another agent than azready: everything that was wrong by column, demanded or not.
    columns: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        """Everything that somebody needs who looks at a failure: what is at stake, the faults, requests, logs."""
        lines = [f"{self.case.name} [{self.client}]: {self.case.about}", ""]
        lines += [f"- {fault}" for fault in self.faults]
        for number, seen in enumerate(self.runs, 1):
            lines += ["", f"run {number}: exit status {seen.finished.exit}, verdict {seen.verdict}"]
            lines += [f"  {line}" for line in timeline(seen.requests)]
            lines += [f"  | {line}" for line in (seen.stdout + seen.stderr).splitlines()]
        return "\n".join(lines)


def timeline(requests: list[Request]) -> list[str]:
    """One line a request: seconds since the emulator's start, what was asked, what was answered."""
    lines = []
    for request in requests:
        answer = f"{request.answer} ({request.note})" if request.note else request.answer
        lines.append(f"{request.time:7.3f}s  {request.method or 'drop':4} {request.endpoint:9} -> {answer}")
    return lines


def run_case(case: Case, client: Client, folder: Path) -> Result:
    """Run all of a case in an empty folder. Raises CaseError or VMError for a case that is no case."""
    result = Result(case, client.name)
    vm = load_vm(case.vm)
    root = folder / "root"
    with Emulator(vm) as azure:
        facts = facts_of(vm, azure, root)
        make_root(root, case.image, vm, facts, accounts=case.full)
        usual = {"WIRESERVER": azure.wireserver, "IMDS": azure.imds, "DEADLINE": _DEADLINE}
        usual |= {} if case.full else {"STEPS": _FEW_STEPS}
        for run in case.runs:
            seen = _start(case, run, client, azure, root, facts, usual)
            result.runs.append(seen)
            _compare(result, run, client, facts)
    return result


def nothing_passes(case: Case, demanded: tuple[str, ...], folder: Path) -> bool:
    """Whether an agent that does nothing at all, and ends well or badly, passes the case too: no achievement then."""
    results = []
    for command in ("true", "false"):
        place = folder / command
        place.mkdir()
        results.append(run_case(case, Other(command, demanded=demanded), place))
    return not all(result.faults for result in results)


def facts_of(vm: VirtualMachine, azure: Emulator, root: Path) -> dict[str, str]:
    """What stands for the @NAMES@ of a case."""
    return {
        "VERSION": project_version(),
        "VM_ID": vm.id,
        "CONTAINER_ID": vm.goalstate.container_id,
        "INSTANCE_ID": vm.goalstate.instance_id,
        "INCARNATION": str(vm.goalstate.incarnation),
        "WIRESERVER": azure.wireserver,
        "IMDS": azure.imds,
        "ROOT": str(root),
    }


def _start(
    case: Case,
    run: Run,
    client: Client,
    azure: Emulator,
    root: Path,
    facts: Mapping[str, str],
    usual: Mapping[str, str],
) -> Observed:
    write_files(root, run.files, facts)
    if run.config is not None:
        below(root, "/etc/azready.conf").write_text(fill(run.config, facts), encoding="utf-8")
    settings = {key: fill(value, facts) for key, value in {**usual, **run.settings}.items() if value is not None}
    environment = {key: fill(value, facts) for key, value in run.environment.items()}
    words = [_filled(word, facts) for word in run.args]
    start = Start(Path("/") if case.live else root, words, settings, environment, run.plain, case.zipapp)
    scratch = root.parent / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    command, variables = client.command(start), client.environment(start)
    if case.live:
        prepare(root, scratch)
        command, variables = live(command, variables, root, scratch, case)
    asked, before = len(azure.requests), snapshot(root)
    work = client.work or scratch
    ending = (signal.Signals[f"SIG{run.interrupt.signal}"], below(root, run.interrupt.at)) if run.interrupt else None
    finished = execute(command, variables, work, scratch, client.limit, ending)
    return Observed(finished, azure.requests[asked:], azure.verdict, before, snapshot(root))


def _filled(word: bytes, facts: Mapping[str, str]) -> bytes:
    """An argument with its placeholders replaced; it may hold bytes that are not UTF-8."""
    return fill(word.decode("utf-8", "surrogateescape"), facts).encode("utf-8", "surrogateescape")


def _compare(result: Result, run: Run, client: Client, facts: Mapping[str, str]) -> None:
    """Write down what was wrong with the last run."""
    seen = result.runs[-1]
    if isinstance(client, Other):
        for column, fault in outcome_faults(run.expect, seen, facts):
            result.columns.setdefault(column, []).append(fault)
            result.faults += [fault] if column in client.demanded else []
        return
    result.faults += contract_faults(run, seen, facts, client.http)
    if isinstance(client, Azready):
        result.faults += engine_faults(seen, client.combination.engine, client.http)
