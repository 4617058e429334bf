"""What old shells and tools take another way: found on real root file systems, kept by a look at the text."""

from __future__ import annotations

import re
from pathlib import Path

import bundle_shell
import pytest
from support import ROOT

MODULES = sorted((ROOT / "agent" / "shell").rglob("*.sh"))


def named(path: Path) -> str:
    return path.name


def code_of(module: Path) -> str:
    """A module without its comments."""
    return re.sub(r"(?m)^\s*#.*\n", "", module.read_text())


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_range_of_tr_ends_in_an_escape(module: Path) -> None:
    r"""Busybox before 1.25 deletes every hyphen for tr -d '\000-\037': DMI's tag was not Azure's then."""
    assert re.findall(r"\btr\b[^|;]*(?:\\[0-7]{3}-|-\\[0-7]{3}).*", code_of(module)) == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_tr_gets_no_classes(module: Path) -> None:
    """Busybox can be built without them, and then takes the words letter by letter."""
    assert re.findall(r"\btr\b[^|;]*\[:.*", code_of(module)) == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_shipped_shell_has_a_blank_before_and(module: Path) -> None:
    """Ash of busybox before 1.26 takes a file for broken where the first & of `word&&` ends a block that it reads."""
    code = re.sub(r"'[^']*'", "''", bundle_shell.without_comments(module.read_text()))
    assert re.findall(r".*[^ \t\n]&&.*", code) == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_redirection_that_ends_the_shell(module: Path) -> None:
    """Dash ends where the redirection of a special builtin fails: with a full disk, in the midst of it all.

    `exec` of a program is in a process of its own, and ends that; in brackets it is a shell of its own that ends.
    """
    special = r"(?::|eval|\.|set|shift|export|readonly|unset|trap|return|break|continue|times|exec)"
    code = re.sub(r"'[^']*'|\"[^\"\n]*\"", "''", code_of(module))
    found = re.findall(rf"(?m)^.*(?:^|[;&|{{(]|\bthen|\bdo|\belse|!)\s*{special}[ \t][^;&|\n]*[<>].*$", code)
    harmless = r"\((?: |trap|[a-z]*:? ?exec|: )|exec '', |exec \S*\$|>&-|\$\("
    assert [line for line in found if not re.search(harmless, line)] == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_directory_is_made_with_a_mode(module: Path) -> None:
    """Busybox makes it, and then sets the mode by its name, which may be somebody else's by now."""
    assert re.findall(r".*\bmkdir\b[^;&|\n]* -m.*", module.read_text()) == []


# Who kills knows by the time of its start that a process is the one that is meant, or is its parent.
MAY_KILL = {"alive.sh", "sshd_password.sh", "publish.sh", "account_locks.sh"}


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_only_these_modules_send_signals(module: Path) -> None:
    assert module.name in MAY_KILL or re.findall(r".*(?:^|[;&|{(!\t ])kill\s.*", code_of(module)) == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_pattern_of_case_cuts_quotes_out_of_quotes(module: Path) -> None:
    """Posh takes the inner quotes for the end of the outer ones there: nothing matched `"|${line%%"$tab"*}|"`."""
    assert re.findall(r'(?m)^\t*(?:case .* in )?\*?"[^"\n]*\$\{\w+[%#]{1,2}"[^\n]*\)', code_of(module)) == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_pattern_in_double_quotes_has_single_ones(module: Path) -> None:
    """ash of busybox before 1.26 takes them as they are, and cuts nothing off."""
    found = re.findall(
        r"(?m)[ \t=]\"(?:[^\"'\n]|\\$\{\w+[#%][^}\n]*\})*\$\{\w+[#%]+[^}\"\n]*'[^}\n]*\}", module.read_text()
    )
    assert found == []


@pytest.mark.parametrize("module", MODULES, ids=named)
def test_no_loop_reads_a_here_document(module: Path) -> None:
    """With one inside another, ash of busybox 1.26 finds the inner one empty, one time in twenty: `unknown key`."""
    assert re.findall(r"(?:\bread\b.*|\bdone) ?<<-?.*", code_of(module)) == []


# What a trap of the run calls, and what that calls.
IN_TRAPS = {
    *("alive.sh", "children.sh", "clock.sh", "failure.sh", "files.sh", "log.sh", "own.sh", "pending.sh", "places.sh"),
    *("run.sh", "run_lock.sh", "state.sh", "text.sh", "work.sh"),
}


@pytest.mark.parametrize("module", [module for module in MODULES if module.name in IN_TRAPS], ids=named)
def test_what_a_trap_calls_says_what_it_returns(module: Path) -> None:
    """Bash takes a `return` alone, anywhere inside a trap, for the status before the trap: no child was ended by it."""
    assert re.findall(r"(?m)^.*\breturn(?: *[;}]| *$)", code_of(module)) == []
