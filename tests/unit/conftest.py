"""Fixtures: the shell engine with each awk, a root directory for the Python engine, and an Azure without faults."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.emulator import Emulator
from support import DIST
from unit.emulator_client import emulator
from unit.shell_engine import AWKS, ShellEngine


@pytest.fixture(scope="module", params=AWKS)
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShellEngine]:
    """The functions of the built shell engine, once with each awk."""
    engine = ShellEngine(tmp_path_factory.mktemp("engine"), request.param)
    yield engine
    engine.end()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Root directory for the Python engine, which then keeps its log to itself."""
    sys.path.append(str(DIST / "azready.pyz"))
    from azready.machine import log

    log.level = log.QUIET
    return tmp_path_factory.mktemp("python") / "root"


@pytest.fixture
def azure() -> Iterator[Emulator]:
    """An Azure without faults."""
    with emulator() as azure:
        yield azure
