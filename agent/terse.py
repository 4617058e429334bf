"""Takes out of the shipped texts what no machine needs: comments, docstrings, indentation. What they do stays the same.

Standard library only, as bundle.py, and the same output on every Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

# What an operator needs no blank beside; `(` needs one, because `name (x)` joins and `name(x)` calls.
_TIGHT_BEFORE, _TIGHT_BEHIND = "=<>!~&|,;:?){}]+*%-", "=<>!~&|,;:?({}[+*%-"
# Behind one of these a slash begins a pattern; behind anything else it divides.
_BEFORE_PATTERN = "(,=!~&|{;:?\n"
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_PATTERN = re.compile(r"/(?:[^/\\\[]|\\.|\[\]?[^]]*\])*/")
_BLANKS = re.compile("[ \t]+")


def without_comments(text: str) -> str:
    """A table or program without the lines that are comments alone."""
    return re.sub(r"(?m)^[ \t]*#.*\n", "", text)


def terse_shell(text: str) -> str:
    """A shell module without comments, indentation, empty lines, and blanks beside |, || and &&.

    So no module may hold a text of several lines, such as a here-document, to which these matter.
    """
    lines = filter(None, (line.strip("\t") for line in without_comments(text).splitlines()))
    return "".join(_tight_shell(line) + "\n" for line in lines)


def _tight_shell(line: str) -> str:
    line = re.sub(r"(?<=\(\)) (?={$)|(?<=;) (?=(then|do)$)| (?=;;$)", "", line)
    # Where quotes nest, or go on in the next line, only a parser could tell what is quoted.
    if re.search(r'"[^"]*\$\([^)]*"', line) or line.count('"') % 2 or line.count("'") % 2:
        return line
    pieces = re.split(r"""("(?:[^"\\]|\\.)*"|'[^']*')""", line)
    # The blank before && stays: ash of busybox before 1.26 stumbles over `word&&` whose first & ends a block of input.
    pieces[::2] = (re.sub(r" (\|\|?) |(?<= &&) ", r"\1", piece) for piece in pieces[::2])
    return "".join(pieces)


def terse_awk(text: str) -> str:
    """An awk program without comments, empty lines, and blanks that part nothing; strings and patterns stay whole."""
    lines = filter(None, map(str.strip, without_comments(text).splitlines()))
    return "".join(_tight(list(_awk_tokens(line))) + "\n" for line in lines)


def _awk_tokens(line: str) -> Iterator[str]:
    """Strings, patterns, runs of blanks, and everything else character by character."""
    at, before = 0, "\n"
    while at < len(line):
        begins_pattern = line[at] == "/" and before in _BEFORE_PATTERN
        rule = _STRING if line[at] == '"' else _PATTERN if begins_pattern else _BLANKS
        match = rule.match(line, at)
        token = match[0] if match else line[at]
        at += len(token)
        before = before if token.isspace() else token[-1]
        yield token


def _tight(tokens: list[str]) -> str:
    """The tokens without blanks beside operators; two signs keep theirs, `a - -b` is not `a--b`."""
    out = ""
    for number, token in enumerate(tokens):
        if token.isspace():
            behind = tokens[number + 1][0] if number + 1 < len(tokens) else "\n"
            signs = out[-1] in "+-" and behind in "+-"
            if signs or not (out[-1] in _TIGHT_BEHIND or behind in _TIGHT_BEFORE or '"' in (out[-1], behind)):
                out += " "
        else:
            out += token
    return out


def terse_python(source: str) -> str:
    """Python without docstrings and comments, indented by tabs. Empty lines stay, so that line numbers stay true."""
    lines = ["\n" if re.match(r"[ ]*#(?!!)", line) else line for line in source.splitlines(True)]
    tree = ast.parse(source)
    inside = {number for node in ast.walk(tree) for number in _lines_inside_text(node)}
    for number, line in enumerate(lines, 1):
        if number not in inside:
            blanks = len(line) - len(line.lstrip(" "))
            lines[number - 1] = "\t" * (blanks // 4) + " " * (blanks % 4) + line[blanks:]
    for node in ast.walk(tree):
        # Where a docstring is all that there is, the block would be empty without it.
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body[1:] and ast.get_docstring(node):
            for number in _lines_of(node.body[0]):
                lines[number - 1] = "\n"
    return "".join(lines)


def _lines_of(node: ast.stmt | ast.expr) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _lines_inside_text(node: ast.AST) -> range:
    """The lines that begin inside a string of several lines."""
    is_text = isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
    )
    return _lines_of(node)[1:] if is_text and isinstance(node, ast.expr) else range(0)
