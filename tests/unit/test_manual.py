"""The manual says what the tables say, every page can be read, and the man page is one to `man` and `mandoc`."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import lab.cli
import pytest
from manual.helptext import help_of
from release.lab_page import lab_page
from support import ROOT, need

MANUAL = ROOT / "agent" / "manual"
MAN_PAGE = MANUAL / "azready.8"
# The first of November 2026: mandoc minds a date that is to come.
MOMENT = 1793491200
TOOLS = {
    "mandoc": ["mandoc", "-T", "lint"],
    "groff": ["groff", "-man", "-Tutf8", "-ww", "-z"],
    "man": ["man", "--warnings", "-l"],
}


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("manual_tables", MANUAL / "tables.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


TABLES = _load()
PAGES: list[Path] = TABLES.pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_its_tables_are_those_of_agent_tables(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == TABLES.generated(page), (
        f"{page.relative_to(ROOT)} is not up to date: run `python3 agent/manual/tables.py`"
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_table_begins_and_ends(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert len(re.findall(r" table: \w+", text)) == len(re.findall(" end of table", text))


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix == ".md"], ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).is_file()] == []


@pytest.mark.parametrize("table", ["settings", "steps", "reasons"])
def test_every_row_is_in_the_man_page(table: str) -> None:
    text = MAN_PAGE.read_text(encoding="utf-8")
    for name, *_ in TABLES.rows(table):
        assert f".B {TABLES.roff(name)}\n" in text


def test_every_command_and_option_of_the_help_is_in_the_man_page() -> None:
    text = MAN_PAGE.read_text(encoding="utf-8").partition(".SH COMMANDS")[2].partition(".SH STEPS")[0]
    told = help_of()
    options = [*told.options, *(option for command in told.commands for option in command.options)]
    words = [*(command.name for command in told.commands), *(name for option in options for name in option.names)]
    assert {"provision", "--root", "-q", "--json"} <= set(words)
    assert [word for word in words if f"\\fB{TABLES.roff(word)}\\fP" not in text] == []


def test_the_man_page_is_of_this_version() -> None:
    version = re.search(r'(?m)^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert version
    assert f'"azready {version[1]}"' in MAN_PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", ["azready.8", "azready-lab.1"])
def test_man_reads_it_without_a_warning(name: str, tool: str, tmp_path: Path) -> None:
    """Not even about style."""
    need(tool, "reads the man pages")
    page = tmp_path / name
    page.write_text(MAN_PAGE.read_text(encoding="utf-8") if name == MAN_PAGE.name else lab_page("1.2.3", MOMENT))
    done = subprocess.run([*TOOLS[tool], str(page)], capture_output=True, text=True, timeout=60)
    said = done.stderr + (done.stdout if tool == "mandoc" else "")
    assert (done.returncode, said) == (0, "")


def test_every_command_and_option_of_the_lab_is_in_its_page() -> None:
    text = lab_page("1.2.3", MOMENT).replace("\\-", "-")
    for name, command in lab.cli.COMMANDS.items():
        assert f".SS lab {name}\n" in text
        done = subprocess.run(
            [sys.executable, "-m", "lab", name, "--help"], capture_output=True, text=True, cwd=ROOT / "tests"
        )
        options = set(re.findall(r"(?m)^  (?:-\w, )?(--[a-z-]+)", done.stdout)) - {"--help"}
        assert {option for option in options if f"\\fB{option}\\fP" not in text} == set(), command


def test_a_mistaken_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- table: nothing -->\n<!-- end of table -->\n", encoding="utf-8")
    with pytest.raises(TABLES.TableError, match="there is no table 'nothing'"):
        TABLES.generated(page)
