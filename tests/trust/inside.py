"""Process 1 of a machine under attack: sets the scene, starts what it is told, and buries the dead.

Started by machine.py, with a socket as standard input, on which it is told in JSON what to do. Needs nothing but
Python's standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

_libc = ctypes.CDLL(None, use_errno=True)
_SECCOMP, _SET_FILTER, _NEW_LISTENER, _WAIT_KILLABLE = 317, 1, 8, 32
# Whoever still runs so long after the run is left over.
_GRACE = 15.0


class _Filter(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def listen(code: bytes) -> int:
    """Have this process' calls, and those of all that it starts, stopped; the descriptor tells of them."""
    made = _Filter(len(code) // 8, code)
    for flags in (_NEW_LISTENER | _WAIT_KILLABLE, _NEW_LISTENER):
        found: int = _libc.syscall(_SECCOMP, _SET_FILTER, flags, ctypes.byref(made))
        if found >= 0:
            return found
    raise OSError(ctypes.get_errno(), "seccomp")


def start(talk: socket.socket, order: dict[str, Any]) -> int:
    """One run, in a session of its own; its process."""
    child = os.fork()
    if child:
        return child
    try:
        os.setsid()
        if order["root"]:
            os.chroot(order["root"])
        os.chdir("/")
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        out = os.dup(int(order["out"]))
        # What it says goes to a pipe, and is none of its files.
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        for number in (1, 2):
            os.dup2(out, number)
        if order["filter"]:
            descriptor = listen(bytes.fromhex(order["filter"]))
            socket.send_fds(talk, [b'{"listener": true}'], [descriptor])
        os.closerange(3, 64)
        os.execvpe(order["words"][0], order["words"], order["environment"])
    except OSError as error:
        os.write(2, f"{error}\n".encode())
    finally:
        os._exit(99)


def others() -> list[str]:
    """Commands of all other processes of this machine, zombies left out."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if place.name not in ("1", "self") and (place / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                command = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(command.strip() or place.name)
    return found


def mounts(below: str) -> dict[str, str]:
    """What is mounted there now: the mount's number -> its place, which another name above it changes."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {words[0]: words[4] for words in lines if words[4].startswith(below + "/")}


def bury() -> int | None:
    """Take note of one that has ended."""
    try:
        child, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    ended[child] = os.waitstatus_to_exitcode(status)
    return child or None


ended: dict[int, int] = {}


def serve(talk: socket.socket, order: dict[str, Any]) -> dict[str, Any]:
    """Do one thing that was asked for."""
    if order["do"] == "run":
        child = start(talk, order)
        talk.send(json.dumps({"process": child}).encode())
        while child not in ended:
            if not bury():
                time.sleep(0.003)
        return {"status": ended[child]}
    if order["do"] == "end":
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        return {}
    until = time.monotonic() + _GRACE
    while others() and time.monotonic() < until:
        bury()
        time.sleep(0.02)
    return {"left": others(), "mounts": mounts(order["root"]), "hostname": os.uname().nodename}


def main(scene: str, out: str) -> None:
    """Set the scene, then serve until nobody asks any more."""
    talk = socket.socket(fileno=os.dup(0))
    if subprocess.run(["sh", "-euc", scene], stdin=subprocess.DEVNULL).returncode:
        sys.exit("the scene could not be set")
    talk.send(b'{"up": true}')
    while told := talk.recv(1 << 20):
        talk.send(json.dumps(serve(talk, {**json.loads(told), "out": out})).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
