"""A network without a route, that swallows everything, or where nobody listens: for two seconds, and for ever.

In a network namespace, with both addresses of Azure. Each at each endpoint, with the Python engine and with one client
of the shell engine in turn.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from conformance.client import HTTP_CLIENTS, PYTHONS, Azready, Combination, Start, make_sandbox, need_programs
from lab.azure import IMDS, WIRESERVER
from lab.namespace import run_script
from lab.unshare import where

from trust.fault_runs import grace

# How an address is lost, and comes back: `ip` is the program, `$1` the address.
_WAYS = {
    "no-route": ('$ip address del "$1/32" dev lo', '$ip address add "$1/32" dev lo'),
    "swallowed": (
        # Somebody has that address, as far as the kernel knows, and never hears a thing.
        '$ip address del "$1/32" dev lo; $ip route add "$1/32" dev void; '
        '$ip neigh replace "$1" lladdr 02:0:0:0:0:1 dev void',
        '$ip route del "$1/32" dev void; $ip address add "$1/32" dev lo',
    ),
    # The emulator listens at port 80 alone.
    "refused": ("", ""),
}
_ADDRESSES = {"goalstate": WIRESERVER, "imds": IMDS, "health": WIRESERVER, "health-json": WIRESERVER}
# What comes of it for ever: the exit status, and the reasons that may be in the status file, where there is one. Behind
# a report that was lost the goal state is read anew: it is what was asked for last, or the report.
_ENDS = {
    "goalstate": (3, {"goal_state_unavailable"}),
    "imds": (1, {"imds_unreachable"}),
    "health": (3, {"report_not_accepted", "goal_state_unavailable"}),
    "health-json": (3, {""}),
}
_GOOD = (0, {""})
_SCENE = """
ip=$IP
# Not every kernel has `dummy`.
$ip link add void type veth peer name end && $ip link set void up && $ip link set end up
$ip address add 10.9.9.9/32 dev void
azure --record "$SCRATCH/record"
lose() { LOSE; }
find() { FIND; }
case $WHEN in first) lose "$ADDRESS" ;; esac
(
	# The hook says when it is time for the report.
	[ "$WHEN" = first ] || until [ -e "$SCRATCH/cut" ]; do sleep 0.05; done
	[ "$WHEN" = first ] || lose "$ADDRESS"
	: >"$SCRATCH/lost"
	[ "$LASTS" = ever ] || { sleep 2 && find "$ADDRESS"; }
) &
began=$(cut -d ' ' -f 1 /proc/uptime)
status=0
"$@" 2>"$SCRATCH/log" || status=$?
printf '%s\\n' "$status" "$began" "$(cut -d ' ' -f 1 /proc/uptime)" >"$SCRATCH/ended"
"""
_HOOK = "#!/bin/sh\n: >{0}/cut\nuntil [ -e {0}/lost ]; do sleep 0.05; done\n"
_FOLDERS = ("etc/azready.d", "run", "var/lib", "sys/class/dmi/id")
_SCENES = [
    (way, endpoint, lasts)
    for way in _WAYS
    for endpoint in _ADDRESSES
    for lasts in ("for-2-s", "ever")
    # A server that is there for the goal state and gone for the report is the emulator's `drop`.
    if way != "refused" or (endpoint != "health" and lasts == "ever")
]


def _with_clients() -> list[tuple[str, str, str, str]]:
    shells = list(HTTP_CLIENTS)
    return [(*scene, client) for at, scene in enumerate(_SCENES) for client in ("urllib3", shells[at % len(shells)])]


@pytest.mark.parametrize(("way", "endpoint", "lasts", "client"), _with_clients())
def test_a_dead_network_is_waited_for_until_the_deadline(
    way: str, endpoint: str, lasts: str, client: str, tmp_path: Path
) -> None:
    row = _combination(client)
    need_programs(row)
    deadline = 6 if lasts == "ever" else 50
    start = _machine(tmp_path, way, endpoint, deadline)
    done = _boot(tmp_path, Azready(row, make_sandbox(tmp_path / "tools", row)), start, way, endpoint, lasts)
    status, reasons = _ENDS[endpoint] if lasts == "ever" else _GOOD
    assert (done.status, done.reason in reasons) == (status, True), f"{done.reason}\n{done.log}"
    assert done.seconds < deadline + grace(), done.log
    provisioned = (start.root / "var/lib/azready/provisioned").exists()
    assert provisioned == (status == 0 and endpoint != "health-json"), done.log


class _Done(NamedTuple):
    status: int
    seconds: float
    reason: str
    log: str


def _combination(client: str) -> Combination:
    if client == "urllib3":
        return Combination("python", "dash", client, PYTHONS[-1])
    return Combination("shell", "dash", client)


def _machine(folder: Path, way: str, endpoint: str, deadline: int) -> Start:
    """Its root below `folder`, and what azready is to do there."""
    root = folder / "root"
    for place in (folder / "scratch", *(root / name for name in _FOLDERS)):
        place.mkdir(parents=True)
    (root / "sys/class/dmi/id/product_uuid").write_text("b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d\n")
    settings = {"DEADLINE": str(deadline), "REQUEST_TIMEOUT": "1", "STEPS": "hooks", "LOG_CONSOLE": "no"}
    if endpoint == "health":
        hook = root / "etc/azready.d/10-cut"
        hook.write_text(_HOOK.format(folder / "scratch"))
        hook.chmod(0o755)
    if endpoint == "health-json":
        settings["REPORT_PROTOCOL"] = "json"
    if way == "refused":
        settings["IMDS" if endpoint == "imds" else "WIRESERVER"] = f"{_ADDRESSES[endpoint]}:81"
    words = ["report", "ready"] if endpoint == "health-json" else ["provision"]
    return Start(root, [word.encode() for word in words], settings, {})


def _boot(folder: Path, azready: Azready, start: Start, way: str, endpoint: str, lasts: str) -> _Done:
    """One run, while the network is lost in this way."""
    scratch = folder / "scratch"
    environment = {
        "SCRATCH": str(scratch), "IP": where("ip"), "ADDRESS": _ADDRESSES[endpoint], "LASTS": lasts,
        "WHEN": "later" if endpoint == "health" else "first",
    }  # fmt: skip
    variables = [f"{key}={value}" for key, value in azready.environment(start).items()]
    command = [word.decode() if isinstance(word, bytes) else word for word in azready.command(start)]
    lose, find = _WAYS[way]
    scene = _SCENE.replace("LOSE", lose or ":").replace("FIND", find or ":")
    done = run_script(scene, environment, where("env"), "-i", *variables, *command)
    assert done.returncode == 0, done
    status, began, ended = (scratch / "ended").read_text().split()
    fields = dict(line.partition("=")[::2] for line in _lines(start.root / "var/lib/azready/status"))
    reason = fields.get("REASON", "").partition(" ")[0]
    return _Done(int(status), float(ended) - float(began), reason, (scratch / "log").read_text())


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []
