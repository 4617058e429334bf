"""The default IMDS instance document (field names and values as a Standard_D2s_v5 shows them) and how it is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# In [metadata], this value removes a key of the default document.
ABSENT = "__absent__"

PUBLIC_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f azureuser@example"
PUBLIC_KEY_PATH = "/home/azureuser/.ssh/authorized_keys"

_SUBSCRIPTION = "5ab5c21b-0000-4000-8000-000000000003"
_GROUP = "demo"


def default_instance(vm_id: str, name: str, hostname: str) -> dict[str, Any]:
    """The document for a VM with these names; an empty hostname leaves osProfile.computerName out."""
    return {
        "compute": _compute(vm_id, name, hostname),
        "network": _network(),
        # Shown only to a request with extended=true.
        "extended": {"compute": {"hasCustomData": False, "ppsType": "None"}},
    }


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """A new document: tables are merged key by key, any other value replaces, "__absent__" removes."""
    result = dict(base)
    for key, value in changes.items():
        if value == ABSENT:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = merged(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = value
    return result


def _compute(vm_id: str, name: str, hostname: str) -> dict[str, Any]:
    os_profile = {"adminUsername": "azureuser", "computerName": hostname, "disablePasswordAuthentication": "true"}
    if not hostname:
        del os_profile["computerName"]
    group_path = f"/subscriptions/{_SUBSCRIPTION}/resourceGroups/{_GROUP}/providers"
    return {
        "azEnvironment": "AzurePublicCloud",
        "customData": "",
        "evictionPolicy": "",
        "isHostCompatibilityLayerVm": "false",
        "licenseType": "",
        "location": "westeurope",
        "name": name,
        "offer": "",
        "osProfile": os_profile,
        "osType": "Linux",
        "placementGroupId": "",
        "plan": {"name": "", "product": "", "publisher": ""},
        "platformFaultDomain": "0",
        "platformUpdateDomain": "0",
        "priority": "",
        "provider": "Microsoft.Compute",
        "publicKeys": [{"keyData": PUBLIC_KEY + "\r\n", "path": PUBLIC_KEY_PATH}],
        "publisher": "",
        "resourceGroupName": _GROUP,
        "resourceId": f"{group_path}/Microsoft.Compute/virtualMachines/{name}",
        "securityProfile": {"encryptionAtHost": "false", "secureBootEnabled": "false", "virtualTpmEnabled": "false"},
        "sku": "",
        "storageProfile": _storage(name, group_path),
        "subscriptionId": _SUBSCRIPTION,
        "tags": "purpose:demo",
        "tagsList": [{"name": "purpose", "value": "demo"}],
        "userData": "",
        "version": "",
        "vmId": vm_id,
        "vmScaleSetName": "",
        "vmSize": "Standard_D2s_v5",
        "zone": "",
    }


def _storage(name: str, group_path: str) -> dict[str, Any]:
    return {
        "dataDisks": [],
        "imageReference": {"id": f"{group_path}/Microsoft.Compute/images/demo-image"},
        "osDisk": {
            "caching": "ReadWrite",
            "createOption": "FromImage",
            "diskSizeGB": "30",
            "managedDisk": {"storageAccountType": "Premium_LRS"},
            "name": f"{name}_OsDisk_1",
            "osType": "Linux",
            "writeAcceleratorEnabled": "false",
        },
        "resourceDisk": {"size": "0"},
    }


def _network() -> dict[str, Any]:
    return {
        "interface": [
            {
                "ipv4": {
                    "ipAddress": [{"privateIpAddress": "10.0.0.4", "publicIpAddress": ""}],
                    "subnet": [{"address": "10.0.0.0", "prefix": "24"}],
                },
                "ipv6": {"ipAddress": []},
                "macAddress": "000D3A123456",
            }
        ]
    }
