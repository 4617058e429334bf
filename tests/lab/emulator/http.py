"""HTTP: reads one request from a connection and writes one answer to it, bent as a fault says.

Requests are parsed by h11, which refuses what real servers refuse. Answers are written by hand, because a fault needs
every byte and the socket itself.
"""

from __future__ import annotations

import contextlib
import http
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from urllib.parse import parse_qsl

import h11

from .judge import Report
from .vm import Answer

_PIECE = 65536
# Of request line and headers; that of the certificate which WALinuxAgent sends has 1.5 KB.
_HEAD_LIMIT = 65536
_BODY_LIMIT = 16 * 1024 * 1024
# A closed socket with unread bytes sends RST, which can overtake the answer; so the peer may close first, this long.
_LINGER_SECONDS = 1.0
_ARRIVED_SECONDS = 0.2


@dataclass(frozen=True)
class Incoming:
    """A request as read. `fault` says what is wrong with it as HTTP, if anything; then the rest may be incomplete."""

    method: str
    path: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    fault: str = ""

    def values(self, name: str) -> list[str]:
        """Every value of a header, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def route(self) -> str:
        """The path without query, and without the host that a client puts before it when it believes in a proxy."""
        return re.sub(r"^\w+://[^/]*", "", self.path.partition("?")[0])

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        return dict(parse_qsl(self.path.partition("?")[2], keep_blank_values=True))


@dataclass(frozen=True)
class Response:
    """An answer. `note` explains it to the reader of the timeline; `report` is the health report that it accepts."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    report: Report | None = None

    def bent(self, fault: Answer) -> Response:
        """This response with the status, headers and body that the fault replaces."""
        body = fault.replaced_body
        if fault.status is None:
            headers = {**_without(self.headers, fault.headers), **fault.headers}
            return replace(self, headers=headers, body=self.body if body is None else body)
        kept = self.report if 200 <= fault.status < 300 else None
        return Response(fault.status, body or b"", fault.headers, "as configured", kept)

    def head(self, length: int) -> bytes:
        """Status line and headers, with `length` as Content-Length unless a header says otherwise."""
        own = {"Server": "Microsoft-IIS/10.0", "Content-Length": str(length), "Connection": "close"}
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        lines += [f"{key}: {value}" for key, value in {**_without(own, self.headers), **self.headers}.items()]
        return "".join(f"{line}\r\n" for line in [*lines, ""]).encode("utf-8")


