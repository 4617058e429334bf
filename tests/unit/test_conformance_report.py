"""The report about the suite that a release brings: of this azready, whole, and nothing but successes."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import bundle
import pytest
from conformance.client import ALL, OWN_PYTHON, PYTHONS
from conformance.combinations import combinations
from conformance.loading import load_cases
from conformance.results import FAILED, LEFT_OUT, PASSED, PASSED_AGAIN, Outcomes, load, noted, save, sha256_of_agent
from release.report import reports
from release.source import ReleaseError
from support import DIST

AGENT = (DIST / "azready").read_bytes()
CASES = load_cases()


def results(python: str = OWN_PYTHON) -> Outcomes:
    """As if everything had passed, in tests that ran with that Python."""
    return {case.name: {str(each): PASSED for each in combinations(case, CASES, python)} for case in CASES}


def written(folder: Path, outcomes: Outcomes, sha256: str = "") -> Path:
    """The results as the tests write them."""
    file = folder / "conformance.json"
    file.write_text(json.dumps({"sha256": sha256 or sha256_of_agent(), "results": outcomes}))
    return file


class Cells(HTMLParser):
    """Counts the cells of the tables, by class, and the cases."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: dict[str, int] = {}
        self.abouts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "td":
            kind = said.get("class") or ""
            self.cells[kind] = self.cells.get(kind, 0) + 1
        if tag == "th" and said.get("class") == "c":
            self.abouts.append(said["title"] or "")


@pytest.mark.parametrize("python", PYTHONS)
def test_who_makes_the_release_may_have_another_python_than_the_tests(tmp_path: Path, python: str) -> None:
    document = json.loads(reports("1.2.3", AGENT, written(tmp_path, results(python)))["conformance.json"])
    assert {case["name"]: case["results"] for case in document["cases"]} == results(python)


def test_it_has_every_case_with_every_combination_that_it_ran_with(tmp_path: Path) -> None:
    files = reports("1.2.3", AGENT, written(tmp_path, results()))
    document = json.loads(files["conformance.json"])
    assert document["azready"] == {"version": "1.2.3", "sha256": bundle.sha256(AGENT)}
    assert {case["name"]: case["results"] for case in document["cases"]} == results()
    assert [each["name"] for each in document["combinations"]] == list(map(str, ALL))
    shown = Cells()
    shown.feed(files["conformance.html"].decode())
    assert shown.abouts and sorted(shown.abouts) == sorted(case.about for case in CASES)
    assert shown.cells["p"] == sum(map(len, results().values()))
    assert not re.search(r"<script|https?://|src=", files["conformance.html"].decode())


def test_the_same_results_give_the_same_bytes(tmp_path: Path) -> None:
    one = reports("1", AGENT, written(tmp_path, results()))
    turned = {name: dict(reversed(row.items())) for name, row in reversed(results().items())}
    assert reports("1", AGENT, written(tmp_path, turned)) == one


def test_a_published_report_gives_the_same_again(tmp_path: Path) -> None:
    one = reports("1", AGENT, written(tmp_path, results()))
    (tmp_path / "published.json").write_bytes(one["conformance.json"])
    assert reports("1", AGENT, tmp_path / "published.json") == one


def test_what_passed_at_the_second_try_is_marked(tmp_path: Path) -> None:
    outcomes = results()
    outcomes["provision/good"]["shell-dash-curl"] = PASSED_AGAIN
    text = reports("1", AGENT, written(tmp_path, outcomes))["conformance.html"].decode()
    assert "; 1 of them (2) at the second try" in text
    assert text.count('<td class="a">2') == 1


@pytest.mark.parametrize(("outcome", "complaint"), [(FAILED, "1 failed"), (LEFT_OUT, "1 left out"), ("", "1 missing")])
def test_what_is_no_success_is_no_release(outcome: str, complaint: str, tmp_path: Path) -> None:
    outcomes = results()
    del outcomes["provision/good"]["shell-dash-curl"]
    outcomes["provision/good"] |= {"shell-dash-curl": outcome} if outcome else {}
    with pytest.raises(ReleaseError, match=rf"{complaint}, such as provision/good\[shell-dash-curl\]"):
        reports("1", AGENT, written(tmp_path, outcomes))


def test_results_of_another_azready_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="is about another azready, 000000000000 and not"):
        reports("1", AGENT, written(tmp_path, results(), "0" * 64))
    (tmp_path / "conformance.json").write_text("[]")
    with pytest.raises(ReleaseError, match="no results of the suite"):
        reports("1", AGENT, tmp_path / "conformance.json")


# How the tests write it

TEST = "tests/conformance/test_conformance.py::test_case[provision/good[shell-dash-curl]]"


def test_a_pass_does_not_hide_the_failure_before_it(tmp_path: Path) -> None:
    file = tmp_path / "conformance.json"
    for outcome, known in ((FAILED, FAILED), (PASSED, PASSED_AGAIN), (PASSED, PASSED_AGAIN), (FAILED, FAILED)):
        outcomes: Outcomes = {}
        noted(outcomes, TEST, outcome)
        save(outcomes, file)
        assert load(file)["results"] == {"provision/good": {"shell-dash-curl": known}}
    save({"a/b": {"python-3.7": PASSED}}, file, anew=True)
    assert load(file)["results"] == {"a/b": {"python-3.7": PASSED}}


def test_results_of_another_azready_are_not_added_to(tmp_path: Path) -> None:
    file = written(tmp_path, results(), "0" * 64)
    save({"a/b": {"python-3.7": PASSED}}, file)
    assert load(file) == {"sha256": sha256_of_agent(), "results": {"a/b": {"python-3.7": PASSED}}}


def test_other_tests_are_not_among_them() -> None:
    outcomes: Outcomes = {}
    for test in ("tests/conformance/test_conformance.py::test_script_fails_only_what_is_listed[bash-provision/good]",
                 "tests/unit/test_build.py::test_case[x]"):  # fmt: skip
        noted(outcomes, test, PASSED)
    assert outcomes == {}
