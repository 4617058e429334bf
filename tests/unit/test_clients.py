"""Every HTTP client of the shell engine comes to the same verdict about the same answer, and to any verdict in time."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from bundle import quote
from conformance.client import Combination, make_sandbox, need_programs
from conformance.process import execute
from support import DIST, need, shell_functions
from unit.run_machine import new_machine

CLIENTS = ("curl", "wget", "busybox-wget", "nc", "bash", "old-busybox-wget")
CAP = 1 << 20
OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
Answer = Callable[[socket.socket], None]


def said(*pieces: bytes) -> Answer:
    """These bytes, then the end."""

    def answer(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return answer


def endless(connection: socket.socket) -> None:
    connection.sendall(OK + b"\r\n")
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x" * 65536)


def kept_open(connection: socket.socket) -> None:
    """Whole, by its Content-Length; but the server keeps the connection, whatever it was asked."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody")
    with contextlib.suppress(OSError):
        connection.settimeout(30)
        while connection.recv(4096):
            pass


@contextlib.contextmanager
def server(answer: Answer) -> Iterator[str]:
    """One that reads a request and answers so."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=talk, args=(connection,), daemon=True).start()

        def talk(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                request = b""
                while b"\r\n\r\n" not in request:
                    request += connection.recv(65536)
                head, _, body = request.partition(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == b"content-length:"), 0
                )
                while len(body) < length:
                    body += connection.recv(65536)
                answer(connection)
                connection.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def write_tool(place: Path, text: str) -> None:
    """A script for PATH."""
    place.write_text(f"#!{need('dash')}\n{text}")
    place.chmod(0o755)


def asked(
    tmp_path: Path, client: str, method: str, answer: Answer, seconds: int = 10, old_nc: bool = False
) -> tuple[str, bytes, float]:
    """What the client makes of it: `ok` or the problem; the body; how long it took."""
    row = Combination("shell", "dash", client)
    need_programs(row)
    box = make_sandbox(tmp_path / "tools", row)
    if old_nc:
        (box / "nc").unlink()
        (box / "nc").write_text(OLD_NC.format(python=sys.executable, busybox=need("busybox")))
        (box / "nc").chmod(0o755)
    if client == "old-busybox-wget":
        write_tool(box / "wget", OLD_WGET.format(busybox=need("busybox")))
    functions = shell_functions()
    body = quote(str(tmp_path / "document")) if method == "POST" else "''"
    (tmp_path / "document").write_bytes(b"<Health/>")
    with server(answer) as address:
        (tmp_path / "script").write_text(
            f"{functions}\nroot='' set_REQUEST_TIMEOUT={seconds} log_level=0 fail_value='' current_step=''\n"
            "run_prepare\nrun_begin\nlog_level=0\nhttp_begin\n"
            f'[ "$http_client" = {client} ] || exit 9\nhttp_headers="Metadata: true"\n'
            f"if http_send {method} {address} / {seconds * 100} {body}\n"
            'then printf ok; else printf %s "$_problem"; fi\n'
            f'cp "$work/body" {quote(str(tmp_path / "got"))}\n'
        )
        began = time.monotonic()
        done = execute([need("dash"), str(tmp_path / "script")], {"PATH": str(box)}, tmp_path, tmp_path, 60)
        took = time.monotonic() - began
    assert done.exit == 0, done.stderr
    assert done.left_running == ()
    return done.stdout.decode(), (tmp_path / "got").read_bytes(), took


# Alpine 3.11 to 3.15 and Tiny Core: it goes on for as long as its stdin is open, even where the other side has closed.
OLD_NC = """#!{python}
import os, select, socket, sys
if "--help" in sys.argv:
    os.execv("{busybox}", ["nc", "--help"])
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])))
inputs = [0, connection]
while inputs:
    for ready in select.select(inputs, [], [])[0]:
        data = os.read(0, 4096) if ready == 0 else connection.recv(4096)
        if not data:
            inputs.remove(ready)
            if ready == 0:
                connection.shutdown(socket.SHUT_WR)
        elif ready == 0:
            connection.sendall(data)
        else:
            os.write(1, data)
"""

# Of busybox 1.29, as Buildroot configured it: no nc beside it.
OLD_WGET = """case " $* " in
*' --post-file '*) echo "wget: unrecognized option '--post-file'" >&2 && exit 1 ;;
*' --help '*) printf '%s\\n' 'BusyBox v1.29.2 (2019-05-01 22:00:58 -03) multi-call binary.' '' \\
    "Usage: wget [-c|--continue] [--spider] [-q|--quiet] [-O|--output-document FILE]" \\
    "	[--header 'header: value'] [-Y|--proxy on/off] [-P DIR]" \\
    "	[-S|--server-response] [-U|--user-agent AGENT] [-T SEC] URL..." >&2 && exit 0 ;;
