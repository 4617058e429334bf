"""`build.py boot [NAME ..]`: boot machines and show how they fared. NAME: a machine, a scenario, MACHINE.SCENARIO."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from .run import Outcome, play, scenarios, table
from .stage import FOLDER, SLOTS, need_tools
from .timeline import told


def main(names: list[str]) -> int:
    """Play what the names name (all without names), two at a time; 0 if all went well."""
    known = scenarios(built=True)
    chosen = [it for it in known if {it[0], it[1], ".".join(it)} & set(names)] if names else scenarios()
    unknown = [name for name in names if not any(name in (*it, ".".join(it)) for it in known)]
    if unknown:
        print(f"boot: no such machine or scenario: {' '.join(unknown)}; there are:", file=sys.stderr)
        print("\n".join(f"  {'.'.join(it)}" for it in known), file=sys.stderr)
        return 2
    try:
        need_tools()
    except (pytest.skip.Exception, pytest.fail.Exception) as reason:
        print(f"boot: {reason}", file=sys.stderr)
        return 1
    with ThreadPoolExecutor(SLOTS) as pool:
        outcomes = list(pool.map(_play, chosen))
    print(f"\n{table(outcomes)}\nalso in {FOLDER / 'boot.json'}, the logs beside it")
    return 1 if any(it.problems for it in outcomes) else 0


def _play(scenario: tuple[str, str]) -> Outcome:
    outcome = play(*scenario)
    ending = "as it must be" if not outcome.problems else f"{len(outcome.problems)} problems"
    print(f"{outcome.machine} {outcome.scenario}: {ending}, {outcome.seconds:.0f} s", flush=True)
    for name, moments in outcome.timelines.items():
        print(f"  {name}\n{told(moments)}", flush=True)
    return outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
