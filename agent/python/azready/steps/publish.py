"""The name reaches the network: a DHCP server, and with it Azure's DNS, learns it from a request alone.

The machine had its lease before it had its name. No client here gives its address back for that.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
from typing import Iterator

from azready.azure.run import Run
from azready.machine import log
from azready.machine.clock import uptime
from azready.machine.failure import Failure
from azready.machine.programs import Ended
from azready.machine.system import System

# All of it is over then, whatever a client does.
_SECONDS = 10.0

# What the kernel calls their processes, which is cut to 15 characters; udhcpc may be a busybox.
_CLIENTS = {
    "NetworkManager": "NetworkManager",
    "systemd-network": "systemd-networkd",
    "dhcpcd": "dhcpcd",
    "udhcpc": "udhcpc",
    "busybox": "busybox",
    "connmand": "connman",
    "wickedd-dhcp4": "wicked",
}


def publish_later(run: Run, name: str) -> None:
    """The kernel has another name than before; somebody must hear of it once this machine is Ready."""
    if run.settings["PUBLISH_HOSTNAME"] == "auto":
        with contextlib.suppress(Failure):
            run.system.write(_file(run.system), f"{name}\n".encode(), 0o600)


def publish_hostname(run: Run) -> None:
    """Have the DHCP clients that run renew with the new name. Never a failure, and over in ten seconds."""
    name = (run.system.read(_file(run.system)) or b"").decode("utf-8", "replace").strip() if run.system.live else ""
    if not name:
        return
    with contextlib.suppress(Failure):
        run.system.remove(_file(run.system))
    if run.settings["PUBLISH_HOSTNAME"] == "auto":
        _Publisher(run.system, name).publish()


def _file(system: System) -> str:
    """In memory: the next boot asks for its lease with the right name anyway."""
    return f"{system.run_directory}/publish"


class _Publisher:
    """Tells each DHCP client once."""

    def __init__(self, system: System, name: str) -> None:
        self._system = system
        self._name = name
        self._until = uptime() + _SECONDS
        self._seen: set[str] = set()
        # What a client starts in the place of its script: it must do nothing, and succeed.
        self._true = "/bin/true" if system.is_executable("/bin/true") else "/usr/bin/true"

    def publish(self) -> None:
        for process in sorted(self._system.matches("/proc/[0-9]*/comm")):
            with contextlib.suppress(OSError):
                self._look(os.path.dirname(process))
        if not self._seen:
            log.info(f"hostname: no DHCP client runs that could tell the network of {self._name}")

    def _look(self, process: str) -> None:
        """Whether it is a DHCP client, of this network and not of a container's; then have it told."""
        comm = (self._system.read(f"{process}/comm") or b"").decode("ascii", "replace").rstrip("\n")
        client = "dhclient" if comm.startswith("dhclient") else _CLIENTS.get(comm, "")
        if not client or os.readlink(f"{process}/ns/net") != os.readlink("/proc/self/ns/net"):
            return
        words = (self._system.read(f"{process}/cmdline") or b"").decode("utf-8", "surrogateescape").split("\0")[:-1]
        if client == "dhclient":
            self._by_dhclient(words[1:])
        elif client == "udhcpc":
            self._by_udhcpc(["udhcpc"], words[1:])
        elif client == "busybox":
            if words[1:2] == ["udhcpc"]:
                self._by_udhcpc(["busybox", "udhcpc"], words[2:])
        elif self._once(client):
            self._by(client)

    def _by(self, client: str) -> None:
        if client == "NetworkManager":
            self._by_networkmanager()
        elif client == "systemd-networkd":
            self._by_networkd()
        elif client == "dhcpcd":
            self._by_dhcpcd()
        else:
            self._not(client, "it has no way to renew a lease and keep the address")

    def _once(self, client: str) -> bool:
        """False where it was there already: some clients are several processes."""
        new = client not in self._seen
        self._seen.add(client)
        return new

    def _run(self, *words: str) -> Ended:
        return self._system.command(list(words), seconds=max(1.0, self._until - uptime()))

    def _done(self, client: str, interface: str = "") -> None:
        through = f" through {interface}" if interface else ""
        log.info(f"hostname: {client} told the network of {self._name}{through}")

    def _not(self, client: str, why: str) -> None:
        log.info(f"hostname: {client} tells the network of {self._name} with its next lease: {why}")

    def _said(self, pattern: str, client: str, interface: str, ended: Ended) -> None:
        """Whether the client's messages have the word of a server that answered."""
        if re.search(pattern, ended.output + ended.errors):
            self._done(client, interface)
        else:
            self._not(client, ended.last_line)

    def _by_networkmanager(self) -> None:
        """A name for the device, until it is activated again: nothing but the DHCP client is restarted."""
        devices = self._run("nmcli", "-t", "-f", "DEVICE,STATE", "device")
        if devices.status:
            self._not("NetworkManager", f"nmcli: {devices.last_line}")
        for interface in re.findall("(?m)^(.*):connected$", devices.output if not devices.status else ""):
            lease = self._run("nmcli", "-t", "-f", "DHCP4", "device", "show", interface)
            if lease.status or not lease.output:
                continue
            ended = self._run("nmcli", "-w", "5", "device", "modify", interface, "ipv4.dhcp-hostname", self._name)
            if ended.status:
                self._not("NetworkManager", ended.last_line)
            else:
                self._done("NetworkManager", interface)

    def _by_networkd(self) -> None:
        """It reads the name when it starts.

        Its own renewals repeat the old one (`networkctl renew`), or drop the address (`networkctl reconfigure`). Since
        version 246 a restart keeps addresses and routes: systemd sends another signal for it.
        """
        if not self._system.matches("/run/systemd/netif/leases/*"):
            return
        unit = "systemd-networkd.service"
        shown = self._run("systemctl", "show", "-p", "RestartKillSignal", unit).output
        if not re.search("^RestartKillSignal=(?!(15)?$)", shown, re.MULTILINE):
            self._not("systemd-networkd", "a restart of this version would drop the address")
            return
        # What is ordered around it, as systemd-networkd-wait-online, is left alone.
        ended = self._run("systemctl", "--job-mode=ignore-dependencies", "restart", unit)
        if ended.status:
            self._not("systemd-networkd", ended.last_line)
        else:
            self._done("systemd-networkd")

    def _by_dhcpcd(self) -> None:
        """A second one that configures nothing asks for the same lease with the same identity.

        It must not see the first one's socket and pid file, or it would hand its words over; those cannot be asked to
        send a name.
        """
        # Before version 9 they were elsewhere.
        if not self._system.matches("/run/dhcpcd/*pid"):
            self._not("dhcpcd", "this version cannot be asked")
            return
        for lease in self._system.matches("/var/lib/dhcpcd/*.lease"):
            interface = os.path.basename(lease)[: -len(".lease")]
            if self._system.exists(f"/sys/class/net/{interface}"):
                hide = 'mount --make-rprivate / 2>/dev/null; mount -t tmpfs azready /run/dhcpcd && exec "$@"'
                options = ("-4", "-1", "-p", "--nodev", "--noconfigure", "-t", "3", "-c", self._true, "-h", self._name)
                ended = self._run("unshare", "--mount", "sh", "-c", hide, "sh", "dhcpcd", *options, interface)
                self._said(": leased ", "dhcpcd", interface, ended)

    def _by_udhcpc(self, program: list[str], words: list[str]) -> None:
        """Its options are fixed at its start: another one, with the same identity, asks once and does nothing."""
        interface = "eth0"
        identity: list[str] = []
        for option, value in _options(words, "-i --interface -c --clientid -V --vendorclass -x"):
            if option in ("-i", "--interface"):
                interface = value
            elif option.startswith("--interface=") or re.match("-i.", option):
                interface = option.partition("=")[2] or option[2:]
            elif option in ("-c", "--clientid", "-V", "--vendorclass") or re.match("-x(0x3d|61):", option + value):
                identity += [option, value] if value else [option]
            elif option in ("-C", "--clientid-none"):
                identity.append("-C")
        if self._once(f"udhcpc/{interface}"):
            options = ("-f", "-q", "-n", "-t", "3", "-T", "1", "-s", self._true, "-i", interface)
            ended = self._run(*program, *options, "-x", f"hostname:{self._name}", *identity)
            self._said("lease of .* obtained", "udhcpc", interface, ended)

    def _by_dhclient(self, words: list[str]) -> None:
        """Another one asks for the same lease with the same identity, and its script does nothing.

        It reads the name itself when it renews, so the first one does that later.
        """
        given = dict(_options(words, "-lf -cf -sf -pf -df -C -e -p -s -g -timeout"))
        # The last ones are NetworkManager's and connman's own.
        if "-6" in given or re.search("/nm-dhcp|/connman/", given.get("-sf", "")):
            return
        leases = given.get("-lf", "/var/lib/dhcp/dhclient.leases")
        settings = [given["-cf"]] if "-cf" in given else ["/etc/dhcp/dhclient.conf", "/etc/dhclient.conf"]
        identity = [word for option in ("-C", "-i") if option in given for word in (option, given[option]) if word]
        names = [word for word in given if re.match("[^-/][^/]*$", word)]
        interfaces = [name for name in names if self._system.exists(f"/sys/class/net/{name}")]
        found = (re.match(r'[ \t]*interface "([^"]*)";', line) for line in self._system.lines(leases))
        for interface in interfaces or sorted({match[1] for match in found if match}):
            if self._once(f"dhclient/{interface}"):
                self._with_dhclient(interface, leases, list(self._identifiers(settings)), identity)

    def _identifiers(self, files: list[str]) -> Iterator[str]:
        for file in files:
            for line in self._system.lines(file):
                if re.match(r"[ \t]*send[ \t]+dhcp-client-identifier[ \t].*;[ \t]*$", line):
                    yield line.strip()

    def _with_dhclient(self, interface: str, leases: str, identifiers: list[str], identity: list[str]) -> None:
        system = self._system
        base, copy = f"{system.run_directory}/.dhclient", f"{system.state_directory}/.dhclient.azready"
        lines = [*identifiers, f'send host-name "{self._name}";', "timeout 5;", "initial-interval 1;"]
        try:
            system.make_directory(system.run_directory, 0o700)
            system.write_lines(f"{base}.conf.azready", lines, 0o600)
            system.write(f"{base}.leases.azready", system.read(leases) or b"", 0o600)
        except Failure:
            self._not("dhclient", "no place for its files")
            return
        program = "dhclient"
        # AppArmor lets a dhclient in its usual place start its usual script alone; told that the script failed, it
        # would decline the address. /run may be mounted without exec.
        if system.lines("/sys/module/apparmor/parameters/enabled") == ["Y"]:
            program = copy
            with contextlib.suppress(OSError):
                shutil.copyfile(system.which("dhclient"), program)
                os.chmod(program, 0o700)
        files = [("-cf", "conf"), ("-lf", "leases"), ("-pf", "pid")]
        options = [word for option, kind in files for word in (option, f"{base}.{kind}.azready")]
        ended = self._run(program, "-4", "-1", "-v", "-sf", self._true, *options, *identity, interface)
        self._end_dhclient(f"{base}.pid.azready")
        for path in (*options[1::2], f"{base}.leases.azready~", copy):
            with contextlib.suppress(OSError):
                os.unlink(path)
        self._said("DHCPACK of", "dhclient", interface, ended)

    def _end_dhclient(self, file: str) -> None:
        """Behind its answer it stays in the background, as every dhclient. It may not have written its number yet."""
        for process in self._system.matches("/proc/[0-9]*/cmdline"):
            if file.encode() in (self._system.read(process) or b"").split(b"\0"):
                with contextlib.suppress(OSError):
                    os.kill(int(process.split("/")[2]), signal.SIGKILL)


def _options(words: list[str], valued: str) -> Iterator[tuple[str, str]]:
    """The words of a command line, each of the `valued` options with the word behind it."""
    following = iter(words)
    for word in following:
        yield word, next(following, "") if word in valued.split() else ""
