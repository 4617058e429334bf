"""The command line of the lab: which commands there are.

Each is a module with a `main(arguments)`, and a `parser()` that says which ones it takes: the man page is made of that.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Command(NamedTuple):
    """A command: the module that has its `main`, loaded at its use, and what it is for."""

    module: str
    purpose: str


COMMANDS = {
    "serve": Command("lab.emulator.serve", "be the Azure of one virtual machine, and come to its verdict"),
    "example": Command("lab.emulator.example", "print a VM file: the machine, and the faults that it shall meet"),
    "conformance": Command("lab.suite", "put any provisioning agent under the suite, and print what it survives"),
}

_HELP = """\
usage: lab COMMAND [ARGUMENTS]

Azure on a desk: what a Linux VM meets at its first boot, without a subscription and without a VM.

commands:
{commands}

`lab COMMAND --help` says the rest. `lab` is `python3 azready-lab.pyz`, or `python3 -m lab` in tests/ of the source.

try it:
  lab serve --wireserver 127.0.0.1:8016 --imds 127.0.0.1:8254 --exit-on-verdict &
  AZREADY_WIRESERVER=127.0.0.1:8016 AZREADY_IMDS=127.0.0.1:8254 azready --root ./image provision

  lab example > vm.toml             every key of a VM file, with comments
  lab serve --vm vm.toml            the VM, and the faults, of your choice
  lab serve --fleet 1000            a thousand VMs at once, each with an identity and addresses of its own

  lab conformance --agent 'sh ./my-agent {{root}} {{wireserver}} {{imds}}'
"""
_USAGE_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that the first argument names; its exit status."""
    name, *rest = [*(sys.argv[1:] if arguments is None else arguments)] or [""]
    if name in ("help", "-h", "--help"):
        print(_help(), end="")
        return 0
    if name not in COMMANDS:
        problem = f"no such command: {name}" if name else "a command is missing"
        print(f"{_help()}\nlab: {problem}", file=sys.stderr)
        return _USAGE_ERROR
    status: int = importlib.import_module(COMMANDS[name].module).main(rest)
    return status


def _help() -> str:
    rows = "\n".join(f"  {name:12} {command.purpose}" for name, command in COMMANDS.items())
    return _HELP.format(commands=rows)
