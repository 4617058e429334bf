"""Who am I: the VM id, and whether this is Azure at all."""

from __future__ import annotations

import re

from azready.azure.run import Run
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.tables import PROTOCOL

_DMI = "/sys/class/dmi/id"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def foreign_asset_tag(system: System) -> str:
    """The chassis asset tag where it says that this is not Azure; empty on Azure, and where there is no DMI."""
    tag = _dmi(system, "chassis_asset_tag")
    return "" if tag == PROTOCOL["AZURE_ASSET_TAG"] else tag


def vm_id_from_dmi(system: System) -> str:
    """The VM id as Azure shows it, or empty where DMI holds none (clones must not share a zero id)."""
    uuid = _dmi(system, "product_uuid").lower()
    if not _UUID.fullmatch(uuid) or len(set(uuid)) <= 2:
        return ""
    generation_2 = system.exists("/sys/firmware/efi") or system.exists("/dev/efi")
    return uuid if generation_2 else swap_first_fields(uuid)


def identify(run: Run) -> None:
    """Learn the VM id, from DMI, else from IMDS. Raises Failure where neither has one."""
    found = vm_id_from_dmi(run.system)
    if not found:
        # `report` never asks it.
        from azready.azure import imds

        found = imds.text(imds.read_metadata(run), "compute.vmId").lower()
    if not _UUID.fullmatch(found):
        raise Failure("vm_id_unknown", {"value": found})
    run.vm_id = found


def swap_first_fields(uuid: str) -> str:
    """Byte-swap the first three fields: SMBIOS of a generation 1 VM keeps them little-endian."""
    first, second, third, rest = uuid.split("-", 3)
    swapped = [bytes.fromhex(field)[::-1].hex() for field in (first, second, third)]
    return "-".join([*swapped, rest])


def _dmi(system: System, name: str) -> str:
    text = (system.read(f"{_DMI}/{name}") or b"").decode("ascii", "replace")
    return re.sub(r"[\x00-\x1f\x7f]", "", text).strip(" ")
