"""The house of the shell engine: who calls whom, by the text of its functions, and how long these may be."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import bundle_shell
import pytest
from support import ROOT

SHELL = ROOT / "agent" / "shell"
PYTHON = ROOT / "agent" / "python" / "azready"
# A folder may use its own files and those of smaller numbers. Image is at the top, beside cli, which may enter it.
FLOORS = {"machine": 1, "azure": 2, "steps": 3, "": 4, "image": 4}


class Function(NamedTuple):
    """A function: the file that has it, below agent/shell, its first line, its body as written."""

    name: str
    file: str
    line: int
    body: str


def functions_of(tree: Path) -> dict[str, Function]:
    """All functions of the engine by name; each has one name, because all files become one."""
    found: dict[str, Function] = {}
    for path in sorted(tree.rglob("*.sh")):
        text, file = path.read_text(), path.relative_to(tree).as_posix()
        for match in re.finditer(r"(?ms)^([a-z_0-9]+)\(\) \{\n(.*?)^\}$", text):
            name, line = match[1], text.count("\n", 0, match.start()) + 1
            assert name not in found, f"{name} is in {file} and in {found[name].file}"
            found[name] = Function(name, file, line, match[2])
    return found


def code_of(body: str) -> str:
    """Shell text without its comments and without what is quoted; what a trap or `$(..)` in quotes runs is code."""
    body = re.sub(r"(?m)^\s*#.*\n", "", body)
    body = re.sub(r"\btrap '([^']*)'", r"\1", body)
    body = re.sub(r"'[^']*'|\\.", " '' ", body)
    kept, depths, i = [], [0], 0
    # Each entry of depths is a level of code: how many brackets are open in it; an odd place is inside of quotes.
    while i < len(body):
        quoted, here = len(depths) % 2 == 0, body[i]
        if here == '"':
            if quoted:
                depths.pop()
            else:
                depths.append(0)
            kept.append(" ")
        elif quoted and body.startswith("$(", i) and not body.startswith("$((", i):
            depths.append(0)
            kept.append("; ")
            i += 1
        elif not quoted:
            depths[-1] += {"(": 1, ")": -1}.get(here, 0)
            if len(depths) > 1 and depths[-1] < 0:
                depths.pop()
                here = ";"
            kept.append(here)
        i += 1
    return "".join(kept)


# A word of a command, but no part of a longer word, no name of a variable, and not the only or the last of a pattern.
WORD = re.compile(r"(?<![\w$./{=*-])[a-z_]\w*(?![\w=/.*-])(?!\s*\|\s[\w |]*\))")


def calls(tree: Path) -> Iterator[tuple[Function, Function]]:
    """Pairs of functions: the first one has the second one's name as a word, to call it or to hand it on."""
    functions = functions_of(tree)
    for caller in functions.values():
        code = re.sub(r"\bfor \w+|\bread -r [\w ]+", " ", code_of(caller.body))
        for word in dict.fromkeys(WORD.findall(code)):
            if word in functions and word != caller.name:
                yield caller, functions[word]


# Where a command begins; what has an underscore there is a function.
COMMAND = re.compile(
    r"(?:^|[;&|!]|(?<![$(])\((?!\()|\{ |\b(?:then|do|else|elif|if|while|until))[ \t]*([a-z]+_[a-z_0-9]*)(?![\w=+)])",
    re.MULTILINE,
)


def unknown(tree: Path) -> list[str]:
    functions = functions_of(tree)
    found = ((caller, word) for caller in functions.values() for word in COMMAND.findall(code_of(caller.body)))
    return sorted(f"{caller.file}: {caller.name} -> {word}" for caller, word in found if word not in functions)


def floor_of(file: str) -> int:
    return FLOORS[file.rpartition("/")[0]]


def calls_upward(tree: Path) -> list[str]:
    return sorted(told(*call) for call in calls(tree) if floor_of(call[0].file) < floor_of(call[1].file))


def told(caller: Function, called: Function) -> str:
    return f"{caller.file}: {caller.name} -> {called.name} of {called.file}"


