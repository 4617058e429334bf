"""The clock: one that nobody sets, and the time of day."""

from __future__ import annotations

import time


def uptime() -> float:
    """Seconds on a clock that NTP cannot set; deadlines are counted on it."""
    return time.monotonic()


def timestamp() -> str:
    """The time of day for reports, ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
