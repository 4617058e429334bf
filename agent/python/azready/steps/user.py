"""The step `user`: the admin user, its groups and its shell; rights.py has its right to become root."""

from __future__ import annotations

import re

from azready.azure.run import Run
from azready.machine import account_files, accounts, log
from azready.machine.account_files import GROUP, GROUP_OF_IMAGE, GSHADOW, PASSWD, SHADOW, Account, edit, find, group_id
from azready.machine.account_locks import ACCOUNT_FILES
from azready.machine.failure import Failure
from azready.machine.homes import make_home
from azready.machine.programs import Ended
from azready.machine.run import DONE, SKIPPED
from azready.machine.system import System
from azready.steps.rights import SUDO_RULE, give_rights
from azready.tables import hint

_LEGAL = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", re.ASCII)
# useradd's status for an argument that it does not take: here, the name.
_BAD_NAME = 3
# A command that ends so did not run at all, crashed, or was killed.
_BROKEN = 126
# Neither made nor broken.
_REFUSED = "refused"
# The file with the system's own choice of shell and home.
_USERADD_DEFAULTS = "/etc/default/useradd"


def step_user(run: Run) -> str:
    """Make the admin user, or take the one that is there. Raises Failure."""
    name = run.wanted.admin_user
    if not name and not run.wanted.names_user:
        return SKIPPED
    _refuse_illegal(name)
    for file in ACCOUNT_FILES:
        run.system.require_readable(file)
    account = find(run.system, name)
    if account:
        if not accounts.is_person(run.system, account):
            raise _invalid(name, f"uid {account.uid} {hint('USER_OF_SYSTEM')}")
        log.info(f"user: {name} is there already (uid {account.uid}, home {account.home}, shell {account.shell})")
        account = mend_shell(run, account)
        if not run.system.exists(account.home):
            _make_home(run.system, account)
    else:
        account = _make(run, name)
    _unlock(run, name)
    _join_groups(run, name)
    give_rights(run, name)
    _label(run.system, *ACCOUNT_FILES, SUDO_RULE)
    run.admin_user = name
    return DONE


def _refuse_illegal(name: str) -> None:
    if name == "root" or not _LEGAL.fullmatch(name):
        raise _invalid(name, hint("USER_NAME"))


def _invalid(name: str, hint: str) -> Failure:
    return Failure("user_invalid", {"value": name}, hint)


def _make(run: Run, name: str) -> Account:
    """A new account with its home, by the first means that this system has. Raises Failure."""
    system = run.system
    home, shell = f"{_default(system, 'HOME') or '/home'}/{name}", _shell(run)
    if not system.exists(PASSWD) or account_files.names(system, name):
        error = "malformed_line" if system.exists(PASSWD) else "missing"
        raise Failure("user_not_created", {"file": PASSWD, "error": error}, f"mend {PASSWD} of the image")
    had_home = system.exists(home)
    means = _with_useradd(run, name, home, shell) or _with_adduser(run, name, home, shell)
    if means in ("", _REFUSED):
        means = "files"
        account_files.add_account(system, name, home, shell)
    account = find(system, name)
    if not account:
        raise Failure("user_not_created", {"command": means, "error": "not_in_passwd"}, f"{means} wrote it elsewhere")
    log.info(f"user: made {name} (uid {account.uid}, home {home}, shell {shell}) with {means}")
    if had_home:
        system.give(home, account.uid, account.gid)
    else:
        _make_home(system, account)
    return account


def _default(system: System, key: str) -> str:
    """A path that /etc/default/useradd gives, the last one as useradd itself takes it; empty where there is none."""
    values = [line[len(key) + 1 :] for line in system.lines(_USERADD_DEFAULTS) if line.startswith(f"{key}=/")]
    return values[-1].rstrip("/ \t\r") if values else ""


def _shell(run: Run) -> str:
    wanted = run.settings["USER_SHELL"]
    if wanted and not run.system.is_executable(wanted):
        raise Failure("user_not_created", {"shell": wanted, "error": "not_executable"}, hint("USER_SHELL"))
    default = _default(run.system, "SHELL")
    # Debian's default is /bin/sh, and everybody takes bash there; one that lets nobody in is no login shell.
    if default in ("/bin/sh", "/usr/bin/sh") or accounts.is_closed(default):
        default = ""
    shells = [wanted, default, "/bin/bash"]
    known = accounts.known_shells(run.system)
    if "/bin/sh" not in known:
        # OpenWrt lists /bin/ash alone, and its dropbear goes by that.
        shells += [shell for shell in known if shell.startswith("/") and not accounts.is_closed(shell)]
    return next((shell for shell in shells if shell and run.system.is_executable(shell)), "/bin/sh")


