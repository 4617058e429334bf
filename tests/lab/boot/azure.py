"""Azure around one virtual machine: a network with the real addresses, DHCP as Azure answers it, the emulator.

The machine's network card is a tap device in a network namespace that only this machine has. Both Azure addresses lie
on its loopback and are reached through the router, as on the platform; QEMU's own user-mode network could not send the
DHCP options 121 and 245.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import emulator
from lab.azure import ADDRESS, ROUTER, dhcp, environment, serve
from lab.namespace import Namespace
from lab.process import Process

from .timeline import knock

TAP = "tap0"
# The emulator's admin user.
USER = "azureuser"
_KEYS = f"/home/{USER}/.ssh/authorized_keys"
# The addresses can be listened on before they exist: that is how a server can come late without being started late.
_NETWORK = f"""
echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind
ip tuntap add {TAP} mode tap
ip address add {ROUTER}/24 dev {TAP}
ip link set {TAP} up
"""


@dataclass(frozen=True)
class Identity:
    """Who the machine is to Azure: what tells one deployment from another."""

    vm_id: str
    hostname: str
    public_key: str = ""
    password: str = ""
    custom_data: str = ""

    @property
    def file(self) -> str:
        """The emulator's VM file. Generation 1, because these machines start from a BIOS."""
        place = f"path = {json.dumps(_KEYS)}"
        key = json.dumps(self.public_key)
        return (
            f'[vm]\nid = "{self.vm_id}"\ngeneration = 1\nname = "{self.hostname}"\nhostname = "{self.hostname}"\n'
            f"[metadata.compute]\npublicKeys = [{{ {place}, keyData = {key} }}]\n"
            f"[media]\npassword = {json.dumps(self.password)}\ncustom_data = {json.dumps(self.custom_data)}\n"
            f"[[media.public_keys]]\n{place}\nvalue = {key}\n"
        )

    @property
    def dmi_uuid(self) -> str:
        """What SMBIOS must say."""
        return emulator.load_vm({"vm": {"id": self.vm_id, "generation": 1}}).dmi_uuid

    @property
    def mac(self) -> str:
        """The network card's address: IMDS tells it, and cloud-init waits minutes for a card that has it."""
        return emulator.load_vm({}).mac


@dataclass
class Azure:
    """Everything outside the machine, from `start` to `stop`. `folder` gets the logs."""

    identity: Identity
    folder: Path
    processes: list[Process] = field(default_factory=list)
    network: Namespace = field(default_factory=lambda: Namespace(_NETWORK))

    def start(self) -> None:
        """A network without DHCP and without the two addresses, and the emulator behind them."""
        self.network.start()
        (self.folder / "vm.toml").write_text(self.identity.file)
        self.record = self.folder / "requests"
        command = serve(self.folder / "vm.toml", "--record", self.record, "--media", self.folder / "media")
        self.emulator = self._run("emulator", self.inside(*command), env=environment())
        self.emulator.wait_for("^{", 20)

    def _run(self, name: str, command: Sequence[Any], **options: Any) -> Process:
        process = Process(name, command, self.folder / name, **options)
        self.processes.append(process)
        return process

    def inside(self, *command: Any) -> list[str]:
        """The command, to be run in the machine's network."""
        return self.network.joined(("net",), *map(str, command))

    def bring_up(self, address: str) -> None:
        """One of Azure's addresses exists from now on; without it packets to it are lost."""
        subprocess.run(self.inside("ip", "address", "add", f"{address}/32", "dev", "lo"), check=True)

    def serve_dhcp(self) -> None:
        """Answer the machine as Azure's DHCP server does."""
        self.dhcp = self._run("dhcp", self.inside(*dhcp(TAP, self.folder / "leases")))

    def knock(self) -> Process:
        """Wait for the machine's SSH server."""
        return self._run("ssh", self.inside(*knock(ADDRESS)))

    def media(self) -> Path:
        """The provisioning media as Azure's DVD: an UDF file system (with ISO 9660 for who knows no UDF)."""
        image = self.folder / "media.iso"
        subprocess.run(["genisoimage", "-quiet", "-udf", "-o", image, self.folder / "media"], check=True)
        return image

    @property
    def verdict(self) -> str:
        """What the platform thinks now."""
        changes = re.findall(r" verdict +\w+ -> (\w+)", self.emulator.output)
        return changes[-1] if changes else "Creating"

    @property
    def published(self) -> str:
        """The name that the DHCP server gave an address to last, as its log shows it; empty where it heard of none."""
        names = re.findall(rf"DHCPACK\({TAP}\) {re.escape(ADDRESS)} \S+ ?(\S*)$", self.dhcp.output, re.MULTILINE)
        return names[-1] if names else ""

    @property
    def requests(self) -> list[str]:
        """Endpoint and answer of every request so far."""
        rows = [json.loads(line) for line in self.record.read_text().splitlines()]
        return [f"{row['endpoint']} {row['answer']}" for row in rows]

    def stop(self) -> None:
        """End all of it, the network last."""
        for process in reversed(self.processes):
            process.stop()
        self.network.stop()
