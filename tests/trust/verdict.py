"""What must be right: after a run that was disturbed, and after the undisturbed run that follows it."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from lab.emulator import Emulator
from lab.tree import Entry, differences, snapshot

from .machine import KILL, Ended, Left
from .scene import USER, Scene
from .way import Disturbance

MARKER = "/var/lib/azready/provisioned"
# What is not the image's, but the kernel's or this computer's.
_FOREIGN = ("/proc", "/dev", "/sys", "/tools", "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/share")
# What is there or not, and harms nobody: the lock of a run that was killed as its last act is nobody's,
# and its folder for the media is empty.
_UNSTEADY = (
    "/run",
    "/run/azready",
    "/run/azready/instance.json",
    "/run/azready/lock",
    "/run/azready/media",
    "/run/azready/.child.azready",
    # glibc's lock of accounts is Python's alone.
    "/etc/.pwd.lock",
    "/run/mount",
)
_ACCOUNTS = ("passwd", "group", "shadow", "gshadow")
# Without these nobody should have been told Ready.
_GIVEN = (
    *("/etc/hostname", "/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/ssh/sshd_config.d"),
    *("/home/", "/etc/sudoers.d", "/var/lib/azready/custom-data", "/root/hooked"),
)
# What a script that failed has not made, and where that is written down.
_OF_SCRIPT = ("/root/ran", "/var/lib/azready/status")
# What is not there without the provisioning media.
_OF_MEDIA = ("/etc/shadow", "/var/lib/azready/custom-data")
_TIMES = re.compile(rb"^(STARTED|FINISHED|\w*SECONDS\w*|READY\w*|TIME\w*|HTTP_CLIENT|ENGINE)=.*\n", re.MULTILINE)
_DURATION = re.compile(rb"^((?:STEP|SCRIPT)_\w+=\w+) .*$", re.MULTILINE)
_HASH = re.compile(rb":\$[^:]*:\d+:")
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT[\d:.]+Z")
_WORK = re.compile(r"azready\.\d+")


def look(tree: Path) -> dict[str, Entry]:
    """The image, without what is another in every run."""
    found = snapshot(tree, owners=True)
    return {
        path: _even(path, entry)
        for path, entry in found.items()
        if not path.startswith(_FOREIGN) and path not in _UNSTEADY
    }


def _even(path: str, entry: Entry) -> Entry:
    content = entry.content
    if path == "/var/lib/azready/status":
        # In which order the lines come tells how it was done, not what.
        content = b"\n".join(sorted(_DURATION.sub(rb"\1", _TIMES.sub(b"", content)).splitlines()))
    elif path.startswith("/etc/shadow"):
        content = _HASH.sub(b":$:0:", content)
    elif path.startswith("/var/lib/azready/report"):
        content = _STAMP.sub(b"then", content)
    return Entry(entry.kind, entry.mode, content, entry.owner)


def reports(azure: Emulator) -> list[str]:
    """What the platform was told and accepted: Ready, NotReady."""
    accepted = [sent for sent in azure.requests if sent.endpoint == "health" and sent.answer.startswith("2")]
    return ["NotReady" if b"NotReady" in sent.body else "Ready" for sent in accepted]


def after(
    scene: Scene, before: Path, tree: Path, right: dict[str, Entry], ended: Ended, azure: Emulator, hit: Disturbance
) -> list[str]:
    """What is wrong after the run that was disturbed."""
    way = hit.way
    found = [*_accounts(before, tree, "" if scene.command == "provision" else USER)]
    if way.act == KILL and ended.status == 128 + signal.SIGKILL:
        # The launcher tells how its Python ended.
        ended = replace(ended, status=-signal.SIGKILL)
    if way.signal and ended.status in (128 + way.signal, -way.signal):
        found += _signalled(tree)
        ended = replace(ended, status=None)
    if ended.hangs:
        found.append("hangs")
    if scene.command != "provision":
        return [*found, *_other_command(ended, tree, right, hit.refused)]
    told = reports(azure)
    if (tree / MARKER[1:]).exists() and "Ready" not in told:
        found.append("marker without an accepted Ready")
    if "Ready" in told:
        found += [f"Ready, but {line}" for line in _differences(right, look(tree), ended.log, _GIVEN)]
    return [*found, *_ending(ended, told, azure)]


def _signalled(tree: Path) -> Iterator[str]:
    """After a signal nothing is at work, and nothing says that it is."""
    yield from (f"after the signal there is {path.name}" for path in (tree / "run").glob("azready.*"))
    status = tree / "var/lib/azready/status"
    if status.exists() and "OUTCOME=running" in status.read_text():
        yield "after the signal the status is `running`"


def _ending(ended: Ended, told: list[str], azure: Emulator) -> Iterator[str]:
    """Whether its exit status says what it did."""
    if ended.status is None or ended.status < 0:
        return
    if ended.status == 0 and "Ready" not in told:
        yield "exit 0 without Ready"
    if ended.status == 1 and told[-1:] != ["NotReady"]:
        yield "exit 1, but the platform was not told"
    if ended.status == 1 and not _is_clear(azure.description):
        yield f"no clear report: {azure.description}"
    if ended.status == 3 and "NotReady" in told:
        yield "exit 3, but the platform was told"
    if ended.status in (1, 3) and "error:" not in ended.log and "not provisioned: " not in ended.log:
        yield f"exit {ended.status} without a reason"
    if ended.status not in (0, 1, 3):
        yield f"exit {ended.status}"


def _is_clear(description: str) -> bool:
    """Whether a report of a failure says what happened."""
    return "reason=" in description


def _other_command(ended: Ended, tree: Path, right: dict[str, Entry], refused: str) -> Iterator[str]:
    if ended.status == 0:
        lines = _differences(right, look(tree), ended.log)
        yield from (f"exit 0, but {line}" for line in lines if not (refused and line.startswith(refused)))
    elif ended.status and ended.status > 0 and "error:" not in ended.log:
        yield f"exit {ended.status} without a reason"


def _accounts(before: Path, tree: Path, leaving: str) -> Iterator[str]:
    """No line of the image's own account files was lost, but for that of a user who is to leave."""
    for name in _ACCOUNTS:
        file = tree / "etc" / name
        lines = file.read_text().splitlines() if file.exists() else []
        names = {line.split(":")[0] for line in lines}
        was = {line.split(":")[0] for line in (before / "etc" / name).read_text().splitlines()}
        if lost := was - names - {leaving}:
            yield f"/etc/{name} lost {len(lost)} lines"


