"""Lines for the person who watches: stderr, and the outcome on the console so that boot diagnostics show it."""

from __future__ import annotations

import os

QUIET, NORMAL, VERBOSE = 0, 1, 2
level = NORMAL


def _emit(text: str) -> None:
    # One line whatever the text holds: a server's error page must not forge lines of the log.
    line = "azready: " + "".join(c if c.isprintable() else "?" for c in text) + "\n"
    # Not through Python's stderr: what stays in its buffer would fail once more at the end, with a status of its own.
    write(2, line)


def write(handle: int, text: str) -> bool:
    """Write to a standard descriptor; False where that cannot be: it is full, closed, or nobody reads it any more."""
    data = text.encode("utf-8", "replace")
    try:
        while data:
            data = data[os.write(handle, data) :]
    except OSError:
        return False
    return True


def debug(text: str) -> None:
    """Only with -v: each request and what came back."""
    if level >= VERBOSE:
        _emit("debug: " + text)


def info(text: str) -> None:
    """What is done, unless -q."""
    if level >= NORMAL:
        _emit(text)


def warning(text: str) -> None:
    """Something to look at that does not stop provisioning."""
    _emit("warning: " + text)


def error(text: str, hint: str = "") -> None:
    """What went wrong, and what to do about it."""
    _emit("error: " + text + (f" (hint: {hint})" if hint else ""))
