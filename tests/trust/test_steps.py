"""A run that is killed, cut off or refused at any of its system calls damages nothing, lies to nobody, and the next
run finds nothing in its way. Here a sample, spread over kinds of calls, paths and ways; `trust.step` has them all.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from trust.attack import Attack
from trust.machine import need
from trust.step import SCENES
from trust.way import WAYS, Point, spread

# How many tries of each scene: one of the shell engine takes longer.
SAMPLE = {name: 12 if scene.engine == "python" else 6 for name, scene in SCENES.items()}
_SERVICE = "/etc/systemd/system/multi-user.target.wants/azready.service"
# What did harm once, seen by a longer search: scene, way, key of the point, number of the point.
MENDED = [
    # The media was given up where its folder could not be made, and Ready said of a machine without its password.
    ("provision-python-live-media", "ENOSPC once", "mkdir /run/azready/media", 1),
    # Generalized, it said, and had done nothing: what failed had no place to be noted.
    ("generalize-dash-live", "ENOSPC for good", "open /run/azready.N/sizes", 1),
    # What tells who leaves, how it was called and that the service has to start was gone before the rest was done.
    ("generalize-dash-live", "EIO once", "open /etc/.passwd.azready", 1),
    ("generalize-dash-root", "EIO once", "setxattr /etc/.hosts.azready", 1),
    ("generalize-dash-live", "EACCES once", f"symlink {_SERVICE}", 1),
    # A tool that was killed had found nothing.
    ("generalize-dash-root", "kill", "pipe sed", 1),
    ("uninstall-dash-live", "kill", "pipe sh", 5),
]


@pytest.mark.parametrize("name", SAMPLE)
def test_no_call_that_is_disturbed_does_harm(name: str, tmp_path: Path) -> None:
    need()
    attack = Attack(SCENES[name], tmp_path)
    mended = [(WAYS[way], Point(key, number)) for scene, way, key, number in MENDED if scene == name]
    outcomes = [attack.attempt(*job) for job in [*mended, *spread(attack.points, SAMPLE[name])]]
    wrong = [outcome for outcome in outcomes if outcome.problems]
    assert not wrong, "\n\n".join(f"{outcome}\n{outcome.log}" for outcome in wrong)
    # What was to be disturbed came again, and what is named here is still there to be named.
    assert all(outcome.met for outcome in outcomes[: len(mended)])
    assert sum(bool(outcome.met) for outcome in outcomes) * 2 > len(outcomes)
