"""Nobody but root can read password, hash, custom data or instance document, at any moment of a run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from lab.emulator import Emulator

from trust.calls import Call
from trust.machine import Machine, need
from trust.scene import SECRETS, Scene, copy
from trust.secrets import Watch, as_nobody

SCENES = [Scene("python"), Scene("shell"), Scene("shell", shell="busybox"), Scene("shell", live=False)]


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_no_local_user_sees_a_secret_at_any_moment(scene: Scene, tmp_path: Path) -> None:
    need()
    image = scene.prepare(tmp_path)
    # Anybody may come as far as this.
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    # What the platform gives lies there from the start, for root alone.
    tree = copy(image, tmp_path / "tree")
    watch = Watch(SECRETS, tree, tmp_path / "run")
    with Machine(tree, tmp_path, live=scene.live) as machine, Emulator(scene.vm()) as azure:

        def decide(call: Call) -> int:
            watch.look(machine.processes())
            return 0

        ended = machine.run(scene.words(tmp_path, tree), scene.environment(tmp_path, azure), decide)
        watch.look(machine.processes())
        assert (ended.status, azure.verdict) == (0, "Succeeded"), ended.log
    assert sorted(watch.seen) == []
    # It did look.
    assert watch.processes > len(ended.calls) > 100
    assert watch.files > 20


def test_the_watch_sees_what_can_be_read(tmp_path: Path) -> None:
    need()
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    tmp_path.chmod(0o755)
    (tmp_path / "open").write_text(f"a {SECRETS[0]} b")
    (tmp_path / "hash").write_text("x:$6$salt$abcdefgh:1:")
    (tmp_path / "closed").write_text(SECRETS[0])
    (tmp_path / "closed").chmod(0o640)
    with as_nobody(), pytest.raises(PermissionError):
        (tmp_path / "closed").read_text()
    watch = Watch(SECRETS, tmp_path)
    with subprocess.Popen(["sleep", "60"], env={"SECRET": SECRETS[0]}) as process:
        watch.look([process.pid])
        process.kill()
    assert len(watch.seen) == 3
    assert not any("closed" in seen for seen in watch.seen)