def at_last(tree: Path, right: dict[str, Entry], log: str, left: Left, again: Ended, refused: str = "") -> list[str]:
    """What is wrong after the undisturbed run: it must look as if there had been no other. `log`: of the first.

    `refused`: what begins so could not be taken away.
    """
    found = [] if again.status == 0 else [f"the next run: exit {again.status}, {again.log.strip()[-300:]}"]
    lines = _differences(right, look(tree), log)
    found += [f"in the end {line}" for line in lines if not (refused and line.startswith(refused))]
    found += [f"still running: {command}" for command in left.processes]
    found += [f"still mounted: {place}" for place in left.mounts]
    return found


def leftovers(run: Path, refused: str = "") -> list[str]:
    """Work directories in this computer's own /run, but for what could not be taken away."""
    left = [path.name for path in run.glob("azready*") if not (refused and f"/run/{path.name}".startswith(refused))]
    return [f"left: {_WORK.sub('azready.N', name)}" for name in left]


def _differences(
    right: dict[str, Entry], now: dict[str, Entry], log: str, below: Iterable[str] = ("/",)
) -> Iterator[str]:
    """Those that no warning has told."""
    warnings = [line for line in log.splitlines() if "warning:" in line]
    for line in differences(right, now):
        path = line.split(" ")[0]
        if path.startswith(tuple(below)) and not any(_tells(warning, path) for warning in warnings):
            yield line


def _tells(warning: str, path: str) -> bool:
    script = path in _OF_SCRIPT and "the script ended with status" in warning
    if "password and custom data are out of reach" in warning:
        return path in (*_OF_MEDIA, *_OF_SCRIPT)
    return script or path in warning or os.path.dirname(path) in warning.split()