def uses(tree: Path, but: Sequence[str] = ()) -> dict[str, set[str]]:
    """The files that each file calls functions of, without itself and without the calls named."""
    found: dict[str, set[str]] = {path.relative_to(tree).as_posix(): set() for path in tree.rglob("*.sh")}
    for caller, called in calls(tree):
        if caller.file != called.file and told(caller, called) not in but:
            found[caller.file].add(called.file)
    return found


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of files that reach each other."""
    reached = {file: reach(graph, file) for file in graph}
    groups = {frozenset(b for b in reached[a] if a in reached[b]) for a in graph if a in reached[a]}
    return sorted(sorted(group) for group in groups)


def reach(graph: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    todo = set(graph[start])
    while todo:
        file = todo.pop()
        found.add(file)
        todo |= graph[file] - found
    return found


# Files that one engine alone has, and why.
SHELL_ALONE = {
    "machine/children": "Python's subprocess waits, and programs.py has the limits",
    "machine/edit": "a file is changed by awk; Python changes a string",
    "machine/http_clients": "Python has urllib3 alone",
    "machine/keep": "a file is changed by awk; Python changes a string",
    "azure/vm_id": "identity.py; apart, because the first lines of the file need it",
    "steps/later_keys": "the launcher starts the run that makes the other keys, behind Python's too",
    "steps/new_user": "user.py makes the account",
    "machine/own": "files.py writes all files alike: it starts no program for it",
    "machine/parse": "what awk says of a document; in Python an exception does",
    "machine/places": "system.py follows the names of the image",
    "machine/selinux": "for the commands that change an image, which are shell's alone",
    "machine/settle": "one sync for many directories: each would be a program; Python writes them as it goes",
    "machine/text": "words and lines are Python's own",
    "machine/work": "the work directory: Python keeps what it knows in memory",
}
PYTHON_ALONE = {
    "azure/run": "what a run knows is an object",
    "machine/accounts": "accounts.awk",
    "machine/groups": "account_files.sh, which asks accounts.awk for all of an account at once",
    "steps/keys": "keys.awk",
    "steps/custom_data": "data.sh; Python imports the module of a step's name",
    "steps/user_data": "data.sh",
    "machine/mounts": "media.sh and sweep.sh read /proc/mounts by a line",
    "machine/signals": "traps of run.sh",
    "machine/ssh_rules": "ssh_rules.awk",
    "machine/system": "places.sh",
    "machine/xml": "xml.awk",
}

# What the names of a file's functions begin with, where that is not its stem; two halves of one thing share it.
PREFIXES = {
    "azure/wireserver": "wire",
    "machine/account_files": "account",
    "machine/account_locks": "account_lock",
    "machine/children": "child",
    "machine/failure": "fail",
    "machine/files": "file",
    "machine/homes": "home",
    "machine/http_clients": "http",
    "machine/places": "place",
    "machine/programs": "program",
    "machine/run_lock": "lock",
    "machine/services": "service",
    "machine/sshd_config": "sshd",
    "machine/sshd_password": "sshd",
    "machine/user_files": "user_file",
    "steps/ssh_keys": "keys",
}
# The verbs of the story, which are one in both engines, and what is called by a name put together.
VERBS = {
    "azure/identity": ["identify"],
    "azure/wanted": ["read_wanted"],
    "azure/wireserver": ["read_goal_state"],
    "launcher": ["main"],
    "image/generalize": ["main_generalize"],
    "image/install": ["main_install"],
    "image/uninstall": ["main_uninstall"],
    "machine/failure": ["forgive"],
    "provision": [
        "announce", "begin", "do_the_rest", "finish", "leave", "mark_provisioned", "note_the_rest", "take_steps", "tell"
    ],
    "steps/data": ["run_scripts", "step_custom_data", "step_user_data"],
    "steps/hooks": ["step_hooks"],
    "steps/host_keys": ["make_host_keys", "make_other_host_keys"],
    "steps/later_keys": ["leave_host_keys"],
    "steps/hostname": ["step_hostname"],
    "steps/login": ["step_login"],
    "steps/password": ["step_password"],
    "steps/ssh_keys": ["step_ssh_keys"],
    "steps/user": ["step_user"],
}  # fmt: skip


def strangers(tree: Path) -> list[str]:
    """Functions whose names do not say which file has them."""
    stems = [path.relative_to(tree).with_suffix("").as_posix() for path in tree.rglob("*.sh")]
    prefixes = {stem: PREFIXES.get(stem, stem.rpartition("/")[2]) for stem in stems}
    found = []
    for name, function in functions_of(tree).items():
        stem = function.file.removesuffix(".sh")
        # The longest prefix counts: account_lock_ is not of account_files.sh.
        said = max((prefix for prefix in prefixes.values() if f"{name}_".startswith(f"{prefix}_")), key=len, default="")
        if name not in VERBS.get(stem, []) and said != prefixes[stem]:
            found.append(f"{function.file}: {name}")
    return sorted(found)


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {path.name: len(path.read_text().splitlines()) for path in SHELL.rglob("*.sh")}
    assert {name: length for name, length in lengths.items() if length > 300} == {}


def test_no_function_is_longer_than_40_lines() -> None:
    """From its name to its closing brace."""
    lengths = {function.name: function.body.count("\n") + 2 for function in functions_of(SHELL).values()}
    assert {name: length for name, length in lengths.items() if length > 40} == {}


def test_no_line_is_longer_than_110_columns() -> None:
    """With a tab for four. A message is not torn in two, so that it can be searched for: what it has does not count."""
    found = []
    for path in sorted(SHELL.rglob("*.sh")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            message = max(re.findall(r"'[^']* [^']* [^']*'|\"[^\"]* [^\"]* [^\"]*\"", line), key=len, default="")
            if len(line.expandtabs(4)) > 110 and len(line.replace(message, "").expandtabs(4)) > 70:
                found.append(f"{path.name}:{number}")
    assert found == []


@pytest.mark.parametrize("floor", ["steps", "azure", "machine"])
def test_both_engines_have_the_same_files(floor: str) -> None:
    shell = {f"{floor}/{path.stem}" for path in (SHELL / floor).glob("*.sh")}
    python = {f"{floor}/{path.stem}" for path in (PYTHON / floor).glob("[!_]*.py")}
    assert shell - SHELL_ALONE.keys() == python - PYTHON_ALONE.keys()


def test_what_is_called_is_there() -> None:
    """The shell finds out at the first boot; shellcheck never."""
    assert unknown(SHELL) == []


def test_no_floor_calls_one_above_it() -> None:
    assert calls_upward(SHELL) == []


def test_no_files_call_each_other_in_a_circle() -> None:
    assert circles(uses(SHELL)) == []


def too_early(tree: Path) -> list[str]:
    """Calls of what no shell has read yet when the launcher runs, in the middle of the text."""
    after = set(re.findall(r"launcher_rest=(\w+)", (tree / "launcher.sh").read_text()))
    asked: dict[Function, list[Function]] = {}
    for caller, called in calls(tree):
        # A word without an underscore is one of a sentence or the command line.
        if "_" in called.name and called.name not in after:
            asked.setdefault(caller, []).append(called)
    functions = functions_of(tree)
    todo = [functions["main"], functions["launcher_provision"], functions["launcher_report"]]
    found, seen = [], set(todo)
    while todo:
        for called in asked.get(caller := todo.pop(), ()):
            if called.file.rpartition("/")[2] not in {*bundle_shell.EARLY, *bundle_shell.FIRST}:
                found.append(told(caller, called))
            elif called not in seen:
                seen.add(called)
                todo.append(called)
    return sorted(found)


def test_nothing_is_called_before_it_is_read() -> None:
    assert too_early(SHELL) == []


def test_a_call_of_what_is_not_read_yet_is_seen(tmp_path: Path) -> None:
    tree = tmp_path / "shell"
    shutil.copytree(SHELL, tree)
    report = tree / "azure" / "report.sh"
    report.write_text(report.read_text().replace("report_ready() {\n", "report_ready() {\n\taccount_good x || :\n"))
    with (tree / "machine" / "account_files.sh").open("a") as file:
        file.write("\naccount_good() {\n\t:\n}\n")
    assert too_early(tree) == ["azure/report.sh: report_ready -> account_good of machine/account_files.sh"]


def test_functions_carry_the_name_of_their_file() -> None:
    assert strangers(SHELL) == []


def test_a_function_of_another_name_is_seen(tmp_path: Path) -> None:
    tree = tmp_path / "shell"
    shutil.copytree(SHELL, tree)
    with (tree / "machine" / "account_files.sh").open("a") as file:
        file.writelines(
            f"\n{name}() {{\n\t:\n}}\n" for name in ("account_good", "account_lock_bad", "accounts", "tells")
        )
    assert strangers(tree) == [
        f"machine/account_files.sh: {name}" for name in ("account_lock_bad", "accounts", "tells")
    ]


def test_exceptions_of_the_names_are_there() -> None:
    """An exception that nothing needs is taken out of the list."""
    functions = functions_of(SHELL)
    stems = {path.relative_to(SHELL).with_suffix("").as_posix() for path in SHELL.rglob("*.sh")}
    assert PREFIXES.keys() <= stems
    assert [
        name
        for stem, names in VERBS.items()
        for name in names
        if name not in functions or functions[name].file != f"{stem}.sh"
    ] == []


def test_a_call_upward_is_seen(tmp_path: Path) -> None:
    tree = tmp_path / "shell"
    shutil.copytree(SHELL, tree)
    with (tree / "machine" / "log.sh").open("a") as file:
        file.write('\nlog_plant() {\n\t# report_failed\n\tprintf "step_user $(report_ready now)" || no_such\n}\n')
    found = set(calls_upward(tree)) - set(calls_upward(SHELL))
    assert found == {"machine/log.sh: log_plant -> report_ready of azure/report.sh"}
    assert unknown(tree) == ["machine/log.sh: log_plant -> no_such"]
    assert any("machine/log.sh" in group for group in circles(uses(tree)))
