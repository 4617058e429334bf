"""Where Azure is for a virtual machine: its addresses, its DHCP server, and the emulator as the program behind them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

WIRESERVER, IMDS = "168.63.129.16", "169.254.169.254"
ADDRESS, ROUTER = "10.0.0.4", "10.0.0.1"
# What DMI says on each of its machines.
ASSET_TAG = "7783-7084-3265-9085-8269-3286-77"
TESTS = Path(__file__).resolve().parents[1]

# From /32 to everything, the default route among them: a client that knows option 121 must not look at option 3.
_ROUTES = f"0.0.0.0/0,{ROUTER},{WIRESERVER}/32,{ROUTER},{IMDS}/32,{ROUTER}"
_OPTIONS = (f"3,{ROUTER}", f"6,{WIRESERVER}", f"121,{_ROUTES}", f"245,{WIRESERVER}")


def serve(vm: Path, *options: Any) -> list[str]:
    """The command of the emulator for this VM file, on both addresses, with this computer's Python."""
    where = ("--wireserver", f"{WIRESERVER}:80", "--imds", f"{IMDS}:80")
    return [sys.executable, "-m", "lab", "serve", "--vm", str(vm), *where, *map(str, options)]


def environment() -> dict[str, str]:
    """The variables that the emulator's command needs."""
    return {**os.environ, "PYTHONPATH": str(TESTS)}


def dhcp(interface: str, leases: Path) -> list[str]:
    """The command of a DHCP server that answers one machine as Azure's does, and logs what it hears and says."""
    return [
        *("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root", "--port=0", "--pid-file"),
        *("--log-facility=-", "--log-dhcp", f"--interface={interface}", "--dhcp-authoritative", "--no-ping"),
        *(f"--dhcp-range={ADDRESS},{ADDRESS},255.255.255.0,infinite", "--dhcp-broadcast", f"--dhcp-leasefile={leases}"),
        *(f"--dhcp-option-force={option}" for option in _OPTIONS),
    ]
