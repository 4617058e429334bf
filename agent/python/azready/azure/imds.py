"""The instance metadata service: one request for the whole instance document."""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

from azready.azure.run import Run
from azready.machine import http, log
from azready.machine.clock import uptime
from azready.machine.failure import Failure, NoGoodAnswer
from azready.machine.system import System
from azready.tables import PROTOCOL

# Deeper than any instance document; both engines refuse what is deeper.
_MAX_DEPTH = 64
# One that does not end goes on to the end of the text: a pattern that fails is tried again at every quote.
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)', re.DOTALL)
_EMPTY = re.compile(r"\[[ \t\r\n]*\]|\{[ \t\r\n]*\}")


def read_metadata(run: Run) -> dict[str, Any]:
    """The instance document, also saved for the hooks. Raises Failure when IMDS is away too long or refuses."""
    if run.metadata is None:
        data, run.metadata = _fetch(run)
        run.saw("METADATA")
        try:
            run.system.make_directory(run.system.run_directory, 0o700)
            run.system.write(instance_file(run.system), data, 0o600)
        except Failure as failure:
            # For hooks alone; a machine whose /run takes nothing needs its name and user all the same.
            log.warning(f"{instance_file(run.system)} not kept: {failure}")
    return run.metadata


def instance_file(system: System) -> str:
    """Where the document is kept, for hooks."""
    return f"{system.run_directory}/instance.json"


def _fetch(run: Run) -> tuple[bytes, dict[str, Any]]:
    """The document as it was sent, and parsed: one that cannot be parsed is asked for again."""
    # At most half of what is left: a dead IMDS must leave time to say so.
    deadline = uptime() + min(float(run.settings["IMDS_DEADLINE"]), run.seconds_left() / 2)
    tries = run.tries("IMDS", deadline)
    path = PROTOCOL["IMDS_PATH"]
    headers = {PROTOCOL["IMDS_HEADER"]: PROTOCOL["IMDS_HEADER_VALUE"]}
    while True:
        try:
            return http.send(http.Request("GET", run.settings["IMDS"], path, headers), tries.limit(), _whole)
        except NoGoodAnswer as problem:
            if problem.status == 400 and path != PROTOCOL["IMDS_FALLBACK_PATH"]:
                path = PROTOCOL["IMDS_FALLBACK_PATH"]
                continue
            if _is_final(problem.status):
                raise Failure("imds_refused", problem.details) from problem
            if not tries.another(problem):
                raise Failure("imds_unreachable", problem.details) from problem


def _whole(data: bytes) -> tuple[bytes, dict[str, Any]]:
    """The document as it was sent, and parsed. Raises NoGoodAnswer also for one that does not describe a machine."""
    document = parse_document(data)
    # What IMDS says while it starts, and what stands in for it, is JSON too.
    if not isinstance(document.get("compute"), dict):
        raise NoGoodAnswer("it holds no object `compute`", error="no_compute")
    return data, document


def _is_final(status: int) -> bool:
    return 400 <= status <= 499 and str(status) not in PROTOCOL["IMDS_PASSING"].split()


def parse_document(data: bytes) -> dict[str, Any]:
    """The instance document as a dict. Raises NoGoodAnswer for what is not a JSON object that both engines can read."""
    try:
        text = data.decode("utf-8-sig")
        _check_depth(text)
        document = json.loads(text, parse_constant=_not_json, parse_int=float, object_pairs_hook=_object)
        _check(document)
    except (ValueError, RecursionError) as error:
        raise NoGoodAnswer(f"not JSON: {error}", error="not_json") from error
    if not isinstance(document, dict):
        raise NoGoodAnswer("not a JSON object", error="not_json")
    return document


def _check_depth(text: str) -> None:
    """Refuse absurd depth, before anything is called for each level."""
    # Strings may hold brackets; an empty array or object is no deeper than a number.
    structure = _EMPTY.sub("", _STRING.sub("0", text))
    steps = (1 if bracket in "[{" else -1 for bracket in re.findall(r"[][{}]", structure))
    if max(itertools.accumulate(steps), default=0) > _MAX_DEPTH:
        raise ValueError("nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key that is given twice: the last counts, but what it hides is checked too."""
    found = dict(pairs)
    if len(found) < len(pairs):
        last = {key: number for number, (key, _) in enumerate(pairs)}
        _check([value for number, (key, value) in enumerate(pairs) if last[key] != number])
    return found


def _not_json(word: str) -> None:
    raise ValueError(word)


def _check(value: object) -> None:
    """Refuse NUL and lone surrogates in strings, which no file or hostname could hold."""
    if isinstance(value, str):
        value.encode("utf-8")
        if "\0" in value:
            raise ValueError("NUL in a string")
    elif isinstance(value, list):
        for item in value:
            _check(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check(key)
            _check(item)


def value(document: object, path: str) -> Any:
    """What stands at `compute.name` or the like; None where nothing does."""
    found: Any = document
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def text(document: object, path: str) -> str:
    """The string at a path; empty where it is missing or not a string."""
    found = value(document, path)
    return found if isinstance(found, str) else ""


def word(document: object, path: str) -> str:
    """`true` or `false` at a path, as a string or as JSON's own, in lower case; empty for anything else."""
    found = value(document, path)
    found = {True: "true", False: "false"}[found] if isinstance(found, bool) else text(document, path).lower()
    return found if found in ("true", "false") else ""
