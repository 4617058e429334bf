"""One try: a run that is disturbed at one point, looked at, and an undisturbed one after it, looked at."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lab.emulator import Emulator
from lab.tree import Entry

from .calls import Call
from .machine import Ended, Machine
from .scene import Scene, copy
from .verdict import after, at_last, leftovers, look
from .way import Disturbance, Point, Way, points


@dataclass
class Outcome:
    """What a try has shown: problems, and both logs. `met`: how often the point was reached."""

    scene: str
    way: str
    point: str
    met: int = 0
    problems: list[str] = field(default_factory=list)
    status: int | None = None
    log: str = ""

    def __str__(self) -> str:
        return f"{self.scene}: {self.way} at {self.point}: exit {self.status}: {'; '.join(self.problems) or 'right'}"


class Attack:
    """A scene with all that its tries share: the image before, the right tree after, and the points of a run."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.folder = scene, folder
        self.before = scene.prepare(folder)
        self._make_ready()
        self.right: dict[str, Entry] = {}
        calls: list[Call] = []
        with self._machine() as machine, Emulator(scene.vm()) as azure:
            ended = self._run(machine, azure, watch=calls)
            assert ended.status == 0, ended.log
            again = self._run(machine, azure)
            assert again.status == 0, again.log
            self.right = look(machine.tree)
        self.points = points(calls)

    def _make_ready(self) -> None:
        """What was done on the image before: `uninstall` needs an installed one, `generalize` one that was used."""
        if self.scene.command == "install":
            return
        with self._machine(keep=True) as machine, Emulator(self.scene.vm()) as azure:
            for command in ("install", "provision")[: 1 + (self.scene.command == "generalize")]:
                ended = self._run(machine, azure, command)
                assert ended.status == 0, ended.log
        for path in (self.before / "run").iterdir():
            shutil.rmtree(path)

    @contextlib.contextmanager
    def _machine(self, *, keep: bool = False) -> Iterator[Machine]:
        """One with a copy of the image; `keep`: with the image itself."""
        with tempfile.TemporaryDirectory(prefix="try-", dir=self.folder) as made:
            scratch = Path(made)
            (scratch / "tools").symlink_to(self.folder / "tools")
            tree = self.before if keep else copy(self.before, scratch / "tree")
            with Machine(tree, scratch, live=self.scene.live) as machine:
                yield machine

    def _run(
        self,
        machine: Machine,
        azure: Emulator,
        command: str = "",
        disturbance: Disturbance | None = None,
        watch: list[Call] | None = None,
    ) -> Ended:
        """A run, disturbed or not; its calls go to `watch`."""
        words = self.scene.words(machine.scratch, machine.tree, command)
        environment = self.scene.environment(machine.scratch, azure)

        def decide(call: Call) -> int:
            if watch is not None:
                watch.append(call)
            if not disturbance:
                return 0
            verdict = disturbance.decide(call)
            machine.calm = disturbance.calm
            return verdict

        return machine.run(words, environment, decide if disturbance or watch is not None else None)

    def attempt(self, way: Way, point: Point) -> Outcome:
        """Disturb a run there, and see."""
        outcome = Outcome(str(self.scene), way.name, str(point))
        disturbance = Disturbance(way, point)
        with self._machine() as machine, Emulator(self.scene.vm()) as azure:
            ended = self._run(machine, azure, disturbance=disturbance)
            outcome.met, outcome.status = disturbance.met, ended.status
            outcome.problems = after(self.scene, self.before, machine.tree, self.right, ended, azure, disturbance)
            again = self._run(machine, azure)
            left = machine.left()
            outcome.problems += at_last(machine.tree, self.right, ended.log, left, again, disturbance.refused)
            outcome.problems += leftovers(machine.scratch / "run", disturbance.refused)
            outcome.log = f"{ended.log}----\n{again.log}"
        return outcome
