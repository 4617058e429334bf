"""Compares what one run did with what the case expects and with what holds for every run. Pure: data in, faults out."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import unescape

from lab.emulator import Request
from lab.tree import Entry

from .case import Expect, FileCheck, Run
from .facts import fill, golden_report, pattern
from .image import HOSTNAME, look
from .process import Finished

STATE = "/var/lib/azready"
MARKER = f"{STATE}/provisioned"
STATUS = f"{STATE}/status"
# What azready may write in any run, with the modes that the contract gives them.
_OWN = {
    STATE: ("directory", 0o700),
    MARKER: ("file", 0o600),
    STATUS: ("file", 0o600),
    f"{STATE}/report.xml": ("file", 0o600),
    f"{STATE}/report.json": ("file", 0o600),
    f"{STATE}/custom-data": ("file", 0o600),
    f"{STATE}/user-data": ("file", 0o600),
    "/run/azready": ("directory", 0o700),
    "/run/azready/instance.json": ("file", 0o600),
}
# With its number, the lock of a run that is at work.
_LOCK = re.compile(r"/run/azready/lock\.[0-9]+")
_WIRE_VERSION = "2012-11-30"
# A record of a Hyper-V key-value pool: key and value, each padded with NUL.
_POOL_KEY, _POOL_KEY_SIZE, _POOL_SIZE = b"PROVISIONING_REPORT", 512, 2560
_REPORTS = ("health", "health-json")
# Bytes of a description before it is escaped for XML.
_LONGEST_ROW = 512
_HEALTH_TYPE = "text/xml; charset=utf-8"
_JSON_TYPE = "application/json"


@dataclass(frozen=True)
class Observed:
    """What one run did: how it ended, its own requests, the verdict after it, and the tree before and after."""

    finished: Finished
    requests: list[Request]
    verdict: str
    before: Mapping[str, Entry]
    after: Mapping[str, Entry]

    @property
    def stderr(self) -> str:
        """The log; what is not UTF-8 shows as \\xNN."""
        return self.finished.stderr.decode("utf-8", "backslashreplace")

    @property
    def stdout(self) -> str:
        """What the program printed."""
        return self.finished.stdout.decode("utf-8", "backslashreplace")

    @property
    def reports(self) -> list[Request]:
        """The health reports of this run, in order, accepted or not."""
        return [request for request in self.requests if request.endpoint in _REPORTS and request.method == "POST"]

    @property
    def changed(self) -> set[str]:
        """Paths that were added, removed or changed; a folder counts only when it is new, gone or has another mode."""
        paths = self.before.keys() | self.after.keys()
        return {path for path in paths if self.before.get(path) != self.after.get(path)}


Faults = Iterator[str]


# What is looked at of another agent, in the order of the table's columns.
ENDED, VERDICT, EXIT, FILES = COLUMNS = ("ended", "verdict", "exit", "files")
# All that is demanded of an agent that only reports.
REPORT_COLUMNS = (ENDED, VERDICT)


def outcome_faults(expect: Expect, seen: Observed, facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What the platform and the user see of any agent: (column, fault) for each that is wrong."""
    if seen.finished.exit is None:
        yield ENDED, "it hung and was killed"
    elif (seen.finished.exit == 0) != (expect.exit == 0):
        yield EXIT, f"exit status {seen.finished.exit} instead of {expect.exit}"
    yield from ((VERDICT, fault) for fault in _verdict_faults(expect, seen))
    files = {path: check for path, check in expect.files.items() if not is_azreadys(path)}
    yield from ((FILES, fault) for fault in _file_faults(files, seen, facts))
    if HOSTNAME in seen.changed - expect.files.keys():
        yield FILES, f"{HOSTNAME} was changed, which the case does not expect"


def is_azreadys(path: str) -> bool:
    """Whether a path is one that azready keeps for itself, so that nobody else can be asked for it."""
    return path in _OWN


def contract_faults(run: Run, seen: Observed, facts: Mapping[str, str], http: str) -> Faults:
    """Everything: what the case expects, and what the contract says of every run. `http`: the client that must run."""
    expect = run.expect
    if seen.finished.exit is None:
        yield "it hung and was killed"
    elif seen.finished.exit != expect.exit:
        yield f"exit status {seen.finished.exit} instead of {expect.exit}"
    if seen.finished.left_running:
        yield "left running: " + "; ".join(seen.finished.left_running)
    yield from _verdict_faults(expect, seen)
    yield from _request_faults(expect.requests_by_client.get(http, expect.requests), seen)
    for number, request in enumerate(seen.requests, 1):
        yield from (f"request {number} ({_label(request)}): {fault}" for fault in _manner_faults(request, facts))
    yield from _report_faults(expect, seen, facts)
    yield from _text_faults(expect, seen, facts)
    yield from _file_faults(expect.files, seen, facts)
    yield from _change_faults(expect, seen)
    if expect.unchanged:
        yield from _rewritten(seen)
    yield from _marker_faults(run, seen, facts)


