"""What the Python engine takes for an answer, and how long it reads what takes long."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import DIST

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready.azure import media
from azready.machine import http, log
from azready.machine.failure import Failure, NoGoodAnswer
from unit.python_machine import OVF, Machine, new_machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine as it comes, and a platform that has nothing against it."""
    with new_machine(tmp_path) as made:
        yield made


def test_a_media_that_is_too_large_is_refused(machine: Machine) -> None:
    machine.file("/media/ovf-env.xml", OVF.format("") + " " * 1048576)
    status, text = machine.provision("--only", "custom-data", MEDIA="/media")
    assert (status, "media_malformed file=ovf-env.xml; going on with IMDS alone" in text) == (0, True)


def test_custom_data_that_is_too_large_is_left_out(machine: Machine) -> None:
    machine.file("/media/ovf-env.xml", OVF.format(""))
    machine.file("/media/CustomData.bin", bytes(1048577))
    status, text = machine.provision("--only", "custom-data", MEDIA="/media")
    assert status == 0
    assert "warning: provisioning media: CustomData.bin is left out, it is over 1048576 bytes" in text
    assert not (machine.root / "var/lib/azready/custom-data").exists()


def test_a_document_is_read_within_the_limit_of_its_request(machine: Machine) -> None:
    def for_ever(_data: bytes) -> None:
        while True:
            pass

    request = http.Request("GET", machine.azure.wireserver, "/machine/?comp=goalstate", {"x-ms-version": "2012-11-30"})
    with pytest.raises(NoGoodAnswer, match="no_good_answer error=no_answer"):
        http.send(request, 0.5, for_ever)


def test_a_media_is_read_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def for_ever(*_arguments: object) -> None:
        while True:
            pass

    monkeypatch.setattr(media, "read_elements", for_ever)
    with pytest.raises(Failure, match="media_malformed"):
        media.parse_media(b"<a/>", seconds=0.5)


def answered(answer: bytes, method: str = "GET") -> str:
    """What becomes of a request that is answered so: the body, or why it is no good."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        request = http.Request(
            method, f"127.0.0.1:{server.getsockname()[1]}", "/", {}, b"x" if method == "POST" else b""
        )
        try:
            return http.send(request, 20, bytes.decode)
        except NoGoodAnswer as problem:
            return problem.what()
        finally:
            thread.join()


def test_only_a_whole_200_answers_a_question() -> None:
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == "hi"
    assert answered(b"HTTP/1.1 206 Partial\r\nContent-Length: 2\r\n\r\nhi") == "http_status=206"
    assert answered(b"HTTP/1.1 204 No Content\r\n\r\n") == "http_status=204"
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi") == "error=no_answer"
    assert answered(b"HTTP/1.1 200 OK\r\nContent-") == "error=no_answer"


def test_interim_answers_are_passed_over() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
    assert answered(interim + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi") == "hi"
    assert answered(interim + b"HTTP/1.1 500 No\r\n\r\n") == "http_status=500"
    assert answered(interim) == "error=no_answer"


def test_of_the_answer_to_a_report_only_the_head_counts() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense"
    assert answered(chunked, "POST") == ""
    assert answered(chunked) == "error=no_answer"
    assert answered(b"HTTP/1.1 202 Accepted\r\nContent-Length: 50\r\n\r\nshort", "POST") == ""
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Len", "POST") == "error=no_answer"
    assert answered(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "POST") == "http_status=302"


@pytest.mark.parametrize(
    ("first", "limits"), [("10", [10, 20, 40, 60, 60]), ("100", [100, 100]), ("1", [1, 2, 4, 8, 16, 32, 60])]
)
def test_each_try_may_take_longer_than_the_one_before(
    first: str, limits: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from azready.machine.tries import Tries

    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    monkeypatch.setattr(log, "level", log.QUIET)
    tries = Tries("x", float(first), time.monotonic() + 9999)
    seen = []
    for _ in limits:
        seen.append(round(tries.limit()))
        tries.another(NoGoodAnswer("", error="no_answer"))
    assert seen == limits
    late = Tries("x", float(first), time.monotonic() + 3)
    assert late.limit() <= 3
