"""The emulator itself: Azure for one virtual machine, on addresses of this computer."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from ..started import Started
from .host import Host
from .hostplugin import PORT
from .record import Book, Request
from .sockets import Address, Listeners
from .vm import VirtualMachine

_HTTP = 80
ANY_PORT: Address = ("127.0.0.1", 0)


class Emulator(Host, Started):
    """Azure for one virtual machine, from `start` to `stop` (or as a context manager). Thread-safe.

    `record` is a file that gets a line of JSON a request; `on_request` is called with every `Request`
    before its answer is sent. The host's extension plugin is WireServer's neighbour unless `hostplugin` says where it
    is. Raises OSError where an address cannot be listened on.
    """

    def __init__(
        self,
        vm: VirtualMachine,
        wireserver: Address = ANY_PORT,
        imds: Address = ANY_PORT,
        record: str | Path | None = None,
        on_request: Callable[[Request], None] | None = None,
        hostplugin: Address | None = None,
    ) -> None:
        self._record = None if record is None else Path(record)
        super().__init__(vm, Book(self._record), on_request)
        self._addresses = addresses(wireserver, imds, hostplugin)

    def start(self) -> None:
        """Listen and answer; the clock starts."""
        if self._record:
            self._record.write_text("")
        self._listeners = Listeners(self._addresses, self._converse)
        self.begin()
        self._listeners.start()

    def stop(self) -> None:
        """Close all connections, hanging ones too, and freeze the verdict."""
        self.freeze()
        self._listeners.stop()

    @property
    def wireserver(self) -> str:
        """The address of WireServer, host:port."""
        return self._listeners.addresses["wireserver"]

    @property
    def imds(self) -> str:
        """The address of IMDS, host:port."""
        return self._listeners.addresses["imds"]

    @property
    def hostplugin(self) -> str:
        """The address of the host's extension plugin, host:port."""
        return self._listeners.addresses["hostplugin"]

    def _converse(self, server: str, connection: socket.socket) -> None:
        self.serve(server, connection, self._listeners.stopping)


def addresses(wireserver: Address, imds: Address, hostplugin: Address | None) -> dict[str, Address]:
    """Where the three servers of a VM listen.

    Agents look for the extension plugin beside WireServer, at a port of its own; with a port of choice it may be any.
    """
    host, port = wireserver
    beside = host, PORT if port == _HTTP else 0
    return {"wireserver": wireserver, "imds": imds, "hostplugin": hostplugin or beside}
