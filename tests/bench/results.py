"""All that one run of the bench found out, for a program (JSON) and for a person (tables)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .measure import Figures, Ratio
from .sizes import Curve
from .works import MEMORY, Limit

# The widest table, for a file or a pipe.
WIDTH = 120


@dataclass
class Results:
    """`facts` of facts.py; figures by the name of their work."""

    facts: dict[str, Any]
    rounds: int
    figures: dict[str, Figures] = field(default_factory=dict)
    ratios: list[Ratio] = field(default_factory=list)
    # A row for each agent (peers.comparison), and time against size: both only where they were asked for.
    agents: list[dict[str, Any]] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    # Name of a day -> name of an agent -> what became of its machine (survival.survive).
    days: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def memory(self) -> list[tuple[Limit, int]]:
        """The limits of memory that were looked at, with KB above what does not count."""
        return [
            (limit, self.figures[limit.work].memory - (self.figures[limit.above].memory if limit.above else 0))
            for limit in MEMORY
            if limit.work in self.figures and (not limit.above or limit.above in self.figures)
        ]

    def json(self) -> dict[str, Any]:
        """bench.json."""
        return {
            **self.facts,
            "rounds": self.rounds,
            "works": [figures.json() for figures in self.figures.values()],
            "ratios": [ratio.json() for ratio in self.ratios],
            "memory": [
                {"work": limit.work, "above": limit.above, "kb": taken, "at_most_kb": limit.at_most}
                for limit, taken in self.memory
            ],
            "agents": self.agents,
            "days": self.days,
            "sizes": [curve.json() for curve in self.curves],
        }

    def show(self, console: Console) -> None:
        """The tables."""
        console.print(f"{self.rounds} rounds, medians; one round runs all works, so a busy minute meets all alike\n")
        console.print(self._works())
        console.print()
        console.print(self._limits())
        if self.agents:
            console.print()
            console.print(self._agents())
        if self.days:
            console.print()
            console.print(self._days())
        if self.curves:
            console.print()
            console.print(self._sizes())

    def _works(self) -> Table:
        table = _table("work", "cpu ms", "memory MB", "programs", "forks", "requests")
        for found in self.figures.values():
            table.add_row(
                found.name, f"{found.median:.1f}", f"{found.memory / 1024:.1f}",
                str(found.programs), str(found.forks), str(found.requests),
            )  # fmt: skip
        return table

    def _agents(self) -> Table:
        table = _table("agent", "version", "cpu ms", "memory MB", "programs", "own KB", "packages", "their MB")
        for row in self.agents:
            table.add_row(
                row["agent"], row["version"], str(row["cpu_ms"]), f"{row['memory_kb'] / 1024:.1f}",
                str(row["programs"]), f"{row['own_bytes'] / 1024:.0f}", str(len(row["packages"])),
                f"{row['packages_bytes'] / 1024 / 1024:.1f}",
            )  # fmt: skip
        return table

    def _days(self) -> Table:
        agents = list(next(iter(self.days.values())))
        table = _table("day", *agents)
        for day, outcomes in self.days.items():
            table.add_row(day, *(outcomes[agent] for agent in agents))
        return table

    def _sizes(self) -> Table:
        table = _table("input", "engine", "cpu ms: next to nothing", "half", "whole", "grows as size^")
        for curve in self.curves:
            first, *_, half, whole = curve.cpu
            table.add_row(
                f"{curve.sizes[-1]} {curve.input}", curve.engine, f"{first:.0f}", f"{half:.0f}", f"{whole:.0f}",
                f"{curve.power:.1f}" if curve.power else "-",
            )  # fmt: skip
        return table

    def _limits(self) -> Table:
        table = _table("work", "beside it", "", "at most", "")
        for ratio in self.ratios:
            row = ratio.row
            table.add_row(row.work, row.against, f"{ratio.ratio:.1f} x", f"{row.at_most:g} x", _met(ratio.is_met))
        for limit, taken in self.memory:
            above = f"memory above {limit.above}" if limit.above else "memory"
            table.add_row(
                limit.work, above, f"{taken / 1024:.1f} MB", f"{limit.at_most // 1024} MB", _met(taken <= limit.at_most)
            )
        return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="left" if name == "beside it" else "right")
    return table


def _met(is_met: bool) -> Text:
    return Text("met", "green") if is_met else Text("not met", "bold red")
