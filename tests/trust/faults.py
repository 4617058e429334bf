"""What can go wrong with an answer, as data, and by which rules of the contract a run must take it.

A misbehaviour is one or more answers in the emulator's words (`lab example` prints them). `get` and `post` say what
the engine must make of it where it asks for something, and where it reports: `good`, `again` (no answer that counts),
or the status that it sees. A GET is good with 200 and a whole body that makes sense; of the answer to a report only the
head counts, and any 2xx is good. What follows from that at each endpoint is in `is_good` and `is_final`.
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Outcome = str | int
ENDPOINTS = ("goalstate", "imds", "health", "health-json")
# 404, 408, 410 and 429 pass at IMDS; 400 has it asked once more, in older words.
_PASSING = (404, 408, 410, 429)
_NO_GOAL_STATE = (404, 501)
# It needs a body for what is done to it: a report is answered without one.
_BODY_OF_REPORT = {"body": "this body is not looked at\n" * 4}


@dataclass(frozen=True)
class Misbehaviour:
    """`but` and `but_post`: what a client makes of it that cannot know better, by name. `slow`: it takes the limit of a
    request, so that on a busy machine one more try may be needed. `alone`: not together with that of another endpoint.
    """

    name: str
    answers: tuple[dict[str, Any], ...]
    get: tuple[Outcome, ...] = ("again",)
    post: tuple[Outcome, ...] = ("again",)
    but: dict[str, tuple[Outcome, ...]] = field(default_factory=dict)
    but_post: dict[str, tuple[Outcome, ...]] = field(default_factory=dict)
    slow: bool = False
    alone: bool = False
    # Whether it is also tried for ever, at one endpoint; else it is much like others, for which CI has fewer clients.
    ever: bool = True

    def answers_at(self, endpoint: str, path: str) -> list[dict[str, Any]]:
        """The emulator's rows for an endpoint; `path` is what @PATH@ stands for."""
        rows = []
        for answer in self.answers:
            needs_body = (
                endpoint.startswith("health") and not {"status", "body", "body_base64", "raw_base64"} & answer.keys()
            )
            row = {**(_BODY_OF_REPORT if needs_body else {}), **answer}
            if "headers" in row:
                row["headers"] = {key: value.replace("@PATH@", path) for key, value in row["headers"].items()}
            rows.append(row)
        return rows

    def outcomes(self, endpoint: str, client: str) -> tuple[Outcome, ...]:
        """What this client may make of one answer at this endpoint: one of these."""
        if endpoint.startswith("health"):
            return self.but_post.get(client, self.post)
        return self.but.get(client, self.get)


def is_good(endpoint: str, outcome: Outcome) -> bool:
    """Whether the run goes on with the answer."""
    if isinstance(outcome, str):
        return outcome == "good"
    return 200 <= outcome <= 299 if endpoint.startswith("health") else outcome == 200


def is_final(endpoint: str, outcome: Outcome) -> bool:
    """Whether nobody asks again."""
    if endpoint == "goalstate":
        return outcome in _NO_GOAL_STATE
    return endpoint == "imds" and isinstance(outcome, int) and 400 <= outcome <= 499 and outcome not in _PASSING


_AS_IT_MAY = ("good", "again")
_RAW_CLIENTS = ("nc", "bash")
# Ended by their limit, they do not tell whether the head had come whole.
_OF_AN_ENDED_ONE = dict.fromkeys(("wget", "busybox-wget"), _AS_IT_MAY)
# They do not tell that a head is cut off: its first line is what they know.
_OF_A_CUT_HEAD = dict.fromkeys(("curl", "wget", "busybox-wget"), _AS_IT_MAY)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _one(name: str, answer: dict[str, Any], **rest: Any) -> Misbehaviour:
    return Misbehaviour(name, (answer,), **rest)


def _bent(name: str, headers: dict[str, str], **rest: Any) -> Misbehaviour:
    return _one(name, {"headers": headers}, **rest)