def _with_useradd(run: Run, name: str, home: str, shell: str) -> str:
    """The command that made it, or nothing. The home is ours to make: so it is the same everywhere."""
    useradd = run.system.which("useradd")
    group = [] if group_id(run.system, name) is None else ["-g", name]
    words = [useradd, "-M", "-d", home, "-s", shell, *group]
    if not useradd:
        return ""
    ended = _run(run, [*words, name])
    # Where it still says no, no other command is asked: the files take any name that the contract allows.
    return _judged("useradd", [*words, name], ended) if ended.status != _BAD_NAME else _with_bad_name(run, words, name)


def _with_bad_name(run: Run, words: list[str], name: str) -> str:
    """Shadow's useradd refuses `Ada.Lovelace` and its like, unless it is asked twice; before 4.9 it cannot be."""
    if _run(run, [*words, "--badname", name]).status == 0:
        return "useradd"
    log.warning(f"user: useradd refuses the name {name}")
    return _REFUSED


def _with_adduser(run: Run, name: str, home: str, shell: str) -> str:
    """Busybox's: the adduser of Debian is another program. Short options: long ones may be left out of a build."""
    adduser = run.system.which("adduser")
    if not adduser:
        return ""
    told = run.system.command([adduser, "--help"], seconds=10)
    group = [] if group_id(run.system, name) is None else ["-G", name]
    is_it = "BusyBox" in told.output + told.errors
    return _ran(run, "adduser", [adduser, "-D", "-H", "-h", home, "-s", shell, *group, name]) if is_it else ""


def _ran(run: Run, command: str, words: list[str]) -> str:
    return _judged(command, words, _run(run, words))


def _run(run: Run, words: list[str]) -> Ended:
    return account_files.run_tool(run.system, words, [*ACCOUNT_FILES])


def _judged(command: str, words: list[str], ended: Ended) -> str:
    if ended.status >= _BROKEN:
        log.warning(f"user: {command} does not work (status {ended.status}, {ended.last_line})")
        return ""
    if ended.status:
        details = {"command": command, "status": str(ended.status), "stderr": ended.last_line}
        raise Failure("user_not_created", details, f"run {' '.join(words)} by hand")
    return command


def _make_home(system: System, account: Account) -> None:
    """With the content of /etc/skel; one that the command has made gets the right mode (busybox: without setgid)."""
    if not account.home.startswith("/"):
        return
    modes = [re.match(r"[ \t]*HOME_MODE[ \t]+(0?[0-7]{3})[ \t\r]*\Z", line) for line in system.lines("/etc/login.defs")]
    mode = int(next((match[1] for match in modes if match), "0700"), 8)
    if system.exists(account.home):
        system.make_directory(account.home, mode)
        system.give(account.home, account.uid, account.gid)
    else:
        make_home(system, account.home, "/etc/skel", mode, account.uid, account.gid)
    _label(system, account.home)


def _label(system: System, *files: str) -> None:
    """SELinux: what is new has the label of its directory, and sshd would not read the keys of such a home."""
    restorecon = system.which("restorecon")
    if restorecon:
        system.command([restorecon, "-iR", *files])


def _unlock(run: Run, name: str) -> None:
    changed = [edit(run.system, file, account_files.without_lock(name)) for file in (PASSWD, SHADOW)]
    if any(changed):
        log.info(f"user: {name} was locked with '!', which keeps its keys out: now it has '*'")


def _join_groups(run: Run, name: str) -> None:
    for group in filter(None, run.settings["USER_GROUPS"].split(",")):
        if group_id(run.system, group) is None and not _copy_group(run, group):
            log.warning(f"user: there is no group {group} that {name} could join")
            continue
        joined = [edit(run.system, file, account_files.with_member(group, name)) for file in (GROUP, GSHADOW)]
        if any(joined):
            log.info(f"user: {name} joined the group {group}")


def _copy_group(run: Run, group: str) -> bool:
    """A group of the image in /usr gets its line in /etc, where it can have members; False where there is none."""
    lines = [line for line in run.system.lines(GROUP_OF_IMAGE) if re.fullmatch(r"[^:]*:[^:]*:[0-9]+:[^:]*\r?", line)]
    line = next((line.rstrip("\r") for line in lines if line.split(":")[0] == group), "")
    return bool(line) and edit(run.system, GROUP, account_files.with_line(group, line))


def mend_shell(run: Run, account: Account) -> Account:
    """The account with a shell that lets its user in: USER_SHELL, else what a new one gets. Raises Failure."""
    if not accounts.is_shut(run.system, account.shell):
        return account
    shell = _shell(run)
    if shell != account.shell:
        edit(run.system, PASSWD, account_files.with_shell(account.name, shell))
        log.info(f"user: the shell {account.shell} lets nobody in: {account.name} now has {shell}")
    return account._replace(shell=shell)
