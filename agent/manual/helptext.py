"""The help of agent/tables as data: the commands, the options, what each is for. Standard library alone.

azready: WHAT IT IS            == NAME
                               usage: azready NAME [--option VALUE] ..
usage: azready ..
                               TEXT
commands
  NAME   PURPOSE                 --option VALUE  WHAT IT DOES
options
  --option VALUE   WHAT IT DOES
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

TABLES = Path(__file__).resolve().parent.parent / "tables"
# Two blanks and more part a row's cells, and a line that is deeper than its row goes on with the text.
ROW = re.compile(r"(?m)^  (\S(?:.*?\S)?) {2,}(\S.*(?:\n {12,}\S.*)*)")
# In a usage line: `[--only STEP,..]`, `[--force]`, `[--engine auto|python|shell]`.
IN_USAGE = re.compile(r"\[(--[a-z-]+)(?: ([^\]]+))?\]")


class Option(NamedTuple):
    """An option: its names, the word for its value (empty: it takes none), what it does."""

    names: tuple[str, ...]
    value: str
    text: str


class Command(NamedTuple):
    """A command: what the overview says of it, what its own help says first, its usages, its own options."""

    name: str
    purpose: str
    text: str
    usages: tuple[str, ...]
    options: tuple[Option, ...]


class Help(NamedTuple):
    """All that the help says: how it is used, commands, options of all of them, exit statuses, other sections."""

    usage: str
    commands: tuple[Command, ...]
    options: tuple[Option, ...]
    statuses: tuple[tuple[str, str], ...]
    topics: tuple[str, ...]

    def choices(self, option: str) -> tuple[str, ...]:
        """The values that the overview's usage allows an option, `auto|python|shell`; none: anything."""
        values = dict(IN_USAGE.findall(self.usage)).get(option, "")
        return tuple(values.split("|")) if "|" in values else ()


def help_of(tables: Path = TABLES) -> Help:
    """Read help.txt and help-image.txt."""
    texts = [(tables / name).read_text(encoding="utf-8") for name in ("help.txt", "help-image.txt")]
    overview = ""
    sections: dict[str, str] = {}
    for text in texts:
        first, *rest = re.split(r"(?m)^== ", text)
        overview += first
        sections |= {section.partition("\n")[0]: section.partition("\n")[2] for section in rest}
    rows = {title: ROW.findall(body) for title, body in re.findall(r"(?m)^([a-z ]+)\n((?:  .*\n)+)", overview)}
    commands = tuple(_command(name, purpose, sections.get(name, "")) for name, purpose in rows["commands"])
    names = {command.name for command in commands}
    return Help(
        usage=re.findall(r"(?m)^usage: (.*)$", overview)[0],
        commands=commands,
        options=tuple(option for cells in rows["options"] for option in _options(*cells)),
        statuses=tuple((status, one_line(text)) for status, text in rows["exit status"]),
        topics=tuple(name for name in sections if name not in names),
    )


def one_line(text: str) -> str:
    """The text of a cell without its line breaks."""
    return " ".join(text.split())


def _command(name: str, purpose: str, section: str) -> Command:
    usage, _, rest = section.partition("\n\n")
    usages = re.findall(r"(?m)^(?:usage:| {6}) (azready .*)$", usage)
    said = {option.names[0]: option for cells in ROW.findall(section) for option in _options(*cells)}
    for option, value in IN_USAGE.findall(" ".join(usages)):
        said.setdefault(option, Option((option,), value, ""))
    return Command(name, one_line(purpose), one_line(rest.partition("\n\n")[0]), tuple(usages), tuple(said.values()))


def _options(names: str, text: str) -> list[Option]:
    """The options of a row. One of two that differ in what they do says so in its half: `-q, -v  this; or that`."""
    if not names.startswith("-"):
        return []
    words = [name.split(" ", 1) for name in names.split(", ")]
    parts = one_line(text).split("; or ")
    each = parts if len(parts) == len(words) else [one_line(text)] * len(words)
    return [Option((word[0],), "".join(word[1:]), part) for word, part in zip(words, each, strict=True)]