def _without(headers: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    names = {name.lower() for name in others}
    return {key: value for key, value in headers.items() if key.lower() not in names}


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def read_request(connection: socket.socket) -> Incoming | None:
    """The one request of a connection; None when the peer goes away before it sent a byte. Raises OSError."""
    reader = _Reader(connection)
    try:
        return reader.read()
    except h11.RemoteProtocolError as error:
        # Behind it h11 shows the line, which the record has anyway.
        return reader.spoiled(str(error).partition(": bytearray(")[0])


class _Reader:
    """h11 at one connection, and what came so far: a request that h11 refuses is recorded as far as it was read."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._parser = h11.Connection(h11.SERVER, max_incomplete_event_size=_HEAD_LIMIT)
        self._received = b""
        self._incoming: Incoming | None = None
        self._body: list[bytes] = []

    def read(self) -> Incoming | None:
        """The request, whole. Raises h11.RemoteProtocolError and OSError."""
        while True:
            event = self._parser.next_event()
            if event is h11.NEED_DATA:
                self._receive()
            elif isinstance(event, h11.Request):
                self._take_head(event)
            elif isinstance(event, h11.Data):
                self._take_data(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                assert self._incoming
                return replace(self._incoming, body=b"".join(self._body))
            else:
                return None

    def spoiled(self, fault: str) -> Incoming:
        """What came of a request that is none, as far as it can be told."""
        if self._incoming:
            return replace(self._incoming, body=b"".join(self._body), fault=fault)
        line = self._received.lstrip(b"\r\n").partition(b"\n")[0].decode("latin-1").strip()
        words = line.split()
        if len(words) == 3 and words[2].startswith("HTTP/"):
            return Incoming(words[0], words[1], fault=fault)
        return Incoming("", line, fault=fault)

    def _receive(self) -> None:
        data = self._connection.recv(_PIECE)
        if not self._incoming:
            self._received += data
        self._parser.receive_data(data)

    def _take_head(self, event: h11.Request) -> None:
        headers = [(key.decode("latin-1"), value.decode("latin-1")) for key, value in event.headers.raw_items()]
        incoming = Incoming(event.method.decode("latin-1"), event.target.decode("latin-1"), headers)
        self._incoming = incoming
        if not event.http_version.startswith(b"1."):
            raise h11.RemoteProtocolError(f"HTTP/{event.http_version.decode()} is not spoken here")
        # h11 joins folded lines and prefers one of two ways to say a length, as a proxy may; a server may refuse both.
        if re.search(rb"\n[ \t]", re.split(rb"\r?\n\r?\n", self._received.lstrip(b"\r\n"), maxsplit=1)[0]):
            raise h11.RemoteProtocolError("a header is folded over two lines")
        if incoming.values("Content-Length") and incoming.values("Transfer-Encoding"):
            raise h11.RemoteProtocolError("both Content-Length and Transfer-Encoding")
        # curl waits a second for this before it sends a body of more than 1 KB (1 MB since 7.84).
        if self._parser.they_are_waiting_for_100_continue:
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _take_data(self, data: bytes) -> None:
        self._body.append(data)
        size = sum(map(len, self._body))
        if size > _BODY_LIMIT:
            raise h11.RemoteProtocolError(f"a body of more than {_BODY_LIMIT} bytes")


def send_answer(connection: socket.socket, response: Response, fault: Answer, stopping: Event) -> None:
    """Write the response as the fault bends it, or do what it does instead. Returns early once `stopping` is set."""
    if stopping.wait(fault.delay):
        return
    if fault.drop == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif fault.hang:
        stopping.wait()
    elif fault.raw_base64:
        _write(connection, b"", fault.raw, fault.drip, stopping)
        _end(connection, fault.then, stopping)
    elif not fault.drop:
        _write(connection, *_bytes_of(response, fault), fault.drip, stopping)
        _end(connection, fault.then, stopping)


def _bytes_of(response: Response, fault: Answer) -> tuple[bytes, bytes]:
    """Head and body, as far as the fault lets them go out."""
    length = len(response.body) if fault.length is None else fault.length
    body = response.body[: fault.truncate]
    head = response.head(length)
    if fault.chunked:
        head = re.sub(rb"(?im)^content-length:.*\r\n", b"Transfer-Encoding: chunked\r\n", head)
        size = "zz" if fault.chunked == "badly" else f"{len(body):x}"
        body = f"{size}\r\n".encode() + body + b"\r\n" + (b"" if fault.chunked == "unended" else b"0\r\n\r\n")
    if fault.cut_head is not None:
        head, body = head[: fault.cut_head], b""
    return fault.before + head, body


def _end(connection: socket.socket, then: str, stopping: Event) -> None:
    if then == "hang":
        stopping.wait()
    elif then == "reset":
        # What was sent must have arrived: a reset takes with it what waits.
        stopping.wait(_ARRIVED_SECONDS)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else:
        _let_peer_close(connection)


def _write(connection: socket.socket, head: bytes, body: bytes, drip: float, stopping: Event) -> None:
    if not drip:
        connection.sendall(head + body)
    else:
        connection.sendall(head)
        for byte in body:
            connection.sendall(bytes((byte,)))
            if stopping.wait(drip):
                return


def _let_peer_close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_LINGER_SECONDS)
        while connection.recv(_PIECE):
            continue
