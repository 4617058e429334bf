"""The Azure that a Linux VM sees while it is being provisioned: WireServer, IMDS, provisioning media, and a verdict.

Library use: `with Emulator(load_vm({})) as azure: ...`; command line: `lab serve`.
Needs Python 3.11 or newer and h11, which the built azready-lab.pyz has in it.
"""

from __future__ import annotations

from .azure import Emulator
from .loading import VMError, load_vm
from .media import write_media
from .record import Request
from .vm import ENDPOINTS, VirtualMachine

__all__ = ["ENDPOINTS", "Emulator", "Request", "VMError", "VirtualMachine", "load_vm", "write_media"]
