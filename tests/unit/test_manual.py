"""The manual says what the tables say, every page can be read, and the man page is one to `man` and `mandoc`."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from support import ROOT, leave_out

MANUAL = ROOT / "agent" / "manual"
MAN_PAGE = MANUAL / "azready.8"


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


def test_every_command_of_the_help_is_in_the_man_page() -> None:
    overview = (ROOT / "agent" / "tables" / "help.txt").read_text(encoding="utf-8").partition("== ")[0]
    commands = re.findall(r"(?m)^  ([a-z]+) {2,}", overview.partition("commands\n")[2].partition("\noptions")[0])
    assert "provision" in commands
    text = MAN_PAGE.read_text(encoding="utf-8").partition(".SH COMMANDS")[2].partition(".SH OPTIONS")[0]
    assert [word for word in commands if not re.search(rf"(?m)^\.B\w* \"?{word}\b", text)] == []


def test_the_man_page_is_of_this_version() -> None:
    version = re.search(r'(?m)^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert version
    assert f'"azready {version[1]}"' in MAN_PAGE.read_text(encoding="utf-8")


def test_man_reads_it_without_a_warning() -> None:
    """With whatever this machine has for it."""
    tries = {
        "mandoc": ["mandoc", "-T", "lint", "-W", "warning", str(MAN_PAGE)],
        "groff": ["groff", "-man", "-Tutf8", "-ww", "-z", str(MAN_PAGE)],
        "man": ["man", "--warnings", "-l", str(MAN_PAGE)],
    }
    there = [command for tool, command in tries.items() if shutil.which(tool)]
    if not there:
        leave_out("neither mandoc nor groff nor man is installed")
    for command in there:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        said = done.stderr + (done.stdout if command[0] == "mandoc" else "")
        assert (done.returncode, said) == (0, ""), command


def test_a_mistaken_table_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- table: nothing -->\n<!-- end of table -->\n", encoding="utf-8")
    with pytest.raises(TABLES.TableError, match="there is no table 'nothing'"):
        TABLES.generated(page)
