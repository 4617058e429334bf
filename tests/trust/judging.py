"""What the Python engine makes of an input: the same functions that a run calls, in this process, out of the zip.

A decision is what a run would go on with, by name; or None where the input is refused, as it should be: with one of the
named failures. Anything else that is raised is a fault of the engine.
"""

from __future__ import annotations

import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from support import DIST
from unit.odd_documents import VM_ID
from unit.shell_engine import WHEN, given_keys, harvest, plant

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready.azure import imds, media, report, wanted, wireserver
from azready.azure.run import Run, Wanted
from azready.machine import config, log, sshd_password
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.steps import hostname, keys, rights, ssh_keys, user

from trust.inputs import USER, Input

Decision = dict[str, bytes] | None
# Of a machine: what became of it is more than whether it was refused.
TREES = ("names", "account", "rights", "sshd")
GROUPS = "wheel,docker"
NOTHING = Wanted()


def quiet() -> None:
    """No warning is printed: most inputs deserve one."""
    log._emit = lambda _text: None  # type: ignore[assignment]


def judged(kind: str, given: Input, folder: Path) -> Decision:
    """The decision. The folder becomes the image, for those kinds that need one."""
    try:
        if kind in TREES:
            return _on_machine(kind, given, folder)
        return _DOCUMENTS[kind](given)
    except Failure as failure:
        if failure.reason == "internal_error":
            raise AssertionError(f"an internal error is no answer: {failure}") from failure
        return None


def _goal_state(given: Input) -> Decision:
    found = wireserver.parse_goal_state(given["work/body"])
    return {key.upper(): value.encode() for key, value in found._asdict().items()}


def _instance(given: Input) -> Decision:
    return merged(wanted.merged(imds._whole(given["work/body"])[1], NOTHING))


def _media(given: Input) -> Decision:
    return merged(wanted.merged({}, media.parse_media(given["work/ovf-env.xml"])))


def merged(found: Wanted) -> dict[str, bytes]:
    """What is wanted of the machine, as the shell engine keeps it."""
    texts = {
        "hostname": found.hostname,
        "admin-user": found.admin_user,
        "password": found.password,
        "custom-data": found.custom_data,
        "user-data": found.user_data,
        "pool": found.preprovisioned,
    }
    return {
        **{f"wanted.{name}": text.encode() for name, text in texts.items()},
        **given_keys(found.keys),
        "login": {None: b"", True: b"yes", False: b"no"}[found.password_login],
        "names": b"yes" if found.names_user else b"no",
    }


def _settings(given: Input) -> Decision:
    text = given["root/etc/azready.conf"].decode("utf-8", "replace")
    found = {**config.defaults(), **config.parse_file(text, "/etc/azready.conf")}
    return {key: value.encode() for key, value in found.items()}


def _keys(given: Input) -> Decision:
    lines = ("\n" + given["work/wanted.keys"].decode("utf-8", "surrogateescape")).split("\n=")[1:]
    good, why = ssh_keys._good_keys(tuple(line.removesuffix("\n").replace("\n+", "\n") for line in lines))
    return {"keys.good": "".join(f"{text}\n" for text in good).encode("latin-1"), "keys.why": why.encode()}


def _authorized_keys(given: Input) -> Decision:
    good = given["work/keys.good"].decode("latin-1").split("\n")[:-1]
    return {"user.new": keys.with_keys(given["work/user.old"], good)}


_DOCUMENTS: dict[str, Callable[[Input], Decision]] = {
    "goal_state": _goal_state,
    "instance": _instance,
    "media": _media,
    "settings": _settings,
    "keys": _keys,
    "authorized_keys": _authorized_keys,
}


def _on_machine(kind: str, given: Input, folder: Path) -> Decision:
    plant(folder, {path.removeprefix("root/"): data for path, data in given.items() if path.startswith("root/")})
    run = Run(System(str(folder)), {**config.defaults(), "USER_GROUPS": GROUPS}, [])
    row = ""
    try:
        _MACHINES[kind](run, given)
    except Failure as failure:
        assert failure.reason != "internal_error", failure
        row = report.description(failure.reason, failure.details, VM_ID, WHEN)
    return {"row": row.encode(), **state_of(folder)}


def state_of(folder: Path) -> dict[str, bytes]:
    """All files of an image, and the modes and owners of everything in it."""
    entries = {}
    for path in folder.rglob("*"):
        status = path.lstat()
        if path.name != "azready":
            facts = f"{stat.S_IMODE(status.st_mode):o} {status.st_uid}:{status.st_gid}"
            entries[f"facts of {path.relative_to(folder)}"] = facts.encode()
    return {**harvest(folder), **entries}


def _name(run: Run, given: Input) -> None:
    run.wanted = Wanted(hostname=given["work/wanted.hostname"].decode())
    hostname.step_hostname(run)


def _account(run: Run, given: Input) -> None:
    run.wanted = Wanted(admin_user=given["work/wanted.admin-user"].decode(), names_user=True)
    user.step_user(run)


def _sshd(run: Run, _given: Input) -> None:
    from unit.test_ssh_engines_agree import GOOD

    run.wanted = Wanted(admin_user=USER, keys=(GOOD[0],))
    ssh_keys.step_ssh_keys(run)
    sshd_password.set_password_login(run.system, USER, False)


_MACHINES: Mapping[str, Callable[[Run, Input], None]] = {
    "names": _name,
    "account": _account,
    "rights": lambda run, _given: rights.give_rights(run, USER),
    "sshd": _sshd,
}
