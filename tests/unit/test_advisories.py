"""Why the known advisories of urllib3 are out of reach: each reason is tried on the shipped file, with both versions.

agent/tables/advisories.conf names the tests. A server does what the advisory fears; another one waits for what must
never come.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import socket
import subprocess
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bundle
import bundle_shell
import pytest
from release.advisories import advisories, locked_version
from support import DIST, ROOT, need

# The folder of the zip: an interpreter that takes its urllib3 from there.
GENERATIONS = {"urllib3-1": "3.9", "urllib3-2": "3.13"}
ADVISORIES = advisories()
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
CAP = int(bundle_shell.protocol(ROOT)["RESPONSE_CAP"])
# What lies in the buffers of both ends, and is sent without being read.
BUFFERS = 16 << 20
MEGABYTE = 1 << 20

# Sends requests as the engine does; one line of JSON for each: what it had for an answer, and the memory that it took.
PROGRAM = """
import json, resource, sys
agent, folder, address, method, count = sys.argv[1:]
sys.path[:0] = [agent, agent + "/" + folder]
from azready.machine import http
from azready.machine.failure import NoGoodAnswer
import urllib3._version
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
for _ in range(int(count)):
    before = peak()
    request = http.Request(method, address, "/", {"Metadata": "true"}, b"secret" if method == "POST" else b"")
    try:
        said = {"body": http.send(request, 20.0, bytes).hex()}
    except NoGoodAnswer as error:
        said = {"refused": str(error)}
    print(json.dumps({"memory": peak() - before, "version": urllib3._version.__version__, **said}), flush=True)
"""
Answer = Callable[[socket.socket], None]


class Server:
    """Answers the connections so, by turns; keeps what it was sent."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = answers
        self.requests: list[bytes] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                with connection:
                    connection.settimeout(30)
                    self.requests.append(connection.recv(65536))
                    with contextlib.suppress(OSError):
                        self.answers[(len(self.requests) - 1) % len(self.answers)](connection)


@contextlib.contextmanager
def serving(*answers: Answer) -> Iterator[Server]:
    """A server for as long as the block lasts."""
    server = Server(*answers)
    try:
        yield server
    finally:
        server.socket.close()