_GOOD: dict[str, Any] = {"get": ("good",), "post": ("good",)}
# Only the head counts in the answer to a report.
_BODY: dict[str, Any] = {"post": ("good",)}
_WIRE = [
    _one("closed unread", {"drop": "connect"}, alone=True),
    _one("closed after the request", {"drop": "request"}),
    _one("reset after the request", {"drop": "reset"}),
    _one("reset in the head", {"cut_head": 30, "then": "reset"}, but_post=_OF_A_CUT_HEAD),
    _one("reset behind the head", {"truncate": 0, "then": "reset"}, **_BODY),
    _one("reset in the body", {"truncate": 10, "then": "reset"}, **_BODY),
    _one("closed in the status line", {"cut_head": 12}, but_post=_OF_A_CUT_HEAD),
    _one("closed behind the status line", {"cut_head": 17}, but_post=_OF_A_CUT_HEAD),
    _one("closed in the head", {"cut_head": 40}, but_post=_OF_A_CUT_HEAD),
    _one("closed behind the head", {"truncate": 0}, **_BODY),
    _one("closed in the body", {"truncate": 10}, **_BODY),
    _one("silent", {"hang": True}, slow=True),
    _one("silent in the head", {"cut_head": 30, "then": "hang"}, slow=True),
    _one("silent behind the head", {"truncate": 0, "then": "hang"}, slow=True, **_BODY, but_post=_OF_AN_ENDED_ONE),
    _one("silent in the body", {"truncate": 10, "then": "hang"}, slow=True, **_BODY, but_post=_OF_AN_ENDED_ONE),
    _one("a byte each half second", {"drip": 0.5}, slow=True, **_BODY, but_post=_OF_AN_ENDED_ONE),
    _one("late", {"delay": 0.6}, **_GOOD),
    _one("too late", {"delay": 2.5}, slow=True),
    _one("rubbish", {"raw_base64": _base64(b"\0rubbish\r\n\xff")}),
    _one("another protocol", {"raw_base64": _base64(b"SSH-2.0-OpenSSH_9.2p1\r\n")}),
]
_LENGTHS = [
    _one("length too long", {"length": 99999}, **_BODY),
    _one("length too short", {"length": 10}, **_BODY),
    _bent("length negative", {"Content-Length": "-5"}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    _bent("length of letters", {"Content-Length": "many"}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    _bent("length empty", {"Content-Length": ""}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    _bent("length enormous", {"Content-Length": "9" * 30}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    _bent("two lengths", {"X-A": "b\r\nContent-Length: 99999"}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    # A client of HTTP/1.0 cannot read it.
    _one("in chunks", {"chunked": "well"}, **_GOOD, but=dict.fromkeys(_RAW_CLIENTS, ("again",))),
    _one("in bad chunks", {"chunked": "badly"}, **_BODY),
    _one("in chunks without an end", {"chunked": "unended"}, **_BODY),
]
_BODIES = [
    _one("empty", {"body": ""}, **_BODY),
    _one("a page in HTML", {"body": "<!DOCTYPE html><html><body>Sign in, dear guest</body></html>"}, **_BODY),
    _one("packed, unasked", {"body_base64": _base64(gzip.compress(b"<GoalState/>", mtime=0)),
                             "headers": {"Content-Encoding": "gzip"}}, **_BODY),
    _bent("said to be packed", {"Content-Encoding": "gzip"}, **_GOOD),
    _bent("said to be in UTF-16", {"Content-Type": "text/xml; charset=utf-16"}, **_GOOD),
    _one("in UTF-16", {"body_base64": _base64("<GoalState/>".encode("utf-16"))}, **_BODY),
    _one("NUL bytes", {"body_base64": _base64(b"\0" * 4096)}, **_BODY),
    _one("5 MB", {"body": "x" * 5_000_000}, **_BODY),
    _one("a megabyte and a byte", {"body": " " * 1_048_577}, **_BODY),
]  # fmt: skip
_HEADERS = [
    _bent("a header of 1 MB", {"X-Filler": "x" * 1_000_000}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    _bent("2000 headers", {f"X-Filler-{number}": "x" for number in range(2000)}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    _bent("a header that is none", {"no colon\r\nX-A": "b"}, get=_AS_IT_MAY, post=_AS_IT_MAY),
    _bent("a cookie", {"Set-Cookie": "a=b; Path=/"}, **_GOOD),
    _one("behind 100", {"before_base64": _base64(b"HTTP/1.1 100 Continue\r\n\r\n")}, **_GOOD),
    _one("behind 102 and 103", {"before_base64": _base64(
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")}, **_GOOD,
        # It passes over 100 alone.
        but={"busybox-wget": ("again",)}, but_post={"busybox-wget": ("again",)}),
    _one("nothing but 100", {"raw_base64": _base64(b"HTTP/1.1 100 Continue\r\n\r\n")}),
    _one("101", {"status": 101}),
]  # fmt: skip
_IN_USE = (
    *range(200, 209), 226, *range(300, 306), 307, 308, *range(400, 419), *range(421, 427), 428, 429, 431, 451,
    *range(500, 505),
)  # fmt: skip
_STATUSES = [
    _one(str(status), {"status": status, "body": "" if status in (204, 205, 304) else "said so\n"},
         get=("again",) if status == 200 else (status,), post=(status,),
         ever=status in (204, 206, 302, 400, 401, 403, 404, 410, 429, 500, 501, 503))
    for status in _IN_USE
]  # fmt: skip


def _redirect(name: str, status: int, location: str) -> Misbehaviour:
    answer = {"status": status, "headers": {"Location": location}}
    # busybox wget is there before it says so: how often it asks is its own affair.
    its_own = {"busybox-wget": ("any", status)}
    return _one(name, answer, get=(status,), post=(status,), but=its_own, but_post=its_own)


_REDIRECTS = [
    _redirect("redirect to itself", 302, "@PATH@"),
    _redirect("redirect elsewhere", 307, "http://127.0.0.1:9/"),
    _redirect("redirect for good", 301, "/elsewhere"),
    _redirect("redirect as a GET", 303, "@PATH@"),
    _redirect("redirect to a file", 302, "file:///etc/passwd"),
]


def _retry_after(name: str, value: str, **rest: Any) -> Misbehaviour:
    return _one(f"Retry-After {name}", {"status": 503, "headers": {"Retry-After": value}},
                get=(503,), post=(503,), **rest)  # fmt: skip


_RETRY_AFTER = [
    _retry_after("in seconds", "1"),
    _retry_after("none", "0"),
    _retry_after("as a date", "Wed, 21 Oct 2035 07:28:00 GMT"),
    _retry_after("garbage", "soon;\x7f"),
    _retry_after("negative", "-10"),
    # Longer than the deadline: the run ends there and then.
    _retry_after("absurd", "9" * 25, alone=True),
    _retry_after("a day", "86400", alone=True),
]
_FLAPPING = [
    Misbehaviour(
        "flapping",
        ({"status": 503}, {"drop": "reset"}, {"status": 429}, {"drop": "request"}, {"status": 500}),
        get=(503,), post=(503,), ever=False,
    )
]  # fmt: skip
MISBEHAVIOURS: Sequence[Misbehaviour] = (
    *_WIRE, *_LENGTHS, *_BODIES, *_HEADERS, *_STATUSES, *_REDIRECTS, *_RETRY_AFTER, *_FLAPPING,
)  # fmt: skip
