"""A rehearsal: many machines boot for the first time, and one process of the emulator is the Azure of all of them."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from conformance.case import Image
from conformance.image import make_root
from lab.azure import environment
from lab.emulator import load_vm
from lab.emulator.fleet import member

from .place import AGENT, PATH

# A VM has processors of its own. Here so many share one, or each would wait for it and not for Azure.
AT_ONCE_PER_PROCESSOR = 8
# Whatever hangs as long is lost.
_LIMIT = 300
_PAUSE = re.compile(r"next try in ([0-9.]+) s")


@dataclass(frozen=True)
class Boot:
    """One machine's first boot. `waited` is from start to end, in seconds.

    `pauses` are those that it tells of; `gaps` lie between its goal states, as the emulator saw them.
    """

    name: str
    engine: str
    status: int
    waited: float
    requests: int
    verdict: str
    pauses: tuple[float, ...] = ()
    gaps: tuple[float, ...] = ()
    log: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it ended well, and so the platform says."""
        return self.status == 0 and self.verdict == "Succeeded"


@dataclass(frozen=True)
class Rehearsal:
    """All boots, what the emulator said at its end, and the most memory that it took (MB)."""

    boots: list[Boot] = field(default_factory=list)
    ending: str = ""
    memory: int = 0

    def summary(self) -> dict[str, Any]:
        """By engine, for people and for programs."""
        engines = sorted({boot.engine for boot in self.boots})
        return {
            "verdict": self.ending,
            "emulator_memory_mb": self.memory,
            **{engine: _summary([boot for boot in self.boots if boot.engine == engine]) for engine in engines},
        }


def _summary(boots: list[Boot]) -> dict[str, Any]:
    waited = sorted(boot.waited for boot in boots)
    tries = max(len(boot.gaps) for boot in boots)
    gaps = [sorted(boot.gaps[number] for boot in boots if len(boot.gaps) > number) for number in range(tries)]
    return {
        "machines": len(boots),
        "ready": sum(boot.is_good for boot in boots),
        "requests": {str(number): times for number, times in sorted(Counter(boot.requests for boot in boots).items())},
        "seconds": {"median": round(statistics.median(waited), 2), "slowest": round(waited[-1], 2)},
        "gaps": [{"machines": len(row), "shortest": round(row[0], 2), "longest": round(row[-1], 2)} for row in gaps],
    }


def rehearse(
    shell: int, python: int, at_once: int, refusals: int = 0, progress: Callable[[int, int], None] = lambda *_: None
) -> Rehearsal:
    """So many machines with each engine, `at_once` of them at a time, spread evenly.

    `refusals`: so often each is told 503 when it asks for its goal state. `progress` is called with the number of
    machines that are done, and of all.
    """
    count = shell + python
    faults = {"goalstate": [{"status": 503, "times": refusals}]} if refusals else {}
    with tempfile.TemporaryDirectory(prefix="azready-fleet-") as name, _serve(Path(name), count, faults) as azure:
        folder = Path(name)
        engines = ["python" if (index * python) // count != ((index + 1) * python) // count else "shell"
                   for index in range(count)]  # fmt: skip
        ended: list[tuple[str, str, int, float, str]] = []
        with _pool(at_once) as pool:
            boots = [pool.submit(_boot, folder, number, engine, azure.members[number - 1])
                     for number, engine in enumerate(engines, 1)]  # fmt: skip
            for boot in as_completed(boots):
                ended.append(boot.result())
                progress(len(ended), count)
        memory = azure.memory()
        ending = azure.end()
        asked, gaps = azure.asked()
    rows = [
        Boot(
            name,
            engine,
            status,
            waited,
            asked[name],
            azure.verdicts.get(name, ""),
            tuple(_pauses(log)),
            gaps[name],
            log,
        )
        for name, engine, status, waited, log in ended
    ]
    return Rehearsal(sorted(rows, key=lambda boot: boot.waited), ending, memory)


