"""What to do: each sentence that both engines say stands once, in agent/tables."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from support import ROOT

from .shell_names import PUT, nodes, parsed, text_of

SHELL = ROOT / "agent" / "shell"
PYTHON = ROOT / "agent" / "python" / "azready"
TABLES = ROOT / "agent" / "tables"
# Which word of a command is the hint.
PLACES = {"fail": 2, "log_die": 2, "log_error": 2, "log_warning": 2, "keys_fail": 2, "new_user_refuse": 1}
PLACES |= {"config_refuse": 2}
# A shorter one is a command to run.
SENTENCE = 25


def rows(name: str, cells: str) -> list[list[str]]:
    lines = [line for line in (TABLES / name).read_text().splitlines() if line and not line.startswith("#")]
    return [[cell.strip() for cell in line.split(cells)] for line in lines]


def commands(text: str) -> list[list[str]]:
    return [[text_of(word) for word in node["Args"]] for node in nodes(parsed(text)) if node.get("Args")]


def hints_of_shell(text: str) -> set[str]:
    """What stands between the expansions counts too."""
    hints = (words[PLACES[words[0]]] for words in commands(text) if len(words) > PLACES.get(words[0], len(words)))
    return long_ones(part for hint in hints for part in hint.split(PUT))


def strings_of(text: str) -> set[str]:
    found = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
    return long_ones(value for value in found if isinstance(value, str))


def long_ones(texts: Iterable[str]) -> set[str]:
    return {text.strip() for text in texts if len(text.strip()) > SENTENCE}


def all_of(folder: Path, suffix: str) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.rglob(f"*.{suffix}")))


def python_strings() -> set[str]:
    return {text for path in PYTHON.rglob("*.py") for text in strings_of(path.read_text())}


def test_no_hint_stands_in_both_engines() -> None:
    shell = hints_of_shell(all_of(SHELL, "sh"))
    assert len(shell) > 20
    assert sorted(shell & python_strings()) == [], "a line of agent/tables/hints.conf"


def test_a_hint_that_the_table_has_is_said_by_nobody_else() -> None:
    known = {row[-1] for row in rows("reasons.conf", "|")} | {row[1] for row in rows("hints.conf", "=")}
    assert sorted(known & (hints_of_shell(all_of(SHELL, "sh")) | python_strings())) == []


def test_every_hint_of_the_table_is_said_by_both_engines() -> None:
    shell, python = all_of(SHELL, "sh"), all_of(PYTHON, "py")
    kinds = {row[2].upper() for row in rows("settings.conf", "|")}
    names = [row[0] for row in rows("hints.conf", "=")]
    assert [it for it in names if f"hint_{it}" not in shell] == []
    assert [it for it in names if not (f'hint("{it}")' in python or f"hint('{it}')" in python or it in kinds)] == []


def test_a_hint_that_is_planted_is_seen() -> None:
    shell = "f() {\n\tfail no_name \"deploy with a name other than $x\" ||\n\t\tfail no_user 'run it by hand'\n}\n"
    assert hints_of_shell(shell) == {"deploy with a name other than"}
    assert strings_of('Failure("no_name", {}, f"deploy with a name other than {x}")') == hints_of_shell(shell)
