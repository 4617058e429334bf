"""The story: what `provision` does, in order. The shell engine's provision.sh tells the same one."""

from __future__ import annotations

import contextlib
import importlib
import os
import traceback
from typing import Callable, Iterator, NoReturn

from azready.azure import kvp, media, report
from azready.azure.identity import foreign_asset_tag, identify, vm_id_from_dmi
from azready.azure.report import report_ready
from azready.azure.run import Run
from azready.azure.wanted import read_wanted
from azready.azure.wireserver import read_goal_state
from azready.machine import http, log, pending, services, signals, state
from azready.machine.clock import timestamp, uptime
from azready.machine.failure import Failure, NotTold
from azready.machine.run import FAILED, SKIPPED
from azready.machine.run_lock import RunLock
from azready.machine.signals import Interrupted
from azready.machine.sweep import sweep
from azready.steps import data, host_keys, publish
from azready.steps.host_keys import make_host_keys
from azready.tables import STEPS, VERSION


def load_steps(names: list[str]) -> None:
    """Import the modules of these steps; the others cost nothing."""
    for name in names:
        _step(name)


def _step(name: str) -> Callable[[Run], str]:
    """The function of a step: for `user-data` step_user_data, in the module user_data."""
    word = name.replace("-", "_")
    function: Callable[[Run], str] = getattr(importlib.import_module(f"azready.steps.{word}"), f"step_{word}")
    return function


def start(run: Run, force: bool) -> None:
    """Provision, unless there is nothing to do or somebody else is at it. Raises Failure (told) or NotTold."""
    run.vm_id = vm_id_from_dmi(run.system)
    if not force and _is_not_azure(run):
        return
    done = not force and _is_done(run)
    if done and not pending.read(run.system, run.vm_id):
        _say_done(run)
        return
    with RunLock(run.system) as lock:
        holder = lock.take() if done else 0
        if not done:
            lock.wait()
        if holder:
            other = f"another azready (process {holder})"
            log.info(f"VM {run.vm_id} is provisioned already, and {other} does what is left to do")
            return
        sweep(run.system)
        try:
            # Another run may have done it meanwhile.
            if not force and _is_done(run):
                do_the_rest(run)
            else:
                provision(run, force)
        except Interrupted as interrupted:
            _end_interrupted(run, interrupted)
            raise


def provision(run: Run, force: bool) -> None:
    """Everything this VM needs once, then Ready. Raises Failure (told) or NotTold after writing how it ended."""
    with _telling(run):
        identify(run)
        if not force and _is_done(run):
            do_the_rest(run)
            return
        begin(run)
        read_goal_state(run)
        read_wanted(run)
        make_host_keys(run.system)
        run.saw("HOST_KEYS")
        take_steps(run)
        rest = note_the_rest(run)
        report_ready(run)
    mark_provisioned(run)
    finish(run, rest, announced=False)


@contextlib.contextmanager
def _telling(run: Run) -> Iterator[None]:
    """Whatever fails inside is told the platform, and written down."""
    try:
        yield
    except NotTold as failure:
        _end(run, "not-told", failure)
    except Failure as failure:
        _tell(run, failure)
    except Exception as error:
        _tell(run, _bug(error))


def begin(run: Run) -> None:
    """Note that a run is at work. Raises Failure where nothing can be remembered."""
    pending.forget(run.system)
    state.begin(run)
    run.begun = True
    log.info(f"version {VERSION}, python engine, {http.CLIENT}: provisioning VM {run.vm_id}")


def take_steps(run: Run) -> None:
    """The chosen ones, in the order of the table. Raises Failure at the first that fails."""
    for step in STEPS:
        if step not in run.steps:
            continue
        signals.check()
        began = uptime()
        try:
            result = _step(step)(run)
        except Failure as failure:
            run.results[step] = FAILED
            failure.details = {"step": step, **failure.details}
            raise
        run.results[step] = f"{result} {uptime() - began:.2f}"
        if result == SKIPPED and step not in run.unusable:
            log.info(f"{step}: skipped, nothing was given for it")
    run.saw("STEPS")
    signals.check()


