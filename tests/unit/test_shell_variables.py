"""The variables of the shell engine, of which any file could use each: who sets them, who reads them, who says so."""

from __future__ import annotations

import fnmatch
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import bundle_shell
import pytest
from support import ROOT

from .shell_names import Use, uses_of

SHELL = ROOT / "agent" / "shell"
README = ROOT / "agent" / "README.md"
# More readers than this are `many` in the table.
FEW = 4
# Who gives a value to what no file sets.
BUILD, ENVIRONMENT = "the build", "the environment"
# Families: each file may read them, and who sets them is fixed.
FAMILIES = {
    "set_": {"config", "launcher"},
    "proto_": {BUILD},
    "fact_": {BUILD},
    "hint_": {BUILD},
    "awk_": {BUILD},
    "wanted_": {"wanted"},
    "root": {"cli"},
    "work": {"python", "run", "work"},
}


class Row(NamedTuple):
    """Who sets it and who reads it, as the table has it."""

    sets: str
    reads: str


def stem(file: str) -> str:
    return file.rpartition("/")[2].removesuffix(".sh")


def made_by_the_build() -> set[str]:
    header = re.findall(r"(?m)^(\w+)=", bundle_shell.header(ROOT, "1", with_zip=True))
    return {*bundle_shell.tables(ROOT, for_linter=False), *header}


def where(uses: Iterable[Use]) -> dict[str, tuple[set[str], set[str]]]:
    """Each variable with the files that set it and those that read it, by their stems.

    Names in capitals are the environment's, `_` is nobody's.
    """
    found: dict[str, tuple[set[str], set[str]]] = {}
    for use in uses:
        if re.match("[a-z]|_.", use.name):
            found.setdefault(use.name, (set(), set()))[0 if use.sets else 1].add(stem(use.file))
    for name, (sets, _) in found.items():
        for pattern in (it for it in found if "*" in it and fnmatch.fnmatchcase(name, it)):
            sets |= found[pattern][0]
    built = made_by_the_build()
    for name, (sets, _) in found.items():
        if any(fnmatch.fnmatchcase(it, name) for it in built):
            sets.add(BUILD)
        elif not sets:
            sets.add(ENVIRONMENT)
    return found


def family(name: str) -> str:
    return next((it for it in FAMILIES if (name.startswith(it) if it.endswith("_") else name == it)), "")


def crossing(tree: Path) -> dict[str, tuple[set[str], set[str]]]:
    """Those that more than one file has to do with; an answer, `_NAME`, may be read by all."""
    return {
        name: (sets, reads)
        for name, (sets, reads) in where(uses_of(tree)).items()
        if not family(name) and len(sets if name.startswith("_") else sets | reads) > 1
    }


def table() -> dict[str, Row]:
    """The rows of the README: the names of the first cell -> the others."""
    text = README.read_text().partition("## Variables that cross")[2]
    rows = re.findall(r"(?m)^\| (.*?) \| (.*?) \| (.*?) \|$", text)
    return {name: Row(sets, reads) for name, sets, reads in rows[1:]}


def names_in(cell: str) -> list[str]:
    """The names in front of the colon, behind which stands what they are for."""
    return re.findall("`(.*?)`", cell.partition(": ")[0])


def covers(cell: str, name: str) -> bool:
    """Whether a row is about this variable: by its name, or by `family_NAME`."""
    return any(re.fullmatch(re.escape(said).replace("NAME", r"\w+"), name) for said in names_in(cell))


def owner(rows: Iterable[str], name: str) -> str:
    """The row of a variable: one that has its name comes before one that has its family."""
    found = sorted((cell for cell in rows if covers(cell, name)), key=lambda cell: f"`{name}`" not in cell)
    return found[0] if found else ""


def told(files: set[str]) -> str:
    return "many" if len(files) > FEW else ", ".join(sorted(files))


