"""The step `user`: the admin user, its groups and its shell; rights.py has its right to become root."""

from __future__ import annotations

import re
from typing import Callable

from azready.azure.run import Run
from azready.machine import account_files, log
from azready.machine.account_files import Account
from azready.machine.account_locks import ACCOUNT_FILES, locked, wait_until_free
from azready.machine.failure import Failure
from azready.machine.groups import GROUP_OF_IMAGE
from azready.machine.programs import Ended
from azready.machine.run import DONE, SKIPPED
from azready.machine.system import System
from azready.steps.rights import SUDO_RULE, give_rights

PASSWD, GROUP, SHADOW, GSHADOW = _FILES = ACCOUNT_FILES
_LEGAL = re.compile(r"(?![0-9]+\Z)[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}", re.ASCII)
# The last number is none: chown takes it for "leave as it is".
_NUMBER, _MOST = re.compile("0*([0-9]{1,10})"), 4294967294
_FIRST_ID = 1000
# useradd's status for an argument that it does not take: here, the name.
_BAD_NAME = 3
# A command that ends so did not run at all, crashed, or was killed.
_BROKEN = 126
# Neither made nor broken.
_REFUSED = "refused"
# The file with the system's own choice of shell and home.
_USERADD_DEFAULTS = "/etc/default/useradd"

# What becomes of the lines of a file.
Change = Callable[["list[str]"], "list[str]"]


def find(system: System, name: str) -> Account | None:
    """The account of that name in /etc/passwd, or None."""
    for line in system.lines(PASSWD):
        fields = line.rstrip("\r").split(":")
        if len(fields) == 7 and fields[0] == name:
            uid, gid = _number(fields[2]), _number(fields[3])
            if uid is not None and gid is not None:
                return Account(name, uid, gid, fields[5], fields[6])
    return None


def _number(text: str) -> int | None:
    """A uid or gid, or None for what is none: the kernel's have 32 bits."""
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found and int(found[1]) <= _MOST else None


def step_user(run: Run) -> str:
    """Make the admin user, or take the one that is there. Raises Failure."""
    name = run.wanted.admin_user
    if not name and not run.wanted.names_user:
        return SKIPPED
    _refuse_illegal(name)
    for file in (GROUP, PASSWD):
        run.system.require_readable(file)
    account = find(run.system, name)
    if account:
        if not account_files.is_person(run.system, account):
            raise _invalid(name, f"uid {account.uid} is an account of the system, choose another name")
        log.info(f"user: {name} is there already (uid {account.uid}, home {account.home}, shell {account.shell})")
        account = mend_shell(run, account)
        if not run.system.exists(account.home):
            _make_home(run.system, account)
    else:
        account = _make(run, name)
    _unlock(run, name)
    _join_groups(run, name)
    give_rights(run, name)
    _label(run.system, *_FILES, SUDO_RULE)
    run.admin_user = name
    return DONE


def _refuse_illegal(name: str) -> None:
    if name == "root" or not _LEGAL.fullmatch(name):
        raise _invalid(name, "at most 32 of A-Z a-z 0-9 _ . -, not only digits, no . or - in front, and not root")


def _invalid(name: str, hint: str) -> Failure:
    return Failure("user_invalid", {"value": name}, hint)


