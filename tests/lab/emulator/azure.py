"""The emulator itself: three servers, the faults in front of them, the judge and the record behind them."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from .hostplugin import PORT, HostPlugin
from .http import Incoming, Response, read_request, send_answer
from .imds import Imds
from .judge import CREATING, Judge
from .media import write_media
from .record import Request, json_line
from .sockets import Address, Listeners
from .vm import ENDPOINTS, Answer, VirtualMachine
from .wireserver import WireServer

_NORMAL = Answer()
_HTTP = 80
ANY_PORT: Address = ("127.0.0.1", 0)


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


class Emulator:
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
        self.vm = vm
        self._addresses = {"wireserver": wireserver, "imds": imds, "hostplugin": hostplugin or _beside(wireserver)}
        self._record = None if record is None else Path(record)
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
        self._requests: list[Request] = []

    def __enter__(self) -> Emulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen and answer; the clock starts."""
        if self._record:
            self._record.write_text("")
        self._listeners = Listeners(self._addresses, self._serve)
        self._started = time.monotonic()
        self._listeners.start()

    def stop(self) -> None:
        """Close all connections, hanging ones too, and freeze the verdict."""
        if self._stopped is None:
            self._stopped = self.elapsed
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

    @property
    def elapsed(self) -> float:
        """Seconds from start to now, or to stop."""
        return time.monotonic() - self._started if self._stopped is None else self._stopped

    @property
    def requests(self) -> list[Request]:
        """Every request so far, in order of arrival."""
        with self._lock:
            return list(self._requests)

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

    def _serve(self, server: str, connection: socket.socket) -> None:
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
            send_answer(connection, response, fault, self._listeners.stopping)
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
        self._requests.append(request)
        if self._record:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json_line(request))
        if self._on_request:
            self._on_request(request)


def _beside(wireserver: Address) -> Address:
    """Where agents look for the extension plugin: its own port beside WireServer's; with a port of choice, any."""
    host, port = wireserver
    return host, PORT if port == _HTTP else 0


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
