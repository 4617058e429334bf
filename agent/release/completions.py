"""What the shells complete behind `azready`, from the tables of its help."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import bundle
from manual.helptext import Command, Help, Option, help_of
from manual.tables import rows


class Words(NamedTuple):
    """What stands behind the options and commands, next to the help itself."""

    help: Help
    steps: list[tuple[str, str]]
    reasons: list[tuple[str, str]]
    inits: list[str]

    def kind(self, option: Option) -> str:
        """What an option takes: `folder`, `file`, `user`, `steps`, the words to choose from, or nothing."""
        value, name = option.value, option.names[0]
        if name in ("--user", "--init"):
            return "user" if name == "--user" else " ".join(self.inits)
        kinds = {"DIR": "folder", "FILE": "file", "STEP,..": "steps"}
        return kinds.get(value, " ".join(self.help.choices(name)))

    def arguments(self, command: Command) -> dict[str, list[tuple[str, str]]]:
        """Words that a command takes: the word before them (empty: the command itself) -> word and meaning."""
        if command.name == "report":
            outcomes = [("ready", "provisioning succeeded"), ("failed", "it did not, for a reason")]
            return {"": outcomes, "failed": self.reasons}
        if command.name == "help":
            topics = [(name, f"help about {name}") for name in self.help.topics]
            return {"": [*((each.name, each.purpose) for each in self.help.commands), *topics]}
        return {}


def completions(root: Path) -> dict[str, bytes]:
    """The files: name -> content."""
    tables = root / "agent" / "tables"
    words = Words(
        help=help_of(tables),
        steps=[(name, does) for name, _, does in rows("steps", tables)],
        reasons=[(reason, happened) for reason, _, happened, _ in rows("reasons", tables)],
        inits=[line.split("|")[0] for line in bundle.units_table(root).splitlines()],
    )
    texts = {"azready.bash": bash(words), "_azready": zsh(words), "azready.fish": fish(words)}
    return {name: text.encode() for name, text in texts.items()}


def template(name: str) -> str:
    """The text around the words."""
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


def filled(text: str, values: dict[str, str]) -> str:
    """A template with each line that is `@NAME@` alone replaced by its text, indented as the line is."""

    def put(found: re.Match[str]) -> str:
        lines = values[found[2]].splitlines()
        return "".join(f"{found[1]}{line}\n" if line else "\n" for line in lines)

    return re.sub(r"(?m)^([ \t]*)@([A-Z]+)@\n", put, text)


def quoted(text: str) -> str:
    """A word of bash, zsh and sh."""
    return bundle.quote(text)


def names(options: tuple[Option, ...]) -> str:
    """All names of some options."""
    return " ".join(name for option in options for name in option.names)


# bash


def bash(words: Words) -> str:
    """A function for `complete -F`; it needs no bash-completion."""
    return filled(
        template("azready.bash"),
        {"VALUES": bash_values(words), "TAKING": bash_taking(words), "ARGUMENTS": bash_arguments(words)},
    )


def every_option(words: Words) -> list[Option]:
    """Those of all commands."""
    return [*words.help.options, *(option for command in words.help.commands for option in command.options)]


def bash_values(words: Words) -> str:
    """Lines of a `case` on the word before: what may stand behind an option."""
    known = {"folder": "_azready_paths -d", "file": "_azready_paths -f", "user": "_azready_words '' \"$(compgen -u)\""}
    known["steps"] = f"_azready_list {quoted(' '.join(name for name, _ in words.steps))}"
    lines = []
    for option in every_option(words):
        if option.value:
            kind = words.kind(option)
            lines.append(f"{'|'.join(option.names)}) {known.get(kind) or f'_azready_words {quoted(kind)}'} ;;")
    return "\n".join(lines)


def bash_taking(words: Words) -> str:
    """The pattern for options that take a value."""
    return (
        f"{'|'.join(name for option in every_option(words) if option.value for name in option.names)}) i=$((i + 1)) ;;"
    )


def bash_arguments(words: Words) -> str:
    """Lines of a `case` on the command and its words."""
    everywhere = names(words.help.options)
    commands = " ".join(command.name for command in words.help.commands)
    lines = [f"'') _azready_words {quoted(f'{commands} {everywhere} --help --version')} ;;"]
    for command in words.help.commands:
        more = words.arguments(command)
        for before, choices in more.items():
            own = " ".join([*(word for word, _ in choices), *([] if before else [names(command.options), everywhere])])
            lines.append(f"{quoted(f'{command.name} {before}'.strip())}) _azready_words {quoted(own.strip())} ;;")
        if not more:
            lines.append(
                f"{command.name}) _azready_words {quoted(f'{names(command.options)} {everywhere}'.strip())} ;;"
            )
    return "\n".join(lines)


# zsh


def zsh(words: Words) -> str:
    """A function for a folder of $fpath."""
    purposes = "\n".join(quoted(f"{command.name}:{command.purpose}") for command in words.help.commands)
    return filled(
        template("_azready"),
        {
            "OPTIONS": "\n".join(zsh_option(words, option) for option in words.help.options),
            "COMMANDS": purposes,
            "ARGUMENTS": "\n".join(zsh_command(words, command) for command in words.help.commands),
        },
    )


def zsh_option(words: Words, option: Option) -> str:
    """A specification for _arguments: `--root=[text]:DIR:_directories`."""
    kind = words.kind(option)
    known = {"folder": "_directories", "file": "_files", "user": "_users"}
    known["steps"] = "_sequence compadd - " + " ".join(name for name, _ in words.steps)
    action = known.get(kind, f"({kind})")
    means = re.sub(r"([\[\]:\\])", r"\\\1", option.text)
    value = f":{option.value.partition(',')[0]}:{action}" if option.value else ""
    return "\n".join(
        quoted(f"{name}{'=' if value else ''}{f'[{means}]' if means else ''}{value}") for name in option.names
    )


def zsh_command(words: Words, command: Command) -> str:
    """A branch of the `case` on the command."""
    options = [zsh_option(words, option) for option in command.options]
    more = words.arguments(command)
    places = [
        "{}:{}:(({}))".format(place, before or "word", " ".join(zsh_choice(*choice) for choice in choices))
        for place, (before, choices) in enumerate(more.items(), 1)
    ]
    body = " \\\n\t\t".join(["_arguments $everywhere", *options, *map(quoted, places)]).replace("\n'", " \\\n\t\t'")
    return f"{command.name})\n\t{body} && ret=0\n\t;;"


def zsh_choice(word: str, means: str) -> str:
    """One of `((word\\:meaning ..))`."""
    escaped = means.replace(":", "\\:")
    return f"{word}\\:{quoted(escaped)}"


# fish


def fish(words: Words) -> str:
    """Lines of `complete`."""
    lines = [fish_option(words, option, "") for option in words.help.options]
    for command in words.help.commands:
        lines.append(fish_word(command.name, command.purpose, ""))
        lines += [fish_option(words, option, command.name) for option in command.options]
        for before, choices in words.arguments(command).items():
            lines += [fish_word(*choice, f"{command.name} {before}".strip()) for choice in choices]
    taking = " ".join(name for option in every_option(words) if option.value for name in option.names)
    values = {"LINES": "\n".join(lines), "TAKING": f"case {taking}\n    set is_value yes"}
    return filled(template("azready.fish"), values)


def fish_word(word: str, means: str, behind: str) -> str:
    """A line that offers a word behind those that were said."""
    return f"complete -c azready -n {fish_quoted(f'__azready_at {behind}'.strip())} -a {word} -d {fish_quoted(means)}"


def fish_option(words: Words, option: Option, behind: str) -> str:
    """One line for each name; behind nothing it is offered everywhere."""
    when = f" -n {fish_quoted(f'__azready_at {behind}')}" if behind else ""
    kind = words.kind(option)
    known = {
        "folder": "-x -a '(__fish_complete_directories)'",
        "file": "-r -F",
        "user": "-x -a '(__fish_complete_users)'",
    }
    steps = " ".join(name for name, _ in words.steps)
    known["steps"] = f"-x -a {fish_quoted(f'(__fish_append , {steps})')}"
    value = f" {known.get(kind) or f'-x -a {fish_quoted(kind)}'}" if option.value else ""
    means = f" -d {fish_quoted(option.text)}" if option.text else ""
    return "\n".join(
        f"complete -c azready{when} {'-l' if name.startswith('--') else '-s'} {name.lstrip('-')}{value}{means}"
        for name in option.names
    )


def fish_quoted(text: str) -> str:
    """A word of fish: inside single quotes, backslash and quote are special."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
