"""Step through runs of azready, disturb each of their calls, and write down what was right.

usage: python -m trust.step [--whole | --each | --count N] [--scene WORD ..] [--way WORD ..] [--point WORD ..]
                            [--workers N] [--output FOLDER] [--list]

  --whole    every way at every point: hours
  --each     every point once, the ways in turn
  --count N  so many tries of each scene, spread over ways and points (the default: 20)
  --scene, --way, --point
             only those in whose name each of these words is
  --list     the scenes, and the points of each

FOLDER/steps.json (of build/trust) has every try, steps.md the table.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from support import ROOT

from .attack import Attack, Outcome
from .scene import Scene
from .way import WAYS, Point, Way, spread

OUTPUT = ROOT / "build" / "trust"
SCENES = {
    str(scene): scene
    for scene in (
        *(
            Scene(engine, live, media)
            for engine in ("python", "shell")
            for live in (True, False)
            for media in (True, False)
        ),
        Scene("shell", shell="busybox"),
        *(Scene(engine, tools=("useradd",)) for engine in ("python", "shell")),
        *(
            Scene("shell", live, command=word)
            for word in ("install", "uninstall", "generalize")
            for live in (True, False)
        ),
    )
}
Tries = list[tuple[Way, Point]]


def choose(attack: Attack, options: argparse.Namespace) -> Tries:
    """The tries of a scene."""
    found = [point for point in attack.points if all(word in str(point) for word in options.point)]
    ways = [way for way in WAYS.values() if all(word in way.name for word in options.way)]
    if options.whole:
        return [(way, point) for point in found for way in ways if way.suits(point.kind)]
    tries = spread(found, len(found) if options.each else options.count)
    if options.way:
        tries = [(way, point) for _, point in tries for way in ways if way.suits(point.kind)]
    return tries


_attack: Attack


def _begin(scene: Scene) -> None:
    """A worker's own image of the scene."""
    global _attack
    _attack = Attack(scene, Path(tempfile.mkdtemp(prefix="azready-step-")))


def _try(job: tuple[Way, Point]) -> Outcome:
    # One that broke the runner must be seen, and not end the others.
    try:
        return _attack.attempt(*job)
    except Exception as error:
        return Outcome(str(_attack.scene), job[0].name, str(job[1]), problems=[f"the runner: {error!r}"])


def step(scene: Scene, options: argparse.Namespace) -> Iterable[Outcome]:
    """All tries of a scene."""
    with tempfile.TemporaryDirectory(prefix="azready-step-") as folder:
        tries = choose(Attack(scene, Path(folder)), options)
    if options.list:
        print(f"{scene}: {len(tries)} tries")
        print("".join(f"  {way.name} at {point}\n" for way, point in tries), end="")
        return
    with multiprocessing.Pool(options.workers, _begin, (scene,)) as pool:
        yield from pool.imap_unordered(_try, tries)


def table(outcomes: list[Outcome]) -> str:
    """Injection, points tried, right; one row for each way of each scene."""
    rows = ["| scene | injection | points tried | right |", "|---|---|---|---|"]
    for scene in dict.fromkeys(outcome.scene for outcome in outcomes):
        for way in WAYS:
            tried = [it for it in outcomes if (it.scene, it.way) == (scene, way) and it.met]
            if tried:
                rows.append(f"| {scene} | {way} | {len(tried)} | {sum(not it.problems for it in tried)} |")
    met = [it for it in outcomes if it.met]
    rows.append(f"| all | | {len(met)} | {sum(not it.problems for it in met)} |")
    return "\n".join(rows) + f"\n\n{len(outcomes) - len(met)} points were not reached again.\n"


def write(outcomes: list[Outcome], output: Path) -> None:
    """What became of them, for readers and programs."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "steps.json").write_text(json.dumps([vars(outcome) for outcome in outcomes], indent=1))
    wrong = "".join(f"- {outcome}\n" for outcome in outcomes if outcome.problems)
    (output / "steps.md").write_text(table(outcomes) + "\n" + wrong)


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m trust.step", usage=(__doc__ or "").partition("usage: ")[2])
    parser.add_argument("--whole", action="store_true")
    parser.add_argument("--each", action="store_true")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    for name in ("scene", "way", "point"):
        parser.add_argument(f"--{name}", nargs="*", default=[])
    options = parser.parse_args(arguments)
    outcomes: list[Outcome] = []
    for name, scene in SCENES.items():
        if options.scene and name not in options.scene:
            continue
        for outcome in step(scene, options):
            outcomes.append(outcome)
            if outcome.problems:
                print(outcome, flush=True)
            write(outcomes, options.output)
    if not options.list:
        print(table(outcomes))
    return any(outcome.problems for outcome in outcomes)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
