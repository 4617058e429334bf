"""The right of the admin user to become root, by sudo and doas, whichever the image has."""

from __future__ import annotations

import re

from azready.azure.run import Run
from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.read_only import spared
from azready.machine.system import System
from azready.tables import FACTS

# The last rule counts, so this is behind the files of others; sudo passes over a name with a dot or a tilde.
SUDO_RULE = "/etc/sudoers.d/zz-azready"
# What earlier versions wrote.
_OLD_RULES = ("/etc/sudoers.d/azready", "/etc/doas.d/azready.conf")
# Where visudo looks at a rule before it is in force.
_DOAS_DIRECTORY, _DOAS_FILE = "/etc/doas.d", "/etc/doas.conf"
_DOAS_RULE = f"{_DOAS_DIRECTORY}/zz-azready.conf"
# The end of our line in a file of others.
_OURS = " # azready"
# Words that doas.conf and sudoers could take for their own; what is in quotes is always a name.
_AMBIGUOUS = re.compile("|".join([*FACTS["RIGHTS_WORDS"], ".*[A-Z].*"]))

_INCLUDES = re.compile(r'[ \t]*[#@]includedir[ \t]+"?(/etc/)?sudoers\.d/?"?[ \t\r]*([ \t]#.*)?')


def give_rights(run: Run, name: str) -> None:
    """Write what ADMIN_RIGHTS asks for, and take away what an earlier run wrote. Raises Failure."""
    system, wanted = run.system, run.settings["ADMIN_RIGHTS"]
    word = f'"{name}"' if _AMBIGUOUS.fullmatch(name) else name
    free = wanted == "nopasswd"
    sudo = wanted != "none" and _has(system, "sudo", "/etc/sudoers", "/etc/sudoers.d")
    doas = wanted != "none" and _has(system, "doas", _DOAS_FILE, _DOAS_DIRECTORY)
    lack = "no sudo and no doas"
    with spared(system) as kept:
        _keep_sudo(system, f"{word} ALL=(ALL:ALL) {'NOPASSWD: ' if free else ''}ALL" if sudo else "")
    if kept:
        sudo, lack = False, f"no rule in {kept[0]}"
    with spared(system) as kept:
        _keep_doas(system, f"permit {'nopass ' if free else ''}{word} as root" if doas else "")
    if kept:
        doas, lack = False, f"no rule in {kept[0]}"
    for file in _OLD_RULES:
        with spared(system):
            _keep(system, file, "", 0)
    means = " and ".join(["sudo"] * sudo + ["doas"] * doas)
    if means:
        log.info(f"user: {name} can become root with {means}" + (", without a password" if free else ""))
    elif wanted != "none":
        log.warning(f"{lack}: {name} cannot become root")


def _has(system: System, program: str, *files: str) -> bool:
    return any(map(system.exists, files)) or any(
        system.is_executable(f"{folder}/{program}") for folder in FACTS["RIGHTS_FOLDERS"]
    )


def has_doas_rule(system: System) -> bool:
    """Whether doas has a rule of azready's."""
    return system.exists(_DOAS_RULE) or any(line.endswith(_OURS) for line in system.lines(_DOAS_FILE))


def _keep_sudo(system: System, rule: str) -> None:
    if rule:
        _check(system, rule)
        if not system.exists("/etc/sudoers.d"):
            system.make_directory("/etc/sudoers.d", 0o750)
    _keep(system, SUDO_RULE, rule, 0o440)
    if rule:
        _include(system)


def _check(system: System, rule: str) -> None:
    """Have visudo look at it: one rule that sudo cannot read makes sudo useless for everybody."""
    visudo = system.which("visudo")
    if not visudo or _holds(system, SUDO_RULE, rule):
        return
    candidate = f"{system.run_directory}/sudoers"
    system.write_lines(candidate, [rule], 0o440)
    ended = system.command([visudo, "-c", "-f", system.path(candidate)])
    system.remove(candidate)
    if ended.status:
        details = {"command": "visudo", "status": str(ended.status), "stderr": ended.last_line}
        raise Failure("rights_not_set", details, f"visudo refuses: {rule}")


def _include(system: System) -> None:
    """Have sudo read the directory. `#includedir` is what every version knows."""
    if not system.exists("/etc/sudoers") and system.exists("/usr/etc/sudoers"):
        # openSUSE: ours would hide the distribution's own file, which includes the directory.
        return
    system.require_readable("/etc/sudoers")
    # Without its rule for root, sudo would refuse even root.
    lines = system.lines("/etc/sudoers") if system.exists("/etc/sudoers") else ["root ALL=(ALL:ALL) ALL"]
    if not any(map(_INCLUDES.fullmatch, lines)):
        _write(system, "/etc/sudoers", [*lines, "#includedir /etc/sudoers.d"], 0o440)


def _keep_doas(system: System, rule: str) -> None:
    inside = system.exists(_DOAS_DIRECTORY)
    _keep(system, _DOAS_RULE, rule if inside else "", 0o600)
    system.require_readable(_DOAS_FILE)
    old = system.lines(_DOAS_FILE)
    lines = [line for line in old if not line.endswith(_OURS)]
    if rule and not inside:
        lines.append(rule + _OURS)
    if lines != old:
        _write(system, _DOAS_FILE, lines, 0o600)


def _keep(system: System, file: str, rule: str, mode: int) -> None:
    """The file holds just this line; no rule means no file. What is right is not written again."""
    if not rule:
        if system.exists(file):
            system.remove(file)
    elif not _holds(system, file, rule):
        _write(system, file, [rule], mode)


def _holds(system: System, file: str, rule: str) -> bool:
    return system.read(file) == f"{rule}\n".encode("ascii")


def _write(system: System, file: str, lines: list[str], mode: int) -> None:
    system.write_lines(file, lines, mode)
    # sudo and doas obey nobody but root.
    system.give(file, 0, 0)
