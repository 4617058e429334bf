"""The Instance Metadata Service (169.254.169.254): the instance document, whole or any part of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .http import Incoming, Response
from .vm import VirtualMachine

_JSON = {"Content-Type": "application/json; charset=utf-8"}
_TEXT = {"Content-Type": "text/plain; charset=utf-8"}
_RATE_WINDOW = 1.0
_ROOT = "/metadata/instance"
_NOTHING = {
    "scheduledevents": "no events are scheduled",
    "attested": "there is no attested document",
    "reprovisiondata": "this VM was not provisioned before",
}


class Imds:
    """The service's rules and its rate limit. `clock` gives seconds. Not thread-safe: the emulator holds its lock."""

    def __init__(self, vm: VirtualMachine, clock: Callable[[], float]) -> None:
        self._platform = vm.platform
        self._instance = vm.instance
        self._clock = clock
        self._served: deque[float] = deque(maxlen=vm.platform.rate or None)

    def endpoint(self, incoming: Incoming) -> str:
        """The endpoint's name: "imds" below /metadata, else "other"."""
        return "imds" if incoming.route.startswith("/metadata/") else "other"

    def answer(self, incoming: Incoming) -> Response:
        """The normal answer, by the rules of the real service."""
        refusal = self._refusal(incoming)
        if refusal:
            return refusal
        if incoming.route == "/metadata/versions":
            return _json_answer({"apiVersions": list(self._platform.api_versions)})
        if not f"{incoming.route}/".startswith(f"{_ROOT}/"):
            # Each has api-versions of its own, and a VM like this one has nothing there.
            beside = incoming.route.removeprefix("/metadata/").partition("/")[0]
            return replace(_error(404, "Not found"), note=_NOTHING.get(beside, "Not found"))
        return self._wrong_version(incoming) or self._part(incoming)

    def _refusal(self, incoming: Incoming) -> Response | None:
        # WALinuxAgent sends True.
        if [value.lower() for value in incoming.values("Metadata")] != ["true"]:
            return _error(400, "Bad request. Required metadata header not specified")
        if incoming.values("X-Forwarded-For"):
            return _error(400, "Bad request. X-Forwarded-For header is not allowed")
        if incoming.method != "GET":
            return _error(405, "Method not allowed")
        if self._too_fast():
            return _error(429, "Too many requests")
        return None

    def _too_fast(self) -> bool:
        now, rate = self._clock(), self._platform.rate
        if rate and len(self._served) == rate and now - self._served[0] < _RATE_WINDOW:
            return True
        if rate:
            self._served.append(now)
        return False

    def _wrong_version(self, incoming: Incoming) -> Response | None:
        version, known = incoming.query.get("api-version"), self._platform.api_versions
        if version in known:
            return None
        fault = f"api-version {version} is invalid" if version else "api-version was not specified in the request"
        reason = f"Bad request. {fault}. For more information refer to aka.ms/azureimds"
        newest = sorted(known, reverse=True)[:3]
        return Response(400, json.dumps({"error": reason, "newest-versions": newest}).encode(), _JSON, fault)

    def _part(self, incoming: Incoming) -> Response:
        query = incoming.query
        document = self._instance
        if query.get("extended", "").lower() != "true":
            document = {key: value for key, value in document.items() if key != "extended"}
        try:
            part = _descend(document, incoming.route.removeprefix(_ROOT))
        except LookupError:
            return _error(404, "Not found")
        wanted = query.get("format", "json")
        if wanted == "text":
            return Response(200, _as_text(part).encode(), _TEXT, "as text")
        return _json_answer(part) if wanted == "json" else _error(400, f"Bad request. Unknown format {wanted}")


def _descend(document: Any, path: str) -> Any:
    """The value at a path such as /compute/publicKeys/0/keyData. Raises LookupError where there is none."""
    part = document
    for name in filter(None, path.split("/")):
        if isinstance(part, list) and name.isdecimal():
            part = part[int(name)]
        elif isinstance(part, dict):
            part = part[name]
        else:
            raise LookupError(path)
    return part


def _as_text(part: Any) -> str:
    """A leaf as it is; of anything else the names below it, one a line, as the real service lists them."""
    if isinstance(part, str):
        return part
    if not isinstance(part, (dict, list)):
        return json.dumps(part)
    below = part.items() if isinstance(part, dict) else enumerate(part)
    return "\n".join(f"{name}/" if isinstance(value, (dict, list)) else f"{name}" for name, value in below)


def _json_answer(value: Any) -> Response:
    body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(200, body, _JSON, f"{len(body)} bytes")


def _error(status: int, reason: str) -> Response:
    return Response(status, json.dumps({"error": reason}).encode(), _JSON, reason.removeprefix("Bad request. "))
