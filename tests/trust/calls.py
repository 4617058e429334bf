"""The system calls that change something, and how one that has stopped is named: kind and path, with no number in it.

Numbers are x86_64's. Linux stops a call for us where a seccomp filter says so (`program`), before it does anything.
"""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

HERE = -100  # AT_FDCWD
_ARCHITECTURE = 0xC000003E  # AUDIT_ARCH_X86_64
_LOAD, _EQUAL, _SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

# Number -> kind, and which arguments name what is changed: `p0` a path, `d0p1` a path below a directory, `f0` an
# open file.
CALLS = {
    1: ("write", "f0"),
    2: ("open", "p0"),
    18: ("write", "f0"),
    20: ("write", "f0"),
    40: ("write", "f0"),
    62: ("kill", ""),
    74: ("sync", "f0"),
    75: ("sync", "f0"),
    76: ("truncate", "p0"),
    77: ("truncate", "f0"),
    82: ("rename", "p1"),
    83: ("mkdir", "p0"),
    84: ("rmdir", "p0"),
    85: ("open", "p0"),
    86: ("link", "p1"),
    87: ("unlink", "p0"),
    88: ("symlink", "p1"),
    90: ("chmod", "p0"),
    91: ("chmod", "f0"),
    92: ("chown", "p0"),
    93: ("chown", "f0"),
    94: ("chown", "p0"),
    132: ("utime", "p0"),
    133: ("mknod", "p0"),
    162: ("sync", ""),
    165: ("mount", "p1"),
    166: ("umount", "p0"),
    170: ("sethostname", ""),
    188: ("setxattr", "p0"),
    190: ("setxattr", "f0"),
    200: ("kill", ""),
    234: ("kill", ""),
    235: ("utime", "p0"),
    257: ("open", "d0p1"),
    258: ("mkdir", "d0p1"),
    259: ("mknod", "d0p1"),
    260: ("chown", "d0p1"),
    263: ("unlink", "d0p1"),
    264: ("rename", "d2p3"),
    265: ("link", "d2p3"),
    266: ("symlink", "d1p2"),
    268: ("chmod", "d0p1"),
    275: ("write", "f2"),
    280: ("utime", "d0p1"),
    285: ("write", "f0"),
    296: ("write", "f0"),
    306: ("sync", "f0"),
    316: ("rename", "d2p3"),
    326: ("write", "f2"),
    429: ("mount", "d2p3"),
    437: ("open", "d0p1"),
    452: ("chmod", "d0p1"),
}
# Which argument holds the flags of those that may also only read.
_FLAGS = {2: 1, 257: 2}
_REMOVES_DIRECTORY = 0x200
_NUMBERS = re.compile(r"(?<=[./-])\d{1,10}(?![\w])")


@dataclass(frozen=True)
class Call:
    """A call that has stopped. `path` is as its process sees it; `pid` its process, as seen from here."""

    kind: str
    path: str
    pid: int

    @property
    def key(self) -> str:
        """What it is in every run: numbers of processes differ."""
        return f"{self.kind} {_NUMBERS.sub('N', self.path)}"


def program() -> bytes:
    """The filter: stop these calls, of the two that open only where something may be written, and let all else pass."""
    code = [_line(_LOAD, 4), _line(_EQUAL, _ARCHITECTURE, 1, 0), _line(_RETURN, _ALLOW), _line(_LOAD, 0)]
    for number in CALLS:
        if number in _FLAGS:
            flags = [_line(_LOAD, 16 + 8 * _FLAGS[number]), _line(_SET, _WRITING, 0, 1)]
            code += [_line(_EQUAL, number, 0, 4), *flags, _line(_RETURN, _NOTIFY), _line(_RETURN, _ALLOW)]
        else:
            code += [_line(_EQUAL, number, 0, 1), _line(_RETURN, _NOTIFY)]
    return b"".join([*code, _line(_RETURN, _ALLOW)])


def _line(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value)


def decode(pid: int, number: int, arguments: tuple[int, ...], root: str) -> Call:
    """Name it. A path below `root`, the machine's, is told without that. A process that is gone has none."""
    kind, spec = CALLS[number]
    try:
        path = _path(pid, spec, arguments)
    except (OSError, ValueError):
        path = "?"
    if number == 263 and arguments[2] & _REMOVES_DIRECTORY:
        kind = "rmdir"
    if path == root or path.startswith(root + "/"):
        path = path[len(root) :] or "/"
    if path.startswith(("pipe:", "socket:")):
        return Call(path.partition(":")[0], _program(pid), pid)
    return Call(kind, path, pid)


def _program(pid: int) -> str:
    """Whose pipe it is."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "?"


def _path(pid: int, spec: str, arguments: tuple[int, ...]) -> str:
    if not spec:
        return ""
    if spec[0] == "f":
        return os.readlink(f"/proc/{pid}/fd/{arguments[int(spec[1])] & 0xFFFFFFFF}").removesuffix(" (deleted)")
    below = struct.unpack("i", struct.pack("I", arguments[int(spec[1])] & 0xFFFFFFFF))[0] if spec[0] == "d" else HERE
    name = _text(pid, arguments[int(spec[-1])])
    if name.startswith("/"):
        return os.path.normpath(_root(pid) + name)
    start = os.readlink(f"/proc/{pid}/cwd" if below == HERE else f"/proc/{pid}/fd/{below}")
    return os.path.normpath(f"{start}/{name}")


def _root(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/root").rstrip("/")


def _text(pid: int, address: int) -> str:
    if not address:
        return ""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(address)
        # Not beyond the page, which may be the last.
        found = memory.read(4096 - address % 4096)
        if b"\0" not in found:
            found += memory.read(4096)
    return os.fsdecode(found.partition(b"\0")[0])
