"""The story: what `provision` does, in order. The shell engine's provision.sh tells the same one."""

from __future__ import annotations

import sys
import traceback
from typing import NoReturn

from . import (
    accounts,
    hooks,
    hostkeys,
    hostname,
    http,
    identity,
    kvp,
    log,
    media,
    password,
    publish,
    report,
    sshkeys,
    state,
    userdata,
    wanted,
    wireserver,
)
from .errors import Failure, NotTold
from .facts import STEPS, VERSION
from .run import FAILED, SKIPPED, Run
from .system import uptime

_STEP_FUNCTIONS = {
    "hostname": hostname.step_hostname,
    "user": accounts.step_user,
    "ssh-keys": sshkeys.step_ssh_keys,
    "password": password.step_password,
    "custom-data": userdata.step_custom_data,
    "user-data": userdata.step_user_data,
    "hooks": hooks.step_hooks,
}


def provision(run: Run, force: bool) -> None:
    """Everything this VM needs once, then Ready. Raises Failure (told) or NotTold after writing how it ended."""
    run.vm_id = identity.vm_id_from_dmi(run.system)
    if not force and (_is_not_azure(run) or _is_done(run, run.vm_id)):
        return
    try:
        run.vm_id = identity.vm_id(run)
        if not force and _is_done(run, run.vm_id):
            return
        state.begin(run)
        log.info(f"version {VERSION}, python engine, {http.CLIENT}: provisioning VM {run.vm_id}")
        wireserver.read_goal_state(run)
        wanted.read_wanted(run)
        hostkeys.make_host_keys(run.system)
        _take_steps(run)
        report.ready(run)
    except NotTold as failure:
        _end(run, "not-told", failure)
    except Failure as failure:
        _tell(run, failure)
    except Exception as error:
        _tell(run, _bug(error))
    state.mark_provisioned(run)
    state.finish(run, "ready", "")
    kvp.tell_host(run, report.success_row(run.vm_id, run.finished_at))
    if run.settings["RUN"] == "once":
        state.disable_service(run.system)
    _announce(run, "provisioned, the platform accepted Ready")
    publish.publish_hostname(run)
    media.eject(run)
    userdata.run_scripts(run)


def _is_not_azure(run: Run) -> bool:
    tag = identity.foreign_asset_tag(run.system)
    if tag:
        log.info(f"not an Azure VM (chassis asset tag '{tag}'): nothing done; --force goes on all the same")
    return bool(tag)


def _is_done(run: Run, vm_id: str) -> bool:
    done = bool(vm_id) and state.provisioned_as(run.system) == vm_id
    if done:
        log.info(f"VM {vm_id} is provisioned already: nothing to do")
    return done


def _take_steps(run: Run) -> None:
    for step in STEPS:
        if step not in run.steps:
            continue
        began = uptime()
        try:
            result = _STEP_FUNCTIONS[step](run)
        except Failure as failure:
            run.results[step] = FAILED
            failure.details = {"step": step, **failure.details}
            raise
        run.results[step] = f"{result} {uptime() - began:.2f}"
        if result == SKIPPED:
            log.info(f"{step}: skipped, nothing was given for it")


def _bug(error: Exception) -> Failure:
    """A mistake of azready itself. Where it happened, but not the message: that might hold what nobody should see."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{place.name}:{place.lineno}"
    return Failure("internal_error", {"error": type(error).__name__, "where": where}, "please report this as a bug")


def _tell(run: Run, failure: Failure) -> NoReturn:
    """Report the failure. Raises it again once the platform knows, or NotTold."""
    log.error(str(failure), failure.hint)
    try:
        report.failed(run, failure)
    except NotTold as not_told:
        # The cause stays the cause; that nobody heard it is the outcome.
        _end(run, "not-told", NotTold(failure.reason, {**failure.details, "not_told": not_told.reason}))
    _end(run, "failed", failure)


def _end(run: Run, outcome: str, failure: Failure) -> NoReturn:
    state.finish(run, outcome, str(failure))
    kvp.tell_host(run, run.row or report.description(failure.reason, failure.details, run.vm_id, run.finished_at))
    told = (
        "the platform was told" if outcome == "failed" else "the platform could not be told, the next boot tries again"
    )
    _announce(run, f"not provisioned: {failure}; {told}")
    raise failure


def _announce(run: Run, text: str) -> None:
    log.info(text)
    wanted = run.settings["LOG_CONSOLE"]
    if wanted == "yes" or (wanted == "auto" and not sys.stderr.isatty()):
        run.system.to_console(f"azready: {text}\n")
