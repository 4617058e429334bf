"""A drive in azready's own place, where nobody else looks: the password is on it."""

from __future__ import annotations

import re

from azready.machine import log
from azready.machine.system import System

# A drive may have to spin up first.
MOUNT_SECONDS = 30.0


def place(system: System) -> str:
    """Where it is mounted."""
    return f"{system.run_directory}/media"


def release(system: System) -> None:
    """Unmount what a run that was cut off has left mounted."""
    if system.live and is_mounted(system):
        log.info(f"provisioning media: unmounting {place(system)}, which a run that was cut off left mounted")
        unmount(system)
    if system.is_directory(place(system)):
        system.remove_directory(place(system))


def unmount(system: System) -> None:
    """At the latest when nobody uses it any more."""
    for words in (["umount", place(system)], ["umount", "-l", place(system)]):
        ended = system.command(words, seconds=MOUNT_SECONDS)
        if ended.status == 0:
            return
    log.warning(f"provisioning media: {place(system)} cannot be unmounted: {ended.last_line}")


def is_mounted(system: System) -> bool:
    """Whether something is mounted there."""
    lines = (system.read("/proc/mounts") or b"").decode("utf-8", "surrogateescape").split("\n")
    return any(line.split(" ")[1:2] == [system.path(place(system))] for line in lines)


def mounted_at(system: System, device: str) -> str:
    """Where the device is mounted already; empty where it is not."""
    names = (device, system.path(device)[len(system.root) :])
    for line in (system.read("/proc/mounts") or b"").decode("utf-8", "surrogateescape").split("\n"):
        words = line.split(" ")
        if len(words) > 1 and words[0] in names:
            # Blanks and the like stand there as \040.
            return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[1])
    return ""