def true_table(tree: Path, cells: Iterable[str]) -> dict[str, Row]:
    """The table as the engine is, with these first cells; what has none is a row of its own name."""
    cells = list(cells)
    found: dict[str, tuple[set[str], set[str]]] = {cell: (set(), set()) for cell in cells}
    for name, (sets, reads) in crossing(tree).items():
        row = found.setdefault(owner(cells, name) or f"`{name}`", (set(), set()))
        row[0].update(sets)
        row[1].update(reads)
    return {cell: Row(told(sets), told(reads)) for cell, (sets, reads) in found.items()}


def test_the_table_has_each_variable_that_crosses_files_and_says_who_uses_it() -> None:
    said = table()
    assert said == true_table(SHELL, said)


def test_each_name_of_the_table_is_that_of_a_variable_that_crosses_files() -> None:
    names = crossing(SHELL)
    said = [name for cell in table() for name in names_in(cell)]
    assert [it for it in said if not any(covers(f"`{it}`", name) for name in names)] == []


def test_a_family_is_set_by_its_files_alone() -> None:
    found: dict[str, set[str]] = {it: set() for it in FAMILIES}
    for name, (sets, _) in where(uses_of(SHELL)).items():
        if family(name):
            found[family(name)] |= sets
    assert found == FAMILIES


def unsaid(tree: Path) -> list[str]:
    """Functions that set an answer which neither their name nor their header has."""
    headers: dict[str, str] = {}
    for path in tree.rglob("*.sh"):
        headers.update((name, text) for text, name in re.findall(r"(?m)((?:^#.*\n)*)^(\w+)\(\) \{", path.read_text()))
    return sorted(
        f"{use.file}: {use.function} sets {use.name}"
        for use in uses_of(tree)
        if use.sets and re.match("_[a-z]", use.name) and use.function and not use.function.endswith(use.name)
        # _cell_1 .. _cell_6
        if not re.search(rf"\b{re.sub('[0-9]', '[0-9]', use.name)}\b", headers[use.function])
    )


def test_who_sets_an_answer_has_its_name_or_says_so_in_its_header() -> None:
    assert unsaid(SHELL) == []


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    shutil.copytree(SHELL, tmp_path / "shell")
    return tmp_path / "shell"


def plant(tree: Path, file: str, body: str) -> None:
    with (tree / file).open("a") as text:
        text.write(f"\nplanted() {{\n\t{body}\n}}\n")


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("log_planted=1", "log_planted"),
        ("read -r _ log_planted <$work/x", "log_planted"),
        ("for log_planted in a b; do :; done", "log_planted"),
        ('eval "log_$1=2"', "log_*"),
        ('for it in log_planted log_other; do eval "$it=1"; done', "log_planted"),
        ("trap 'log_planted=1' TERM", "log_planted"),
        (': "${log_planted:=1}" "$((log_other = 2))"', "log_other"),
        ("_now=0", "_now"),
    ],
)
def test_a_variable_that_begins_to_cross_files_is_seen(tree: Path, body: str, name: str) -> None:
    plant(tree, "steps/data.sh", body)
    with (tree / "machine" / "log.sh").open("a") as text:
        text.write('\nlog_plant() {\n\techo "$log_planted $log_other ${log_x-}"\n\teval "x=\\$log_$1"\n}\n')
    assert name in crossing(tree)
    assert f"`{name}`" in true_table(tree, table())


def test_a_row_that_is_no_longer_true_is_seen(tree: Path) -> None:
    plant(tree, "steps/data.sh", "vm_id=other")
    said = table()
    found = true_table(tree, said)
    assert [cell for cell in said if said[cell] != found[cell]] == [owner(said, "vm_id")]


def test_an_answer_that_no_header_has_is_seen(tree: Path) -> None:
    plant(tree, "steps/data.sh", "_now=0")
    assert unsaid(tree) == ["steps/data.sh: planted sets _now"]