def note_the_rest(run: Run) -> pending.Pending:
    """All that comes after Ready, written down before that: a run that is cut off then loses none of it."""
    items = ["status"]
    if kvp.is_wanted(run):
        items.append("kvp")
    items += [f"script {name} 0" for name in data.scripts(run)]
    if host_keys.are_left(run.system):
        items.append("host-keys")
    if run.settings["RUN"] == "once":
        # Last: a run that is cut off before must be started again.
        items.append("service")
    facts = {"VM_ID": run.vm_id, "HOSTNAME": run.hostname, "ADMIN_USER": run.wanted.admin_user}
    rest = pending.Pending(run.system, facts, items)
    rest.keep()
    state.note(run)
    return rest


def mark_provisioned(run: Run) -> None:
    """Ready was accepted: what comes now has the time that it needs."""
    run.told = True
    run.saw("READY")
    run.system.deadline = float("inf")
    state.mark_provisioned(run)


def finish(run: Run, rest: pending.Pending, *, announced: bool) -> None:
    """What is to be done once Ready was accepted, in the order of the items."""
    rest.do("status", lambda: state.finish(run, "ready", ""))
    rest.do("kvp", lambda: kvp.tell_host(run, report.success_row(run.vm_id, run.finished_at or timestamp())))
    if not announced:
        _announce(run, "provisioned, the platform accepted Ready")
        media.eject(run)
    publish.publish_hostname(run)
    for name in rest.scripts():
        signals.check()
        rest.run_script(name, lambda name=name: _run_script(run, name))  # type: ignore[misc]
    # The host keys are made by a run of their own, which the launcher starts, and what comes after them is its too.
    if "host-keys" not in rest.items:
        rest.do("service", lambda: services.disable_service(run.system))
    # Nothing is left, or nothing could be noted.
    rest.keep()


def _run_script(run: Run, name: str) -> None:
    data.run_script(run, name)
    if name in run.scripts:
        state.finish(run, "ready", "")


def do_the_rest(run: Run) -> None:
    """What a run that was cut off after Ready has left. No request is sent."""
    rest = pending.read(run.system, run.vm_id)
    if not rest:
        _say_done(run)
        return
    log.info(f"VM {run.vm_id} is provisioned; doing what an earlier run has left: {','.join(rest.items)}")
    run.told = True
    run.system.deadline = float("inf")
    run.earlier = state.earlier(run.system)
    run.hostname = rest.facts.get("HOSTNAME", "")
    run.wanted = run.wanted._replace(admin_user=rest.facts.get("ADMIN_USER", ""))
    finish(run, rest, announced=True)


def _end_interrupted(run: Run, interrupted: Interrupted) -> None:
    """Whoever was told Ready keeps that; what is left is noted, and done at the next start."""
    if run.told:
        log.warning(f"ended by the signal {interrupted.name}: the next start does what is left")
        return
    pending.forget(run.system)
    if run.begun:
        state.finish(run, "interrupted", f"signal_{interrupted.name}")
    log.warning(f"ended by the signal {interrupted.name}: the platform was not told, the next start tries again")


def _is_not_azure(run: Run) -> bool:
    tag = foreign_asset_tag(run.system)
    if tag:
        log.info(f"not an Azure VM (chassis asset tag '{tag}'): nothing done; --force goes on all the same")
    return bool(tag)


def _is_done(run: Run) -> bool:
    return bool(run.vm_id) and state.provisioned_as(run.system) == run.vm_id


def _say_done(run: Run) -> None:
    log.info(f"VM {run.vm_id} is provisioned already: nothing to do")


def _bug(error: Exception) -> Failure:
    """A mistake of azready itself. Where it happened, but not the message: that might hold what nobody should see."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{place.name}:{place.lineno}"
    return Failure("internal_error", {"error": type(error).__name__, "where": where}, "please report this as a bug")


def _tell(run: Run, failure: Failure) -> NoReturn:
    """Report the failure. Raises it again once the platform knows, or NotTold."""
    log.error(str(failure), failure.hint)
    try:
        report.report_failed(run, failure)
    except NotTold as not_told:
        # The cause stays the cause; that nobody heard it is the outcome.
        _end(run, "not-told", NotTold(failure.reason, {**failure.details, "not_told": not_told.reason}))
    _end(run, "failed", failure)


def _end(run: Run, outcome: str, failure: Failure) -> NoReturn:
    pending.forget(run.system)
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
    if wanted == "yes" or (wanted == "auto" and not os.isatty(2)):
        run.system.to_console(f"azready: {text}\n")