def engine_faults(seen: Observed, engine: str, http: str) -> Faults:
    """Whether the engine and the HTTP client that the combination names are those that ran, by the status file."""
    status = look(seen.after, STATUS)
    if not status or status == look(seen.before, STATUS):
        return
    lines = status.content.decode("utf-8", "replace").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    if values.get("ENGINE") != engine:
        yield f"ENGINE is {values.get('ENGINE')}, not {engine}"
    # The name may be followed by a version: urllib3/2.6.3.
    if seen.requests and re.split("[/ ]", values.get("HTTP_CLIENT", ""))[0] != http:
        yield f"HTTP_CLIENT is {values.get('HTTP_CLIENT')}, not {http}"


def _verdict_faults(expect: Expect, seen: Observed) -> Faults:
    if seen.verdict != expect.verdict:
        yield f"the platform's verdict is {seen.verdict} instead of {expect.verdict}"


def _label(request: Request) -> str:
    """`GET goalstate`; a connection that the emulator closed unread has no method and is a `drop`."""
    return f"{request.method or 'drop'} {request.endpoint}"


def _request_faults(expected: tuple[str, ...], seen: Observed) -> Faults:
    labels = [_label(request) for request in seen.requests]
    if not re.fullmatch("".join(map(_entry_pattern, expected)), "".join(f"{label}\n" for label in labels)):
        yield f"requests were     {', '.join(labels) or 'none'}\n  instead of        {', '.join(expected) or 'none'}"


def _entry_pattern(entry: str) -> str:
    """`GET goalstate, POST health +` as a pattern over one label a line."""
    labels, repeat = (entry[:-1], entry[-1]) if entry[-1] in "+*" else (entry, "")
    lines = "".join(re.escape(label.strip()) + "\n" for label in labels.split(","))
    return f"(?:{lines}){repeat}"


def _headers_of(request: Request, agent: str) -> dict[str, str]:
    """What this request must carry, once each."""
    if request.server == "imds":
        return {"metadata": "true"}
    wanted = {"x-ms-version": _WIRE_VERSION, "x-ms-agent-name": agent}
    if request.endpoint == "health-json":
        return {**wanted, "content-type": _JSON_TYPE, "x-ms-guest-agent-name": agent}
    return {**wanted, "content-type": _HEALTH_TYPE} if request.method == "POST" else wanted


def _manner_faults(request: Request, facts: Mapping[str, str]) -> Faults:
    """What every request must and must not carry."""
    if not request.method:
        return
    headers: dict[str, list[str]] = {}
    for key, value in request.headers:
        headers.setdefault(key.lower(), []).append(value)
    for key, value in _headers_of(request, f"azready/{facts['VERSION']}").items():
        if headers.get(key) != [value]:
            yield f"header {key} is {headers.get(key)}, not once {value!r}"
    for key in ("x-forwarded-for", "cookie", "proxy-connection", "expect"):
        if key in headers:
            yield f"it has the header {key}: {headers[key]}"
    if set(headers.get("accept-encoding", ["identity"])) != {"identity"}:
        yield f"Accept-Encoding is {headers['accept-encoding']}"


def _report_faults(expect: Expect, seen: Observed, facts: Mapping[str, str]) -> Faults:
    """The last report against the golden document."""
    if not seen.reports or expect.report == "any":
        return
    if expect.incarnation is not None:
        facts = {**facts, "INCARNATION": str(expect.incarnation)}
    form = "xml" if seen.reports[-1].endpoint == "health" else "json"
    name = ("ready" if expect.description is None else "not-ready") + f".{form}"
    golden = golden_report(name, facts, expect.description or "")
    body = seen.reports[-1].body.decode("utf-8", "backslashreplace")
    if not pattern(golden).fullmatch(body):
        yield f"the last report is not the golden one ({name}):\n{_indented(body)}\n  instead of\n{_indented(golden)}"
    for row in re.findall("<Description>(.*?)</Description>", body, re.DOTALL):
        size = len(unescape(row).encode())
        if size > _LONGEST_ROW:
            yield f"the description has {size} bytes"


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines())


def _text_faults(expect: Expect, seen: Observed, facts: Mapping[str, str]) -> Faults:
    for regex in expect.log:
        if not re.search(fill(regex, facts), seen.stderr, re.MULTILINE):
            yield f"nothing in the log matches /{regex}/"
    for regex in expect.log_not:
        if found := re.search(fill(regex, facts), seen.stderr, re.MULTILINE):
            yield f"/{regex}/ matches in the log: {found[0]!r}"
    for regex in expect.stdout:
        if not re.search(fill(regex, facts), seen.stdout, re.MULTILINE):
            yield f"nothing on stdout matches /{regex}/"
    for line in seen.stderr.splitlines():
        if not line.startswith("azready: "):
            yield f"a line of the log does not start with `azready: `: {line!r}"


