"""Listening sockets that start and stop in a millisecond: no polling, one thread that accepts, one a connection."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections.abc import Callable, Mapping

Address = tuple[str, int]
_BACKLOG = 128


class Listeners:
    """Named listening sockets, bound at once, answering from `start` on.

    `serve(name, connection)` runs in a thread of its own; the connection is closed when it returns.
    """

    def __init__(self, addresses: Mapping[str, Address], serve: Callable[[str, socket.socket], None]) -> None:
        self._serve = serve
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._open: dict[socket.socket, threading.Thread] = {}
        self._selector = selectors.DefaultSelector()
        self._wake, woken = socket.socketpair()
        self._selector.register(woken, selectors.EVENT_READ, "")
        try:
            self.addresses = {name: self._listen(name, address) for name, address in addresses.items()}
        except OSError:
            self._close()
            raise
        self._acceptor = threading.Thread(target=self._accept_all, daemon=True)

    def start(self) -> None:
        """Accept connections from now on."""
        self._acceptor.start()

    def _listen(self, name: str, address: Address) -> str:
        host, port = address
        try:
            listener = socket.create_server(address, backlog=_BACKLOG)
        except OSError as error:
            # create_server says once more where it tried.
            why = str(error.strerror).partition(" (while attempting")[0]
            raise OSError(error.errno, f"{name} cannot listen on {host}:{port}: {why}") from error
        # A peer that goes away between select and accept must not block the one thread that accepts.
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, name)
        host, port = listener.getsockname()
        return f"{host}:{port}"

    def _accept_all(self) -> None:
        while not self.stopping.is_set():
            for key, _ in self._selector.select():
                if key.data and isinstance(key.fileobj, socket.socket):
                    self._accept(key.data, key.fileobj)

    def _accept(self, name: str, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the peer is gone again
            return
        connection.setblocking(True)
        # An answer in pieces must not wait for the peer's delayed acknowledgement.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = threading.Thread(target=self._converse, args=(name, connection), daemon=True)
        with self._lock:
            self._open[connection] = thread
        thread.start()

    def _converse(self, name: str, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError):  # the peer hung up: its right at any time
                self._serve(name, connection)
        finally:
            with self._lock:
                del self._open[connection]
                connection.close()

    def stop(self) -> None:
        """Close every socket and wait for the threads; also from a connection that hangs. Safe to call twice."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        self._wake.send(b"x")
        self._acceptor.join()
        with self._lock:
            threads = list(self._open.values())
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join()
        self._close()

    def _close(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        self._wake.close()
