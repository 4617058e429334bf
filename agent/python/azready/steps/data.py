"""What the steps `custom-data` and `user-data` do: keep the exact bytes that the user handed over, and start them if
asked to.
"""

from __future__ import annotations

import base64
import re

from azready.azure.run import Run
from azready.machine import log
from azready.machine.clock import uptime
from azready.machine.failure import Failure
from azready.machine.run import DONE, SKIPPED
from azready.steps import hooks


def save_decoded(run: Run, name: str, text: str) -> str:
    """What is no base64 is a person's mistake, and none that should cost him his machine: he finds the text itself."""
    try:
        return save(run, name, _decoded(name, text))
    except Failure as failure:
        if failure.reason != _reason(name):
            raise
    run.unusable.add(name)
    if _setting(run, name) == "ignore":
        log.info(f"{name}: ignored, as the settings say")
        return SKIPPED
    path = f"{_path(run, name)}.raw"
    run.system.make_directory(run.system.state_directory, 0o700)
    run.system.write(path, text.encode("utf-8", "surrogateescape"), 0o600)
    log.warning(f"{name}: skipped, it is no base64; kept as it is in {path}")
    return SKIPPED


def _reason(name: str) -> str:
    return name.replace("-", "_") + "_invalid"


def _decoded(name: str, text: str) -> bytes:
    """Line breaks and blanks inside base64 mean nothing; anything else that is none of its 64 characters is refused."""
    # Not left to base64: what it lets pass differs from Python to Python.
    text = re.sub("[ \t\r\n]", "", text)
    if len(text) % 4 or not re.fullmatch("[A-Za-z0-9+/]*={0,2}", text):
        raise Failure(_reason(name), {"error": "not_base64"})
    return base64.b64decode(text)


def save(run: Run, name: str, data: bytes) -> str:
    """Keep it for the user, as the setting says."""
    if not data:
        return SKIPPED
    if _setting(run, name) == "ignore":
        log.info(f"{name}: {len(data)} bytes ignored, as the settings say")
        return DONE
    path = _path(run, name)
    run.system.make_directory(run.system.state_directory, 0o700)
    if run.system.read(path) != data:
        run.system.write(path, data, 0o600)
    if run.system.exists(f"{path}.raw"):
        # Of an earlier try, whose data was none.
        run.system.remove(f"{path}.raw")
    log.info(f"{name}: {len(data)} bytes saved in {path}")
    return DONE


def _path(run: Run, name: str) -> str:
    return f"{run.system.state_directory}/{name}"


def _setting(run: Run, name: str) -> str:
    return run.settings[name.upper().replace("-", "_")]


def scripts(run: Run) -> list[str]:
    """The steps whose data CUSTOM_DATA=run and USER_DATA=run ask to be started after Ready."""
    names = ("custom-data", "user-data")
    return [name for name in names if _setting(run, name) == "run" and run.results.get(name, "").startswith(DONE)]


def run_script(run: Run, name: str) -> None:
    """Start it. What fails is a warning, and in the status."""
    first = (run.system.read(_path(run, name)) or b"").partition(b"\n")[0].decode("utf-8", "surrogateescape")
    words = re.split("[ \t]+", first[2:].strip(" \t"), maxsplit=1)
    if not first.startswith("#!") or not words[0]:
        log.warning(f"{name}: not started, it does not begin with #! and an interpreter")
        return
    log.info(f"{name}: starting it")
    began = uptime()
    # Ready is told, so it has a DEADLINE of its own. Through its interpreter, because the file is not executable.
    seconds = float(run.settings["DEADLINE"])
    ended = run.system.execute(_path(run, name), hooks.environment(run), seconds, tuple(words))
    for line in (ended.output + ended.errors).splitlines():
        log.info(f"{name}: {line}")
    result = "done" if ended.status == 0 else f"failed status={ended.status}"
    if ended.status:
        # The cause that nobody sees: for the kernel the return is a part of the interpreter's name.
        ends = ": its lines end in CR LF, as on Windows" if first.endswith("\r") else ""
        log.warning(f"{name}: the script ended with status {ended.status}{ends}")
    run.scripts[name] = f"{result} {uptime() - began:.2f}"
