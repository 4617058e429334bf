"""What was asked and what was answered: the `Request` that tests look at, and its line in the record file."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as it arrived. `time` is in seconds since the emulator started; `path` is the target with its query.

    `answer` is the HTTP status as text, or "drop", "reset", "hang", "raw"; `note` says why, for a reader.
    A connection that was dropped before its request was read has the method "".
    """

    time: float
    server: str
    endpoint: str
    method: str
    path: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    answer: str = ""
    note: str = ""


def json_line(request: Request) -> str:
    """The request as a line of JSON: `body` where it is UTF-8 text, else `body_base64`; `answer` a number or a word."""
    fields: dict[str, Any] = {
        "time": round(request.time, 6),
        "server": request.server,
        "endpoint": request.endpoint,
        "method": request.method,
        "path": request.path,
        "headers": request.headers,
    }
    try:
        fields["body"] = request.body.decode()
    except UnicodeDecodeError:
        fields["body_base64"] = base64.b64encode(request.body).decode()
    fields["answer"] = int(request.answer) if request.answer.isdigit() else request.answer
    return json.dumps(fields, ensure_ascii=False) + "\n"
