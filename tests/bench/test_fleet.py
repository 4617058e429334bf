"""Many first boots at once: each machine is Ready with as many requests as one alone, and no two come back in step."""

from __future__ import annotations

import os

from .fleet import AT_ONCE_PER_PROCESSOR, Rehearsal, rehearse, told

AT_ONCE = AT_ONCE_PER_PROCESSOR * (os.cpu_count() or 1)


def all_are_ready(rehearsal: Rehearsal, requests: int) -> None:
    """None was lost, and none asked more often than it had to."""
    print("\n".join(told(rehearsal)))
    lost = [boot for boot in rehearsal.boots if not boot.is_good or boot.requests != requests]
    assert lost == [], "\n".join(f"{boot.name}: {boot.requests} requests\n{boot.log}" for boot in lost)


def test_fifty_machines_boot_at_once() -> None:
    rehearsal = rehearse(shell=40, python=10, at_once=AT_ONCE)
    all_are_ready(rehearsal, 3)
    assert rehearsal.ending == "50 Succeeded"


def test_machines_that_met_one_trouble_do_not_come_back_in_step() -> None:
    """Two goal states are refused to each. Its log tells how long it pauses."""
    rehearsal = rehearse(shell=8, python=6, at_once=AT_ONCE, refusals=2)
    all_are_ready(rehearsal, 5)
    for engine in ("shell", "python"):
        pauses = [boot.pauses for boot in rehearsal.boots if boot.engine == engine]
        assert all(0.12 <= first <= 0.25 for first, *_ in pauses)
        # Of 13 hundredths of a second that are possible.
        assert len({first for first, *_ in pauses}) > 1
