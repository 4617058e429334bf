"""What the platform asks for: the instance document of IMDS and the provisioning media in one."""

from __future__ import annotations

from typing import Any

from azready.azure import imds
from azready.azure.media import read_media
from azready.azure.run import Run, Wanted
from azready.machine import log
from azready.machine.failure import Failure

_BLANKS = " \t\r\n"
# The steps that need what only the media may tell.
_STEPS_OF_MEDIA = {"user", "ssh-keys", "password", "custom-data"}


def read_wanted(run: Run) -> None:
    """Learn everything that the steps need. Raises Failure when neither IMDS nor the media says anything."""
    try:
        document = imds.read_metadata(run)
    except Failure as failure:
        if failure.reason not in ("imds_unreachable", "imds_refused"):
            raise
        media = read_media(run, expected=True)
        if not media:
            raise
        log.warning(f"{failure}: going on with the provisioning media alone")
        document = {}
    else:
        media = _media_beside(run, document) if _STEPS_OF_MEDIA & set(run.steps) else None
    run.wanted = merged(document, media or Wanted())
    _refuse_preprovisioned(run.wanted.preprovisioned)


def _refuse_preprovisioned(kind: str) -> None:
    """A machine of a pool is made ahead and gets its owner's name, user and keys later, by ways of its own.

    What azready could set now belongs to nobody, and Ready would hand over such a machine. Raises Failure.
    """
    if kind:
        log.warning(
            f"this VM is pre-provisioned ({kind}): its real identity comes later, and azready cannot wait for it"
        )
        raise Failure("preprovisioned_vm", {"kind": kind})


def _media_beside(run: Run, document: dict[str, Any]) -> Wanted | None:
    """The media where IMDS has answered: whatever is wrong with it, most machines need nothing of it."""
    told = from_metadata(document)
    has_custom_data = imds.word(document, "extended.compute.hasCustomData") == "true"
    try:
        return read_media(run, expected=has_custom_data or told.password_login is True or not told.admin_user)
    except Failure as failure:
        log.warning(f"provisioning media: {failure}; going on with IMDS alone")
        return None


def merged(document: dict[str, Any], media: Wanted) -> Wanted:
    """IMDS wins where both speak; password and custom data come from the media, user data from IMDS."""
    told = from_metadata(document)
    names = (told.hostname, media.hostname, imds.text(document, "compute.name"))
    return media._replace(
        hostname=_first_given(*names).strip(_BLANKS),
        admin_user=_first_given(told.admin_user, media.admin_user).strip(_BLANKS),
        names_user=told.names_user,
        keys=tuple(filter(_is_given, told.keys)) or tuple(filter(_is_given, media.keys)),
        password_login=media.password_login if told.password_login is None else told.password_login,
        password=_first_given(media.password),
        custom_data=_first_given(media.custom_data),
        user_data=_first_given(told.user_data),
        preprovisioned=told.preprovisioned or media.preprovisioned,
    )


def from_metadata(document: dict[str, Any]) -> Wanted:
    """What IMDS asks for."""
    profile = "compute.osProfile"
    entries = imds.value(document, "compute.publicKeys")
    keys = [imds.value(entry, "keyData") for entry in entries] if isinstance(entries, list) else []
    admin_user = imds.text(document, f"{profile}.adminUsername")
    disabled = imds.word(document, f"{profile}.disablePasswordAuthentication")
    # Running, Savable, OSDisk, PreprovisionedOSDisk, Unknown, and what is yet to come.
    pool = imds.text(document, "extended.compute.ppsType").strip(_BLANKS)
    return Wanted(
        hostname=imds.text(document, f"{profile}.computerName"),
        admin_user=admin_user.strip(_BLANKS),
        names_user=bool(admin_user),
        keys=tuple(key for key in keys if isinstance(key, str)),
        password_login={"true": False, "false": True}.get(disabled),
        user_data=imds.text(document, "compute.userData"),
        preprovisioned="" if pool.lower() == "none" else pool,
    )


def _is_given(text: str) -> bool:
    return bool(text.strip(_BLANKS))


def _first_given(*texts: str) -> str:
    return next(filter(_is_given, texts), "")
