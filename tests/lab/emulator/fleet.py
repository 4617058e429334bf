"""Azure for many virtual machines at once, in one process: each has an identity and addresses of its own."""

from __future__ import annotations

import ipaddress
import resource
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from ..started import Started
from .azure import ANY_PORT, addresses
from .host import Host
from .judge import CREATING
from .loading import VMError
from .record import Book, Request, json_line
from .sockets import Address, Listeners
from .vm import VirtualMachine

# Each has three listening sockets, and a process at most so many files.
MOST = 20_000
# What the books of the fleet keep in memory, all together.
_MOST_BYTES = 16 * 1024 * 1024
# Files for connections, and for the process itself.
_ROOM = 500


def member(vm: VirtualMachine, number: int) -> VirtualMachine:
    """The machine of a fleet that has this number, from 1 on: as `vm`, with an identity of its own."""
    name, end = f"{vm.name}-{number}", f"{number:012x}"
    goal = replace(
        vm.goalstate,
        container_id=f"{vm.goalstate.container_id[:-12]}{end}",
        instance_id=f"{vm.goalstate.instance_id}-{number}",
    )
    hostname = f"{vm.hostname}-{number}" if vm.hostname else ""
    return replace(vm, id=f"{vm.id[:-12]}{end}", name=name, hostname=hostname, goalstate=goal)


class Fleet(Started):
    """`count` machines like `vm`, from `start` to `stop` (or as a context manager).

    The addresses are the first machine's; the next machine has the next address, with the same port. `record` is a file
    for all of them. `on_verdict(host)` is called with each machine that has got its verdict. Raises OSError where an
    address cannot be listened on, VMError where there is none, or too many files would be open.
    """

    def __init__(
        self,
        vm: VirtualMachine,
        count: int,
        wireserver: Address = ANY_PORT,
        imds: Address = ANY_PORT,
        record: Path | None = None,
        on_verdict: Callable[[Host], None] | None = None,
        hostplugin: Address | None = None,
    ) -> None:
        self._bases = addresses(wireserver, imds, hostplugin)
        self._record, self._on_verdict = record, on_verdict
        self._lock = threading.Lock()
        most = _MOST_BYTES // count
        self.hosts = [self._host(member(vm, number), Book(most=most)) for number in range(1, count + 1)]

    def _host(self, vm: VirtualMachine, book: Book) -> Host:
        settled = False

        def heard(request: Request) -> None:
            nonlocal settled
            with self._lock:
                self._write_down(request, vm.name)
                if settled or host.verdict == CREATING:
                    return
                settled = True
            if self._on_verdict:
                self._on_verdict(host)

        host = Host(vm, book, heard)
        return host

    def _write_down(self, request: Request, name: str) -> None:
        if self._record:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json_line(request, name))

    def start(self) -> None:
        """Listen and answer; the clock of all of them starts."""
        if self._record:
            self._record.write_text("")
        _open_files(len(self._bases) * len(self.hosts) + _ROOM)
        places = {
            f"{index}/{server}": (_following(host, index), port)
            for index in range(len(self.hosts))
            for server, (host, port) in self._bases.items()
        }
        self._listeners = Listeners(places, self._serve)
        self._started = time.monotonic()
        for host in self.hosts:
            host.begin()
        self._listeners.start()

    def stop(self) -> None:
        """Close all connections, hanging ones too, and freeze the verdicts."""
        for host in self.hosts:
            host.freeze()
        self._listeners.stop()

    def _serve(self, place: str, connection: socket.socket) -> None:
        index, _, server = place.partition("/")
        self.hosts[int(index)].serve(server, connection, self._listeners.stopping)

    def address(self, index: int, server: str) -> str:
        """Where a server of a machine is, host:port."""
        return self._listeners.addresses[f"{index}/{server}"]

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def verdicts(self) -> Counter[str]:
        """How many machines have come to what."""
        return Counter(host.verdict for host in self.hosts)


def _following(host: str, index: int) -> str:
    """The address that is so many behind this one. Raises VMError."""
    try:
        return str(ipaddress.IPv4Address(host) + index)
    except ValueError as error:
        raise VMError(f"a fleet cannot begin at {host}: {error}", "an IPv4 address, as in 127.0.0.1:8080") from error


def _open_files(wanted: int) -> None:
    """Let this process open as many. Raises VMError."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise VMError(
            f"a fleet of this size opens {wanted} files, and this process may open {hard}", "`ulimit -n` says how many"
        )
    if wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
