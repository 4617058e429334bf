"""Answers that are bent, held back or cut off, as a VM file asks for."""

from __future__ import annotations

import base64
import http.client
import socket
import threading
import time
from typing import Any

import pytest
from lab.emulator import Emulator
from unit.emulator_client import (
    GOAL_STATE,
    INSTANCE,
    READY,
    WIRE,
    ask,
    emulator,
    get_bytes,
    metadata,
    report,
    send_raw,
)


class TestFaults:
    def test_answers_are_used_up_in_order(self) -> None:
        faults = [{"status": 503, "times": 2, "headers": {"Retry-After": "7"}, "body": "busy"}, {"status": 410}]
        with emulator(answers={"goalstate": faults}) as azure:
            answers = [ask(azure.wireserver, GOAL_STATE, {}) for _ in range(3)]
            assert [status for status, _, _ in answers] == [503, 503, 410]
            assert (answers[0][1]["retry-after"], answers[0][2]) == ("7", b"busy")
            assert ask(azure.wireserver, GOAL_STATE, WIRE)[0] == 200

    def test_times_0_is_for_ever_and_for_one_endpoint(self) -> None:
        with emulator(answers={"goalstate": [{"status": 500, "times": 0}]}) as azure:
            assert [ask(azure.wireserver, GOAL_STATE, WIRE)[0] for _ in range(4)] == [500] * 4
            assert report(azure, READY) == 200

    def test_body_and_headers_bend_the_normal_answer(self) -> None:
        body = base64.b64encode(b"\xff\xfe").decode()
        fault = {"body_base64": body, "headers": {"content-type": "text/plain"}}
        with emulator(answers={"versions": [fault]}) as azure:
            status, headers, received = ask(azure.wireserver, "/?comp=versions", {})
            assert (status, headers["content-type"], received) == (200, "text/plain", b"\xff\xfe")

    @pytest.mark.parametrize("fault", [{"delay": 0.15}, {"drip": 0.05, "status": 200, "body": "1234"}])
    def test_time_passes(self, fault: dict[str, Any]) -> None:
        with emulator(answers={"goalstate": [fault]}) as azure:
            start = time.monotonic()
            assert ask(azure.wireserver, GOAL_STATE, WIRE)[0] == 200
            assert 0.15 <= time.monotonic() - start < 1

    @pytest.mark.parametrize(("fault", "length"), [({"truncate": 3}, b"6"), ({"truncate": 3, "length": 99}, b"99")])
    def test_a_short_body_keeps_its_length(self, fault: dict[str, Any], length: bytes) -> None:
        with emulator(answers={"imds": [{**fault, "body": "abcdef"}]}) as azure:
            head, _, body = send_raw(azure.imds, get_bytes(INSTANCE, "Metadata: true")).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nContent-Length: " + length in head
            assert body == b"abc"

    def test_rubbish_is_sent_as_it_is(self) -> None:
        with emulator(answers={"imds": [{"raw_base64": base64.b64encode(b"\0rub\r").decode()}]}) as azure:
            assert send_raw(azure.imds, get_bytes(INSTANCE)) == b"\0rub\r"
            assert azure.requests[0].answer == "raw"

    def test_a_drop_after_the_request_is_an_end_without_an_answer(self) -> None:
        with emulator(answers={"imds": [{"drop": "request"}]}) as azure:
            assert send_raw(azure.imds, get_bytes(INSTANCE)) == b""
            assert [(request.method, request.answer) for request in azure.requests] == [("GET", "drop")]

    def test_a_reset_is_a_reset(self) -> None:
        with emulator(answers={"imds": [{"drop": "reset"}]}) as azure:
            with pytest.raises(ConnectionResetError):
                send_raw(azure.imds, get_bytes(INSTANCE))
            assert azure.requests[0].answer == "reset"

    def test_a_connection_is_dropped_before_its_request_is_read(self) -> None:
        with emulator(answers={"health": [{"drop": "connect"}]}) as azure:
            assert metadata(azure, INSTANCE)[0] == 200, "the fault is WireServer's"
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(azure.wireserver, GOAL_STATE, WIRE)
            assert ask(azure.wireserver, GOAL_STATE, WIRE)[0] == 200
            seen = [(request.endpoint, request.method, request.answer) for request in azure.requests]
            assert seen == [("imds", "GET", "200"), ("health", "", "drop"), ("goalstate", "GET", "200")]

    @pytest.mark.parametrize("fault", [{"hang": True}, {"delay": 60}, {"drip": 60, "status": 200, "body": "12"}])
    def test_a_silent_connection_does_not_hold_up_the_stop(self, fault: dict[str, Any]) -> None:
        with emulator(answers={"imds": [fault]}) as azure:
            received: list[bytes] = []
            client = threading.Thread(target=lambda: received.append(send_raw(azure.imds, get_bytes(INSTANCE))))
            client.start()
            while not azure.requests:
                time.sleep(0.001)
            start = time.monotonic()
            azure.stop()
            assert time.monotonic() - start < 0.05
        client.join()
        assert received[0].partition(b"\r\n\r\n")[2] in (b"", b"1")

    def test_an_idle_connection_does_not_hold_up_the_stop(self, azure: Emulator) -> None:
        host, port = azure.imds.split(":")
        with socket.create_connection((host, int(port))):
            start = time.monotonic()
            azure.stop()
            assert time.monotonic() - start < 0.05
        assert azure.requests == []

    @pytest.mark.parametrize(
        ("fault", "received"),
        [
            ({"chunked": "well"}, b"charset=utf-8\r\n\r\n6\r\nabcdef\r\n0\r\n\r\n"),
            ({"chunked": "badly"}, b"\r\n\r\nzz\r\nabcdef\r\n0\r\n\r\n"),
            ({"chunked": "unended", "truncate": 2}, b"\r\n\r\n2\r\nab\r\n"),
            ({"cut_head": 10}, b"HTTP/1.1 2"),
            ({"before_base64": base64.b64encode(b"HTTP/1.1 100 C\r\n\r\n").decode(), "cut_head": 2}, b"C\r\n\r\nHT"),
        ],
    )
    def test_the_wire_is_bent(self, fault: dict[str, Any], received: bytes) -> None:
        with emulator(answers={"imds": [{**fault, "body": "abcdef"}]}) as azure:
            assert send_raw(azure.imds, get_bytes(INSTANCE, "Metadata: true")).endswith(received)

    def test_a_reset_comes_behind_what_was_sent(self) -> None:
        with emulator(answers={"imds": [{"body": "abcdef", "truncate": 3, "then": "reset"}]}) as azure:
            host, port = azure.imds.split(":")
            with socket.create_connection((host, int(port))) as connection:
                connection.sendall(get_bytes(INSTANCE, "Metadata: true"))
                connection.recv(65536)
                with pytest.raises(ConnectionResetError):
                    while connection.recv(65536):
                        pass
