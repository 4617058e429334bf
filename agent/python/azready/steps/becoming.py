"""Whether the admin user becomes root as ADMIN_RIGHTS promises, by what sudo itself and the rules of doas say."""

from __future__ import annotations

import re

from azready.azure.run import Run
from azready.machine import log
from azready.machine.account_files import Account
from azready.machine.groups import Groups
from azready.machine.system import System
from azready.steps import rights
from azready.tables import FACTS

# Without a name service that answers, sudo looks for its own host for a long time; then nobody knows.
_SUDO_SECONDS = 10.0
_WORD = re.compile(r'"([^"]*)"|([{}])|([^\s"{}#]+)|(#.*)')


def means_of(run: Run, account: Account, groups: Groups, has_password: bool) -> str:
    """`sudo`, `doas`, both or nothing, each after its answer; what is not as promised is a warning."""
    wanted = run.settings["ADMIN_RIGHTS"]
    if wanted == "none":
        return ""
    means = []
    if run.system.exists(rights.SUDO_RULE):
        means += ["sudo"] * _is_kept("sudo", account.name, wanted, *_sudo_says(run.system, account.name))
    if rights.has_doas_rule(run.system):
        means += ["doas"] * _is_kept("doas", account.name, wanted, *doas_says(run.system, account, groups))
    if means and wanted == "password" and not has_password:
        log.warning(f"login: {account.name} is asked for a password by {' and '.join(means)}, and has none")
    return " and ".join(means)


def _is_kept(program: str, name: str, wanted: str, answer: str, rule: str) -> bool:
    """Whether the user becomes root at all; `answer`: free, asks, no, or empty where nobody can say."""
    shown = f": {rule}" if rule else ""
    if answer == "no":
        log.warning(f"login: {program} does not let {name} become root{shown}")
    elif answer == "asks" and wanted == "nopasswd":
        log.warning(f"login: {program} asks {name} for a password all the same{shown}")
    elif answer == "free" and wanted == "password":
        log.warning(f"login: {program} asks {name} for no password all the same{shown}")
    return answer != "no"


def _sudo_says(system: System, name: str) -> tuple[str, str]:
    """What sudo answers, and the rule that counts: the last one for all commands as root."""
    program = system.which("sudo")
    if not program:
        return "", ""
    ended = system.command([program, "-n", "-l", "-U", name], seconds=_SUDO_SECONDS)
    if ended.timed_out:
        return "", ""
    return sudo_answer(ended.output)


def sudo_answer(output: str) -> tuple[str, str]:
    """The answer in what `sudo -l` prints."""
    rules = [line.strip() for line in output.split("\n") if re.match(r" +\((ALL|root)\b.*\) (.*[ ,:])?ALL$", line)]
    if rules:
        return ("free" if re.search(r"NOPASSWD:(?!.* PASSWD:)", rules[-1]) else "asks"), rules[-1]
    refused = re.search(r"^User .* is not allowed to run sudo .*$", output, re.MULTILINE)
    listed = re.search(r"^User .* may run the following commands .*$", output, re.MULTILINE)
    return ("no", "") if refused or listed else ("", "")


def doas_says(system: System, account: Account, groups: Groups) -> tuple[str, str]:
    """As `doas -C` would for this user, who may be unable to read the rules: the last one for any command as root."""
    files = system.matching("/etc/doas.d", "*.conf") if system.is_directory("/etc/doas.d") else ["/etc/doas.conf"]
    answer, rule = "no", ""
    for file in files:
        for line in "\n".join(system.lines(file)).replace("\\\n", " ").split("\n"):
            said = _doas_rule(line, account, groups)
            answer, rule = (said, line.strip(" \t\r")) if said else (answer, rule)
    return answer, rule


def _doas_rule(line: str, account: Account, groups: Groups) -> str:
    words = []
    for quoted, brace, bare, comment in _WORD.findall(line):
        if comment:
            break
        # What is in quotes is never a keyword.
        words.append(f'"{quoted}' if quoted else brace or bare)
    if len(words) < 2 or words[0] not in ("permit", "deny"):
        return ""
    verb, words, free = words[0], words[1:], False
    while words and (words[0] in FACTS["DOAS_OPTIONS"]):
        free = free or words[0] == "nopass"
        words = words[1:] if words[0] != "setenv" else words[words.index("}") + 1 :] if "}" in words else []
    who = [account.name, str(account.uid), *(f":{group}" for group in [*groups.names, *map(str, groups.ids)])]
    if not words or words[0].lstrip('"') not in who or "cmd" in words[1:]:
        return ""
    if words[1:2] == ["as"] and [word.lstrip('"') for word in words[2:3]] not in (["root"], ["0"]):
        return ""
    return "no" if verb == "deny" else "free" if free else "asks"
