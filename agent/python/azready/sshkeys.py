"""The step `ssh-keys`: the public keys, where the SSH server of this system looks for them."""

from __future__ import annotations

from .run import SKIPPED, Run


def step_ssh_keys(run: Run) -> str:
    """Add the keys that are not there yet."""
    return SKIPPED
