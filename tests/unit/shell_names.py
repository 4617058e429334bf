"""Which variables the shell engine sets and reads, and where: from the syntax tree of its text, which shfmt writes."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from support import need

Node = dict[str, Any]


class Use(NamedTuple):
    """A variable in a function (outside of all: empty) of a file below agent/shell; `sets` or reads it.

    `*` in a name stands for what the shell puts there.
    """

    name: str
    function: str
    file: str
    sets: bool


# What stands for an expansion in the text of a word.
PUT = "OOO"
# The operators of ${name=word} and ${name:=word}, and of name=word in arithmetic.
_ASSIGNS = (74, 75)


def parsed(text: str) -> Node:
    """The tree of a shell text."""
    shfmt = need("shfmt", "parses the shell engine")
    done = subprocess.run([shfmt, "-ln", "posix", "--to-json"], input=text, capture_output=True, text=True, check=True)
    tree: Node = json.loads(done.stdout)
    return tree


def uses_of(tree: Path) -> list[Use]:
    """All of an engine, each once."""
    return [
        Use(name, function, path.relative_to(tree).as_posix(), sets)
        for path in sorted(tree.rglob("*.sh"))
        for name, function, sets in uses_in(path.read_text())
    ]


@cache
def uses_in(text: str) -> tuple[tuple[str, str, bool], ...]:
    """Name, function, whether it is set there: all of a file's, each once."""
    parts = list(_functions(parsed(text)))
    lists: dict[str, list[str]] = {}
    for _, node in parts:
        for name, words in _lists(node):
            lists.setdefault(name, []).extend(words)
    found = ((name, function, sets) for function, node in parts for name, sets in _names(node, lists))
    return tuple(dict.fromkeys(found))


def _functions(tree: Node) -> Iterator[tuple[str, Node]]:
    """The bodies of the functions, and what is outside of them."""
    for statement in tree.get("Stmts", ()):
        command = statement.get("Cmd", {})
        declared = command.get("Type") == "FuncDecl"
        yield (command["Name"]["Value"], command["Body"]) if declared else ("", statement)


def nodes(node: Any) -> Iterator[Node]:
    """A node and all below it."""
    todo = [node]
    while todo:
        found = todo.pop()
        if isinstance(found, list):
            todo += found
        else:
            yield found
            # Half of the tree says where something stands.
            todo += [it for key, it in found.items() if isinstance(it, (dict, list)) and key[-3:] not in ("Pos", "End")]


def _lists(node: Node) -> Iterator[tuple[str, list[str]]]:
    """What is assigned, as words, and what a `for` goes through."""
    for found in nodes(node):
        if found.get("Type") == "WordIter":
            yield found["Name"]["Value"], [text_of(word, "$") for word in found.get("Items", ())]
        for assign in found.get("Assigns", ()):
            yield assign["Name"]["Value"], text_of(assign.get("Value", {}), "$").split()


def _names(node: Node, lists: Mapping[str, list[str]]) -> Iterator[tuple[str, bool]]:
    """All variables below a node, and whether each is set there."""
    for found in nodes(node):
        kind = found.get("Type")
        if kind == "ParamExp" and re.match("[a-zA-Z_]", name := found["Param"]["Value"]):
            yield name, False
            if found.get("Exp", {}).get("Op") in _ASSIGNS:
                yield name, True
        elif kind == "WordIter":
            yield found["Name"]["Value"], True
        elif kind == "BinaryArithm" and found["Op"] in _ASSIGNS:
            yield text_of(found["X"]), True
        elif kind == "Word":
            # Of arithmetic: other words have no type.
            yield from ((name, False) for name in re.findall(r"\b[a-z_]\w*", text_of(found, "$")))
        elif kind == "CallExpr":
            yield from _of_command(found, lists)


def _of_command(node: Node, lists: Mapping[str, list[str]]) -> Iterator[tuple[str, bool]]:
    """What a command sets, and what the text does that it is given."""
    yield from ((assign["Name"]["Value"], True) for assign in node.get("Assigns", ()))
    command, *rest = [text_of(word) for word in node.get("Args", ())] or [""]
    if command in ("read", "unset", "export"):
        yield from ((name, True) for word in rest if re.fullmatch(r"[a-zA-Z_]\w*", name := word.partition("=")[0]))
    elif command == "trap" and rest[0] not in ("", "-"):
        yield from _names(parsed(rest[0]), lists)
    elif command == "eval":
        # The variable that is put into a name may be one of a list.
        put = [part["Param"]["Value"] for part in nodes(node["Args"][1:]) if "Param" in part]
        for name, sets in _names(parsed(" ".join(rest)), lists):
            if name == PUT and put:
                yield from ((word, sets) for word in _words(put[0], lists))
            else:
                yield name.replace(PUT, "*"), sets


def _words(name: str, lists: Mapping[str, list[str]]) -> list[str]:
    """What a variable can be, as far as it is one of words that stand there; else `*`."""
    found, todo, seen = [], [f"${name}"], set[str]()
    while todo:
        word = todo.pop(0)
        if not word.startswith("$"):
            found.append(word)
        elif word not in seen:
            seen.add(word)
            todo += lists.get(word[1:], [])
    return found or ["*"]


def text_of(word: Node, put: str = PUT) -> str:
    """A word as the command gets it. An expansion is `put`; with `$`, its name follows."""
    found = ""
    for part in word.get("Parts", ()):
        value = part.get("Value", "")
        if part["Type"] in ("Lit", "SglQuoted"):
            found += re.sub(r"\\(.)", r"\1", value) if part["Type"] == "Lit" else value
        elif part["Type"] == "DblQuoted":
            found += text_of(part, put)
        else:
            found += put + (part.get("Param", {}).get("Value", "") if put == "$" else "")
    return found
