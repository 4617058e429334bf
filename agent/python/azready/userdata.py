"""The steps `custom-data` and `user-data`: the exact bytes that the user handed over, and starting them if asked to."""

from __future__ import annotations

import base64
import re

from . import hooks, log, state
from .errors import Failure
from .run import DONE, SKIPPED, Run
from .system import uptime


def step_custom_data(run: Run) -> str:
    """Save customData of the provisioning media. Raises Failure for what is not base64."""
    if not run.wanted.custom_data.strip(" \t\r\n"):
        return _save(run, "custom-data", run.wanted.custom_data_file)
    return _save(run, "custom-data", _decoded("custom-data", run.wanted.custom_data))


def step_user_data(run: Run) -> str:
    """Save userData of IMDS. Raises Failure for what is not base64."""
    return _save(run, "user-data", _decoded("user-data", run.wanted.user_data))


def _decoded(name: str, text: str) -> bytes:
    """Line breaks and blanks inside base64 mean nothing; anything else that is none of its 64 characters is refused."""
    # Not left to base64: what it lets pass differs from Python to Python.
    text = re.sub("[ \t\r\n]", "", text)
    if len(text) % 4 or not re.fullmatch("[A-Za-z0-9+/]*={0,2}", text):
        raise Failure(name.replace("-", "_") + "_invalid", {"error": "not_base64"})
    return base64.b64decode(text)


def _save(run: Run, name: str, data: bytes) -> str:
    if not data:
        return SKIPPED
    if _setting(run, name) == "ignore":
        log.info(f"{name}: {len(data)} bytes ignored, as the settings say")
        return DONE
    path = _path(name)
    run.system.make_directory(state.DIRECTORY, 0o700)
    if run.system.read(path) != data:
        run.system.write(path, data, 0o600)
    log.info(f"{name}: {len(data)} bytes saved in {path}")
    return DONE


def _path(name: str) -> str:
    return f"{state.DIRECTORY}/{name}"


def _setting(run: Run, name: str) -> str:
    return run.settings[name.upper().replace("-", "_")]


def run_scripts(run: Run) -> None:
    """Start what CUSTOM_DATA=run and USER_DATA=run ask for, after Ready. What fails is a warning, and in the status."""
    for name in ("custom-data", "user-data"):
        if _setting(run, name) == "run" and run.results.get(name, "").startswith(DONE):
            _run_script(run, name)
    if run.scripts:
        state.finish(run, "ready", "")


def _run_script(run: Run, name: str) -> None:
    first = (run.system.read(_path(name)) or b"").partition(b"\n")[0].decode("utf-8", "surrogateescape")
    words = re.split("[ \t]+", first[2:].strip(" \t"), maxsplit=1)
    if not first.startswith("#!") or not words[0]:
        log.warning(f"{name}: not started, it does not begin with #! and an interpreter")
        return
    log.info(f"{name}: starting it")
    began = uptime()
    # Ready is told, so it has a DEADLINE of its own. Through its interpreter, because the file is not executable.
    seconds = float(run.settings["DEADLINE"])
    ended = run.system.execute(_path(name), hooks.environment(run), seconds, tuple(words))
    for line in (ended.output + ended.errors).splitlines():
        log.info(f"{name}: {line}")
    result = "done" if ended.status == 0 else f"failed status={ended.status}"
    if ended.status:
        log.warning(f"{name}: the script ended with status {ended.status}")
    run.scripts[name] = f"{result} {uptime() - began:.2f}"