def _make(run: Run, name: str) -> Account:
    """A new account with its home, by the first means that this system has. Raises Failure."""
    system = run.system
    home, shell = f"{_default(system, 'HOME') or '/home'}/{name}", _shell(run)
    if not system.exists(PASSWD) or _has(system, name):
        error = "malformed_line" if system.exists(PASSWD) else "missing"
        raise Failure("user_not_created", {"file": PASSWD, "error": error}, f"mend {PASSWD} of the image")
    had_home = system.exists(home)
    means = _with_useradd(run, name, home, shell) or _with_adduser(run, name, home, shell)
    if means in ("", _REFUSED):
        means = "files"
        _with_files(run, name, home, shell)
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
        hint = "USER_SHELL must be an executable of the image"
        raise Failure("user_not_created", {"shell": wanted, "error": "not_executable"}, hint)
    default = _default(run.system, "SHELL")
    # Debian's default is /bin/sh, and everybody takes bash there; one that lets nobody in is no login shell.
    if default in ("/bin/sh", "/usr/bin/sh") or account_files.is_closed(default):
        default = ""
    shells = [wanted, default, "/bin/bash"]
    known = account_files.known_shells(run.system)
    if "/bin/sh" not in known:
        # OpenWrt lists /bin/ash alone, and its dropbear goes by that.
        shells += [shell for shell in known if shell.startswith("/") and not account_files.is_closed(shell)]
    return next((shell for shell in shells if shell and run.system.is_executable(shell)), "/bin/sh")


def _with_useradd(run: Run, name: str, home: str, shell: str) -> str:
    """The command that made it, or nothing. The home is ours to make: so it is the same everywhere."""
    useradd = run.system.which("useradd")
    group = [] if _group_id(run.system, name) is None else ["-g", name]
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
    group = [] if _group_id(run.system, name) is None else ["-G", name]
    is_it = "BusyBox" in told.output + told.errors
    return _ran(run, "adduser", [adduser, "-D", "-H", "-h", home, "-s", shell, *group, name]) if is_it else ""


def _ran(run: Run, command: str, words: list[str]) -> str:
    return _judged(command, words, _run(run, words))


def _run(run: Run, words: list[str]) -> Ended:
    wait_until_free(run.system, [file for file in _FILES if run.system.exists(file)])
    return run.system.command(words)


def _judged(command: str, words: list[str], ended: Ended) -> str:
    if ended.status >= _BROKEN:
        log.warning(f"user: {command} does not work (status {ended.status}, {ended.last_line})")
        return ""
    if ended.status:
        details = {"command": command, "status": str(ended.status), "stderr": ended.last_line}
        raise Failure("user_not_created", details, f"run {' '.join(words)} by hand")
    return command


def _with_files(run: Run, name: str, home: str, shell: str) -> None:
    """passwd comes last: without its line a try that was cut off begins anew."""
    system = run.system
    files = [file for file in _FILES if system.exists(file)]
    with locked(system, files):
        if find(system, name):
            # Somebody was faster.
            return
        gid = _group_id(system, name)
        uid = _free_id(system, [PASSWD] if gid is not None else [PASSWD, GROUP])
        if gid is None:
            gid = uid
            _write(system, GROUP, _with_line(name, f"{name}:x:{gid}:"))
        # Also where a try that was cut off has made the group.
        if GSHADOW in files and not _has(system, name, GSHADOW):
            _write(system, GSHADOW, _with_line(name, f"{name}:!::"))
        if SHADOW in files:
            # No date of the last change: the clock may not be set yet, and day 0 means `must be changed`.
            _write(system, SHADOW, _with_line(name, f"{name}:*:::::::"))
        mark = "x" if SHADOW in files else "*"
        _write(system, PASSWD, _with_line(name, f"{name}:{mark}:{uid}:{gid}::{home}:{shell}"))


def _free_id(system: System, files: list[str]) -> int:
    rows = [line.split(":") for file in files for line in system.lines(file)]
    taken = {_number(row[2]) for row in rows if len(row) > 2}
    return next(number for number in range(_FIRST_ID, 2**31) if number not in taken)


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
        system.make_home(account.home, "/etc/skel", mode, account.uid, account.gid)
    _label(system, account.home)


def _label(system: System, *files: str) -> None:
    """SELinux: what is new has the label of its directory, and sshd would not read the keys of such a home."""
    restorecon = system.which("restorecon")
    if restorecon:
        system.command([restorecon, "-iR", *files])


