"""Debian's cloud-init provisions against the emulator: its Azure datasource, its reader of the media, its reports."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from .machine import Machine

# The first test of a fresh clone makes the root file system, beside all others.
pytestmark = pytest.mark.timeout(900)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC ada@example"
VM: dict[str, Any] = {
    "vm": {"id": "0d5e6f7a-1b2c-4d3e-9f80-6a7b8c9d0e1f", "name": "resource-7", "hostname": "cloudy-7"},
    "metadata": {
        "compute": {
            "osProfile": {"adminUsername": "ada"},
            "publicKeys": [{"path": "/home/ada/.ssh/authorized_keys", "keyData": f"{KEY}\r\n"}],
        }
    },
    "media": {
        "username": "ada",
        "custom_data": "#!/bin/sh\ntrue\n",
        "public_keys": [{"path": "/home/ada/.ssh/authorized_keys", "value": KEY, "fingerprint": "AB12"}],
    },
}
# ds-identify, which systemd would start, finds Azure by the chassis. There is no disk here that could grow.
CONFIGURE = """
cat >/etc/cloud/cloud.cfg.d/99_here.cfg <<'EOF'
datasource_list: [ Azure ]
growpart: {mode: 'off'}
resize_rootfs: false
EOF
"""
# Its own reader says what is on the media.
READ = """python3 -c '
import json
import re
from cloudinit.sources.DataSourceAzure import OvfEnvXml
with open("/mnt/cdrom/secure/ovf-env.xml") as file:
    found = vars(OvfEnvXml.parse_text(file.read()))
print(json.dumps({**found, "custom_data": found["custom_data"].decode()}))
'"""
OF_OVF = r"sed -i 's,\(</*\)wa:\(ProvisioningSection\|PlatformSettingsSection\),\1oe:\2,' /mnt/cdrom/secure/ovf-env.xml"
LOCAL = f"{CONFIGURE}\ncloud-init init --local"


def test_it_provisions(tmp_path: Path) -> None:
    with Machine(tmp_path, **VM) as machine:
        machine.run(LOCAL)
        assert machine.verdict() == "Succeeded"
        assert machine.requests == ["imds 200", "goalstate 200", "health 200"]
        # It configures the card by the MAC that IMDS tells, and waits minutes for one that is not there.
        assert machine.run("cat /sys/class/net/eth0/address").strip() == machine.vm.mac
        assert "iface eth0 inet dhcp" in machine.run("cat /etc/network/interfaces.d/*")
        machine.run("cloud-init init")
        assert machine.run("hostname; cat /etc/hostname").split() == ["cloudy-7", "cloudy-7"]
        assert machine.run("id -u ada").strip() == "1000"
        assert machine.run("cat ~ada/.ssh/authorized_keys").strip() == KEY
        assert machine.run("cat /var/lib/cloud/data/instance-id").strip() == machine.vm.id
        assert machine.run("cat /var/lib/cloud/instance/user-data.txt") == "#!/bin/sh\ntrue\n"


@pytest.mark.parametrize("prefix", ["wa", "ns1", ""])
def test_it_reads_the_media_as_it_was_meant(tmp_path: Path, prefix: str) -> None:
    media = {**VM["media"], "prefix": prefix, "password": "p<&>'\"", "disable_password": "false"}
    with Machine(tmp_path, **{**VM, "media": media}) as machine:
        found = json.loads(machine.run(READ))
    # Newer ones read one thing more.
    assert found.pop("provision_guest_proxy_agent", False) is False
    assert found == {
        "username": "ada",
        "password": "p<&>'\"",
        "hostname": "cloudy-7",
        "custom_data": "#!/bin/sh\ntrue\n",
        "disable_ssh_password_auth": False,
        "public_keys": [{"fingerprint": "AB12", "path": "/home/ada/.ssh/authorized_keys", "value": KEY}],
        "preprovisioned_vm": False,
        "preprovisioned_vm_type": "None",
    }


def test_its_failure_reaches_the_platform(tmp_path: Path) -> None:
    """A media that is no XML: it says so in its own words."""
    media = {"document": "<Environment><oops>"}
    with Machine(tmp_path, **{**VM, "media": media}) as machine:
        machine.run(f"{LOCAL} || :")
        verdict = machine.verdict()
        # The words of 22.4, and of later ones.
        assert re.match("Failed (The VM encountered an error|result=error.reason=error parsing ovf-env.xml)", verdict)
        assert "https://aka.ms/linuxprovisioningerror" in verdict


def test_it_refuses_a_media_whose_sections_are_of_ovf(tmp_path: Path) -> None:
    """What the emulator wrote once. A reader that took it would let the emulator write it again."""
    with Machine(tmp_path, **VM) as machine:
        said = machine.run(f"{OF_OVF}\n{READ} 2>&1 || :")
    assert "NonAzureDataSource: Ignoring non-Azure ovf-env.xml: ProvisioningSection not found" in said
