"""Who the machine is to Azure, and what follows from that for the machine."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from lab.emulator import VirtualMachine

# A good VM that brings all there is. Names that no image has: every trace of them is one.
_VM = """\
[vm]
id = "b3c4a1d{number}-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
generation = {number}
name = "{hostname}"
hostname = "{hostname}"
[metadata.compute]
osProfile = {{ adminUsername = "{user}", computerName = "{hostname}", disablePasswordAuthentication = "false" }}
publicKeys = [{{ path = "/home/{user}/.ssh/authorized_keys", keyData = "{key}\\r\\n" }}]
userData = "{user_data}"
[media]
username = "{user}"
password = "{password}"
custom_data = "#cloud?\\nit's: data of {hostname}\\n"
disable_password = "false"
public_keys = [{{ path = "/home/{user}/.ssh/authorized_keys", value = "{key}" }}]
"""
_DEPLOYMENTS = {
    1: {"user": "livebob", "hostname": "live-web-2", "password": "correct 'horse' battery"},
    2: {"user": "liveada", "hostname": "live-web-1", "password": "Tr0ub4dor&3 <horse>"},
}
_USER_DATA = bytes(range(256))


def write(generation: int, folder: Path, *, with_password: bool) -> Path:
    """The VM file of one of two deployments, in that folder: first comes generation 2."""
    names = dict(_DEPLOYMENTS[generation])
    if not with_password:
        names["password"] = ""
    blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + bytes([generation]) * 32
    key = f"ssh-ed25519 {base64.b64encode(blob).decode()} {names['user']}@live"
    file = folder / f"{names['hostname']}.toml"
    file.write_text(_VM.format(number=generation, key=key, user_data=base64.b64encode(_USER_DATA).decode(), **names))
    return file


@dataclass(frozen=True)
class Wanted:
    """What a machine must be, according to its VM file. Only for VM files without faults."""

    vm_id: str
    hostname: str
    user: str
    password: str
    keys: tuple[str, ...]
    custom_data: bytes
    user_data: bytes

    @property
    def secrets(self) -> list[str]:
        """What nobody may find in the captured image: in texts, and in what is kept of them."""
        keys = [key.split()[1] for key in self.keys]
        data = self.custom_data.decode("latin-1")
        return [word for word in (self.vm_id, self.hostname, self.user, self.password, *keys, data) if word]


def wanted(vm: VirtualMachine) -> Wanted:
    """What follows from a VM file."""
    compute, media = vm.instance["compute"], vm.media
    profile = compute.get("osProfile", {})
    given = [key["keyData"] for key in compute.get("publicKeys", [])] or [key.value for key in media.public_keys]
    return Wanted(
        vm_id=vm.id.lower(),
        hostname=profile.get("computerName") or media.hostname or vm.hostname or compute.get("name", ""),
        user=(profile.get("adminUsername") or media.username).strip(),
        password=media.password,
        keys=tuple(key.strip() for key in given),
        custom_data=_custom_data(vm),
        user_data=base64.b64decode(compute.get("userData", "")),
    )


def _custom_data(vm: VirtualMachine) -> bytes:
    media = vm.media
    if media.absent:
        return b""
    encoded = media.custom_data_base64 or media.custom_data_file_base64
    return media.custom_data.encode() or base64.b64decode(encoded)
