"""What a figure means nothing without: when it was taken, with which versions, on what kind of machine."""

from __future__ import annotations

import datetime
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

from conformance.facts import project_version

from .place import PATH

_ASKED = {
    "python3": ["python3", "--version"],
    "curl": ["curl", "--version"],
    "bash": ["bash", "--version"],
    "busybox": ["busybox"],
    "dash": ["dpkg-query", "--show", "--showformat", "${Version}", "dash"],
    "strace": ["strace", "--version"],
}


def facts() -> dict[str, Any]:
    """Date, versions and the kind of machine; nothing that tells which one."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "azready": project_version(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "processor": _processor(),
        "processors": os.cpu_count(),
        "versions": {name: version for name, command in _ASKED.items() if (version := _version(command))},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _version(command: list[str]) -> str:
    try:
        done = subprocess.run(command, env={"PATH": PATH}, capture_output=True, text=True)
    except OSError:
        return ""
    found = re.search(r"[0-9]+\.[0-9.]+", done.stdout)
    return found[0].rstrip(".") if found else ""
