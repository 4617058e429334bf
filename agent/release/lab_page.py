"""azready-lab.1, made of what the lab's commands say of themselves: their parsers."""

from __future__ import annotations

import argparse
import importlib
import re
import time

from lab.cli import COMMANDS
from manual.tables import roff, running

HEAD = """\
.TH AZREADY\\-LAB 1 {day} "azready {version}" "User Commands"
.SH NAME
azready\\-lab \\- the Azure for your desk: try a provisioning agent
.SH SYNOPSIS
.B python3 azready\\-lab.pyz
.I COMMAND
.RI [ ARGUMENT ...]
.SH DESCRIPTION
What a Linux VM meets at its first boot, on this computer.
It needs Python 3.11 or newer and nothing else.
Below,
.B lab
stands for
.BR "python3 azready\\-lab.pyz" .
.SH COMMANDS
"""
TAIL = """\
.SH EXAMPLES
Serve a VM, and provision a tree of files as if it were one:
.PP
.RS 4
.nf
lab serve \\-\\-wireserver 127.0.0.1:8016 \\-\\-imds 127.0.0.1:8254 \\-\\-exit\\-on\\-verdict &
export AZREADY_WIRESERVER=127.0.0.1:8016 AZREADY_IMDS=127.0.0.1:8254
azready \\-\\-root ./image provision
.fi
.RE
.SH SEE ALSO
.BR azready (8)
"""


def lab_page(version: str, moment: int) -> str:
    """The page; it has a section for each command."""
    day = time.strftime("%Y-%m-%d", time.gmtime(moment))
    parsers = {name: importlib.import_module(command.module).parser() for name, command in COMMANDS.items()}
    sections = (section(name, COMMANDS[name].purpose, parser) for name, parser in parsers.items())
    return HEAD.format(version=version, day=day) + "".join(sections) + TAIL


def section(name: str, purpose: str, parser: argparse.ArgumentParser) -> str:
    """What a command is for, its arguments, and what its help has below them, as it stands there."""
    actions = [action for action in parser._actions if action.dest != "help"]
    about = parser.description or ""
    parts = [f".SS lab {name}\n", running(f"{purpose[:1].upper()}{purpose[1:]}.")]
    parts += [f".PP\n{running(paragraph)}" for paragraph in about.split("\n\n") if paragraph.strip()]
    parts += [argument(action) for action in actions]
    return "".join([*parts, literal(parser.epilog or "")])


def argument(action: argparse.Action) -> str:
    """An option or an argument, and what it does."""
    metavar = action.metavar or action.dest
    value = "" if action.nargs == 0 else f" \\fI{roff(str(metavar))}\\fP"
    names = ", ".join(f"\\fB{roff(name)}\\fP" for name in action.option_strings)
    return f".TP\n{names}{value}\n".replace("\n ", "\n") + running((action.help or "").replace("%%", "%"))


def literal(text: str) -> str:
    """Text whose lines and blanks mean something; a heading in it becomes bold."""
    parts = []
    for block in re.split(r"\n{2,}", text.strip("\n")):
        if block.strip():
            lines = "".join(f"{roff(line) or chr(92) + '&'}\n" for line in block.splitlines())
            parts.append(f".PP\n.nf\n{lines}.fi\n")
    return "".join(parts)