def said(*pieces: bytes) -> Answer:
    """These bytes, then the end."""

    def answer(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return answer


def asked(folder: str, address: str, method: str = "GET", count: int = 1, **variables: str) -> list[dict[str, Any]]:
    """What the engine makes of the answers of a server."""
    python = need(f"python{GENERATIONS[folder]}", f"takes {folder} out of the file")
    command = [python, "-I", "-S", "-c", PROGRAM, str(DIST / "azready"), folder, address, method, str(count)]
    environment = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    results: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert {result["version"] for result in results} == {locked_version(ROOT, folder)}
    return results


@pytest.fixture(params=list(GENERATIONS))
def folder(request: pytest.FixtureRequest) -> str:
    """Each urllib3 of the file."""
    return str(request.param)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_redirect_is_followed(method: str, folder: str) -> None:
    statuses = (301, 302, 303, 307, 308)
    with serving(said(OK + b"\r\nyes")) as other:
        rest = f"Location: http://{other.address}/\r\nContent-Length: 0\r\n\r\n"
        with serving(*(said(f"HTTP/1.1 {status} There\r\n{rest}".encode()) for status in statuses)) as server:
            results = asked(folder, server.address, method, len(statuses))
    assert [result.get("refused", "").rpartition(" ")[2] for result in results] == [
        f"http_status={status}" for status in statuses
    ]
    assert (len(server.requests), other.requests) == (len(statuses), [])


def test_no_proxy_of_the_environment_is_used(folder: str) -> None:
    names = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    with serving(said(OK + b"\r\nproxy")) as proxy, serving(said(OK + b"\r\ndirect")) as server:
        variables = dict.fromkeys(names, f"http://{proxy.address}")
        [result] = asked(folder, server.address, "GET", 1, **variables)
    assert bytes.fromhex(result["body"]) == b"direct"
    assert proxy.requests == []


def test_only_the_connection_is_shipped() -> None:
    """Nothing that follows, decodes, streams, goes through a proxy or speaks for a browser."""
    with zipfile.ZipFile(DIST / "azready") as archive:
        names = archive.namelist()
    assert any(name.endswith("urllib3/connection.py") for name in names)
    parts = r"urllib3/(response|connectionpool|poolmanager)\.py|util/(retry|ssltransport)|emscripten|socks|pyopenssl"
    assert [name for name in names if re.search(parts, name)] == []


ZEROS = bytes(200 * MEGABYTE)
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"


def chunked(body: bytes) -> bytes:
    """As one chunk."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def encoded() -> dict[str, tuple[bytes, bytes]]:
    """Head and body that a decoder would choke on."""
    bomb, deflated = gzip.compress(ZEROS, 9), zlib.compress(bytes(MEGABYTE))
    links = b", ".join([b"gzip"] * 500)
    return {
        "a bomb": (OK + b"Content-Encoding: gzip\r\n", bomb),
        "a chunked bomb": (CHUNKED + b"Content-Encoding: gzip\r\n", chunked(bomb)),
        "500 links": (OK + b"Content-Encoding: " + links + b"\r\n", bomb),
        "deflate with something behind it": (CHUNKED + b"Content-Encoding: deflate\r\n", chunked(deflated + b"more")),
        "brotli": (OK + b"Content-Encoding: br\r\n", b"\x0b\x02\x80azready\x03"),
        "zstd": (OK + b"Content-Encoding: zstd\r\n", b"\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00"),
    }


def test_nothing_is_decoded(folder: str) -> None:
    """What comes is handed on as it came, and nobody asked for another form."""
    kinds = encoded()
    with serving(*(said(head, b"\r\n", body) for head, body in kinds.values())) as server:
        results = asked(folder, server.address, count=len(kinds))
    for (kind, (head, body)), result in zip(kinds.items(), results, strict=True):
        plain = body.split(b"\r\n", 1)[1].removesuffix(b"\r\n0\r\n\r\n") if head.startswith(CHUNKED) else body
        # The newer one refuses so many links before it looks at the body.
        refused = kind == "500 links" and "refused" in result
        assert refused or bytes.fromhex(result["body"]) == plain, kind
        assert result["memory"] < 32 * MEGABYTE, kind
    wanted = [re.findall(rb"(?mi)^accept-encoding: (.*?)\r$", request) for request in server.requests]
    assert {value for values in wanted for value in values} <= {b"identity"}


def pouring(head: bytes, block: bytes, sent: list[int]) -> Answer:
    """Sends for as long as it is read, but at most 200 MB."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while sum(sent) < 200 * MEGABYTE:
            sent.append(connection.send(block))

    return answer


def test_the_body_of_a_redirect_is_not_read(folder: str) -> None:
    sent: list[int] = []
    head = b"HTTP/1.1 302 There\r\nLocation: http://127.0.0.1:1/\r\nContent-Encoding: gzip\r\n\r\n"
    with serving(pouring(head, gzip.compress(bytes(8 * MEGABYTE)), sent)) as server:
        [result] = asked(folder, server.address)
    assert result["refused"].endswith("http_status=302")
    assert result["memory"] < 32 * MEGABYTE
    assert sum(sent) < BUFFERS


def test_a_chunk_length_without_end_is_refused(folder: str) -> None:
    sent: list[int] = []
    with serving(pouring(CHUNKED + b"\r\n", b"1" * 65536, sent)) as server:
        [result] = asked(folder, server.address)
    assert result["refused"].endswith("error=no_answer")
    assert result["memory"] < 32 * MEGABYTE
    assert sum(sent) < BUFFERS


def test_no_more_is_read_than_the_cap(folder: str) -> None:
    sent: list[int] = []
    with serving(pouring(OK + b"\r\n", b"x" * 65536, sent)) as server:
        [result] = asked(folder, server.address)
    assert result["refused"].endswith("error=answer_too_large")
    assert sum(sent) < CAP + BUFFERS


def test_no_cookie_is_kept(folder: str) -> None:
    with serving(said(OK + b"Set-Cookie: id=1; Path=/\r\nContent-Length: 2\r\n\r\nok")) as server:
        results = asked(folder, server.address, count=3)
    assert [result["body"] for result in results] == [b"ok".hex()] * 3
    assert len(server.requests) == 3
    assert [request for request in server.requests if b"cookie" in request.lower()] == []


# The table


@pytest.mark.parametrize("row", ADVISORIES, ids=lambda row: row.cve)
def test_every_advisory_has_its_test(row: Any) -> None:
    assert re.fullmatch(r"CVE-20\d\d-\d{4,}", row.cve)
    assert re.fullmatch(r"GHSA(-[23456789cfghjmpqrvwx]{4}){3}", row.ghsa)
    assert callable(globals()[f"test_{row.test}"])
    assert all(row.names(first) and not row.names(mended) for first, mended in row.ranges)


def test_the_rows_are_sorted_and_each_is_there_once() -> None:
    keys = [row.cve for row in ADVISORIES]
    assert keys == sorted(set(keys))


def test_the_newest_urllib3_has_no_known_fault() -> None:
    """An update that brings one, or an advisory that names this one, is looked at by a person."""
    version = locked_version(ROOT, "urllib3-2")
    assert [row.cve for row in ADVISORIES if row.names(version)] == []


def test_the_bill_of_materials_says_it_of_each(tmp_path: Path) -> None:
    from release.sbom import from_wheel, vulnerabilities

    for folder in bundle.VENDORED:
        component = from_wheel(ROOT, ROOT / "build" / "wheels", folder)
        named = {row.cve for row in ADVISORIES if row.names(locked_version(ROOT, folder))}
        assert {each.id for each in vulnerabilities(component)} == named
