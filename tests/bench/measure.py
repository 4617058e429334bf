"""Measures works: one after the other in each round, so that a busy minute meets all alike; medians and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, TypeVar

from .place import Place, place
from .tree import timed, weighed
from .works import MeasureError, Row, Work

# A busy computer lets a short process pass unseen: the most of two runs.
_LOOKS = 2
Progress = Callable[[str, int, int], None]


@dataclass
class Figures:
    """Of one work. `cpu` in milliseconds a round, `memory` in KB at the most, `programs` with the first."""

    name: str
    cpu: list[float] = field(default_factory=list)
    memory: int = 0
    programs: int = 0
    forks: int = 0
    requests: int = 0

    @property
    def median(self) -> float:
        """Milliseconds of processor time."""
        return statistics.median(self.cpu)

    def json(self) -> dict[str, Any]:
        """For bench.json."""
        rounded = [round(cpu, 2) for cpu in self.cpu]
        return {**asdict(self), "cpu": rounded, "median": round(self.median, 2)}


class Named(Protocol):
    """Whatever can be measured: a work, an agent."""

    @property
    def name(self) -> str:
        """What its figures are called."""


A = TypeVar("A", bound=Named)


def measure(works: Sequence[Work], rounds: int, progress: Progress) -> dict[str, Figures]:
    """The figures of all works. Raises MeasureError."""

    def look(work: Work, figures: Figures) -> None:
        for _ in range(_LOOKS):
            weigh(work, figures)

    return in_rounds(works, look, clock, rounds, progress)


def in_rounds(
    what: Sequence[A],
    look: Callable[[A, Figures], None],
    time: Callable[[A], float],
    rounds: int,
    progress: Progress,
    title: str = "",
) -> dict[str, Figures]:
    """The figures of each: `look` at what it costs beside time, and then `time` (seconds) all of them in turn."""
    figures = {each.name: Figures(each.name) for each in what}
    for number, each in enumerate(what):
        progress(f"{title}memory, programs", number, len(what))
        look(each, figures[each.name])
    for number in range(rounds):
        progress(f"{title}processor time", number, rounds)
        for each in what:
            figures[each.name].cpu.append(time(each) * 1000)
    progress(f"{title}processor time", rounds, rounds)
    return figures


def clock(work: Work) -> float:
    """Seconds of processor time of one run."""
    with place(work.combination) as here:
        work.prepare(here)
        done = timed(work.command(here), {**here.environment, **work.environment})
        _judge(work, here, done.status, done.output)
        return done.cpu


def weigh(work: Work, figures: Figures) -> None:
    """All that does not depend on how busy the computer is."""
    with place(work.combination) as here:
        work.prepare(here)
        before = len(here.azure.requests)
        weight = weighed(work.command(here), {**here.environment, **work.environment})
        _judge(work, here, weight.counted.status, weight.counted.output)
        figures.memory = max(figures.memory, weight.memory)
        figures.requests = len(here.azure.requests) - before
        figures.programs, figures.forks = weight.counted.started, weight.counted.forks or 0


def _judge(work: Work, here: Place, status: int, output: str) -> None:
    if status or here.azure.verdict != work.verdict:
        raise MeasureError(f"{work.name}: status {status}, verdict {here.azure.verdict}: {output[-2000:]}")


@dataclass(frozen=True)
class Ratio:
    """A row with what came out."""

    row: Row
    ratio: float

    @property
    def is_met(self) -> bool:
        """Whether it is within its limit."""
        return self.ratio <= self.row.at_most

    def json(self) -> dict[str, Any]:
        """For bench.json."""
        return {**asdict(self.row), "ratio": round(self.ratio, 2), "met": self.is_met}


def ratios(rows: Sequence[Row], figures: dict[str, Figures]) -> list[Ratio]:
    """The median of the rounds' ratios: each round compares what ran in the same minute."""
    found = []
    for row in rows:
        pairs = zip(figures[row.work].cpu, figures[row.against].cpu, strict=True)
        found.append(Ratio(row, statistics.median(one / other for one, other in pairs)))
    return found
