"""A shell script that may mount, name the machine and start processes: none of it is seen outside."""

from __future__ import annotations

import os
import subprocess

from support import leave_out, need

# Never a real network address, whatever goes wrong.
NOWHERE = {"AZREADY_WIRESERVER": "127.0.0.1:9", "AZREADY_IMDS": "127.0.0.1:9", "AZREADY_DEADLINE": "2"}


def inside_namespaces(script: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a shell script with mounts, processes and a hostname of its own."""
    need("unshare", "makes the namespaces")
    if os.geteuid() != 0:
        leave_out("root makes namespaces")
    command = ["unshare", "--mount", "--uts", "--pid", "--fork", "--kill-child", "sh", "-euc", script]
    environment = {"PATH": os.environ["PATH"], **NOWHERE, **environment}
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
