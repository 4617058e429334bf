"""A live case: azready has the root /, in mounts, processes and a name of its own; the network is this computer's.

The folders of the case's tree lie over those of this computer, /usr/bin and /usr/sbin among them: no program of this
computer is found there, but only those of the case. What the agent runs with lies elsewhere.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.unshare import unshared

from .case import Case, CaseError

# Some other name than the case's; a fresh console; this computer's programs in another place.
_SCENE = """
hostname localhost
mount --bind /usr/bin "$0/bin"
: >"$0/console"
[ ! -e /dev/console ] || mount --bind "$0/console" /dev/console
mkfifo "$0/full"
exec 9<>"$0/full"
dd if=/dev/zero bs=4096 count=16 >&9 2>/dev/null
"""
# What azready has left to others may go on for a moment.
_END = """
set +e
tools=$PATH PATH=$path
"$@" 9>&-
status=$?
PATH=$tools
tries=60
while [ "$tries" -gt 0 ]; do
    left=
    for process in /proc/[0-9]*; do
        case " 1$beside " in *" ${process#/proc/} "*) continue ;; esac
        # A zombie has no program.
        [ ! -e "$process/exe" ] || left="$left $process"
    done
    [ -n "$left" ] || break
    sleep 0.2
    tries=$((tries - 1))
done
for process in $left; do echo "left running: $(tr '\\0' ' ' <"$process/cmdline")" >&2; done
exit "$status"
"""
# Files of the case beside the few devices that everybody needs.
_DEVICES = """
mkdir "$0/dev"
mount -t tmpfs dev "$0/dev"
for device in null zero urandom console; do : >"$0/dev/$device"; mount --bind "/dev/$device" "$0/dev/$device"; done
ln -s /proc/self/fd "$0/dev/fd"
cp -R "$0/../root/dev/." "$0/dev"
mount --rbind "$0/dev" /dev
"""
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAMS = "usr/bin"
# Below these, only what is named lies over this computer's; the tree itself is below /tmp.
_INNER = {"usr": (_PROGRAMS, "usr/sbin"), "dev": (), "tmp": (), "proc": ()}
_NEEDED = ("unshare", "mount", "hostname", "mkfifo", "dd", "cp", "echo")


def what_is_missing() -> str:
    """Why no live case can run here, or nothing."""
    if os.geteuid():
        return "root makes namespaces"
    return next((f"{name} is not installed" for name in _NEEDED if not shutil.which(name)), "")


def prepare(root: Path, scratch: Path) -> None:
    """The folders of programs, with what no script of an image can do without."""
    for place in _INNER["usr"]:
        (root / place).mkdir(parents=True, exist_ok=True)
    for name in ("sh", "true"):
        if not (root / _PROGRAMS / name).exists():
            (root / _PROGRAMS / name).unlink(missing_ok=True)
            (root / _PROGRAMS / name).symlink_to(scratch / "bin" / name)


def live(
    command: Sequence[str | bytes],
    environment: Mapping[str, str],
    root: Path,
    scratch: Path,
    case: Case,
) -> tuple[list[str | bytes], dict[str, str]]:
    """The command and its environment, as they are to be started. Raises CaseError where none can be made.

    The case's processes run beside it: words, the first of which is what the kernel calls them. They do nothing.
    """
    if missing := what_is_missing():
        raise CaseError(f"a live case: {missing}")
    (scratch / "bin").mkdir()
    (scratch / "beside").mkdir()
    beside = "".join(_started(words) for words in case.processes)
    pids = "".join(_pid_file(words[0]) for words in case.processes)
    more = "".join(_mount_of_its_own(path, kind) for path, kind in case.mounts.items())
    begin = f"set -eu\nbeside='' path=$PATH PATH=$0/bin:{_PATH}\n"
    scene = f"{begin}{_SCENE}{beside}hash -r\n{_mounts(root)}\n{pids}{more}{_END}"
    path = [_moved_folder(folder, scratch) for folder in environment["PATH"].split(":")]
    program = _moved(os.fsdecode(command[0]), scratch)
    own = unshared("mount uts pid", "/bin/sh", "-c", scene, str(scratch), program, proc=True)
    return [*own, *command[1:]], {**environment, "PATH": ":".join(path)}


def _started(words: Sequence[str]) -> str:
    """As echo takes any words, and waits for ever for who reads them."""
    name, *rest = words
    copy = f'"$0/beside/"{shlex.quote(name)}'
    start = f"{copy} {shlex.join(rest)} >&9 9>&- &"
    return f'[ -e {copy} ] || cp /usr/bin/echo {copy}\n{start}\n{_variable(name)}=$! beside="$beside $!"\n'


def _pid_file(name: str) -> str:
    """Where the case has an empty /run/NAME.pid, this is its content."""
    place = shlex.quote(f"/run/{name}.pid")
    return f'[ ! -e {place} ] || echo "${_variable(name)}" >{place}\n'


def _variable(name: str) -> str:
    return "pid_" + re.sub("[^a-z]", "_", name)


def _mounts(root: Path) -> str:
    places = [inner for folder in root.iterdir() for inner in _INNER.get(folder.name, (folder.name,))]
    # mount notes in /run what it has mounted.
    places.sort(key=lambda place: place == "run")
    devices = _DEVICES if (root / "dev").is_dir() else ""
    return devices + "\n".join(f"mount --bind {shlex.quote(str(root / place))} /{place}" for place in places)


def _mount_of_its_own(path: str, kind: str) -> str:
    """mount notes its mounts in /run, which is the case's by now."""
    place, forget = shlex.quote(path), "rm -rf /run/mount 2>/dev/null || :"
    return f"mount --bind {place} {place}\n{forget}\nmount -o remount,bind,{kind} {place}\n{forget}\n"


def _moved_folder(folder: str, scratch: Path) -> str:
    """A folder of PATH whose links lead to where the programs are inside."""
    if os.path.realpath(folder) == f"/{_PROGRAMS}":
        return str(scratch / "bin")
    new = scratch / "path" / folder.strip("/").replace("/", "-")
    if not new.exists():
        new.mkdir(parents=True)
        for entry in Path(folder).iterdir():
            (new / entry.name).symlink_to(_moved(str(entry), scratch))
    return str(new)


def _moved(program: str, scratch: Path) -> str:
    """Where a program is inside, by its own name: some are several in one."""
    place = Path(os.path.realpath(program))
    if str(place.parent) == f"/{_PROGRAMS}":
        return str(scratch / "bin" / place.name)
    return str(place)