def _file_faults(files: Mapping[str, FileCheck], seen: Observed, facts: Mapping[str, str]) -> Faults:
    for path, check in files.items():
        entry = seen.after.get(path)
        if check.absent or entry is None:
            if check.absent != (entry is None):
                yield f"{path} {'is there' if entry else 'is missing'}"
            continue
        yield from (f"{path}: {fault}" for fault in _entry_faults(check, entry, facts))


def _entry_faults(check: FileCheck, entry: Entry, facts: Mapping[str, str]) -> Faults:
    text = entry.content.decode("utf-8", "backslashreplace")
    if check.symlink is not None and (entry.kind, text) != ("symlink", check.symlink):
        yield f"it is a {entry.kind} ({text!r}) instead of a symlink to {check.symlink!r}"
    if check.content is not None and not pattern(fill(check.content, facts)).fullmatch(text):
        yield f"it holds {text!r} instead of {fill(check.content, facts)!r}"
    if check.match is not None and not re.search(fill(check.match, facts), text, re.MULTILINE):
        yield f"nothing in it matches /{check.match}/: {text!r}"
    if check.base64 is not None and entry.content != base64.b64decode(check.base64):
        yield f"it holds {entry.content!r} instead of {base64.b64decode(check.base64)!r}"
    if check.pool is not None:
        yield from _pool_faults(check.pool, entry.content, facts)
    if check.mode is not None and entry.mode != check.mode:
        yield f"its mode is {entry.mode:04o} instead of {check.mode:04o}"


def _pool_faults(wanted: tuple[str, ...], pool: bytes, facts: Mapping[str, str]) -> Faults:
    """The whole pool, byte by byte: every record is one of these, and nothing stands between or behind them."""
    records = [pool[at : at + _POOL_SIZE] for at in range(0, len(pool), _POOL_SIZE)]
    if len(records) != len(wanted):
        yield f"it holds {len(records)} records instead of {len(wanted)}"
    for record, value in zip(records, wanted, strict=False):
        key, text = record[:_POOL_KEY_SIZE], record[_POOL_KEY_SIZE:].rstrip(b"\0")
        if len(record) != _POOL_SIZE or key != _POOL_KEY.ljust(_POOL_KEY_SIZE, b"\0"):
            yield f"a record of {len(record)} bytes with the key {key!r}"
        if not pattern(fill(value, facts)).fullmatch(text.decode("utf-8", "backslashreplace")):
            yield f"a record holds {text!r} instead of {fill(value, facts)!r}"


def _rewritten(seen: Observed) -> Faults:
    """Files that were written although nothing was to change."""
    for path, entry in seen.after.items():
        before = seen.before.get(path)
        if path not in _OWN and (before != entry or before.identity != entry.identity):
            yield f"{path} was written again"


def _was_killed(seen: Observed, path: str) -> bool:
    """Whether the run, or the one before that left this, had no time to tidy up."""
    return seen.finished.exit == -9 or path not in seen.after


def _change_faults(expect: Expect, seen: Observed) -> Faults:
    """Nothing else may be touched, and what azready keeps has the modes of the contract."""
    unexpected = seen.changed - expect.files.keys() - _OWN.keys()
    for path in sorted(path for path in unexpected if not (_was_killed(seen, path) and _LOCK.fullmatch(path))):
        yield f"{path} was changed, which the case does not expect"
    for path, (kind, mode) in _OWN.items():
        entry = look(seen.after, path)
        if entry and entry.kind == kind and entry.mode != mode:
            yield f"{path} has the mode {entry.mode:04o} instead of {mode:04o}"


def _marker_faults(run: Run, seen: Observed, facts: Mapping[str, str]) -> Faults:
    """The marker is written by a `provision` whose Ready was accepted, then always, and never otherwise."""
    # Whoever ends a run after Ready has it end otherwise.
    ended_well = seen.finished.exit == 0 or (run.interrupt is not None and seen.verdict == "Succeeded")
    provisioned = b"provision" in run.args and ended_well and bool(seen.reports)
    marker = look(seen.after, MARKER)
    if not provisioned and marker != look(seen.before, MARKER):
        yield f"{MARKER} was written although no Ready was accepted"
    if provisioned and (not marker or marker.content.decode() != facts["VM_ID"] + "\n"):
        yield f"{MARKER} does not hold the VM id after an accepted Ready"