@contextmanager
def _pool(at_once: int) -> Iterator[ThreadPoolExecutor]:
    """Who ends it early does not wait for those that have not begun."""
    pool = ThreadPoolExecutor(at_once)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _pauses(log: str) -> Iterator[float]:
    return (float(found[1]) for found in _PAUSE.finditer(log))


def _boot(folder: Path, number: int, engine: str, servers: dict[str, str]) -> tuple[str, str, int, float, str]:
    """One machine, from nothing to its end: name, engine, exit status, seconds, log."""
    vm = member(load_vm({}), number)
    root = folder / vm.name
    make_root(root, Image(), vm, {}, accounts=True)
    command = ["sh", str(AGENT), "--engine", engine, "--root", str(root), "provision"]
    settings = {"AZREADY_WIRESERVER": servers["wireserver"], "AZREADY_IMDS": servers["imds"]}
    began = time.monotonic()
    done = subprocess.run(
        command, env={"PATH": PATH, **settings}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace", timeout=_LIMIT,
    )  # fmt: skip
    waited = time.monotonic() - began
    shutil.rmtree(root)
    return vm.name, engine, done.returncode, waited, done.stdout


class _Azure:
    """The emulator's process. `members` is its first line."""

    def __init__(self, process: subprocess.Popen[str], record: Path) -> None:
        assert process.stdout
        self._process, self._record, self._output = process, record, process.stdout
        self.members: list[dict[str, str]] = json.loads(self._output.readline())["fleet"]
        self.verdicts: dict[str, str] = {}

    def memory(self) -> int:
        """Megabytes, the most so far."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) // 1024

    def end(self) -> str:
        """What it says last."""
        self._process.terminate()
        lines = self._output.read().splitlines()
        self._process.wait()
        for line in lines:
            words = line.split()
            if words[2:4] == ["Creating", "->"]:
                self.verdicts[words[1]] = words[4]
        return lines[-1].removeprefix("verdict: ")

    def asked(self) -> tuple[Counter[str], dict[str, tuple[float, ...]]]:
        """How many requests each machine sent, and the seconds between its goal states."""
        asked: Counter[str] = Counter()
        times: dict[str, list[float]] = {member["name"]: [] for member in self.members}
        with self._record.open() as file:
            for request in map(json.loads, file):
                asked[request["vm"]] += 1
                if request["endpoint"] == "goalstate":
                    times[request["vm"]].append(request["time"])
        return asked, {name: tuple(later - time for time, later in pairwise(row)) for name, row in times.items()}


@contextmanager
def _serve(folder: Path, count: int, faults: dict[str, Any]) -> Iterator[_Azure]:
    vm, record = folder / "vm.toml", folder / "record"
    rows = (f"[[answers.{name}]]\n" + "".join(f"{key} = {value}\n" for key, value in row.items())
            for name, answers in faults.items() for row in answers)  # fmt: skip
    vm.write_text("".join(rows))
    command = [sys.executable, "-m", "lab", "serve", "--fleet", str(count), "--vm", str(vm), "--record", str(record)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    try:
        yield _Azure(process, record)
    finally:
        process.kill()
        process.wait()


def told(rehearsal: Rehearsal) -> Sequence[str]:
    """The lines of a report."""
    summary = rehearsal.summary()
    lines = [f"verdict: {summary['verdict']}; the emulator took {summary['emulator_memory_mb']} MB at most"]
    for engine in ("shell", "python"):
        if engine not in summary:
            continue
        row = summary[engine]
        asked = ", ".join(f"{times} x {number}" for number, times in row["requests"].items())
        lines.append(
            f"{engine}: {row['ready']} of {row['machines']} Ready; machines by requests: {asked}; "
            f"waited {row['seconds']['median']} s (median), {row['seconds']['slowest']} s (slowest)"
        )
        lines += [
            f"  before try {number}: {gap['machines']} machines waited {gap['shortest']} to {gap['longest']} s"
            for number, gap in enumerate(row["gaps"], 2)
        ]
    return lines
