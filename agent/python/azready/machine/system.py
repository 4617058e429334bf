"""The only module that touches the machine: its files, its own programs, the kernel's hostname, the console."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from typing import TYPE_CHECKING

from azready.machine.clock import uptime
from azready.machine.failure import Failure
from azready.machine.files import Files, blaming, cause
from azready.tables import FACTS, embedded

if TYPE_CHECKING:
    # Loaded with the first program that is started; `report` starts none.
    from azready.machine.programs import Ended

# Where the system's own commands are, whatever PATH a service gets.
_SYSTEM_PATH = FACTS["SYSTEM_PATH"]


def complete_path() -> None:
    """Whatever PATH a bare init gives: the system's own commands are found, by what we start too."""
    given = os.environ.get("PATH", "").split(os.pathsep)
    lacking = [folder for folder in _SYSTEM_PATH if folder not in given]
    os.environ["PATH"] = os.pathsep.join([*filter(None, given), *lacking])


def forget_own_locale() -> None:
    """Take back the LC_CTYPE that Python gives itself where no locale is asked for (PEP 538): hooks and programs must
    meet, and say, what they do when the shell engine starts them. Without /proc nobody can tell whose it is.
    """
    with contextlib.suppress(OSError), open("/proc/self/environ", "rb") as file:
        given = dict(entry.partition(b"=")[::2] for entry in file.read().split(b"\0"))
        os.environ.pop("LC_CTYPE", None)
        if b"LC_CTYPE" in given:
            os.environ["LC_CTYPE"] = os.fsdecode(given[b"LC_CTYPE"])


class System(Files):
    """The machine or image below `root`."""

    def __init__(self, root: str = "/") -> None:
        super().__init__(root)
        # What azready keeps, and what is for this boot alone.
        self.state_directory, self.run_directory = self._own_places()
        # The hook or script that is at work.
        self.child_file = f"{self.run_directory}/child"
        # No command and no lock may take longer than this moment allows (seconds of the monotonic clock).
        self.deadline = float("inf")

    def _own_places(self) -> tuple[str, str]:
        """Where /var is in memory, as OpenWrt has it, nothing there outlives a boot; and it has no /run."""
        state, run = "/var/lib/azready", "/run/azready"
        if self._is_memory("/var/lib"):
            state = "/etc/azready"
        if not self.exists("/run") and self._is_memory("/var/run"):
            run = "/var/run/azready"
        return state, run

    def _is_memory(self, name: str) -> bool:
        """Whether its name leads to where images have memory.

        What is mounted there says less: an image that is given by --root has nothing mounted.
        """
        inside = self.path(name)[len(self.root) :] + "/"
        return any(inside.startswith(f"{folder}/") for folder in FACTS["MEMORY_FOLDERS"])

    def which(self, program: str) -> str:
        """Path of a command of this system, or an empty text; always empty with a root other than /."""
        if not self.live:
            return ""
        folders = [*os.get_exec_path(), *_SYSTEM_PATH]
        found = (os.path.join(folder, program) for folder in folders)
        return next((path for path in found if os.path.isfile(path) and os.access(path, os.X_OK)), "")

    def command(self, words: list[str], given: bytes = b"", seconds: float = 60.0) -> Ended:
        """Run a command of this system, by a path from `which`, with `given` on stdin; killed after so many seconds.

        Secrets go to stdin, never into `words`. A tenth of the time that is left stays, to tell of one that hangs.
        """
        from azready.machine import programs

        seconds = min(seconds, (self.deadline - uptime()) * 0.9)
        try:
            return programs.run(words, {"LC_ALL": "C"}, self.root or "/", seconds, given, None)
        except OSError as error:
            return _not_started(error)

    def relabel(self, *words: str) -> bool:
        """restorecon, on a machine with SELinux: what is renamed keeps the label of the directory that it was made in.
        False where it failed.
        """
        program = self.which("restorecon") if self.exists("/sys/fs/selinux") else ""
        return not program or self.command([program, *words]).status == 0

    def execute(self, name: str, environment: dict[str, str], seconds: float, through: tuple[str, ...] = ()) -> Ended:
        """Run a program of the image in the root directory, at most so long; then it and its children are killed.

        `through`: an interpreter and its arguments, for a script that is not executable itself.
        """
        from azready.machine import programs

        with contextlib.suppress(Failure):
            self.make_directory(self.run_directory, 0o700)
        noted = programs.Noted(self.path(self.child_file), os.path.basename(name))
        program = [*through, self.path(name)]
        lacking = _lacking_interpreter(program[-1])
        if lacking:
            return programs.Ended(127, "", lacking, False)
        # Small letters: it is no setting.
        if self.live and os.environ.get("azready_confined") == "yes":  # noqa: SIM112
            # What the unit limits is our own work. Two seconds more, because who is late is ended by us.
            text, file = embedded("outside.sh"), f"{self.run_directory}/outside"
            program = [self.which("sh"), "-c", text, file, str(int(seconds) + 2), *program]
        if any("\0" in word for word in program):
            return programs.Ended(126, "", os.strerror(errno.EINVAL), False)
        try:
            return programs.run(program, environment, self.root or "/", seconds, b"", noted)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                return _not_started(error)
        # A script without a first line that names its interpreter is the shell's, as from a shell.
        try:
            return programs.run(["/bin/sh", *program], environment, self.root or "/", seconds, b"", noted)
        except OSError as error:
            return _not_started(error)

    def to_console(self, text: str) -> None:
        """Append to the console; never wait for it and never fail because of it."""
        with contextlib.suppress(OSError):
            flags = os.O_WRONLY | os.O_APPEND | os.O_NOCTTY | os.O_NONBLOCK
            handle = os.open(self.path("/dev/console"), flags)
            with open(handle, "wb") as console:
                console.write(text.encode("utf-8", "replace"))

    def kernel_hostname(self) -> str:
        """The running kernel's hostname."""
        return socket.gethostname()

    def set_kernel_hostname(self, name: str) -> None:
        """Set the running kernel's hostname; with a root other than / nothing live is touched. Raises Failure."""
        if self.live:
            with blaming("/proc/sys/kernel/hostname"):
                socket.sethostname(name)


def _lacking_interpreter(program: str) -> str:
    """What is wrong with the first line of a script: the kernel says of the script itself that it is not there."""
    line = b""
    with contextlib.suppress(OSError), open(program, "rb") as file:
        line = file.readline(4096)
    interpreter = line[2:].strip(b" \t\n").replace(b"\t", b" ").partition(b" ")[0]
    if not (line.startswith(b"#!") and interpreter.startswith(b"/")) or b"\0" in line or os.path.exists(interpreter):
        return ""
    if interpreter.endswith(b"\r"):
        return "its lines end in CR LF, as on Windows"
    return "no interpreter " + interpreter.decode("utf-8", "replace")


def _not_started(error: OSError) -> Ended:
    """As a shell has it: 127 where there is no such program, or not the interpreter that its first line names."""
    from azready.machine.programs import Ended

    return Ended(127 if error.errno == errno.ENOENT else 126, "", cause(error), False)
