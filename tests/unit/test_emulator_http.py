"""HTTP on real sockets: what is read, what is refused, what is recorded."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from pathlib import Path

import pytest
from lab.emulator import Emulator, Request, load_vm
from unit.emulator_client import (
    GOAL_STATE,
    HEALTH,
    INSTANCE,
    READY,
    WIRE,
    ask,
    emulator,
    metadata,
    report,
    send_raw,
)

POST = b"POST /machine?comp=health HTTP/1.1\r\nHost: x\r\n"


class TestHttp:
    def test_chunked_and_announced_bodies_are_read(self, azure: Emulator) -> None:
        chunks = "".join(f"{len(line):x}\r\n{line}\r\n" for line in (READY[:99], READY[99:], "")).encode()
        head = f"POST {HEALTH} HTTP/1.1\r\nHost: x\r\nx-ms-version: 2012-11-30\r\nTransfer-Encoding: chunked\r\n"
        answer = send_raw(azure.wireserver, head.encode() + b"Expect: 100-continue\r\n\r\n" + chunks)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert azure.requests[0].body == READY.encode()

    @pytest.mark.parametrize(
        ("request_bytes", "why"),
        [
            (b"rubbish\r\n\r\n", "illegal request line"),
            (b"more rubbish than the server reads" * 10000, "Receive buffer too long"),
            (b"GET / HTTP/1.1 again\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/2.0 is not spoken here"),
            (b"GET / HTTP/1.1\r\n\r\n", "Missing mandatory Host: header"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "Found multiple Host: headers"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata : true\r\n\r\n", "illegal header line"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata\r\n\r\n", "illegal header line"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata: tr\0ue\r\n\r\n", "illegal header line"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata:\r\n true\r\n\r\n", "a header is folded over two lines"),
            (POST + b"Content-Length: many\r\n\r\n", "bad Content-Length"),
            (POST + b"Content-Length: -1\r\n\r\n", "bad Content-Length"),
            (POST + b"Content-Length: 1_0\r\n\r\n0123456789", "bad Content-Length"),
            (POST + b"Content-Length: +1\r\n\r\n0", "bad Content-Length"),
            (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n00", "conflicting Content-Length headers"),
            (POST + b"Content-Length: 99999999\r\n\r\n" + b"0" * 17000000, "a body of more than 16777216 bytes"),
            (
                POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "both Content-Length and Transfer-Encoding",
            ),
            (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "illegal chunk header"),
            (POST + b"Transfer-Encoding: chunked\r\n\r\n1_0\r\n", "illegal chunk header"),
            (POST + b"Transfer-Encoding: gzip\r\n\r\n", "Only Transfer-Encoding: chunked is supported"),
        ],
        ids=lambda value: value if isinstance(value, str) else repr(value[:90]),
    )
    def test_what_is_not_http_is_refused(self, azure: Emulator, request_bytes: bytes, why: str) -> None:
        """As real servers do; a client may not come to rely on one that is kinder."""
        assert send_raw(azure.wireserver, request_bytes).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert (azure.requests[0].answer, azure.requests[0].note) == ("400", why)

    def test_a_body_that_ends_early_is_recorded_as_far_as_it_came(self, azure: Emulator) -> None:
        host, port = azure.wireserver.split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(POST + b"Content-Length: 9\r\n\r\nabc")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
        request = azure.requests[0]
        assert (request.endpoint, request.method, request.body) == ("health", "POST", b"abc")

    def test_many_clients_at_once_are_all_recorded(self) -> None:
        with emulator(answers={"goalstate": [{"status": 503, "times": 10}]}) as azure:
            statuses: list[int] = []
            ask_once = lambda: statuses.append(ask(azure.wireserver, GOAL_STATE, WIRE)[0])  # noqa: E731
            clients = [threading.Thread(target=ask_once) for _ in range(40)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            assert sorted(statuses) == [200] * 30 + [503] * 10
            assert sorted(request.time for request in azure.requests) == [request.time for request in azure.requests]


class TestRecord:
    def test_the_file_has_every_request(self, tmp_path: Path) -> None:
        path = tmp_path / "requests.jsonl"
        vm = load_vm({"answers": {"imds": [{"drop": "connect"}]}})
        with Emulator(vm, record=path) as azure:
            with contextlib.suppress(OSError, http.client.HTTPException):
                metadata(azure, INSTANCE)
            ask(azure.wireserver, HEALTH, WIRE, READY)
            ask(azure.wireserver, HEALTH, {"X-Mixed-Case": "é"}, b"\xff")
        drop, ready, rubbish = (json.loads(line) for line in path.read_text().splitlines())
        assert drop | {"time": 0} == {
            "time": 0,
            "server": "imds",
            "endpoint": "imds",
            "method": "",
            "path": "",
            "headers": [],
            "body": "",
            "answer": "drop",
        }
        assert (ready["endpoint"], ready["method"], ready["path"]) == ("health", "POST", HEALTH)
        assert (ready["body"], ready["answer"]) == (READY, 200)
        assert ["X-Mixed-Case", "é"] in rubbish["headers"]
        assert (rubbish["body_base64"], rubbish["answer"], "body" in rubbish) == ("/w==", 400, False)

    def test_the_callback_sees_the_verdict(self) -> None:
        seen: list[tuple[Request, str]] = []
        with Emulator(load_vm({}), on_request=lambda request: seen.append((request, azure.verdict))) as azure:
            report(azure, READY)
        assert seen == [(azure.requests[0], "Succeeded")]
