"""The completions of a release, asked by their shells as a person asks them: with the tab key of a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import pytest
from manual.helptext import help_of
from manual.tables import rows
from release.completions import completions
from support import ROOT, need

HELP = help_of()
PROMPT = "READY> "
BASH = "PS1='{prompt}'; bind 'set enable-bracketed-paste off'; . {folder}/azready.bash"
ZSH = "PS1='{prompt}'; unset zle_bracketed_paste; fpath=({folder} $fpath); autoload -U compinit; compinit -u -D"
# How an interactive shell is started that has read nothing but our file.
SHELLS = {"bash": (["bash", "--norc", "--noprofile", "-i"], BASH), "zsh": (["zsh", "-f", "-i"], ZSH)}
# What is typed; the line that it becomes. In fish, what the one answer is.
TYPED = {
    "a command": ("azready prov", "provision"),
    "a command after options": ("azready --root /tmp -v gener", "generalize"),
    "an option of all commands": ("azready --eng", "--engine"),
    "an option of a command": ("azready generalize --y", "--yes"),
    "the engine": ("azready --engine sh", "shell"),
    "the engine behind =": ("azready --engine=py", "--engine=python"),
    "an init": ("azready install --init open", "openrc"),
    "a step": ("azready provision --only ssh", "ssh-keys"),
    "a second step": ("azready provision --only hostname,ssh", "hostname,ssh-keys"),
    "a folder": ("azready --root /usr/incl", "/usr/include/"),
    "a reason": ("azready report failed goal", "goal_state_unavailable"),
    "a topic": ("azready help sett", "settings"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the three files lie."""
    place = tmp_path_factory.mktemp("completions")
    for name, text in completions(ROOT).items():
        (place / name).write_bytes(text)
    return place


class Terminal:
    """An interactive shell on a terminal of its own; `read` ends when nothing more comes."""

    def __init__(self, shell: str, folder: Path) -> None:
        command, start = SHELLS[shell]
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            environment = {"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(folder), "COLUMNS": "2000"}
            os.execvpe(command[0], command, environment)
        self.type("stty -echo cols 2000\n")
        self.until(PROMPT, start.format(prompt=PROMPT.replace(">", "''>"), folder=folder) + "\n")

    def type(self, keys: str) -> None:
        """Press these."""
        os.write(self.screen, keys.encode())

    def until(self, wanted: str, keys: str) -> str:
        """Press keys; what the screen shows until `wanted` stands there. Fails after 20 seconds."""
        self.type(keys)
        seen, end = "", time.monotonic() + 20
        while wanted not in seen:
            if time.monotonic() > end or not select.select([self.screen], [], [], max(0, end - time.monotonic()))[0]:
                pytest.fail(f"{wanted!r} is not on the screen: {seen!r}", pytrace=False)
            seen += re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|[\a\r]", "", os.read(self.screen, 65536).decode(errors="replace"))
        return seen

    def close(self) -> None:
        """End it."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.screen)


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_completes(shell: str, folder: Path) -> None:
    """The whole line is then given to an echo in azready's place, which shows the words that the shell has."""
    need(shell, "completes for azready")
    terminal = Terminal(shell, folder)
    became = {}
    try:
        terminal.type("azready() { printf '<%s>' \"$@\"; echo; }\n")
        for typed, (keys, _) in TYPED.items():
            # zsh takes the slash away again.
            became[typed] = re.findall(r"<(.*?)/?>", terminal.until(">\n", f"{keys}\t\n"))
    finally:
        terminal.close()
    wrong = {typed: words for typed, words in became.items() if TYPED[typed][1].rstrip("/") not in words}
    assert wrong == {}


def asked_of_fish(line: str, folder: Path) -> dict[str, str]:
    """What fish offers for a line: word -> description."""
    program = f"source {folder}/azready.fish; complete -C '{line}'"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = [need("fish", "completes for azready"), "--no-config", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.stderr == ""
    return dict(line.partition("\t")[::2] for line in done.stdout.splitlines())


@pytest.mark.parametrize("typed", TYPED)
def test_fish_completes(typed: str, folder: Path) -> None:
    keys, word = TYPED[typed]
    assert list(asked_of_fish(keys, folder)) == [word]


def test_every_command_is_offered_with_its_purpose(folder: Path) -> None:
    assert asked_of_fish("azready ", folder) == {command.name: command.purpose for command in HELP.commands}


def test_every_reason_is_offered_with_its_meaning(folder: Path) -> None:
    reasons = {reason: happened for reason, _, happened, _ in rows("reasons")}
    assert asked_of_fish("azready report failed ", folder) == reasons


@pytest.mark.parametrize("command", HELP.commands, ids=lambda command: command.name)
def test_every_option_is_offered(command: object, folder: Path) -> None:
    [found] = [each for each in HELP.commands if each is command]
    offered = asked_of_fish(f"azready {found.name} -", folder)
    options = [name for option in (*HELP.options, *found.options) for name in option.names]
    assert set(options) - set(offered) == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_its_shell_finds_no_fault_in_the_text(shell: str, folder: Path) -> None:
    name = {"bash": "azready.bash", "zsh": "_azready", "fish": "azready.fish"}[shell]
    done = subprocess.run([need(shell), "-n", str(folder / name)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_shellcheck_finds_nothing_in_that_of_bash(folder: Path) -> None:
    command = [need("shellcheck", "lints the completion"), "--shell=bash", str(folder / "azready.bash")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
