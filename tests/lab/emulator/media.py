"""The provisioning media: the ovf-env.xml that Azure puts on a DVD for the first boot."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from .vm import Media, PublicKey, VirtualMachine

_OVF = "http://schemas.dmtf.org/ovf/environment/1"
_AZURE = "http://schemas.microsoft.com/windowsazure"
_INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"


def write_media(vm: VirtualMachine, directory: Path) -> Path | None:
    """Write ovf-env.xml and CustomData.bin into the directory, made if need be, as a mounted DVD would show them.

    Returns the path of ovf-env.xml, None for absent media.
    """
    if vm.media.absent:
        return None
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "ovf-env.xml"
    path.write_text(ovf_environment(vm), encoding="utf-8", newline="")
    if vm.media.custom_data_file_base64:
        (directory / "CustomData.bin").write_bytes(base64.b64decode(vm.media.custom_data_file_base64))
    return path


def ovf_environment(vm: VirtualMachine) -> str:
    """The text of ovf-env.xml: [media] filled in, or its `document` as it is.

    Only the root is OVF's; all below it, the two sections included, has Azure's namespace. cloud-init and WALinuxAgent
    refuse anything else.
    """
    if vm.media.document is not None:
        return vm.media.document
    prefix = f"{vm.media.prefix}:" if vm.media.prefix else ""
    azure = f"xmlns:{vm.media.prefix}" if vm.media.prefix else "xmlns"
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<oe:Environment xmlns:oe="{_OVF}" {azure}="{_AZURE}" xmlns:xsi="{_INSTANCE}">',
        f"  <{prefix}ProvisioningSection>",
        f"    <{prefix}Version>1.0</{prefix}Version>",
        f'    <{prefix}LinuxProvisioningConfigurationSet xmlns:i="{_INSTANCE}">',
        *(f"      {line}" for line in _configuration(vm, prefix)),
        f"    </{prefix}LinuxProvisioningConfigurationSet>",
        f"  </{prefix}ProvisioningSection>",
        f"  <{prefix}PlatformSettingsSection>",
        f"    <{prefix}Version>1.0</{prefix}Version>",
        f"    <{prefix}PlatformSettings>",
        *(f"      {line}" for line in _platform_settings(vm.media, prefix)),
        f"    </{prefix}PlatformSettings>",
        f"  </{prefix}PlatformSettingsSection>",
        "</oe:Environment>",
    ]
    return "\n".join(lines) + "\n"


def _configuration(vm: VirtualMachine, prefix: str) -> Iterator[str]:
    media = vm.media
    values = {
        "ConfigurationSetType": "LinuxProvisioningConfiguration",
        "HostName": vm.hostname if media.hostname is None else media.hostname,
        "UserName": media.username,
        "UserPassword": media.password,
        "DisableSshPasswordAuthentication": media.disable_password,
        "CustomData": media.custom_data_base64 or base64.b64encode(media.custom_data.encode()).decode(),
    }
    yield from (_element(prefix, name, value) for name, value in values.items() if value)
    if media.public_keys:
        yield from _ssh(media, prefix)


def _ssh(media: Media, prefix: str) -> Iterator[str]:
    yield f"<{prefix}SSH>"
    yield f"  <{prefix}PublicKeys>"
    for key in media.public_keys:
        yield f"    <{prefix}PublicKey>{_public_key(key, prefix)}</{prefix}PublicKey>"
    yield f"  </{prefix}PublicKeys>"
    yield f"</{prefix}SSH>"


def _public_key(key: PublicKey, prefix: str) -> str:
    values = {"Fingerprint": key.fingerprint, "Path": key.path, "Value": key.value}
    return "".join(_element(prefix, name, value) for name, value in values.items() if value)


def _platform_settings(media: Media, prefix: str) -> Iterator[str]:
    values = {
        "KmsServerHostname": "azkms.core.windows.net",
        "ProvisionGuestAgent": media.guest_agent,
        "ProvisionGuestProxyAgent": "false",
        "PreprovisionedVm": media.preprovisioned,
        "PreprovisionedVMType": media.preprovisioned_type,
    }
    return (_element(prefix, name, value) for name, value in values.items() if value)


def _element(prefix: str, name: str, value: str) -> str:
    return f"<{prefix}{name}>{escape(value)}</{prefix}{name}>"
