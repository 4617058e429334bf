"""Azure as one virtual machine sees it: the faults in front of the servers, the judge and the record behind them."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path

from .hostplugin import HostPlugin
from .http import Incoming, Response, read_request, send_answer
from .imds import Imds
from .judge import CREATING, Judge
from .media import write_media
from .record import Book, Request
from .vm import ENDPOINTS, Answer, VirtualMachine
from .wireserver import WireServer

_NORMAL = Answer()


class _Pending:
    """The configured answers that are still to be given, by endpoint."""

    def __init__(self, vm: VirtualMachine) -> None:
        self._queues = {name: deque(answers) for name, answers in vm.answers.items()}
        self._given = dict.fromkeys(self._queues, 0)

    def take(self, endpoint: str) -> Answer:
        """The next answer of an endpoint, which is used up by that; the normal one where none is left."""
        queue = self._queues.get(endpoint)
        if not queue:
            return _NORMAL
        answer = queue[0]
        self._given[endpoint] += 1
        if answer.times and self._given[endpoint] >= answer.times:
            queue.popleft()
            self._given[endpoint] = 0
        return answer

    def take_connect_drop(self, server: str) -> str:
        """The first endpoint of a server whose next answer closes the connection unread, "" where there is none."""
        for endpoint, queue in self._queues.items():
            if queue and queue[0].drop == "connect" and ENDPOINTS[endpoint] == server:
                self.take(endpoint)
                return endpoint
        return ""


class Host:
    """What one virtual machine gets from the connections that reach it. Thread-safe.

    `book` keeps the requests; `on_request` is called with every `Request` before its answer is sent.
    """

    def __init__(
        self, vm: VirtualMachine, book: Book | None = None, on_request: Callable[[Request], None] | None = None
    ) -> None:
        self.vm = vm
        self._book = book or Book()
        self._on_request = on_request
        # Reentrant: `on_request` may look at the verdict.
        self._lock = threading.RLock()
        self._started = time.monotonic()
        self._stopped: float | None = None
        self._settled = threading.Event()
        self._pending = _Pending(vm)
        self._judge = Judge(vm.platform.timeout)
        self._servers: dict[str, WireServer | Imds | HostPlugin] = {
            "wireserver": WireServer(vm),
            "imds": Imds(vm, time.monotonic),
            "hostplugin": HostPlugin(),
        }

    def begin(self) -> None:
        """The clock starts."""
        self._started = time.monotonic()

    def freeze(self) -> None:
        """Time and verdict stay as they are."""
        if self._stopped is None:
            self._stopped = self.elapsed

    @property
    def elapsed(self) -> float:
        """Seconds from start to now, or to stop."""
        return time.monotonic() - self._started if self._stopped is None else self._stopped

    @property
    def requests(self) -> list[Request]:
        """The requests so far, in order of arrival: all of them, unless there were more than the book keeps."""
        with self._lock:
            return self._book.requests

    @property
    def verdict(self) -> str:
        """Creating, Succeeded, Failed or TimedOut: what the platform would show for this VM now."""
        with self._lock:
            return self._judge.verdict(self.elapsed)

    @property
    def description(self) -> str:
        """The description of the failure that was reported, "" unless the verdict is Failed."""
        with self._lock:
            return self._judge.description

    def wait_for_verdict(self) -> str:
        """The final verdict, as soon as the answer to the report that brought it was sent, or time is up."""
        self._settled.wait(max(0.0, self.vm.platform.timeout - self.elapsed))
        return self.verdict

    def write_media(self, directory: str | Path) -> Path | None:
        """Write the provisioning media's files into a directory; the path of ovf-env.xml, None for absent media."""
        return write_media(self.vm, Path(directory))

    def serve(self, server: str, connection: socket.socket, stopping: threading.Event) -> None:
        """Answer the one request of a connection to this server; early once `stopping` is set."""
        with self._lock:
            dropped = self._pending.take_connect_drop(server)
            if dropped:
                self._write_down(server, dropped, Incoming("", ""), "drop", "connection closed unread")
                return
        incoming = read_request(connection)
        if incoming is None:
            return
        response, fault = self._answer(server, incoming)
        try:
            send_answer(connection, response, fault, stopping)
        finally:
            if response.report and self.verdict != CREATING:
                self._settled.set()

    def _answer(self, server: str, incoming: Incoming) -> tuple[Response, Answer]:
        """Decide, judge and record in one step, so that the record has the order in which the servers saw it."""
        with self._lock:
            endpoint = self._servers[server].endpoint(incoming)
            if incoming.fault:
                fault, response = _NORMAL, Response(400, note=incoming.fault)
            else:
                fault = self._pending.take(endpoint)
                response = self._bent_answer(server, incoming, fault)
            if response.report:
                self._judge.hear(response.report, self.elapsed)
            self._write_down(server, endpoint, incoming, fault.silent or str(response.status), _remark(response, fault))
            return response, fault

    def _bent_answer(self, server: str, incoming: Incoming, fault: Answer) -> Response:
        """A report counts, and a goal state moves on, only where the client gets a 2xx: the server saw no other."""
        if fault.silent:
            return Response(0)
        if fault.status is not None and not 200 <= fault.status < 300:
            return Response(0).bent(fault)
        return self._servers[server].answer(incoming).bent(fault)

    def _write_down(self, server: str, endpoint: str, incoming: Incoming, answer: str, remark: str) -> None:
        headers = list(incoming.headers)
        request = Request(
            self.elapsed, server, endpoint, incoming.method, incoming.path, headers, incoming.body, answer, remark
        )
        self._book.write(request)
        if self._on_request:
            self._on_request(request)


def _remark(response: Response, fault: Answer) -> str:
    """What a reader of the timeline wants to know beside the status."""
    return ", ".join(filter(None, (response.note, *_bends(fault))))


def _bends(fault: Answer) -> Iterable[str]:
    if fault.delay:
        yield f"after {fault.delay:g} s"
    if fault.drip:
        yield f"a byte every {fault.drip:g} s"
    if fault.truncate is not None:
        yield f"cut after {fault.truncate} bytes"
    if fault.length is not None:
        yield f"Content-Length {fault.length}"
