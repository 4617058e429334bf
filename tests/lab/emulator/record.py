"""What was asked and what was answered: the `Request` that tests look at, the book of them, and the record file."""

from __future__ import annotations

import base64
import json
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# What a book keeps in memory. An emulator may serve for weeks, and one request may have a body of 16 MiB.
_MOST_REQUESTS = 20_000
_MOST_BYTES = 16 * 1024 * 1024
# About what a request costs beside its body and its headers.
_EACH = 1024


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

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return _EACH + len(self.path) + len(self.body) + sum(len(key) + len(value) for key, value in self.headers)


class Book:
    """The last requests, in memory, as many as `most` bytes hold; and all of them in a file where one is named.

    Not thread-safe: the host holds its lock.
    """

    def __init__(self, record: Path | None = None, most: int = _MOST_BYTES) -> None:
        self._record = record
        self._most = most
        self._size = 0
        self._kept: deque[Request] = deque()

    def write(self, request: Request) -> None:
        """Add one; the oldest make room for it."""
        self._kept.append(request)
        self._size += request.size
        while len(self._kept) > 1 and (self._size > self._most or len(self._kept) > _MOST_REQUESTS):
            self._size -= self._kept.popleft().size
        if self._record:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(json_line(request))

    @property
    def requests(self) -> list[Request]:
        """Those that are kept, the oldest first."""
        return list(self._kept)


def json_line(request: Request, vm: str = "") -> str:
    """The request as a line of JSON: `body` where it is UTF-8 text, else `body_base64`; `answer` a number or a word.

    Of a fleet it names the virtual machine.
    """
    fields: dict[str, Any] = {
        **({"vm": vm} if vm else {}),
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
