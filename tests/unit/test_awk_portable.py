"""Every awk program as it is shipped keeps to what all awks understand alike.

Old and small ones cannot be counted on in CI, and what they stumble over looks harmless to all others. MORE_AWKS
(paths, parted by blanks) has the engines compared with further ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from support import DIST, ROOT

KEYWORDS = {"if", "while", "for", "print", "printf", "return", "exit", "in", "getline", "do", "else", "delete"}
# Those that all awks have.
BUILTINS = {"close", "gsub", "index", "int", "length", "match", "split", "sprintf", "sub", "substr", "system"}
BUILTINS |= {"tolower", "toupper"}
# A text of the shell in single quotes, in which '\'' stands for one.
QUOTED = r"'((?:[^']|'\\'')*)'"
# An awk with its options, and the program in quotes behind it.
INLINE = re.compile(rf"\b(program_)?awk(?: -F\S+| -v (?:\"(?:[^\"\\]|\\.)*\"|\S+))* {QUOTED}")
# What the engine's own functions are given to run, with the shared functions in front.
OWN = re.compile(rf"\b(?:program_awk|parse_save|edit_\w+|keep_\w+)\b[^'\n|;]*{QUOTED}")
# Strings, patterns and comments. A slash begins a pattern behind one of these.
BEHIND = re.compile(r"(?:[(,=!~&|{;:?\n]|\breturn|\bin|^)[ \t]*$")
STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
PATTERN = re.compile(r"/(?:\\.|\[\^?\]?(?:\\.|[^]\\\n])*\]|[^/\\\n\[])+/")
BRACKETS = re.compile(r"\[\^?\]?((?:\\.|[^]\\])*)\]")
# What may stand behind a backslash between brackets: in all awks it is the character that it stands for.
GOOD_IN_BRACKETS = set('trnf\\"01234567')


class Program(NamedTuple):
    """An awk program, with the shared functions if it runs with them."""

    name: str
    text: str


def unquoted(text: str) -> str:
    return text.replace("'\\''", "'")


def variables(shipped: str) -> dict[str, str]:
    """The programs that the engine holds: name -> text."""
    found = re.findall(rf"(?m)^awk_(\w+)={QUOTED}$", shipped)
    return {name: unquoted(text) for name, text in found}


def programs(shipped: str) -> Iterator[Program]:
    """All of them, joined as the engine joins them."""
    texts = variables(shipped)
    joins = {tuple(re.findall(r"\$awk_(\w+)", words)) for words in re.findall(r'"((?:\$awk_\w+)+)"', shipped)}
    for names in sorted(joins):
        yield Program("+".join(names), front(texts, texts[names[-1]]) + "".join(texts[name] for name in names))
    for number, found in enumerate(INLINE.finditer(shipped), 1):
        text = unquoted(found[2])
        with_lib = bool(found[1]) or "parse_save" in found[0] or "verdict" in text
        yield Program(f"inline {number}: {text[:40]!r}", (front(texts, text) if with_lib else "") + text)
    for number, found in enumerate(OWN.finditer(shipped), 1):
        text = unquoted(found[1])
        if "{" in text:
            yield Program(f"own {number}: {text[:40]!r}", front(texts, text) + text)


def front(texts: dict[str, str], program: str) -> str:
    """What the engine puts in front of a program: what all share, and of those that end in a verdict edit.awk."""
    return texts["lib"] + (texts["edit"] if "verdict" in program else "")


def code_and_patterns(text: str) -> tuple[str, list[str]]:
    """The text with empty strings, patterns and no comments; and what the strings and patterns were."""
    code, taken, at = "", [], 0
    while at < len(text):
        is_pattern = text[at] == "/" and BEHIND.search(code)
        match = STRING.match(text, at) if text[at] == '"' else PATTERN.match(text, at) if is_pattern else None
        if match:
            taken.append(match[0])
            code += '""' if text[at] == '"' else "//"
            at = match.end()
        elif text[at] == "#":
            at = text.find("\n", at) if "\n" in text[at:] else len(text)
        else:
            code += text[at]
            at += 1
    return code, taken


def faults(text: str) -> list[str]:
    """What some awk would understand in another way."""
    code, taken = code_and_patterns(text)
    defined = re.findall(r"\bfunction (\w+)\(([^)]*)\)", code)
    functions = {name for name, _ in defined}
    found = []
    for call in re.finditer(r"\b([A-Za-z_]\w*)([ \t]*)\(", code):
        name, gap = call[1], call[2]
        if name in KEYWORDS or name in BUILTINS and not gap or name in functions and not gap:
            continue
        found.append(f"a parenthesis behind {name}: {code[call.start() : call.end() + 20]!r}")
    for name, parameters in defined:
        clash = functions.intersection(re.findall(r"\w+", parameters))
        found += [f"a parameter of {name} has the name of a function: {other}" for other in clash]
    uses = re.findall(r"\b(\w+)\b(?!\()", code)
    found += [f"a variable has the name of a function: {name}" for name in uses if name in functions]
    # busybox 1.22 takes the line's end for the end of the `if`.
    bare = re.findall(r"\b(break|next|continue)\s*\n\s*else\b", code)
    found += [f"{word} without brackets before else" for word in bare]
    for piece in taken:
        # In a string one backslash of two goes before the pattern is read.
        seen = re.sub(r"\\\\|\\/", lambda escape: escape[0][1], piece) if piece[0] == '"' else piece
        for inside in BRACKETS.findall(seen):
            bad = [escape for escape in re.findall(r"\\(.)", inside) if escape not in GOOD_IN_BRACKETS]
            found += [f"a backslash between brackets: {piece}"] * bool(bad)
    return found


SHIPPED = {name: (DIST / name).read_bytes().partition(b"\nexit $?\n")[0].decode() for name in ("azready", "azready.sh")}
ALL = {f"{name} {program.name}": program.text for name, text in SHIPPED.items() for program in programs(text)}


@pytest.mark.parametrize("name", ALL)
def test_shipped_program_means_the_same_to_every_awk(name: str) -> None:
    assert faults(ALL[name]) == []


def test_no_program_escapes_the_lint() -> None:
    """Each word `awk` of the engine's code is one whose program was found, or whose program is a variable."""
    for text in SHIPPED.values():
        code = "\n".join(
            line for line in text.splitlines() if not line.startswith(("awk_", "proto_", "fact_", "unit_"))
        )
        options = r"(?: -F\S+| -v (?:\"(?:[^\"\\]|\\.)*\"|\S+))*"
        uses = re.findall(rf"(?:program_awk|(?<!=)\bawk){options} (?=['\"$])(\S+)", code)
        assert len(uses) > 15
        assert all(use.startswith(("'", '"$awk_', '"$edit_program', '"$@"')) for use in uses), uses
    sources = {path.stem for path in (ROOT / "agent" / "shell").rglob("*.awk")}
    assert {part for name in ALL for part in name.partition(" ")[2].split("+")} >= sources - {"lib", "edit"}


