"""The only module that opens a socket: one plain HTTP request, one answer, urllib3 underneath.

No proxy, no redirect, no cookie, no decompression, at most RESPONSE_CAP bytes, and a limit for the whole request,
so that a server that drips one byte a second cannot hold the boot.
"""

from __future__ import annotations

import contextlib
import io
import logging
import socket
from http.client import HTTPException, HTTPResponse, IncompleteRead
from typing import Any, Callable, NamedTuple, TypeVar

from urllib3._version import __version__ as urllib3_version
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from azready.machine import log, signals
from azready.machine.config import host_and_port
from azready.machine.failure import NoGoodAnswer
from azready.tables import AGENT, number

CLIENT = f"urllib3/{urllib3_version}"
# As the package itself does, whose __init__ is not there: what it would log is in the errors that it raises.
logging.getLogger("urllib3").addHandler(logging.NullHandler())


T = TypeVar("T")


class Request(NamedTuple):
    """What to send; `address` is host[:port], `headers` without Host, Content-Length and User-Agent."""

    method: str
    address: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class _Head(io.BufferedReader):
    """What the server sends; as long as `is_head`, an end of it is a fault: http.client takes it for the last line."""

    is_head = True

    def readline(self, size: int | None = -1) -> bytes:
        line = super().readline(-1 if size is None else size)
        if self.is_head and not line:
            raise ConnectionResetError("the head of the answer is cut off")
        return line


class _Answer(HTTPResponse):
    """An answer whose head came whole, behind any number of interim ones (1xx).

    Not urllib3's, which is 100 KB to be compiled at every start, for decompression, redirects and a pool.
    """

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        raw = sock.makefile("rb", buffering=0)
        self.fp.close()
        self.fp = self._head = _Head(raw)

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status <= 199:
            # Only then does it read another head.
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()
        self._head.is_head = False
        self._refuse_two_lengths()

    def _refuse_two_lengths(self) -> None:
        """http.client takes the first, and one that is no number for none."""
        given = ",".join(self.headers.get_all("Content-Length", [])).split(",")
        if not self.chunked and len({length.strip() for length in given}) > 1:
            raise HTTPException(f"more than one Content-Length: {', '.join(given)}")

    def whole(self, cap: int) -> bytes:
        """The body. To the end of it: only the read that finds nothing more tells that it was cut short."""
        body = b""
        while True:
            chunk = self.read(cap + 1 - len(body))
            body += chunk
            if len(body) > cap:
                raise NoGoodAnswer(f"the answer is over {cap} bytes", error="answer_too_large")
            if not chunk:
                break
        # What is left of the length that was announced.
        if self.length:
            raise IncompleteRead(body, self.length)
        return body


def send(request: Request, seconds: float, parse: Callable[[bytes], T]) -> T:
    """What `parse` makes of the body of an answer that is good: 200, whole, and taken apart within `seconds`.

    Of the answer to a POST only the head counts: any 2xx, and an empty body is parsed. Raises NoGoodAnswer for
    everything else.
    """
    log.debug(f"{request.method} {request.address}{request.path}")
    try:
        with signals.limit(seconds):
            return parse(_exchange(request))
    except signals.Expired:
        raise NoGoodAnswer(f"no whole answer within {seconds:.0f} s", error="no_answer") from None
    except (HTTPError, HTTPException, OSError, ValueError) as error:
        raise NoGoodAnswer(f"{type(error).__name__}: {error}", error="no_answer") from error


def _exchange(request: Request) -> bytes:
    host, port = host_and_port(request.address)
    is_post = request.method == "POST"
    headers = {"User-Agent": AGENT, "Connection": "close", **request.headers}
    with contextlib.closing(HTTPConnection(host, port)) as connection:
        # A server that closes before it has read everything may have answered all the same.
        with contextlib.suppress(BrokenPipeError):
            connection.request(request.method, request.path, body=request.body or None, headers=headers)
        answer = _Answer(connection.sock, method=request.method)
        answer.begin()
        log.debug(f"answer {answer.status}")
        if not (200 <= answer.status <= 299 if is_post else answer.status == 200):
            raise NoGoodAnswer("", status=answer.status, retry_after=_retry_after(answer.getheader("Retry-After", "")))
        # Whatever a server says to a report, or fails to say, it has taken it.
        return b"" if is_post else answer.whole(number("RESPONSE_CAP"))


def _retry_after(value: str) -> int:
    """Seconds to wait, capped; the form with a date is not used by these servers and counts as absent."""
    value = value.strip().lstrip("0")
    cap = number("RETRY_AFTER_CAP")
    return min(int(value[:9]), cap) if value.isascii() and value.isdigit() else 0
