"""The Python engine is a house of floors: a module uses what is below it, or beside it, and nothing is a knot."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import ROOT

ENGINE = ROOT / "agent" / "python" / "azready"
# From the ground up; cli and provision are the roof.
FLOORS = ("tables", "machine", "azure", "steps", "roof")
SHELL = ROOT / "agent" / "shell"
# What the shell has no like of, or has in the files of its callers.
PYTHON_ALONE = {
    "steps.custom_data",
    "steps.user_data",
    "azure.run",
    "machine.mounts",
    "machine.signals",
    "machine.system",
}
LINES_OF_A_MODULE = 300
LINES_OF_A_FUNCTION = 40


def name_of(path: Path, engine: Path) -> str:
    """`machine.files` for machine/files.py, and `machine` for the package itself."""
    return ".".join(path.relative_to(engine).with_suffix("").parts).removesuffix(".__init__")


def modules(engine: Path) -> dict[str, ast.Module]:
    return {name_of(path, engine): ast.parse(path.read_bytes()) for path in sorted(engine.rglob("*.py"))}


def floor(module: str) -> int:
    first = module.partition(".")[0]
    return FLOORS.index(first) if first in FLOORS else FLOORS.index("roof")


def imported(tree: ast.Module, known: set[str]) -> Iterator[str]:
    """The modules of the engine that one imports, wherever in it that stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "a relative import: say azready"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            inside = name.removeprefix("azready.")
            if inside != name:
                yield inside if inside in known else inside.rpartition(".")[0]


def graph(engine: Path) -> dict[str, set[str]]:
    trees = modules(engine)
    return {name: set(imported(tree, set(trees))) for name, tree in trees.items()}


def upward(uses: dict[str, set[str]]) -> list[str]:
    return [f"{one} imports {other}" for one in uses for other in sorted(uses[one]) if floor(other) > floor(one)]


def circle(uses: dict[str, set[str]]) -> list[str]:
    """The modules that are left when those that use nothing any more are taken away, again and again."""
    left = dict(uses)
    while True:
        free = [name for name in left if not left[name] & set(left)]
        if not free:
            return sorted(left)
        for name in free:
            del left[name]


def test_a_module_imports_from_its_own_floor_and_those_below() -> None:
    assert upward(graph(ENGINE)) == []


def test_no_module_comes_back_to_itself() -> None:
    assert circle(graph(ENGINE)) == []


def test_every_import_of_the_engine_is_seen() -> None:
    uses = graph(ENGINE)
    assert uses["provision"] >= {"azure.report", "machine.state", "steps.data", "tables"}
    assert uses["azure.report"] >= {"azure.wireserver", "machine.failure"}
    assert {name.partition(".")[0] for name in uses} >= {"tables", "machine", "azure", "steps", "cli", "provision"}


@pytest.mark.parametrize(
    ("module", "line", "seen"),
    [
        ("machine/log.py", "from azready.steps import user", "machine.log imports steps.user"),
        ("machine/log.py", "    from azready.azure.imds import text", "machine.log imports azure.imds"),
        ("azure/imds.py", "import azready.steps.user", "azure.imds imports steps.user"),
        ("steps/user.py", "from azready import provision", "steps.user imports provision"),
        ("tables.py", "from azready.machine import log", "tables imports machine.log"),
    ],
)
def test_an_upward_import_is_found(module: str, line: str, seen: str, tmp_path: Path) -> None:
    planted = tmp_path / "azready"
    shutil.copytree(ENGINE, planted)
    inside = "\ndef planted() -> None:\n" if line.startswith(" ") else ""
    with planted.joinpath(module).open("a", encoding="utf-8") as file:
        file.write(f"{inside}{line}\n")
    assert upward(graph(planted)) == [seen]


def test_a_circle_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "azready"
    shutil.copytree(ENGINE, planted)
    with planted.joinpath("machine/log.py").open("a", encoding="utf-8") as file:
        file.write("from azready.machine import state\n")
    assert {"machine.log", "machine.state"} <= set(circle(graph(planted)))


def test_a_subject_has_the_same_name_in_both_engines() -> None:
    shell = {".".join(path.relative_to(SHELL).with_suffix("").parts) for path in SHELL.rglob("*.*")}
    inside = {name for name in modules(ENGINE) if "." in name}
    assert inside - shell == PYTHON_ALONE


def test_a_module_can_be_read_at_a_sitting() -> None:
    lengths = {name_of(path, ENGINE): len(path.read_text().splitlines()) for path in ENGINE.rglob("*.py")}
    assert {name for name, lines in lengths.items() if lines > LINES_OF_A_MODULE} == set()


def test_a_function_can_be_read_at_a_glance() -> None:
    found = {}
    for module, tree in modules(ENGINE).items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                found[f"{module}.{node.name}"] = node.end_lineno - node.lineno + 1
    assert {name: lines for name, lines in found.items() if lines > LINES_OF_A_FUNCTION} == {}
