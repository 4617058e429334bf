"""The steps `custom-data` and `user-data`: the exact bytes that the user handed over, and starting them if asked to."""

from __future__ import annotations

from .run import SKIPPED, Run


def step_custom_data(run: Run) -> str:
    """Save customData of the provisioning media."""
    return SKIPPED


def step_user_data(run: Run) -> str:
    """Save userData of IMDS."""
    return SKIPPED
