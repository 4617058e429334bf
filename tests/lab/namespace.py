"""A place where a program believes to have a machine of its own: mounts, names, processes, network, a root.

    with Namespace("mount -t tmpfs scratch /mnt") as place:
        place.run("sh", "-c", "echo into $0 >/mnt/file", "it")

    done = run_script('scratch /etc /run; azure; sh "$AGENT" provision', {"AGENT": .., "SCRATCH": ..})

Nothing that happens inside is seen outside, but for what is written into files that are not mounted there. All that
runs inside ends with the block. Needs root, util-linux and iproute2.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import support
from conformance.process import Finished, execute

from lab.azure import IMDS, TESTS, WIRESERVER
from lab.started import Started
from lab.unshare import search_path, unshared, where

_FIRST = Path(__file__).with_name("first.py")
# The kinds of namespaces, and the files in /proc that enter them: what makes one for processes is not in it itself.
_KINDS = {"mount": "mnt", "uts": "uts", "ipc": "ipc", "net": "net", "pid": "pid_for_children"}
TOOLS = {
    "unshare": "makes the namespaces",
    "nsenter": "enters them",
    "setpriv": "ends them with their test",
    "ip": "gives them the addresses",
    "mount": "sets the scene in them",
}
# Never a real network address, whatever goes wrong: for scripts in this computer's own network.
NOWHERE = {"AZREADY_WIRESERVER": "127.0.0.1:9", "AZREADY_IMDS": "127.0.0.1:9", "AZREADY_DEADLINE": "2"}
# What every script of `run_script` can call.
WORDS = f"""
# scratch PLACE..: an empty file system on each. Debian's awk is a link through /etc/alternatives, so that stays.
# Without a terminal the outcome of azready goes to the console, which must not be the real one.
scratch() {{
	rm -rf "$SCRATCH/alternatives"
	cp -a /etc/alternatives "$SCRATCH/alternatives"
	for _place; do mount -t tmpfs -o mode=0755 scratch "$_place"; done
	[ -e /etc/alternatives ] || cp -a "$SCRATCH/alternatives" /etc/alternatives
	: >"$SCRATCH/console"
	[ ! -e /dev/console ] || mount --bind "$SCRATCH/console" /dev/console
}}
# another COMMAND [WORD..]: it gets a network and mounts of its own, beside these
another() {{
	exec unshare --net --mount -- "$@"
}}
# azure [OPTION..]: the emulator on both addresses; its process is $emulator, its words are in $SCRATCH/emulator
azure() {{
	ip address add {WIRESERVER}/32 dev lo
	ip address add {IMDS}/32 dev lo
	PYTHONPATH={shlex.quote(str(TESTS))} {shlex.quote(sys.executable)} -m lab serve -q \\
		--wireserver {WIRESERVER}:80 --imds {IMDS}:80 "$@" >"$SCRATCH/emulator" &
	emulator=$!
	until [ -s "$SCRATCH/emulator" ]; do sleep 0.05; done
}}
"""


class SceneError(Exception):
    """The namespace could not be made; the text is what the command said."""


def missing() -> list[str]:
    """The programs that are needed here and are not there."""
    return [tool for tool in TOOLS if not shutil.which(tool, path=search_path())]


def need() -> None:
    """Leave the running test out where this computer can make no namespaces."""
    for tool, why in TOOLS.items():
        support.need(tool, why)
    # Root of a container may not.
    if subprocess.run(unshared("net", "true"), capture_output=True).returncode:
        support.leave_out("root makes namespaces")


def run_script(
    script: str,
    environment: Mapping[str, str],
    *words: str,
    network: bool = True,
    proc: bool = False,
    limit: float = 240,
) -> subprocess.CompletedProcess[str]:
    """Run a shell script (`sh -eu`, with `words`) in namespaces of its own; leaves the test out where that cannot be.

    `network`: one of its own, where the machine is called `localhost`; else this computer's, for an emulator out here,
    and azready knows no address but those that it is given. `proc`: with a /proc that shows its processes alone.
    """
    need()
    kinds = "mount uts pid net" if network else "mount uts pid"
    begin = "ip link set lo up\nhostname localhost\n" if network else ""
    return subprocess.run(
        unshared(kinds, "sh", "-euc", f"{WORDS}{begin}{script}", "inside", *words, proc=proc),
        env={"PATH": search_path(), **({} if network else NOWHERE), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=limit,
    )


class Namespace(Started):
    """Namespaces of one's own, from `start` to `stop` (or as a context manager).

    `scene` is a shell script that sets the scene with this machine's programs: it may mount, name the machine (which
    is called `localhost` until then) and bring up the network (loopback is up). With `root`, a folder, everything that
    `run` starts afterwards has this as its root. `environment`: the scene's, beside PATH.
    """

    def __init__(
        self, scene: str = ":", root: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self._scene = f"ip link set lo up\nhostname localhost\n{scene}"
        self._root = root
        self._environment = {"PATH": search_path(), **(environment or {})}

    def start(self) -> None:
        """Make them. Raises `SceneError`."""
        # -I: nothing of the folder where the test happens to run; -S: it must start fast.
        first = [sys.executable, "-I", "-S", str(_FIRST), str(self._root or ""), self._scene]
        # Whatever kills the test run kills them, and with their process 1 all that runs inside.
        self._process = subprocess.Popen(
            unshared(" ".join(_KINDS), *first, bound=True),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            env=self._environment,
        )  # fmt: skip
        assert self._process.stdout and self._process.stderr
        if self._process.stdout.readline() != "up\n":
            self.stop()
            raise SceneError(self._process.stderr.read().strip())

    def stop(self) -> None:
        """End all that runs inside; safe to call twice."""
        assert self._process.stdin
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    @property
    def top(self) -> Path:
        """The root inside, as a path out here. Absolute links below it lead to this machine's own files: beware."""
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return Path("/proc", children[0], "root")

    def joined(self, kinds: Iterable[str], *command: str) -> list[str]:
        """The command, to be started out here and to run in namespaces of these kinds: `net`, `uts`, ..."""
        entries = [f"--{kind}=/proc/{self._process.pid}/ns/{_KINDS[kind]}" for kind in kinds]
        return [where("nsenter"), *entries, "--", *command]

    def plug(self, name: str, other: Namespace, other_name: str, mac: str) -> None:
        """A cable from a network card of this one to one of the other, which has that address; both are down."""
        cable = ["ip", "link", "add", name, "type", "veth", "peer", "name", other_name, "address", mac]
        # The number is one out here, as the command's process namespace is.
        subprocess.run(self.joined(("net",), *cable, "netns", str(other._process.pid)), check=True)

    def inside(self, *command: str, uid: int = 0, gid: int = 0) -> list[str]:
        """The command, to be started out here and to run inside, as that user."""
        enter = self.joined(_KINDS)
        who = [f"--setuid={uid}", f"--setgid={gid}"] if uid else []
        return [*enter[:-1], *who, "--", *command]

    def run(
        self,
        *command: str,
        environment: Mapping[str, str] | None = None,
        limit: float = 120.0,
        uid: int = 0,
        gid: int = 0,
    ) -> Finished:
        """Run a command inside to its end, at most `limit` seconds, with nothing but this environment."""
        variables = environment if environment is not None else {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        with tempfile.TemporaryDirectory(prefix="azready-inside-") as folder:
            return execute(self.inside(*command, uid=uid, gid=gid), variables, Path("/"), Path(folder), limit)

    def processes(self) -> list[str]:
        """Commands of all that runs inside now, process 1 left out."""
        mine = os.readlink(f"/proc/{self._process.pid}/ns/pid_for_children")
        found = []
        for place in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if os.readlink(place / "ns/pid") == mine and not _is_first(place):
                    found.append((place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip())
        return found


def _is_first(place: Path) -> bool:
    """Whether a process is number 1 in its namespace, or a zombie, which has no namespace's number any more."""
    status = (place / "status").read_text(errors="replace")
    numbers = next((line for line in status.splitlines() if line.startswith("NSpid:")), "NSpid: 1")
    return numbers.split()[-1] == "1"
