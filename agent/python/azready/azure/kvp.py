"""The outcome for the host: a record in the Hyper-V key-value pool, where a machine has one."""

from __future__ import annotations

from azready.azure.run import Run
from azready.machine import log, signals
from azready.machine.failure import Failure
from azready.tables import PROTOCOL, number

# The host's daemon holds the lock for the blink of an eye.
_TRIES = 10
_PAUSE_SECONDS = 0.1


def is_wanted(run: Run) -> bool:
    """Whether there is a pool, and the settings let it be written."""
    return run.settings["KVP"] != "no" and run.system.exists(PROTOCOL["KVP_POOL"])


def tell_host(run: Run, row: str) -> None:
    """Append one record. A pool that cannot be written is a warning: the report is what counts."""
    pool = PROTOCOL["KVP_POOL"]
    if not is_wanted(run):
        return
    try:
        for _ in range(_TRIES):
            if run.system.append(pool, record(PROTOCOL["KVP_KEY"], row)):
                log.debug(f"{pool}: {row}")
                return
            signals.sleep(_PAUSE_SECONDS)
        log.warning(f"{pool}: not written, somebody keeps it locked")
    except Failure as failure:
        log.warning(f"{pool}: not written: {failure}")


def record(key: str, value: str) -> bytes:
    """Key and value as the pool holds them: KVP_KEY_SIZE + KVP_VALUE_SIZE bytes. Both are far below the limits."""
    return key.encode().ljust(number("KVP_KEY_SIZE"), b"\0") + value.encode().ljust(number("KVP_VALUE_SIZE"), b"\0")
