"""The only module that opens a socket: one plain HTTP request, one answer, urllib3 underneath.

No proxy, no redirect, no cookie, no decompression, at most RESPONSE_CAP bytes, and a limit for the whole request,
so that a server that drips one byte a second cannot hold the boot.
"""

from __future__ import annotations

import contextlib
import logging
import signal
from types import FrameType
from typing import Any, Iterator, NamedTuple

from urllib3._version import __version__ as urllib3_version
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import HTTPError

from . import log
from .config import host_and_port
from .errors import NoGoodAnswer
from .facts import AGENT, number

CLIENT = f"urllib3/{urllib3_version}"
# As the package itself does, whose __init__ is not there: what it would log is in the errors that it raises.
logging.getLogger("urllib3").addHandler(logging.NullHandler())


class Request(NamedTuple):
    """What to send; `address` is host[:port], `headers` without Host, Content-Length and User-Agent."""

    method: str
    address: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


class _Expired(Exception):
    """The limit of one request has passed."""


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Interrupt whatever blocks inside. urllib3's own time-outs count from one received byte to the next."""

    def expire(_signal: int, _frame: FrameType | None) -> None:
        raise _Expired()

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def send(request: Request, seconds: float) -> bytes:
    """The body of a 2xx answer that came whole within `seconds`. Raises NoGoodAnswer for everything else."""
    log.debug(f"{request.method} {request.address}{request.path}")
    try:
        with _limit(seconds):
            return _exchange(request)
    except _Expired:
        raise NoGoodAnswer(f"no whole answer within {seconds:.0f} s", error="no_answer") from None
    except (HTTPError, OSError, ValueError) as error:
        raise NoGoodAnswer(f"{type(error).__name__}: {error}", error="no_answer") from error


def _exchange(request: Request) -> bytes:
    host, port = host_and_port(request.address)
    cap = number("RESPONSE_CAP")
    with HTTPConnectionPool(host, port) as pool:
        answer = pool.urlopen(
            request.method,
            request.path,
            body=request.body or None,
            headers={"User-Agent": AGENT, "Connection": "close", **request.headers},
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            enforce_content_length=True,
        )
        log.debug(f"answer {answer.status}")
        if not 200 <= answer.status <= 299:
            wait = _retry_after(answer.headers.get("Retry-After", ""))
            raise NoGoodAnswer("", status=answer.status, retry_after=wait)
        return _read_capped(answer, cap)


def _read_capped(answer: Any, cap: int) -> bytes:
    """The whole body. To the end of it: only the read that finds nothing more tells that a body was cut short."""
    body = b""
    while True:
        chunk: bytes = answer.read(cap + 1 - len(body))
        body += chunk
        if len(body) > cap:
            raise NoGoodAnswer(f"the answer is over {cap} bytes", error="answer_too_large")
        if not chunk:
            return body


def _retry_after(value: str) -> int:
    """Seconds to wait, capped; the form with a date is not used by these servers and counts as absent."""
    value = value.strip().lstrip("0")
    cap = number("RETRY_AFTER_CAP")
    return min(int(value[:9]), cap) if value.isascii() and value.isdigit() else 0
