"""A machine whose every changing system call stops and waits for leave: it may go on, fail, or end the process.

    with Machine(tree, scratch, live=True) as machine:
        ended = machine.run(["sh", "/tools/azready", "provision"], environment, decide)

`decide` gets each `Call` and answers 0 (go on), an errno (the call fails), KILL (its process is killed instead), CUT
(the machine loses its power), or a signal's number below zero, which the run gets before the call goes on. The machine
has mounts, processes and a hostname of its own; its network is this computer's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import support
from lab.started import Started
from lab.unshare import unshared

from .calls import Call, decode, program

KILL, CUT = -1001, -1002
# Whatever still runs after so many seconds hangs.
LIMIT = 120.0
_INSIDE = Path(__file__).with_name("inside.py")
_RECEIVE, _SEND, _CONTINUE = 0xC0502100, 0xC0182101, 1
# Folders of this computer that a live machine has its programs from; its own /usr/sbin can be written.
_PROGRAMS = ("usr/bin", "usr/lib", "usr/lib64", "usr/share")
_SCENE = """
mount --make-rprivate /
: >"$SCRATCH/console"
"""
_LIVE = """
mount -t proc proc /proc
mount --bind "$TREE" "$TREE"
cd "$TREE"
for place in $PROGRAMS; do mount --bind "/$place" "$place"; mount -o remount,bind,ro "$place"; done
mount -t proc proc proc
mount --bind "$SCRATCH/boot_id" proc/sys/kernel/random/boot_id
mount -t tmpfs -o mode=0755 dev dev
for device in null zero full random urandom; do : >dev/$device; mount --bind /dev/$device dev/$device; done
mkdir dev/shm
ln -s /proc/self/fd dev/fd
: >dev/dvd
: >dev/console
mount --bind "$SCRATCH/console" dev/console
mount --bind "$SCRATCH/tools" tools
"""
_BESIDE = """
mount -t proc proc /proc
mount --bind "$SCRATCH/boot_id" /proc/sys/kernel/random/boot_id
mount --bind "$SCRATCH/run" /run
# An azready that takes this computer for its image must not find one that can be changed.
mount --bind "$SCRATCH" "$SCRATCH"
mount --bind "$TREE" "$TREE"
mount -o remount,bind,ro /
[ ! -e /dev/console ] || mount --bind "$SCRATCH/console" /dev/console
"""

Decide = Callable[[Call], int]


def need() -> None:
    """Leave the running test out where calls cannot be stopped."""
    if os.geteuid() != 0:
        support.leave_out("root stops the system calls of others")
    if platform.machine() != "x86_64":
        support.leave_out("the numbers of system calls are those of x86_64")
    support.need("unshare", "makes namespaces")


@dataclass
class Ended:
    """How a run ended: its exit status (a signal's number below zero, None: cut or hanging), and what it said."""

    status: int | None = None
    log: str = ""
    calls: list[Call] = field(default_factory=list)
    hangs: bool = False


@dataclass(frozen=True)
class Left:
    """What is still there when nothing should be at work: commands, mounts; and the machine's name."""

    processes: list[str]
    mounts: list[str]
    hostname: str


class Machine(Started):
    """`tree` is its root, as a folder; `scratch` holds what is around it: `tools` (a folder), `run`.

    `more`: lines of shell, at the end of the scene, in the root.
    """

    def __init__(self, tree: Path, scratch: Path, *, live: bool, more: str = ":") -> None:
        self.tree, self.scratch, self.live, self._more = tree, scratch, live, more
        self._listeners: list[int] = []
        self._text = b""
        # Whether the calls of this run go on unseen from now on: what was looked for is done.
        self.calm = False
        # The run, by its number inside.
        self.main = 0

    def start(self) -> None:
        """Switch it on."""
        (self.scratch / "boot_id").write_text(f"{uuid.uuid4()}\n")
        (self.scratch / "run").mkdir(exist_ok=True)
        self._talk, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._out, out = os.pipe()
        os.set_inheritable(out, True)
        programs = [place for place in _PROGRAMS if Path("/", place).is_dir()]
        environment = {"TREE": str(self.tree), "SCRATCH": str(self.scratch), "PROGRAMS": " ".join(programs)}
        scene = f"{_SCENE}{_LIVE if self.live else _BESIDE}{self._more}"
        first = [sys.executable, "-I", "-S", str(_INSIDE), scene, str(out)]
        self._process = subprocess.Popen(
            unshared("mount uts ipc pid", *first, bound=True),
            stdin=inside.fileno(), pass_fds=(out,), start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        )  # fmt: skip
        inside.close()
        os.close(out)
        if not self._talk.recv(4096):
            raise RuntimeError("the machine could not be started")
        self._mounts = self._ask({"do": "left"})["mounts"]

    def stop(self) -> None:
        """Power off: whatever runs in it is gone at once."""
        self._process.kill()
        self._process.wait()
        for descriptor in (*self._listeners, self._out):
            os.close(descriptor)
        self._listeners = []
        self._talk.close()

    def cut(self) -> None:
        """A power cut, and on again: what was in memory is lost."""
        self.stop()
        for place in (self.tree / "run", self.scratch / "run"):
            if place.is_dir():
                subprocess.run(["find", str(place), "-mindepth", "1", "-delete"], check=True)
        self.start()

    def run(self, words: Sequence[str], environment: Mapping[str, str], decide: Decide | None = None) -> Ended:
        """Run this to its end, each of its calls with leave; without `decide`, undisturbed."""
        order = {"words": list(words), "environment": dict(environment), "filter": program().hex() if decide else ""}
        ended = Ended()
        self._text, self.calm = b"", False
        self._tell({"do": "run", **order})
        until = time.monotonic() + LIMIT
        while ended.status is None:
            if time.monotonic() > until:
                ended.hangs = True
                break
            answers = self._attend(decide, ended)
            if answers is None:
                self.cut()
                break
            for answer in answers:
                self.main = answer.get("process", self.main)
                ended.status = answer.get("status", ended.status)
        while select.select([self._out], [], [], 0)[0] and self._hear():
            pass
        ended.log = self._text.decode(errors="replace")
        return ended

    def _signal(self, number: int) -> None:
        """To the run itself."""
        for process in self.processes():
            with contextlib.suppress(OSError):
                numbers = Path(f"/proc/{process}/status").read_text().partition("NSpid:")[2].splitlines()[0]
                if numbers.split()[-1] == str(self.main):
                    os.kill(process, number)

    def left(self) -> Left:
        """What is there once all that was started had time to end."""
        found = self._ask({"do": "left"})
        mounts = sorted(place for number, place in found["mounts"].items() if number not in self._mounts)
        return Left(found["left"], mounts, found["hostname"])

    def processes(self) -> list[int]:
        """All processes inside but the first, by their numbers out here."""
        found: list[int] = []
        pending = self._children(self._process.pid)
        while pending:
            process = pending.pop()
            found.append(process)
            pending += self._children(process)
        return found[1:]

    @staticmethod
    def _children(process: int) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(it) for it in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
        return []

    def _tell(self, order: dict[str, Any]) -> None:
        self._talk.send(json.dumps({"root": str(self.tree) if self.live else "", **order}).encode())

    def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        self._tell(order)
        while True:
            for answer in self._attend(None, Ended()) or []:
                if "left" in answer:
                    return answer

    def _attend(self, decide: Decide | None, ended: Ended) -> list[dict[str, Any]] | None:
        """Wait for whatever comes next: process 1 or the run speaks, a call stops. None: the power is to be cut."""
        poll = select.poll()
        for descriptor in (self._talk.fileno(), self._out, *self._listeners):
            poll.register(descriptor, select.POLLIN)
        said = []
        for descriptor, event in poll.poll(1000):
            if descriptor == self._talk.fileno():
                said.append(self._answer())
            elif descriptor == self._out:
                self._hear()
            elif event & select.POLLIN:
                if not self._stopped(descriptor, decide, ended):
                    return None
            else:
                # All that it could stop are gone.
                self._listeners.remove(descriptor)
                os.close(descriptor)
        return said

    def _answer(self) -> dict[str, Any]:
        text, descriptors, _, _ = socket.recv_fds(self._talk, 1 << 20, 1)
        self._listeners += descriptors
        if not text:
            raise RuntimeError("the machine has ended")
        answer: dict[str, Any] = json.loads(text)
        return answer

    def _hear(self) -> bool:
        text = os.read(self._out, 65536)
        self._text += text
        return bool(text)

    def _stopped(self, listener: int, decide: Decide | None, ended: Ended) -> bool:
        """One call: ask, and answer it. False: the power is to be cut."""
        notice = bytearray(80)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice)
        except OSError:
            # Its process was killed meanwhile.
            return True
        number, process, _, called, _, _, *arguments = struct.unpack("=QIIiIQ6Q", notice)
        verdict = 0
        if decide and not self.calm:
            call = decode(process, called, tuple(arguments), str(self.tree))
            ended.calls.append(call)
            verdict = decide(call)
        if verdict == CUT:
            return False
        if verdict == KILL:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            return True
        if verdict < 0:
            self._signal(-verdict)
            verdict = 0
        flags = 0 if verdict else _CONTINUE
        with contextlib.suppress(OSError):
            fcntl.ioctl(listener, _SEND, bytearray(struct.pack("=QqiI", number, 0, -verdict, flags)))
        return True
