"""What a reader sees: a line a check as it ends, what takes longer while it does, and the details of what failed."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from lab.emulator.timeline import printable

from .story import FAILED, LEFT_OUT, OK, Chapter

# Whoever waits longer wants to know for what.
_PATIENCE = 2.0
_COLOURS = {OK: "32", FAILED: "31", LEFT_OUT: "33"}
_MOST_LINES = 40


class Screen:
    """Standard output for the results (nothing with `as_json`), standard error for what is under way."""

    def __init__(self, as_json: bool) -> None:
        self._quiet = as_json
        plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        self._colours = sys.stdout.isatty() and not plain
        # On a terminal the line is taken away again.
        self._erase = "\r\x1b[K" if sys.stderr.isatty() and not plain else ""
        self._timer: threading.Timer | None = None
        self._shown = False
        self.rows: list[dict[str, Any]] = []

    def title(self, text: str) -> None:
        """What is looked at."""
        self.over()
        self._print(printable(text))

    def begins(self, what: str) -> None:
        """Something is under way from now on; it is named if it takes its time."""
        self.over()
        self._timer = threading.Timer(_PATIENCE, self._name, [what])
        self._timer.daemon = True
        self._timer.start()

    def over(self) -> None:
        """It is not any more."""
        if self._timer:
            self._timer.cancel()
            self._timer.join()
        if self._shown and self._erase:
            print(self._erase, end="", file=sys.stderr, flush=True)
        self._timer, self._shown = None, False

    def chapter(self, chapter: Chapter) -> None:
        """How a check ended."""
        self.over()
        self.rows.append(asdict(chapter))
        outcome = f"{chapter.outcome:<8}"
        if self._colours:
            outcome = f"\x1b[{_COLOURS[chapter.outcome]}m{outcome}\x1b[0m"
        seconds = f"{chapter.seconds:6.1f} s" if chapter.outcome != LEFT_OUT else " " * 8
        self._print(f"  {outcome} {chapter.name:<24} {seconds}   {printable(chapter.remark)}".rstrip())

    def details(self, chapters: Iterable[Chapter]) -> None:
        """What failed and what azready said meanwhile; of what did not fail, its warnings."""
        for chapter in chapters:
            if chapter.outcome == FAILED:
                self._print(f"\n{chapter.name}")
                self._lines("", chapter.problems)
                self._print("  azready said")
                self._lines("  ", chapter.log)
            else:
                self._lines("", [f"{chapter.name}: {line}" for line in chapter.log if "warning: " in line])

    def _lines(self, indent: str, lines: list[str]) -> None:
        for line in lines[:_MOST_LINES]:
            self._print(f"  {indent}{printable(line)}")
        if len(lines) > _MOST_LINES:
            self._print(f"  {indent}... and {len(lines) - _MOST_LINES} more (--json has all)")

    def _name(self, what: str) -> None:
        self._shown = True
        print(f"  ...      {printable(what)}", end="" if self._erase else "\n", file=sys.stderr, flush=True)

    def _print(self, text: str) -> None:
        if not self._quiet:
            print(text, flush=True)
