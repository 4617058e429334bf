"""HTTP as bytes: reads one request from a connection and writes one answer to it, bent as a fault says.

The standard library's server is too well-behaved for this: faults need every byte and the socket itself.
"""

from __future__ import annotations

import contextlib
import http
import re
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Event
from typing import BinaryIO
from urllib.parse import parse_qsl

from .judge import Report
from .vm import Answer

_LINE_LIMIT = 65536
_HEADER_LIMIT = 200
_BODY_LIMIT = 16 * 1024 * 1024
# A closed socket with unread bytes sends RST, which can overtake the answer; so the peer may close first, this long.
_LINGER_SECONDS = 1.0


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
    """The one request of a connection; None when the peer goes away before it sent a line. Raises OSError."""
    with connection.makefile("rb") as reader:
        line = reader.readline(_LINE_LIMIT)
        if not line:
            return None
        words = line.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/"):
            return Incoming("", line.decode("latin-1").strip(), fault="no HTTP request line")
        incoming = Incoming(words[0], words[1], list(_read_headers(reader)))
        # curl waits a second for this before it sends a body of more than 1 KB (1 MB since 7.84).
        if "100-continue" in incoming.values("Expect"):
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            return replace(incoming, body=_read_body(reader, incoming))
        except ValueError as error:
            return replace(incoming, fault=str(error))


def _read_headers(reader: BinaryIO) -> Iterator[tuple[str, str]]:
    for _ in range(_HEADER_LIMIT):
        line = reader.readline(_LINE_LIMIT).decode("latin-1").rstrip("\r\n")
        if not line:
            return
        key, _, value = line.partition(":")
        yield key, value.strip()


def _read_body(reader: BinaryIO, incoming: Incoming) -> bytes:
    if "chunked" in incoming.values("Transfer-Encoding"):
        return b"".join(_read_chunks(reader))
    lengths = incoming.values("Content-Length")
    return _read_exactly(reader, int(lengths[0])) if lengths else b""


def _read_chunks(reader: BinaryIO) -> Iterator[bytes]:
    while size := int(reader.readline(_LINE_LIMIT), 16):
        yield _read_exactly(reader, size)
        reader.readline(_LINE_LIMIT)
    while reader.readline(_LINE_LIMIT).strip():
        continue  # trailers


def _read_exactly(reader: BinaryIO, size: int) -> bytes:
    if not 0 <= size <= _BODY_LIMIT:
        raise ValueError(f"a body of {size} bytes is refused")
    body = reader.read(size)
    if len(body) < size:
        raise ValueError(f"body ended after {len(body)} of {size} bytes")
    return body


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
    elif not fault.drop:
        length = len(response.body) if fault.length is None else fault.length
        _write(connection, response.head(length), response.body[: fault.truncate], fault.drip, stopping)


def _write(connection: socket.socket, head: bytes, body: bytes, drip: float, stopping: Event) -> None:
    if not drip:
        connection.sendall(head + body)
    else:
        connection.sendall(head)
        for byte in body:
            connection.sendall(bytes((byte,)))
            if stopping.wait(drip):
                return
    _let_peer_close(connection)


def _let_peer_close(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_LINGER_SECONDS)
        while connection.recv(_LINE_LIMIT):
            continue
