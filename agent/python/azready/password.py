"""The step `password`: the admin user's password as a hash, and whether the SSH server takes passwords."""

from __future__ import annotations

from .run import SKIPPED, Run


def step_password(run: Run) -> str:
    """Set the password that the provisioning media gives."""
    return SKIPPED
