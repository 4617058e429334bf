"""What the platform asks for: the instance document of IMDS and the provisioning media in one."""

from __future__ import annotations

from typing import Any

from . import imds
from .run import Run, Wanted


def read_wanted(run: Run) -> None:
    """Learn everything that the steps need. Raises Failure when nobody says."""
    run.wanted = from_metadata(imds.read_metadata(run))


def from_metadata(document: dict[str, Any]) -> Wanted:
    """What IMDS asks for."""
    compute, profile = "compute", "compute.osProfile"
    names = [imds.text(document, f"{profile}.computerName"), imds.text(document, f"{compute}.name")]
    entries = imds.value(document, f"{compute}.publicKeys")
    keys = [imds.value(entry, "keyData") for entry in entries] if isinstance(entries, list) else []
    disabled = imds.word(document, f"{profile}.disablePasswordAuthentication")
    return Wanted(
        hostname=next((name for name in names if name.strip(" \t\r\n")), ""),
        admin_user=imds.text(document, f"{profile}.adminUsername"),
        keys=tuple(key for key in keys if isinstance(key, str)),
        password_login={"true": False, "false": True}.get(disabled),
        user_data=imds.text(document, f"{compute}.userData"),
    )
