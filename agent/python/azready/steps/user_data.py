"""The step `user-data`."""

from __future__ import annotations

from azready.azure.run import Run
from azready.steps import data


def step_user_data(run: Run) -> str:
    """Save userData of IMDS."""
    return data.save_decoded(run, "user-data", run.wanted.user_data)
