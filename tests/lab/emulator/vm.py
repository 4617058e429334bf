"""The emulated virtual machine as data: one class per table of the VM file, every key with its default.

Only meaning is here; how a file is read and what is refused in it is in `loading`.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .instance import PUBLIC_KEY, PUBLIC_KEY_PATH, default_instance, merged

# Every endpoint that [[answers.NAME]] can bend, with the server that has it.
ENDPOINTS = {
    "goalstate": "wireserver",
    "health": "wireserver",
    "versions": "wireserver",
    "health-json": "wireserver",
    "config": "wireserver",
    "certificates": "wireserver",
    "telemetry": "wireserver",
    "role-properties": "wireserver",
    "health-store": "wireserver",
    "hostplugin": "hostplugin",
    "imds": "imds",
}
# What agents and scripts of the field ask for: Afterburn 2017-08-01, WALinuxAgent 2018-02-01, cloud-init 2021-08-01 or
# 2019-06-01, Talos 2021-05-01, azure-init 2023-11-15; and some of those between, for what people write by hand.
API_VERSIONS = (
    *("2017-04-02", "2017-08-01", "2017-12-01", "2018-02-01", "2018-10-01", "2019-03-11", "2019-06-01", "2019-11-01"),
    *("2020-06-01", "2020-09-01", "2020-10-01", "2021-01-01", "2021-02-01", "2021-05-01", "2021-08-01", "2021-12-13"),
    *("2023-07-01", "2023-11-15"),
)
DROPS = ("connect", "request", "reset")
# How the body comes in chunks, and what follows an answer instead of the end of its connection.
CHUNKED = ("well", "badly", "unended")
ENDS = ("reset", "hang")


@dataclass(frozen=True)
class GoalState:
    """[goalstate]: what WireServer tells the VM about itself, and expects to find again in its report."""

    incarnation: int = 1
    container_id: str = "c0ffee00-0000-4000-8000-000000000001"
    instance_id: str = "d15ea5e0-0000-4000-8000-000000000002._web-1"
    moves_after: int = 0


@dataclass(frozen=True)
class PublicKey:
    """One entry of [[media.public_keys]]."""

    path: str = PUBLIC_KEY_PATH
    value: str = PUBLIC_KEY
    fingerprint: str = "6BE7A7C3C8A8F4B123CCA5D0C2F1BE4CA7B63ED7"


@dataclass(frozen=True)
class Media:
    """[media]: the content of ovf-env.xml. An empty text leaves its element out; hostname None is the VM's.

    `custom_data_base64` stands in CustomData as it is, for bytes that are no text, or no base64;
    `custom_data_file_base64` is decoded into a file CustomData.bin beside it.
    """

    hostname: str | None = None
    username: str = "azureuser"
    password: str = ""
    custom_data: str = ""
    custom_data_base64: str = ""
    custom_data_file_base64: str = ""
    disable_password: str = "true"
    public_keys: tuple[PublicKey, ...] = (PublicKey(),)
    prefix: str = "wa"
    document: str | None = None
    guest_agent: str = "false"
    preprovisioned: str = "false"
    preprovisioned_type: str = "None"
    absent: bool = False


@dataclass(frozen=True)
class Platform:
    """[platform]: how this Azure behaves. `timeout` in seconds, `rate` in IMDS requests a second (0: no limit)."""

    timeout: float = 1200.0
    api_versions: tuple[str, ...] = API_VERSIONS
    rate: int = 5
    require_json: bool = False


@dataclass(frozen=True)
class Answer:
    """One [[answers.ENDPOINT]]: a fault. Without `status` the normal answer is made and then bent by the rest."""

    times: int = 1
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None
    body_base64: str | None = None
    delay: float = 0.0
    drip: float = 0.0
    truncate: int | None = None
    length: int | None = None
    drop: str = ""
    hang: bool = False
    raw_base64: str = ""
    before_base64: str = ""
    chunked: str = ""
    cut_head: int | None = None
    then: str = ""

    @property
    def silent(self) -> str:
        """The word for what happens instead of an HTTP response, or "" where there is one."""
        if self.drop:
            return "reset" if self.drop == "reset" else "drop"
        if self.hang:
            return "hang"
        return "raw" if self.raw_base64 else ""

    @property
    def raw(self) -> bytes:
        """The exact bytes to put on the wire instead of a response."""
        return base64.b64decode(self.raw_base64)

    @property
    def before(self) -> bytes:
        """The exact bytes to put on the wire before the response."""
        return base64.b64decode(self.before_base64)

    @property
    def replaced_body(self) -> bytes | None:
        """The body that replaces the normal one, or None."""
        if self.body_base64 is not None:
            return base64.b64decode(self.body_base64)
        return None if self.body is None else self.body.encode()


@dataclass(frozen=True)
class VirtualMachine:
    """One VM file: the keys of [vm] and the other tables. Immutable, so one can serve many emulators."""

    id: str = "b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
    generation: int = 2
    name: str = "web-1"
    hostname: str = "web-1"
    goalstate: GoalState = GoalState()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    media: Media = Media()
    platform: Platform = Platform()
    answers: Mapping[str, tuple[Answer, ...]] = field(default_factory=dict)

    @property
    def dmi_uuid(self) -> str:
        """What /sys/class/dmi/id/product_uuid shows: first three fields byte-swapped, upper case on generation 1."""
        if self.generation == 1:
            return str(uuid.UUID(bytes=uuid.UUID(self.id).bytes_le)).upper()
        return self.id.lower()

    @property
    def interface(self) -> Mapping[str, Any]:
        """The VM's first network card as IMDS shows it; empty where [metadata] took it away."""
        try:
            return dict(self.instance["network"]["interface"][0])
        except (LookupError, TypeError, ValueError):
            return {}

    @property
    def mac(self) -> str:
        """The card's address with colons, as a virtual machine needs it to be given; "" where IMDS tells none."""
        digits = str(self.interface.get("macAddress", "")).lower()
        return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))

    @property
    def address(self) -> str:
        """The card's IPv4 address; "" where IMDS tells none."""
        try:
            return str(self.interface["ipv4"]["ipAddress"][0]["privateIpAddress"])
        except (LookupError, TypeError):
            return ""

    @property
    def instance(self) -> dict[str, Any]:
        """The whole IMDS instance document, with `extended`, after [metadata] was merged over the default."""
        return merged(default_instance(self.id.lower(), self.name, self.hostname), self.metadata)