# One line of each kind that was there.
BAD = {
    "variable and parenthesis": 'function f(s) { return text (n++ ? "," : "") s }',
    "variable, no blank": "BEGIN{before(++n)}",
    "field and parenthesis": '{ print $n (by == "" ? "" : by $(n + 1)) }',
    "variable behind the blank": "{ print by (x) }",
    "builtin behind a blank": "{ print length (x) }",
    "parameter named as a function": "function text(s) { return s }\nfunction g(text) { return text }",
    "variable named as a function": "function text(s) { return s }\nBEGIN { text = 1 }",
    "break before else": "{ while (1) {\n if (x) break\n else print\n} }",
    "slash between brackets": "{ if (s ~ /^[a+\\/]*$/) print }",
    "slash between brackets in a text": '{ if (s ~ "[+\\\\/]") print }',
    "hyphen between brackets": "$0 ~ /[a\\-z]/",
}
GOOD = {
    "calls": "function f(s) { return (s) }\nBEGIN { print f(1), length(x), (a)(b); if (x) exit (1); print $(n + 1) }",
    "strings and patterns": 'BEGIN { print "a (b)" (c), /d (e)/ ? 1 : 0; x = y / z (2) }'.replace(" (2)", ""),
    "escapes between brackets": '/[ \\t\\r\\n\\\\\\001-\\037]/ { n = split($0, a, "[\\\\\\\\]") }',
    "break in brackets": "{ while (1) {\n if (x) {\n break\n } else print\n} }",
    "comments": "BEGIN { x = 1 # name (x)\n}",
}


@pytest.mark.parametrize("kind", BAD)
def test_lint_finds_what_awks_take_differently(kind: str) -> None:
    assert faults(BAD[kind])


@pytest.mark.parametrize("kind", GOOD)
def test_lint_lets_pass_what_awks_take_alike(kind: str) -> None:
    assert faults(GOOD[kind]) == []
