"""The command line of the Python engine. What is not `provision` or `report` is the shell engine's."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import Callable

from azready import handover
from azready.azure import report
from azready.azure.identity import vm_id_from_dmi
from azready.azure.run import Run
from azready.machine import config, log, signals
from azready.machine.failure import Failure, NotTold, UsageError
from azready.machine.system import System, complete_path, forget_own_locale
from azready.tables import VERSION, embedded, hint

# What is imported only where it is needed: JSON for a report without a goal state, the hash for a password.
_LATE = ("json", "hashlib")
_WITH_VALUE = ("--root", "--config", "--engine", "--only", "--skip")


class Options:
    """What the command line said. `words` is the command and its arguments."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.force = False
        self.words: list[str] = []


def main(arguments: list[str]) -> int:
    """Run the command; the exit status is the contract's. The one place that turns errors into exit statuses."""
    # What is made for others to read (/home, /etc/hostname) is readable, whatever the shell of who starts us has.
    os.umask(0o022)
    _leave_no_core()
    complete_path()
    forget_own_locale()
    arguments = handover.receive(arguments)
    if not os.path.exists(os.devnull):
        handover.take_over()
        log.error(f"missing: {os.devnull}", "mount devtmpfs on /dev before azready is started")
        return 3
    try:
        signals.begin()
        return _dispatch(_parse(arguments))
    except signals.Interrupted as interrupted:
        return 128 + interrupted.number
    except UsageError as error:
        handover.take_over()
        log.error(error.reason, error.hint)
        return error.exit_status
    except Failure as error:
        return error.exit_status


def _leave_no_core() -> None:
    """A password would be in it. One byte and not none: then a program that kernels pipe cores to is not asked."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        # Some Pythons are built without it.
        import resource

        most = resource.getrlimit(resource.RLIMIT_CORE)[1]
        resource.setrlimit(resource.RLIMIT_CORE, (1 if most else 0, most))


def _parse(arguments: list[str]) -> Options:
    options, pending = Options(), arguments[::-1]
    while pending:
        word = pending.pop()
        if word == "--":
            options.words += pending[::-1]
            break
        if word.startswith("-"):
            _option(options, word, pending)
        else:
            options.words.append(word)
    return options


def _option(options: Options, word: str, pending: list[str]) -> None:
    name, equals, value = word.partition("=")
    if name in _WITH_VALUE:
        if not equals and not pending:
            raise UsageError(f"{name} needs a value", hint="run azready help")
        options.values[name] = value if equals else pending.pop()
    elif word in ("-q", "-v"):
        log.level = log.QUIET if word == "-q" else log.VERBOSE
    elif word == "--force":
        options.force = True
    elif word in ("-h", "--help", "--version"):
        options.words.insert(0, "version" if word == "--version" else "help")
    else:
        raise UsageError(f"unknown option '{word}'", hint="run azready help")


def _dispatch(options: Options) -> int:
    command = options.words[0] if options.words else "help"
    commands: dict[str, Callable[[Options], int | None]] = {
        "provision": _provision,
        "report": _report,
        "version": lambda _: _print(f"azready {VERSION}"),
        "help": lambda _: _print(embedded("help.txt").rstrip()),
    }
    if command == "compile":
        return _compile(options)
    if command not in commands:
        known = f"the Python engine alone knows: {' '.join(commands)}; azready and azready.sh know the rest"
        raise UsageError(f"unknown command '{command}'", hint=known)
    if command != "provision" and (options.force or {"--only", "--skip"} & set(options.values)):
        raise UsageError("--only, --skip and --force belong to provision", hint="run azready help")
    if command in ("version", "help"):
        handover.take_over()
    return commands[command](options) or 0


def _print(text: str) -> int:
    """The exit status: 1 where nobody could read it."""
    return 0 if log.write(1, f"{text}\n") else 1


def _compile(options: Options) -> int:
    """What `install` asks for: the file that it puts beside a program of that name."""
    from azready.compiled import make

    if len(options.words) != 2:
        raise UsageError("compile needs the name that the program has in the image", hint="azready install does it")
    with open(1, "wb", closefd=False) as output:
        output.write(make(sys.path[0], options.words[1]))
    return 0


def _provision(options: Options) -> None:
    if options.words[1:]:
        raise UsageError(f"provision takes no argument: '{options.words[1]}'", hint="run azready help provision")
    # `report` needs none of it.
    from azready.provision import load_steps, start

    run = _run(options)
    load_steps(run.steps)
    handover.take_over(*_LATE)
    start(run, options.force)


def _report(options: Options) -> None:
    what, pairs = options.words[1:2], options.words[3:]
    for pair in pairs:
        if not re.match("[A-Za-z_][A-Za-z0-9_]*=", pair):
            raise UsageError(f"not KEY=VALUE: '{pair}'", hint="run azready help report")
    if len({pair.partition("=")[0] for pair in pairs}) < len(pairs):
        raise UsageError("a key was given twice", hint="run azready help report")
    if not (options.words[1:] == ["ready"] or (what == ["failed"] and options.words[2:3] not in ([], [""]))):
        raise UsageError("report what?", hint=hint("REPORT"))
    run = _run(options)
    handover.take_over(*_LATE)
    run.vm_id = vm_id_from_dmi(run.system)
    try:
        if what == ["ready"]:
            report.report_ready(run)
        else:
            report.report_failed(run, Failure(options.words[2], dict(pair.split("=", 1) for pair in pairs)))
    except NotTold as failure:
        log.error(f"the platform could not be told: {failure}")
        raise


def _run(options: Options) -> Run:
    """The run that command line, environment and configuration file ask for. Raises UsageError."""
    engine = options.values.get("--engine", "auto")
    if engine not in ("auto", "python"):
        raise UsageError(
            f"engine '{engine}' is not here", hint="expected one of: auto python; azready.sh is the shell engine"
        )
    root = options.values.get("--root", "/")
    if not os.path.isdir(root):
        raise UsageError(f"--root {root}: not a directory", hint=hint("ROOT"))
    system = System(root)
    settings = {**config.defaults(), **_file(system, options), **config.from_environment(os.environ)}
    chosen = config.split_steps(options.values.get("--only", settings["STEPS"]), "--only")
    skipped = config.split_steps(options.values.get("--skip", ""), "--skip")
    return Run(system, settings, [step for step in chosen if step not in skipped])


def _file(system: System, options: Options) -> dict[str, str]:
    given = options.values.get("--config")
    name = given or config.CONFIG_FILE
    data = system.read(name) if name.startswith("/") else _read_beside(name)
    if data is None:
        if given or system.exists(name):
            raise UsageError(f"{name}: cannot be read", hint=hint("CONFIG_FILE"))
        return {}
    return config.parse_file(data.decode("utf-8", "replace"), name)


def _read_beside(name: str) -> bytes | None:
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError:
        return None
