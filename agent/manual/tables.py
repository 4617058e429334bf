"""Writes the tables of agent/tables into the manual: `python3 agent/manual/tables.py`.

A page has a table between two comments, `table: NAME` and `end of table`; in Markdown in `<!-- -->`, in the man page
behind `.\\"`. What stands between them is replaced. Standard library alone.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from manual.helptext import Option, help_of

MANUAL = Path(__file__).resolve().parent
ROOT = MANUAL.parents[1]
TABLES = MANUAL.parent / "tables"
MARKDOWN = re.compile(r"(?ms)^(<!-- table: ([a-z]+) -->\n).*?^(<!-- end of table -->)$")
ROFF = re.compile(r'(?ms)^(\.\\" table: ([a-z]+)\n).*?^(\.\\" end of table)$')
# The characters that roff would set as something else.
ROFF_ESCAPES = {"\\": "\\e", "-": "\\-", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", "'": "\\(aq"}

# What the words of generalize.conf do, for people.
HOWS = {
    "remove": "goes",
    "file": "goes, unless it is a link",
    "id": "is emptied where systemd is, else goes",
    "empty": "is emptied, unless it is a link",
    "mac": "goes if it names a MAC address",
    "rights": "loses the rules of the user, and azready's",
    "account": "loses the user; root's hash becomes `*`",
    "group": "loses the user, and the user's group",
    "hosts": "loses the machine's name",
    "names": "the machine's name becomes `localhost`",
    "drop": "loses MAC address, DHCP name, and what cloud-init says to root",
}

Rows = list[list[str]]


class TableError(Exception):
    """A table or a marker that cannot be understood."""


def rows(name: str, folder: Path = TABLES) -> Rows:
    """The rows of a table as cells, without comments."""
    lines = (folder / f"{name}.conf").read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.split("|")] for line in lines if line.strip() and line[0] != "#"]


def values(kind: str) -> str:
    """What a kind of settings.conf takes, in words."""
    choices = kind.partition(":")[2]
    return choices.replace(",", ", ") if choices else kind


def default(key: str, given: str) -> str:
    """The default of a setting as a person would write it; `@` stands for the protocol fact of the same name."""
    return protocol()[key] if given == "@" else given or "empty"


def protocol() -> dict[str, str]:
    """The facts of the wire."""
    lines = (TABLES / "protocol.conf").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and line[0] != "#")


def markdown(header: list[str], body: Rows) -> str:
    """A table of Markdown; a cell cannot hold a bar."""
    lines = [header, ["---"] * len(header), *body]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def code(words: str) -> str:
    """Words as code, each for itself; `none` of a table stays empty."""
    return " ".join(f"`{word}`" for word in words.replace(",", " ").split()) if words not in ("", "none") else ""


def roff(text: str) -> str:
    """Text that roff shows as it is."""
    escaped = "".join(ROFF_ESCAPES.get(letter, letter) for letter in text)
    return f"\\&{escaped}" if escaped.startswith(".") else escaped


def running(text: str) -> str:
    """Running text in lines of at most 80 bytes, which is what mandoc asks for. No escape holds a blank."""
    lines = textwrap.wrap(roff(text), 80, break_long_words=False, break_on_hyphens=False)
    return "".join(f"\\&{line}\n" if line.startswith((".", "'")) else f"{line}\n" for line in lines)


def tagged(pairs: list[tuple[str, str]]) -> str:
    """A list of man(7): a bold name, and below it what it means."""
    return "".join(f".TP\n.B {roff(name)}\n{running(text)}" for name, text in pairs)


def synopsis(usage: str) -> str:
    """A usage with what is typed as it is in bold, and what stands for something in italics."""

    def set_word(found: re.Match[str]) -> str:
        font = "I" if found[0].isupper() else "B"
        return f"\\f{font}{roff(found[0])}\\fP"

    return re.sub(r"[A-Za-z-]+", set_word, usage)


def options_roff(options: tuple[Option, ...]) -> str:
    """Options, each with what it does."""
    said = [(", ".join(option.names) + f" {option.value}".rstrip(), option.text) for option in options]
    return "".join(f".TP\n{synopsis(name)}\n{running(text)}" for name, text in said)


def commands_roff() -> str:
    """The help of every command for the man page: how it is used, what it does, its options."""
    parts = []
    for command in help_of(TABLES).commands:
        usages = [usage.removeprefix("azready ") for usage in command.usages] or [command.name]
        tags = "".join(f".{'TP' if number == 0 else 'TQ'}\n{synopsis(usage)}\n" for number, usage in enumerate(usages))
        text = command.text or f"{command.purpose[:1].upper()}{command.purpose[1:]}."
        own = options_roff(tuple(option for option in command.options if option.text))
        parts.append(f"{tags}{running(text)}" + (f".RS\n{own}.RE\n" if own else ""))
    return "".join(parts)


def statuses_roff() -> str:
    """The exit statuses."""
    return tagged([(status, f"{text[:1].upper()}{text[1:]}.") for status, text in help_of(TABLES).statuses])


def settings_markdown() -> str:
    """settings.conf for settings.md."""
    body = [[f"`{key}`", f"`{default(key, given)}`" if default(key, given) != "empty" else "empty", values(kind), means]
            for key, given, kind, means in rows("settings")]  # fmt: skip
    return markdown(["key", "default", "values", "meaning"], body)


def settings_roff() -> str:
    """settings.conf for the man page."""
    return tagged([
        (key, f"{means} ({values(kind)}; default: {default(key, given)})")
        for key, given, kind, means in rows("settings")
    ])  # fmt: skip


def steps_markdown() -> str:
    """steps.conf for steps.md."""
    return markdown(["step", "needs", "does"], [[f"`{name}`", needs, does] for name, needs, does in rows("steps")])


def steps_roff() -> str:
    """steps.conf for the man page."""
    return tagged([(name, f"{does}; needs {needs}") for name, needs, does in rows("steps")])


def reasons_markdown() -> str:
    """reasons.conf for reasons.md."""
    body = [[f"`{reason}`", happened, todo, code(details)] for reason, details, happened, todo in rows("reasons")]
    return markdown(["reason", "what happened", "what to do", "details"], body)


def generalize_markdown() -> str:
    """generalize.conf for generalize.md: neighbours share a row, until the kind changes or a comment begins another."""
    body: Rows = []
    comment, last = "", ""
    for line in (TABLES / "generalize.conf").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comment, last = line[1:].strip(), ""
            continue
        how, folder, names = (cell.strip() for cell in line.split("|"))
        how = how.removesuffix("-last")
        files = " ".join(f"`{folder}/{name}`" for name in names.split())
        if how == last:
            body[-1][2] += f" {files}"
        else:
            body.append([comment, HOWS[how], files])
            comment, last = "", how
    return markdown(["of", "what happens", "to"], body)


def advisories_markdown() -> str:
    """advisories.conf for release.md."""
    body = [
        [f"{cve}, {ghsa}", "; ".join(f"from {' until '.join(part.split())}" for part in ranges.split(",")), what, why]
        for cve, ghsa, ranges, what, why, _ in rows("advisories")
    ]
    return markdown(["advisory", "versions", "what it is", "why it is out of reach"], body)


def bench() -> dict[str, Any]:
    """What the last run of the bench beside other agents found out."""
    found: dict[str, Any] = json.loads((ROOT / "tests" / "bench" / "bench.json").read_text(encoding="utf-8"))
    return found


def comparison_markdown() -> str:
    """bench.json's agents for comparison.md."""
    found = bench()
    days = found.get("days", {})
    body = [
        [
            " ".join(filter(None, (row["agent"], row["version"]))),
            f"{sum(day[row['agent']] == 'Succeeded' for day in days.values())} of {len(days)}"
            if days
            else "not run yet",
            f"{row['cpu_ms']:,} ms",
            f"{row['memory_kb'] / 1024:.0f} MB",
            f"{row['programs']:,}",
            f"{row['own_bytes'] / 1024:,.0f} KB",
            f"{len(row['packages'])}, {row['packages_bytes'] / 1024 / 1024:.0f} MB",
        ]
        for row in found["agents"]
    ]
    return markdown(["agent", "days survived", "CPU", "memory", "programs", "its own size", "packages it needs"], body)


