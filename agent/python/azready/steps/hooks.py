"""The step `hooks`: the executables of /etc/azready.d, the way to set any other property of a machine."""

from __future__ import annotations

from azready.azure import imds
from azready.azure.run import Run
from azready.machine import log
from azready.machine.failure import Failure
from azready.machine.run import DONE, SKIPPED

_DIRECTORY = "/etc/azready.d"


def step_hooks(run: Run) -> str:
    """Run every executable, in the order of the bytes of their names. Raises Failure at the first that fails."""
    names = run.system.executables(_DIRECTORY)
    for name in names:
        _run_hook(run, name)
    return DONE if names else SKIPPED


def _run_hook(run: Run, name: str) -> None:
    # A tenth of what is left is kept, so that a hook that never ends can still be told of.
    seconds = run.seconds_left() * 0.9
    log.info(f"hooks: running {name}")
    ended = run.system.execute(f"{_DIRECTORY}/{name}", environment(run), seconds)
    for line in (ended.output + ended.errors).splitlines():
        log.info(f"hooks: {name}: {line}")
    if ended.timed_out:
        raise Failure("hook_timed_out", {"hook": name})
    if ended.status != 0:
        details = {"hook": name, "status": str(ended.status), "stderr": ended.last_line}
        raise Failure("hook_failed", details, f"run {_DIRECTORY}/{name} by hand")


def environment(run: Run) -> dict[str, str]:
    """What a hook or a script of the user learns about the machine."""
    return {
        "AZREADY_HOSTNAME": run.hostname,
        "AZREADY_ADMIN_USER": run.wanted.admin_user,
        "AZREADY_VM_ID": run.vm_id,
        "AZREADY_INSTANCE_JSON": run.system.path(imds.instance_file(run.system)),
        "AZREADY_ROOT": run.system.root or "/",
    }
