"""A scratch machine that a test starts azready on, watches, interrupts and starts again; its Azure is the emulator."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from conformance.client import SHELLS, Combination, make_sandbox, need_programs
from lab.emulator import Emulator, load_vm, write_media
from support import DIST, interpreters, need

AGENT = DIST / "azready"
# Whatever still runs after so many seconds hangs.
LIMIT = 90.0
VM_ID, PRODUCT_UUID = "b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d", "D0A1C4B3-6F5E-7B4A-8C9D-0E1F2A3B4C5D"
# One shell of each family that images have; the conformance suite has them all.
REAL_SHELLS = ("dash", "busybox", "bash")


@dataclass
class Machine:
    """`root` is its files, `path` all of its PATH. Processes that it starts are known by their environment."""

    root: Path
    path: Path
    shell: str
    engine: str
    azure: Emulator
    scratch: Path
    settings: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        """azready below the root."""
        shell = SHELLS[self.shell]
        program = str(self.path / "sh") if shell.started_as else need(shell.program)
        return [program, *shell.words, str(AGENT), "--engine", self.engine, "--root", str(self.root), *words]

    def environment(self) -> dict[str, str]:
        """Nothing of this process; TMPDIR marks what belongs to this machine."""
        return {
            "PATH": str(self.path),
            "TMPDIR": str(self.scratch / "tmp"),
            "AZREADY_WIRESERVER": self.azure.wireserver,
            "AZREADY_IMDS": self.azure.imds,
            # The root has no accounts.
            "AZREADY_STEPS": "hostname,custom-data,hooks",
            "AZREADY_DEADLINE": "60",
            "AZREADY_MEDIA": "none",
            **{f"AZREADY_{key}": value for key, value in self.settings.items()},
        }

    def start(self, *words: str, **streams: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
        """In a session of its own."""
        options = {"stdout": subprocess.DEVNULL, "stderr": self.log.open("ab"), **streams}
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            self.command(*(words or ("provision",))),
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            **options,
        )

    def run(self, *words: str, **streams: int | IO[bytes] | None) -> int:
        """To its end; the exit status."""
        process = self.start(*words, **streams)
        try:
            return process.wait(LIMIT)
        finally:
            end(process)

    @property
    def log(self) -> Path:
        """What all of its runs said on stderr."""
        return self.scratch / "log"

    def said(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def hook(self, name: str, text: str) -> None:
        """An executable of /etc/azready.d."""
        place = self.root / "etc/azready.d" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!{need('sh')}\n{text}\n")
        place.chmod(0o755)

    def give_script(self, text: str) -> None:
        """Custom data that is started after Ready."""
        media = load_vm({"media": {"custom_data": f"#!{need('sh')}\n{text}\n"}})
        write_media(media, self.root / "media")
        self.settings |= {"MEDIA": "/media", "CUSTOM_DATA": "run"}

    def tool(self, name: str, text: str) -> None:
        """A script on PATH in the place of a program."""
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).write_text(f"#!{need('dash')}\n{text}\n")
        (self.path / name).chmod(0o755)

    def status(self) -> dict[str, str]:
        """The status file."""
        place = self.root / "var/lib/azready/status"
        lines = place.read_text().splitlines() if place.exists() else []
        return dict(line.split("=", 1) for line in lines)

    def processes(self) -> list[int]:
        """Of this machine, zombies left out."""
        mark = b"TMPDIR=%s\0" % os.fsencode(self.scratch / "tmp")
        found = []
        for place in Path("/proc").glob("[0-9]*/environ"):
            # Others end meanwhile.
            with contextlib.suppress(OSError):
                if mark in place.read_bytes():
                    found.append(int(place.parent.name))
        return found

    def left(self) -> list[str]:
        """What a run must not leave: processes, work directories, locks, temporary files."""
        wait_for(lambda: not self.processes(), 10, "every process to end")
        names = [str(place) for place in (self.scratch / "tmp").iterdir()]
        run = self.root / "run/azready"
        names += [str(run / name) for name in ("lock", "child") if (run / name).exists()]
        return names + [str(place) for place in self.root.rglob(".*.azready")]


def wait_for(true: Callable[[], object], seconds: float, what: str) -> None:
    """Until it is true; a generous limit, after which it never will be."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes]) -> None:
    """Whatever a failing test has left of a run."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def end_all(machine: Machine) -> None:
    """Those processes of the machine that a failing test has left."""
    for pid in machine.processes():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def new_machine(
    scratch: Path,
    shell: str = "dash",
    client: str = "curl",
    engine: str = "shell",
    vm: Mapping[str, object] | None = None,
) -> Iterator[Machine]:
    """A machine without accounts, with one shell and one HTTP client."""
    row = Combination("shell", shell, client)
    need_programs(row)
    # A copy of its own: tests put scripts on it.
    path = Path(shutil.copytree(make_sandbox(scratch / "tools", row), scratch / "path", symlinks=True))
    if engine == "python":
        (path / "python3").symlink_to(list(interpreters().values())[-1])
    root = scratch / "root"
    for folder in ("etc", "run", "var/lib", "sys/class/dmi/id"):
        (root / folder).mkdir(parents=True)
    (root / "etc/hostname").write_text("localhost\n")
    (root / "sys/class/dmi/id/product_uuid").write_text(f"{PRODUCT_UUID}\n")
    (scratch / "tmp").mkdir()
    with Emulator(load_vm(dict(vm or {}))) as azure:
        machine = Machine(root, path, shell, engine, azure, scratch)
        try:
            yield machine
        finally:
            end_all(machine)