def days_markdown() -> str:
    """bench.json's bad days for comparison.md."""
    days = bench().get("days", {})
    if not days:
        return markdown(["day"], [["not run yet: `python3 build.py bench --days`"]])
    agents = list(next(iter(days.values())))
    words = {"Succeeded": "Ready", "Failed": "failed", "not told": "**never Ready**", "no name": "**Ready, no name**"}
    return markdown(["day", *agents], [[day, *(words[each[agent]] for agent in agents)] for day, each in days.items()])


def reasons_roff() -> str:
    """reasons.conf for the man page."""
    return tagged([(reason, f"{happened}. {todo}") for reason, _, happened, todo in rows("reasons")])


WRITERS: dict[tuple[str, str], Callable[[], str]] = {
    (".md", "settings"): settings_markdown,
    (".md", "steps"): steps_markdown,
    (".md", "reasons"): reasons_markdown,
    (".md", "generalize"): generalize_markdown,
    (".md", "advisories"): advisories_markdown,
    (".md", "comparison"): comparison_markdown,
    (".md", "days"): days_markdown,
    (".8", "settings"): settings_roff,
    (".8", "steps"): steps_roff,
    (".8", "reasons"): reasons_roff,
    (".8", "commands"): commands_roff,
    (".8", "options"): lambda: options_roff(help_of(TABLES).options),
    (".8", "statuses"): statuses_roff,
}


def pages() -> list[Path]:
    """The pages of the manual."""
    return sorted(path for path in MANUAL.iterdir() if path.suffix in (".md", ".8"))


def generated(page: Path) -> str:
    """The page with its tables as they have to be."""

    def replaced(found: re.Match[str]) -> str:
        try:
            return found[1] + WRITERS[page.suffix, found[2]]() + found[3]
        except KeyError:
            raise TableError(f"{page}: there is no table {found[2]!r}: see WRITERS in {__file__}") from None
        except (OSError, ValueError) as error:
            raise TableError(f"{page}: table {found[2]!r}: {error}") from error

    return (MARKDOWN if page.suffix == ".md" else ROFF).sub(replaced, page.read_text(encoding="utf-8"))


def main() -> int:
    """Write every page that is not as it has to be, and name it."""
    try:
        for page in pages():
            text = generated(page)
            if text != page.read_text(encoding="utf-8"):
                page.write_text(text, encoding="utf-8")
                print(f"{page} written")
    except TableError as error:
        print(f"tables.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
