"""What a person sees while the emulator runs: a line a request, a line when the verdict changes."""

from __future__ import annotations

import os
from typing import TextIO

from .judge import CREATING, FAILED, SUCCEEDED, TIMED_OUT
from .record import Request

_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"
_VERDICT_COLOURS = {SUCCEEDED: _GREEN, FAILED: _RED, TIMED_OUT: _RED, CREATING: _YELLOW}
# Wide enough for the whole instance document's path; a longer one is cut here, never in the record.
_PATH_WIDTH = 56


class Timeline:
    """Prints requests and verdicts to a stream, below the names of the columns. For one thread.

    Of a fleet it shows the verdicts alone, each with the name of its VM.
    """

    def __init__(self, stream: TextIO, fleet: bool = False) -> None:
        self._stream = stream
        self._verdict = CREATING
        self._colours = stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        columns = f"{'seconds':>9}  {'endpoint':<15}  {'request':<{_PATH_WIDTH + 5}}  answer"
        if fleet:
            columns = f"{'seconds':>9}  {'machine':<15}  verdict"
        print(self._painted(columns, _DIM), file=stream, flush=True)

    def request(self, request: Request) -> None:
        """One request and what was answered."""
        path = printable(request.path)
        if len(path) > _PATH_WIDTH:
            path = path[: _PATH_WIDTH - 3] + "..."
        answer = self._painted(f"{request.answer:<5}", _answer_colour(request.answer))
        asked = f"{printable(request.method):<4} {path:<{_PATH_WIDTH}}"
        self._line(request.time, request.endpoint, asked, f"{answer}  {self._painted(printable(request.note), _DIM)}")

    def verdict(self, seconds: float, verdict: str, description: str) -> None:
        """The provisioning state, if it is another one now, with the description of a failure."""
        if verdict != self._verdict:
            self.change(seconds, "verdict", self._verdict, verdict, description)
            self._verdict = verdict

    def change(self, seconds: float, name: str, old: str, new: str, description: str) -> None:
        """One provisioning state after the other."""
        change = f"{old} -> {self._painted(new, _VERDICT_COLOURS[new])}"
        self._line(seconds, name, change, printable(description))

    def _line(self, seconds: float, name: str, left: str, right: str) -> None:
        print(f"{seconds:>9.3f}  {name:<15}  {left}  {right}".rstrip(), file=self._stream, flush=True)

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours and text else text


def _answer_colour(answer: str) -> str:
    if not answer.isdigit():
        return _RED
    return _GREEN if answer.startswith("2") else _YELLOW


def printable(text: str) -> str:
    """The text with every control character as an escape: a request may not drive the reader's terminal."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
