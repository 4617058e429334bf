"""The matrix of network faults: which runs there are, all of them at once, and the table of what became of them."""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import tempfile
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from support import ROOT

from trust.fault_runs import Cell, Runner, clients
from trust.faults import ENDPOINTS, MISBEHAVIOURS, Misbehaviour

FOLDER = ROOT / "build" / "trust"
# Most of a run is waiting.
_AT_ONCE = 4
# What failed runs once more, with nothing else of ours beside it: so many of them at most.
_AGAIN = 6
# Misbehaviour, and the endpoint where it is there for ever; none: once at each.
Job = tuple[Misbehaviour, str]


def plan(client: str, *, whole: bool = False) -> list[Job]:
    """What a client goes through: everything, or its share of what is alike or takes long."""
    turn, count = clients().index(client), len(clients())
    jobs: list[Job] = []
    for number, each in enumerate(MISBEHAVIOURS):
        mine = whole or each.ever or client == "urllib3" or 1 + number % (count - 1) == turn
        jobs += [(each, "")] if mine and not each.alone else []
        for at, endpoint in enumerate(ENDPOINTS if each.ever else ()):
            # Every second one, each with the next client.
            share = not (number + at) % 2 and (number + at) // 2 % count == turn
            jobs += [(each, endpoint)] if whole or share else []
    return jobs


def run(client: str, jobs: Sequence[Job], folder: Path) -> list[Cell]:
    """Each of them, several at a time."""
    runner = Runner(client, folder)

    def do(job: Job) -> list[Cell]:
        each, endpoint = job
        return [runner.ever(each, endpoint)] if endpoint else list(runner.once(each))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(pool.map(do, jobs))
    failed = [at for at, cells in enumerate(done) if any(cell.faults for cell in cells)]
    for at in failed if len(failed) <= _AGAIN else ():
        done[at] = do(jobs[at])
        for cell in done[at]:
            cell.seen += ", at the second try"
    return [cell for cells in done for cell in cells]


def write(client: str, cells: Iterable[Cell]) -> None:
    """Add what one client did to the table of all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / "faults.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = FOLDER / "faults.json"
        others = json.loads(file.read_text()) if file.exists() else []
        known = {each.name for each in MISBEHAVIOURS}
        kept = [cell for cell in others if cell["client"] != client and cell["misbehaviour"] in known]
        rows = [*kept, *map(asdict, cells)]
        file.write_text(json.dumps(rows, indent=1))
        (FOLDER / "faults.md").write_text(table([Cell(**row) for row in rows]))


def table(cells: Sequence[Cell]) -> str:
    """A row for each misbehaviour: what came of it at each endpoint, and with how many clients."""
    wrong = [cell for cell in cells if cell.faults]
    used = sorted({cell.client for cell in cells}, key=clients().index)
    lines = [
        f"{len(cells)} cells with {', '.join(used)}: {len(cells) - len(wrong)} as the contract says.",
        "`once`: the first answer is like this, and then all is well; `ever`: every answer, with a deadline of 4 s.",
        "",
        f"| misbehaviour | | {' | '.join(ENDPOINTS)} |",
        f"|---|---|{'---|' * len(ENDPOINTS)}",
    ]
    for each in MISBEHAVIOURS:
        for ever in (False, True):
            row = [_summary([c for c in cells if (c.misbehaviour, c.ever, c.endpoint) == (each.name, ever, endpoint)])
                   for endpoint in ENDPOINTS]  # fmt: skip
            if any(row):
                lines.append(f"| {each.name} | {'ever' if ever else 'once'} | {' | '.join(row)} |")
    return "\n".join([*lines, "", *(f"- {c.misbehaviour}, {c.endpoint}, {c.client}: {c.faults}" for c in wrong), ""])


def _summary(cells: Sequence[Cell]) -> str:
    seen = {text: sum(1 for cell in cells if _shown(cell) == text) for text in sorted(map(_shown, cells))}
    return ", ".join(f"{count} × {text}" for text, count in seen.items())


def _shown(cell: Cell) -> str:
    return f"**WRONG** {cell.seen}" if cell.faults else cell.seen


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0 where all went by the rules."""
    parser = argparse.ArgumentParser(prog="build.py faults", description="Misbehaving servers, all of the matrix.")
    parser.add_argument("--client", action="append", choices=clients(), help="only this one; may be given again")
    parser.add_argument("--share", action="store_true", help="only what CI does")
    parser.add_argument("--only", default="", metavar="TEXT", help="only misbehaviours with this in their name")
    options = parser.parse_args(arguments)
    wrong = 0
    for client in options.client or clients():
        jobs = [job for job in plan(client, whole=not options.share) if options.only in job[0].name]
        with tempfile.TemporaryDirectory(prefix="azready-faults-") as folder:
            cells = run(client, jobs, Path(folder))
        if not options.only:
            write(client, cells)
        for cell in cells:
            wrong += bool(cell.faults)
            if cell.faults:
                print(f"{client} {cell.endpoint} {cell.misbehaviour}: {', '.join(cell.faults)}\n{cell.log}", flush=True)
        print(f"{client}: {len(cells)} cells, {sum(1 for cell in cells if cell.faults)} wrong", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
