"""The contract and the cases know each other: a rule names what holds it, and no case is there without a rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from conformance.loading import load_cases
from support import ROOT

CONTRACT = ROOT / "tests" / "conformance" / "CONTRACT.md"
PAGES = [CONTRACT, *sorted((CONTRACT.parent / "rules").glob("*.md"))]
CONTRACT_LINES, COLUMNS, WORDS = 120, 150, 55
LINK = re.compile(r"`\[([^\]`]+)\]`")


class Rule(NamedTuple):
    """A bullet of the contract."""

    where: str
    text: str

    @property
    def links(self) -> list[str]:
        """The cases and tests that hold it."""
        return LINK.findall(self.text)


def _rules(page: Path) -> Iterator[Rule]:
    """The bullets of a page: a line that begins with a hyphen, and what is indented below it."""
    text = page.read_text(encoding="utf-8")
    for found in re.finditer(r"(?m)^- .*(?:\n  .*)*", text):
        line = text.count("\n", 0, found.start()) + 1
        yield Rule(f"{page.relative_to(ROOT)}:{line}", re.sub(r"\s+", " ", found[0][2:]))


RULES = [rule for page in PAGES for rule in _rules(page)]
CASES = {case.name for case in load_cases()}


def _cases(link: str) -> set[str]:
    """The cases that a link names: the one, or all below that name."""
    return {name for name in CASES if name == link or name.startswith(f"{link}/")}


def _is_a_test(link: str) -> bool:
    """A file of tests, or FILE::TEST, as pytest takes them."""
    file, _, name = link.partition("::")
    if not (file.endswith(".py") and (ROOT / file).is_file()):
        return False
    return "::" not in link or re.search(rf"(?m)^def {re.escape(name)}\(", (ROOT / file).read_text()) is not None


def test_every_rule_ends_in_what_holds_it() -> None:
    assert RULES
    assert [f"{rule.where}: {rule.text}" for rule in RULES if not rule.text.endswith("]`")] == []


def test_every_link_names_a_case_or_a_test() -> None:
    lost = [
        f"{rule.where}: [{link}]" for rule in RULES for link in rule.links if not (_cases(link) or _is_a_test(link))
    ]
    assert lost == [], "\n".join(["no such case or test:", *lost])


def test_a_link_to_a_test_that_is_not_there_is_seen() -> None:
    """`test_a_link` is only the beginning of a name."""
    here = Path(__file__).relative_to(ROOT).as_posix()
    links = (here, f"{here}::test_every_case_is_named_by_a_rule", f"{here}::test_a_link", f"{here}::", "tests/no.py")
    assert [_is_a_test(link) for link in links] == [True, True, False, False, False]


def test_every_case_is_named_by_a_rule() -> None:
    named = {name for rule in RULES for link in rule.links for name in _cases(link)}
    assert sorted(CASES - named) == [], "link it from a rule in tests/conformance/rules"


def test_the_contract_is_short_enough_to_be_read() -> None:
    assert len(CONTRACT.read_text(encoding="utf-8").splitlines()) <= CONTRACT_LINES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_can_be_read_in_an_editor(page: Path) -> None:
    """Tables aside, whose rows cannot be broken."""
    lines = page.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if len(line) > COLUMNS and not line.startswith("|")] == []


def test_every_rule_is_one_thought_or_two() -> None:
    assert [rule for rule in RULES if len(LINK.sub("", rule.text).split()) > WORDS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_leads_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_page_of_rules_is_in_the_table_of_the_contract() -> None:
    text = CONTRACT.read_text(encoding="utf-8")
    assert [page.name for page in PAGES[1:] if f"(rules/{page.name})" not in text] == []
