"""Debian's WALinuxAgent provisions against the emulator: protocol, reader of the media, reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .machine import PATIENCE, Machine

# The first test of a fresh clone makes the root file system, beside all others.
pytestmark = pytest.mark.timeout(900)

KEY = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDAAAAA ada@example"
VM: dict[str, Any] = {
    "vm": {"id": "0d5e6f7a-1b2c-4d3e-9f80-6a7b8c9d0e1f", "name": "resource-7", "hostname": "walinux-7"},
    "media": {
        "username": "ada",
        "custom_data": "hello",
        "public_keys": [{"path": "/home/ada/.ssh/authorized_keys", "value": KEY, "fingerprint": "AB12"}],
    },
}
# Debian leaves provisioning to cloud-init, which is in this tree as well. The network is up, as its unit asks for.
CONFIGURE = """
find /etc/systemd/system /etc/rc?.d -name '*cloud-*' -prune -exec rm -rf {} +
sed -i 's/^Provisioning.Agent=.*/Provisioning.Agent=waagent/; s/^ResourceDisk.Format=y/ResourceDisk.Format=n/' \\
	/etc/waagent.conf
printf 'auto eth0\\niface eth0 inet dhcp\\n' >>/etc/network/interfaces
ifup eth0
"""
# What it asks for before it says that it is at work, in one order or another.
ON_ITS_WAY = {"versions 200", "goalstate 200", "hostplugin 404", "config 200", "certificates 200"}


def test_it_provisions(tmp_path: Path) -> None:
    with Machine(tmp_path, **VM) as machine:
        machine.run(CONFIGURE)
        machine.start("exec waagent -daemon")
        assert machine.verdict() == "Succeeded"
        seen = machine.requests
        reports = [number for number, request in enumerate(seen) if request == "health 200"]
        assert len(reports) == 2
        assert set(seen[: reports[0]]) == ON_ITS_WAY
        assert machine.run("hostname; cat /etc/hostname").split() == ["walinux-7", "walinux-7"]
        assert machine.run("id -u ada").strip() == "1000"
        assert machine.run("cat ~ada/.ssh/authorized_keys").strip() == KEY
        # Behind Ready: `Metadata: True`, and an api-version of its own.
        machine.emulator.wait_for(r" imds +GET +/metadata/instance/compute\?api-version=2018-02-01 +200 ", PATIENCE)
        # The media says that extensions are not wanted.
        machine.run("test -e /var/lib/waagent/disable_agent")


@pytest.mark.parametrize("prefix", ["wa", "ns1", ""])
def test_it_reads_the_media_as_it_was_meant(tmp_path: Path, prefix: str) -> None:
    media = {**VM["media"], "prefix": prefix, "password": "p<&>'\"", "disable_password": "false"}
    program = (
        "import json; from azurelinuxagent.common.protocol.ovfenv import OvfEnv; "
        "print(json.dumps(vars(OvfEnv(open('/mnt/cdrom/secure/ovf-env.xml').read()))))"
    )
    with Machine(tmp_path, **{**VM, "media": media}) as machine:
        found = json.loads(machine.run(f'python3 -c "{program}"'))
    assert found == {
        "hostname": "walinux-7",
        "username": "ada",
        "user_password": "p<&>'\"",
        "customdata": "aGVsbG8=",
        "disable_ssh_password_auth": False,
        "ssh_pubkeys": [["/home/ada/.ssh/authorized_keys", "AB12", KEY]],
        "ssh_keypairs": [],
        "provision_guest_agent": "false",
    }


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        ("/UserName/d", "UserName not found"),
        # What the emulator wrote once. A reader that took it would let the emulator write it again.
        ("s/wa:ProvisioningSection/oe:ProvisioningSection/", "ProvisioningSection not found"),
        ("s/wa:PlatformSettingsSection/oe:PlatformSettingsSection/", "PlatformSettingsSection not found"),
    ],
)
def test_its_failure_reaches_the_platform(tmp_path: Path, spoil: str, cause: str) -> None:
    """It does not like the media, and says so in its own words."""
    with Machine(tmp_path, **VM) as machine:
        machine.run(f"{CONFIGURE}\nsed -i '{spoil}' /mnt/cdrom/secure/ovf-env.xml")
        machine.start("exec waagent -daemon")
        assert machine.verdict() == f"Failed [ProtocolError] Failed to validate OVF: {cause}"