def _unlock(run: Run, name: str) -> None:
    """`!` alone locks the account, which keeps keys out too (sshd); `*` only says that no password fits."""
    changed = [_edit(run, file, lambda lines: [_unlocked(line, name) for line in lines]) for file in (PASSWD, SHADOW)]
    if any(changed):
        log.info(f"user: {name} was locked with '!', which keeps its keys out: now it has '*'")


def _unlocked(line: str, name: str) -> str:
    return re.sub(rf"\A({re.escape(name)}):!+\*?:", r"\1:*:", line)


def _join_groups(run: Run, name: str) -> None:
    for group in filter(None, run.settings["USER_GROUPS"].split(",")):
        if _group_id(run.system, group) is None and not _copy_group(run, group):
            log.warning(f"user: there is no group {group} that {name} could join")
            continue
        joined = [_edit(run, file, _with_member(group, name)) for file in (GROUP, GSHADOW)]
        if any(joined):
            log.info(f"user: {name} joined the group {group}")


def _copy_group(run: Run, group: str) -> bool:
    """A group of the image in /usr gets its line in /etc, where it can have members; False where there is none."""
    lines = [line for line in run.system.lines(GROUP_OF_IMAGE) if re.fullmatch(r"[^:]*:[^:]*:[0-9]+:[^:]*\r?", line)]
    line = next((line.rstrip("\r") for line in lines if line.split(":")[0] == group), "")
    return bool(line) and _edit(run, GROUP, _with_line(group, line))


def mend_shell(run: Run, account: Account) -> Account:
    """The account with a shell that lets its user in: USER_SHELL, else what a new one gets. Raises Failure."""
    if not account_files.is_shut(run.system, account.shell):
        return account
    shell = _shell(run)
    if shell != account.shell:
        _edit(run, PASSWD, lambda lines: [_with_shell(line, account.name, shell) for line in lines])
        log.info(f"user: the shell {account.shell} lets nobody in: {account.name} now has {shell}")
    return account._replace(shell=shell)


def _with_shell(line: str, name: str, shell: str) -> str:
    return re.sub(rf"\A({re.escape(name)}:(?:[^:]*:){{5}})[^:\r]*", rf"\g<1>{shell}", line)


def _with_member(group: str, name: str) -> Change:
    def change(lines: list[str]) -> list[str]:
        changed = list(lines)
        for number, line in enumerate(lines):
            fields = line.rstrip("\r").split(":")
            if len(fields) == 4 and fields[0] == group:
                if name not in fields[3].split(","):
                    tail = line[len(line.rstrip("\r")) :]
                    changed[number] = ":".join(fields) + ("," if fields[3] else "") + name + tail
                break
        return changed

    return change


def _with_line(name: str, line: str) -> Change:
    """The lines with this one: before those of NIS, which must come last, and instead of any of this name."""

    def change(lines: list[str]) -> list[str]:
        kept = [old for old in lines if not old.startswith(f"{name}:")]
        place = next((number for number, old in enumerate(kept) if old[:1] in ("+", "-")), len(kept))
        return [*kept[:place], line, *kept[place:]]

    return change


def _edit(run: Run, file: str, change: Change) -> bool:
    """Change a file under its lock; False where that changes nothing, or there is no such file."""
    run.system.require_readable(file)
    lines = run.system.lines(file)
    if change(lines) == lines:
        return False
    with locked(run.system, [file]):
        _write(run.system, file, change)
    return True


def _write(system: System, file: str, change: Change) -> None:
    system.require_readable(file)
    system.write_lines(file, change(system.lines(file)), 0o644)


def _has(system: System, name: str, file: str = PASSWD) -> bool:
    return any(line.startswith(f"{name}:") for line in system.lines(file))


def _group_id(system: System, name: str) -> int | None:
    for line in system.lines(GROUP):
        fields = line.rstrip("\r").split(":")
        number = _number(fields[2]) if len(fields) == 4 and fields[0] == name else None
        if number is not None:
            return number
    return None
