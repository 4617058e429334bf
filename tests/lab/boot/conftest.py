"""The end of a test run that started real machines: how each of them fared, as `build.py boot` shows it."""

from __future__ import annotations

import pytest

from .run import OUTCOME, Outcome, table


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The table of all machines, whoever of pytest's workers started them."""
    reports = (report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, []))
    outcomes = [Outcome(**value) for report in reports for name, value in report.user_properties if name == OUTCOME]
    if outcomes:
        terminalreporter.section("machines")
        terminalreporter.write(table(outcomes))
