"""A virtual machine: QEMU with the identity that Azure gives, its console, and a shell that looks around inside."""

from __future__ import annotations

import os
import re
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import support

from lab.azure import ASSET_TAG
from lab.process import NotSeen, Process

from .azure import TAP, Azure
from .kernel import Kernel
from .timeline import ProcessorTime

# What every chassis says that stands in Azure.
# A processor's counter that is emulated on a busy host is no clock: with it a machine may count twice the seconds.
_APPEND = "console=ttyS0 net.ifnames=0 panic=-1 tsc=unstable clocksource=acpi_pm"
_MARK = "---look-inside---"


@dataclass
class VirtualMachine:
    """One boot of one disk, from `start` (power on) to `kill` or `power_off`."""

    kernel: Kernel
    disk: Path
    azure: Azure
    append: str = ""

    def start(self) -> None:
        """Power on."""
        self._shell, inside = socket.socketpair()
        with inside:
            command = self.azure.inside(*self._qemu(inside.fileno()))
            log = self.azure.folder / "console"
            self.console = Process("console", command, log, pass_fds=(inside.fileno(),))
        self.processor = ProcessorTime(self.console.pid)
        self.processor.start()

    def _qemu(self, port: int) -> list[object]:
        accelerator = os.environ.get("AZREADY_BOOT_ACCEL", "tcg")
        arguments: list[object] = [support.need("qemu-system-x86_64"), "-nodefaults", "-no-user-config", "-no-reboot"]
        arguments += ["-machine", f"q35,accel={accelerator}", "-m", "512", "-smp", "1", "-display", "none"]
        arguments += ["-kernel", self.kernel.image, "-initrd", self.kernel.initrd]
        arguments += ["-append", f"{_APPEND} {self.append}"]
        arguments += ["-smbios", f"type=1,uuid={self.azure.identity.dmi_uuid}", "-smbios", f"type=3,asset={ASSET_TAG}"]
        arguments += ["-drive", f"file={self.disk},format=raw,if=virtio,cache=unsafe", "-device", "virtio-rng-pci"]
        arguments += [
            "-netdev",
            f"tap,id=net,ifname={TAP},script=no,downscript=no",
            "-device",
            f"virtio-net-pci,netdev=net,mac={self.azure.identity.mac}",
        ]
        arguments += ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
        arguments += ["-device", "virtio-serial-pci", "-chardev", f"socket,id=port,fd={port}"]
        arguments += ["-device", "virtserialport,chardev=port,nr=1"]
        media = f"file={self.azure.media()},format=raw,if=none,id=dvd,readonly=on"
        arguments += ["-device", "virtio-scsi-pci", "-drive", media, "-device", "scsi-cd,drive=dvd"]
        return arguments

    def run(self, command: str, seconds: float = 120) -> str:
        """What a command says inside, on both streams; ` [status N]` behind it where it failed. Raises `NotSeen`."""
        self._shell.settimeout(seconds)
        said = ""
        try:
            self._shell.sendall(f"{{ {command}\n}} </dev/null 2>&1; printf '\\n{_MARK} %s\\n' \"$?\"\n".encode())
            while not (end := re.search(rf"\n{_MARK} (\d+)\n", said)):
                piece = self._shell.recv(65536).decode(errors="replace")
                if not piece:
                    raise NotSeen(f"the machine went away while it ran: {command}")
                said += piece
        except (TimeoutError, BrokenPipeError, ConnectionResetError) as error:
            raise NotSeen(f"no answer from inside to: {command} (so far: {said!r})") from error
        return said[: end.start()].strip() + ("" if end[1] == "0" else f" [status {end[1]}]")

    def kernel_start(self) -> float:
        """When the kernel said its first word, on this side's clock."""
        return self.console.wait_for("Linux version", 30)[0]

    def clock(self) -> float:
        """When the kernel's own clock was at 0, on this side's. Its first word comes later, with the console."""
        up = self.run("cat /proc/uptime")
        return time.monotonic() - float(up.split()[0])

    def power_off(self) -> None:
        """Write all to the disk, then switch off: what an init does at its end, without its minute of waiting."""
        self.run("sync")
        self._shell.sendall(b"echo o >/proc/sysrq-trigger\n")
        self.console.ended(30)
        self.close()

    def close(self) -> None:
        """Cut the power, if it is still on."""
        self.console.stop()
        self._shell.close()
