"""The conformance suite alone reaches nearly all of both engines; what it cannot reach has a name, a reason, a test.

`build.py test` measures the suite while it runs; alone, this runs what was not measured. The table is
build/trust/coverage.md.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import support

from .covered import Coverage, Exemptions, load_exemptions, measure

TABLE = support.ROOT / "build" / "trust" / "coverage.md"
pytestmark = pytest.mark.timeout(3000)


@pytest.fixture(scope="module")
def exemptions() -> Exemptions:
    return load_exemptions()


@pytest.fixture(scope="module")
def coverage(exemptions: Exemptions) -> Coverage:
    found = measure()
    TABLE.write_text("".join(f"{line}\n" for line in _table(found, exemptions)))
    return found


def _table(found: Coverage, exemptions: Exemptions) -> Iterator[str]:
    called = len(found.shell) - len(found.never_called)
    yield f"Python engine: {found.percent():.2f} % of lines and branches, from the conformance suite alone;"
    yield f"without the exceptions {found.percent(exemptions.names):.2f} %."
    yield f"Shell engine: {called} of {len(found.shell)} functions."
    yield ""
    yield "| never run by a case | why | who runs it |"
    yield "|---|---|---|"
    for name in [*found.never_entered, *found.never_called]:
        why = exemptions.of(name)
        yield f"| {name} | {why.why if why else 'MISSING'} | {why.test if why else ''} |"
    yield ""
    yield "| Python | lines and branches | reached | without |"
    yield "|---|---|---|---|"
    for part in sorted(found.python, key=lambda part: part.reached - part.all):
        if part.missing:
            yield f"| {part.name} | {part.all} | {part.percent:.0f} % | {' '.join(part.missing)} |"


def test_lines_and_branches_of_the_python_engine(coverage: Coverage, exemptions: Exemptions) -> None:
    """But for the exceptions."""
    percent = coverage.percent(exemptions.names)
    assert percent >= exemptions.least, f"{percent:.2f} %: {TABLE} has what is missing"


def test_every_function_of_the_python_engine_runs(coverage: Coverage, exemptions: Exemptions) -> None:
    assert [name for name in coverage.never_entered if not exemptions.of(name)] == []


def test_every_function_of_the_shell_engine_runs(coverage: Coverage, exemptions: Exemptions) -> None:
    assert [name for name in coverage.never_called if not exemptions.of(name)] == []


def test_what_needs_no_exception_has_none(coverage: Coverage, exemptions: Exemptions) -> None:
    assert sorted(exemptions.names - {*coverage.never_entered, *coverage.never_called}) == []


def test_an_exception_names_a_test_that_is_there(exemptions: Exemptions) -> None:
    for each in exemptions.each:
        file, _, function = each.test.partition("::")
        assert f"def {function}" in (support.ROOT / "tests" / file).read_text(), each.test
