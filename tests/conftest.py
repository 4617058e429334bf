"""Settings of every test run: tests/ is importable, and the end of the report names all that was left out."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from conformance.results import FAILED, LEFT_OUT, PASSED, Outcomes, noted, save

# Who starts the tests in the background, or behind nohup, has them ignored; what the tests start would inherit that.
for ignored in (signal.SIGHUP, signal.SIGINT):
    with contextlib.suppress(ValueError):  # not the main thread
        if signal.getsignal(ignored) == signal.SIG_IGN:
            signal.signal(ignored, signal.default_int_handler if ignored == signal.SIGINT else signal.SIG_DFL)


# What became of the cases of the suite, for build/conformance.json.
_outcomes: Outcomes = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note the outcome: that of the test itself, or that of its setup if it got no further."""
    if report.when == "call" or (report.when == "setup" and not report.passed):
        words = {"passed": PASSED, "failed": FAILED, "skipped": LEFT_OUT}
        noted(_outcomes, report.nodeid, words[report.outcome])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write them down: where all workers' reports come together."""
    if _outcomes and not hasattr(session.config, "workerinput"):
        save(_outcomes, anew=bool(session.config.getoption("cacheclear", False)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was not tested and why, most frequent reason first: a green run must not hide a missing tool."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    terminalreporter.section("left out")
    for reason, count in reasons.most_common():
        terminalreporter.line(f"{count:5} x {reason}")
    if not reasons:
        terminalreporter.line("nothing")
