"""The step `custom-data`."""

from __future__ import annotations

from azready.azure.run import Run
from azready.steps import data


def step_custom_data(run: Run) -> str:
    """Save customData of the provisioning media."""
    if not run.wanted.custom_data:
        return data.save(run, "custom-data", run.wanted.custom_data_file)
    return data.save_decoded(run, "custom-data", run.wanted.custom_data)
