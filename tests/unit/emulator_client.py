"""What the emulator's tests say to it: requests over real sockets, and the reports of an agent."""

from __future__ import annotations

import http.client
import socket
from typing import Any

from lab.emulator import Emulator, load_vm

GOAL_STATE = "/machine/?comp=goalstate"
HEALTH = "/machine/?comp=health"
WIRE = {"x-ms-version": "2012-11-30"}
METADATA = {"Metadata": "true"}
VERSION = "api-version=2021-08-01"
INSTANCE = f"/metadata/instance?{VERSION}"
READY = """<?xml version="1.0" encoding="utf-8"?>
<Health><GoalStateIncarnation>1</GoalStateIncarnation><Container>
<ContainerId>c0ffee00-0000-4000-8000-000000000001</ContainerId><RoleInstanceList><Role>
<InstanceId>d15ea5e0-0000-4000-8000-000000000002._web-1</InstanceId><Health><State>Ready</State></Health>
</Role></RoleInstanceList></Container></Health>"""
FAILED = READY.replace(
    "<State>Ready</State>",
    "<State>NotReady</State><Details><SubStatus>ProvisioningFailed</SubStatus>"
    "<Description>result=error|reason=no disk &amp; no hope</Description></Details>",
)
Answer = tuple[int, dict[str, str], bytes]


def ask(address: str, path: str, headers: dict[str, str], body: str | bytes | None = None, method: str = "") -> Answer:
    """One request over a fresh connection: status, headers in lower case, body. A body makes it a POST."""
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request(method or ("GET" if body is None else "POST"), path, body, headers)
        response = connection.getresponse()
        return response.status, {key.lower(): value for key, value in response.getheaders()}, response.read()
    finally:
        connection.close()


def send_raw(address: str, request: bytes) -> bytes:
    """Everything the server says to these bytes until it closes the connection."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def get_bytes(path: str, *headers: str) -> bytes:
    """A GET as it stands on the wire."""
    return "".join(f"{line}\r\n" for line in (f"GET {path} HTTP/1.1", "Host: x", *headers, "")).encode()


def emulator(**tables: Any) -> Emulator:
    """An emulator for the VM file with these tables; there is no IMDS rate limit unless asked for."""
    return Emulator(load_vm({"platform": {"rate": 0}, **tables}))


def report(azure: Emulator, document: str) -> int:
    """The status that WireServer answers to a health document."""
    return ask(azure.wireserver, HEALTH, WIRE, document)[0]


def metadata(azure: Emulator, path: str) -> Answer:
    """IMDS' answer to a well-mannered request."""
    return ask(azure.imds, path, METADATA)