esac
exec {busybox} wget "$@"
"""

# The answer to a GET: what becomes of it. More than one where a client cannot know better.
GETS: dict[str, tuple[Answer, set[str]]] = {
    "whole, by its length": (said(OK + b"Content-Length: 4\r\n\r\nbody"), {"ok"}),
    "whole, by the end of the connection": (said(OK + b"\r\nbody"), {"ok"}),
    "behind 100 Continue": (said(b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 4\r\n\r\nbody"), {"ok"}),
    "cut off": (said(OK + b"Content-Length: 9\r\n\r\nbody"), {"error=no_answer"}),
    "a part": (said(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n\r\nbody"), {"http_status=206"}),
    "204": (said(b"HTTP/1.1 204 No Content\r\n\r\n"), {"http_status=204"}),
    "just the cap": (said(OK + b"\r\n" + b"x" * CAP), {"ok"}),
    "a byte over the cap": (said(OK + b"\r\n" + b"x" * (CAP + 1)), {"error=answer_too_large"}),
    "far over the cap": (said(OK + b"\r\n" + b"x" * (3 * CAP)), {"error=answer_too_large"}),
    "endless": (endless, {"error=answer_too_large"}),
    "no head": (said(b"hello\n"), {"error=no_answer"}),
}
POSTS: dict[str, tuple[Answer, set[str]]] = {
    "accepted": (said(OK + b"Content-Length: 0\r\n\r\n"), {"ok"}),
    "202": (said(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"), {"ok"}),
    "accepted, and then a body that is cut off": (said(OK + b"Content-Length: 9\r\n\r\nbody"), {"ok"}),
    "a bad chunk": (said(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), {"ok"}),
    "refused": (said(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"), {"http_status=410"}),
    "redirected": (said(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"), {"http_status=302"}),
    "behind 100 Continue": (said(b"HTTP/1.1 100 Continue\r\n\r\n", OK + b"Content-Length: 0\r\n\r\n"), {"ok"}),
}


@pytest.mark.parametrize("kind", GETS)
@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_judges_an_answer_alike(client: str, kind: str, tmp_path: Path) -> None:
    answer, verdicts = GETS[kind]
    verdict, body, _ = asked(tmp_path, client, "GET", answer)
    assert verdict in verdicts
    if verdict == "ok":
        assert body == (b"x" * CAP if "cap" in kind else b"body")


@pytest.mark.parametrize("kind", POSTS)
@pytest.mark.parametrize("client", CLIENTS)
def test_only_the_head_counts_in_the_answer_to_a_report(client: str, kind: str, tmp_path: Path) -> None:
    answer, verdicts = POSTS[kind]
    assert asked(tmp_path, client, "POST", answer)[0] in verdicts


@pytest.mark.parametrize("client", ["nc", "bash"])
def test_a_connection_that_is_kept_open_holds_nobody_up(client: str, tmp_path: Path) -> None:
    verdict, body, took = asked(tmp_path, client, "GET", kept_open, seconds=40)
    assert (verdict, body) == ("ok", b"body")
    assert took < 30


@pytest.mark.parametrize("kind", ["whole, by its length", "whole, by the end of the connection"])
def test_an_nc_that_goes_on_while_its_stdin_is_open_holds_nobody_up(kind: str, tmp_path: Path) -> None:
    verdict, body, took = asked(tmp_path, "nc", "GET", GETS[kind][0], seconds=40, old_nc=True)
    assert (verdict, body) == ("ok", b"body")
    assert took < 30


@pytest.mark.parametrize("fault", ["exit 127", "exit 2", "kill -SEGV $$"])
def test_the_next_client_stands_in_for_a_curl_that_does_not_work(fault: str, tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        machine.tool("curl", fault)
        (machine.path / "bash").symlink_to(need("bash"))
        assert machine.run() == 0, machine.said()
        assert "curl does not work" in machine.said()
        assert machine.azure.verdict == "Succeeded"
        assert machine.status()["HTTP_CLIENT"] == "bash"


def test_a_busybox_wget_from_before_post_file_reports_the_exact_bytes(tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        (machine.path / "curl").unlink()
        machine.tool("wget", OLD_WGET.format(busybox=need("busybox")))
        assert machine.run() == 0, machine.said()
        assert machine.status()["HTTP_CLIENT"] == "old-busybox-wget"
        assert machine.azure.verdict == "Succeeded"
        assert machine.azure.requests[-1].body == (machine.root / "var/lib/azready/report.xml").read_bytes()


def test_the_next_client_stands_in_for_a_wget_that_looks_for_etc_services(tmp_path: Path) -> None:
    """busybox with FEATURE_ETC_SERVICES on a small system."""
    help_alone = "case $1 in --help) exec {} wget --help ;; esac\necho \"wget: bad port 'http'\" >&2\nexit 1"
    with new_machine(tmp_path) as machine:
        (machine.path / "curl").unlink()
        machine.tool("wget", help_alone.format(need("busybox")))
        (machine.path / "nc").symlink_to(need("busybox"))
        assert machine.run() == 0, machine.said()
        assert "busybox-wget does not work (status 1, wget: bad port 'http')" in machine.said()
        assert machine.azure.verdict == "Succeeded"
        assert machine.status()["HTTP_CLIENT"] == "nc"


def test_a_curl_that_does_not_work_is_not_tried_until_the_deadline(tmp_path: Path) -> None:
    with new_machine(tmp_path) as machine:
        machine.tool("curl", "exit 127")
        assert machine.run() == 3
        assert "no_http_client" in machine.said()
        assert machine.status()["OUTCOME"] == "not-told"


def test_a_shell_that_says_bash_not_found_is_no_client(tmp_path: Path) -> None:
    """Nothing here speaks HTTP: the run ends at once, and says what would help."""
    box = make_sandbox(tmp_path / "tools", Combination("shell", "dash", "curl"))
    (box / "curl").unlink()
    root = tmp_path / "root"
    for folder in ("etc", "run", "var/lib"):
        (root / folder).mkdir(parents=True)
    command = [need("dash"), str(DIST / "azready"), "--engine", "shell", "--root", str(root), "provision"]
    done = execute(
        command, {"PATH": str(box), "AZREADY_DEADLINE": "40", "AZREADY_IMDS": "127.0.0.1:9"}, tmp_path, tmp_path, 60
    )
    assert done.exit == 3
    assert b"no_http_client" in done.stderr
