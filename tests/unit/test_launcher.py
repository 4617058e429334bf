"""The launcher from outside: which engine runs with which Python, how it is started, and what it leaves behind."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from bundle import project_version
from conformance.client import Combination, make_sandbox, need_programs
from conformance.process import Finished, execute
from lab.emulator import Emulator, load_vm
from support import DIST, PYTHONS, ROOT, interpreters, leave_out, need

AGENT = DIST / "azready"
USABLE = [version for version in PYTHONS if version not in ("2.7", "3.6")]
# Whatever still runs after so many seconds hangs.
LIMIT = 60.0
# What was told to stop is not gone at the same instant.
GRACE = 3.0
# The id of the emulator's machine as Azure shows it, and as the DMI of a generation 1 machine does.
VM_ID, GENERATION_1 = "b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d", "D0A1C4B3-6F5E-7B4A-8C9D-0E1F2A3B4C5D"


@dataclass(frozen=True)
class Machine:
    """A scratch machine and its Azure: `path` is all of its PATH, a folder; `root` its files."""

    path: Path
    root: Path
    azure: Emulator
    scratch: Path

    def install(self, name: str, script: str) -> None:
        """Put a script on PATH, in the place of what had that name."""
        (self.path / name).unlink(missing_ok=True)
        (self.path / name).write_text(script)
        (self.path / name).chmod(0o755)

    def link(self, name: str, program: str | Path) -> None:
        """Put a link to a program on PATH."""
        (self.path / name).symlink_to(program)

    def run(self, *arguments: str, start: Sequence[str | Path] = (AGENT,), work: Path | None = None) -> Finished:
        """Run azready below the root; it must end and leave no process and no temporary file."""
        temporary = self.scratch / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {
            "PATH": str(self.path),
            "TMPDIR": str(temporary),
            "AZREADY_WIRESERVER": self.azure.wireserver,
            "AZREADY_IMDS": self.azure.imds,
            # The root has no accounts.
            "AZREADY_STEPS": "hostname,hooks",
        }
        # exec keeps the process id, and after that a temporary directory of the shell engine is named.
        words = [*map(str, start), "--root", str(self.root), *arguments]
        command = [need("dash"), "-c", 'echo $$ >"$0"; exec "$@"', str(self.scratch / "pid"), *words]
        done = execute(command, environment, work or self.scratch, self.scratch, LIMIT)
        assert done.exit is not None, f"hangs: {done.stderr!r}"
        assert (*done.left_running, *stragglers(temporary)) == ()
        assert list(temporary.iterdir()) == []
        assert not Path(f"/run/azready.{(self.scratch / 'pid').read_text().strip()}").exists()
        return done

    def provision(self, *options: str, start: Sequence[str | Path] = (AGENT,), work: Path | None = None) -> str:
        """Provision; the platform must be content and nobody but azready may have talked. The engine that did it."""
        done = self.run(*options, "provision", start=start, work=work)
        assert (done.exit, self.azure.verdict) == (0, "Succeeded"), done.stderr
        assert foreign_lines(done) == []
        return self.engine()

    def engine(self) -> str:
        """The engine of the last run, as the status file names it."""
        lines = (self.root / "var/lib/azready/status").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)["ENGINE"]


def stragglers(temporary: Path) -> list[str]:
    """Processes that a run left behind in a session of their own, known by their environment; they are ended here."""
    until = time.monotonic() + GRACE
    while (found := started_with(temporary)) and time.monotonic() < until:
        time.sleep(0.05)
    for process in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return [f"process {process}" for process in found]


def started_with(temporary: Path) -> list[int]:
    """Process ids whose TMPDIR this is."""
    variable = b"TMPDIR=%s\0" % os.fsencode(temporary)
    found = []
    for place in Path("/proc").glob("[0-9]*/environ"):
        # Others end meanwhile, or are not ours to read.
        with contextlib.suppress(OSError):
            if variable in place.read_bytes():
                found.append(int(place.parent.name))
    return found


def foreign_lines(done: Finished) -> list[str]:
    """Lines of the log that are not azready's: a traceback, a shell's complaint."""
    return [line for line in done.stderr.decode().splitlines() if not line.startswith("azready: ")]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine without any Python."""
    tools = Combination("shell", "dash", "curl")
    need_programs(tools)
    path, root = make_sandbox(tmp_path / "tools", tools), tmp_path / "root"
    for folder in ("etc", "run", "var/lib", "sys/class/dmi/id"):
        (root / folder).mkdir(parents=True)
    (root / "sys/class/dmi/id/product_uuid").write_text(f"{GENERATION_1}\n")
    with Emulator(load_vm({})) as azure:
        yield Machine(path, root, azure, tmp_path)


def with_python(machine: Machine) -> Machine:
    """The machine with the newest Python that this one has."""
    machine.link("python3", best_python())
    return machine


def best_python() -> str:
    versions = [version for version in USABLE if version in interpreters()]
    return need(f"python{versions[-1]}" if versions else "python3")


# Pythons that do not work


def relocated(folder: Path, python: str, missing: Sequence[str]) -> Path:
    """An interpreter in a folder of its own, whose standard library lacks these files; patterns of bare names."""
    library = Path(ask(python, "import os; print(os.path.dirname(os.__file__))"))
    ignored = shutil.ignore_patterns("__pycache__", "site-packages", "test", "idlelib", "lib2to3", *missing)
    shutil.copytree(library, folder / "lib" / library.name, ignore=ignored, copy_function=os.symlink)
    return moved_interpreter(folder, python)


def moved_interpreter(folder: Path, python: str) -> Path:
    """A copy of the interpreter's program that looks for its library in this folder."""
    (folder / "bin").mkdir(parents=True)
    program = Path(shutil.copy(Path(python).resolve(), folder / "bin"))
    assert ask(str(program), "import sys; print(sys.prefix)") == str(folder)
    return program


def ask(python: str, program: str) -> str:
    """What a Python program prints."""
    command = [python, "-I", "-S", "-c", program]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def without_extension(folder: Path, module: str) -> Path:
    """A Python without one of the modules that come as a shared library."""
    asking = f"import sys; print({module!r} in sys.builtin_module_names)"
    pythons = [path for version, path in interpreters().items() if version in USABLE]
    able = [python for python in pythons if ask(python, asking) == "False"]
    if not able:
        leave_out(f"no Python here has {module} in a file of its own")
    broken = relocated(folder, able[-1], [f"{module}.*"])
    assert "ModuleNotFoundError" in complaint(broken, f"import {module}")
    return broken


def complaint(python: Path, program: str) -> str:
    """The last words of a Python program that fails."""
    return subprocess.run([python, "-I", "-S", "-c", program], capture_output=True, text=True).stderr


def simulated_minimal(folder: Path) -> Path:
    """What Debian's python3-minimal lacks (measured with 3.11), taken from another Python."""
    return relocated(folder, best_python(), ["json", "http", "xml", "ctypes", "shutil.py", "request.py"])


def debian_minimal(folder: Path) -> Path:
    """The system's Python with the library that its package libpython3.X-minimal brings, and nothing else."""
    python = Path("/usr/bin/python3").resolve()
    listing = subprocess.run(["dpkg-query", "-L", f"lib{python.name}-minimal"], capture_output=True, text=True)
    if listing.returncode:
        leave_out("this is no Debian whose Python comes in packages")
    for name in listing.stdout.splitlines():
        if name.startswith(f"/usr/lib/{python.name}/") and os.path.isfile(name):
            place = folder / Path(name).relative_to("/usr")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(name)
    return moved_interpreter(folder, str(python))


def script(text: str, mode: int = 0o755) -> Callable[[Path], Path]:
    """A shell script in the place of an interpreter."""

    def write(folder: Path) -> Path:
        folder.mkdir()
        (folder / "python3").write_text(f"#!/bin/sh\n{text}\n")
        (folder / "python3").chmod(mode)
        return folder / "python3"

    return write


def folder_of_that_name(folder: Path) -> Path:
    folder.mkdir()
    return folder


UNUSABLE: dict[str, Callable[[Path], Path]] = {
    "2.7": lambda _: Path(need("python2.7")),
    "3.6": lambda _: Path(need("python3.6")),
    "minimal of Debian": debian_minimal,
    "minimal, simulated": simulated_minimal,
    "without zlib": functools.partial(without_extension, module="zlib"),
    "without expat": functools.partial(without_extension, module="pyexpat"),
    "without socket": functools.partial(without_extension, module="_socket"),
    "a link to nothing": lambda folder: folder / "nothing",
    "a folder": folder_of_that_name,
    "not executable": script("echo azready-python-ok", mode=0o644),
    "hangs": script("exec sleep 600"),
    "hangs in a process of its own": script("sleep 600"),
    "hangs and takes no signal": script("trap '' TERM HUP INT; while :; do sleep 600; done"),
    "prints rubbish": script("echo rubbish; echo more >&2"),
    "prints the word behind rubbish": script("echo rubbish; echo azready-python-ok"),
    "prints NUL bytes": script("printf '\\0\\n\\0'"),
    "crashes": script("kill -SEGV $$"),
    "fails": script("exit 1"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_python_that_does_not_work_is_passed_over(kind: str, machine: Machine) -> None:
    machine.link("python3", UNUSABLE[kind](machine.scratch / "python"))
    assert machine.provision() == "shell"


def test_a_hanging_python_is_ended_and_nothing_else(machine: Machine) -> None:
    """posh has no kill of its own, and that of procps 4.0.2 takes `-KILL -1234` for -1: everything that runs.

    Behind `--` it cannot. Here PATH holds one that reads both in the same way, and tells how it was called.
    """
    calls = machine.scratch / "calls"
    machine.install("kill", f'#!/bin/sh\necho "$*" >>"{calls}"\nexec {need("busybox")} kill "$@"\n')
    machine.link("python3", UNUSABLE["hangs"](machine.scratch / "python"))
    assert machine.provision(start=[need("posh"), AGENT]) == "shell"
    assert [call for call in calls.read_text().splitlines() if re.search("^((?!-- ).)* -[0-9]", f" {call}")] == []


@pytest.mark.parametrize("kind", ["without zlib", "a link to nothing", "prints rubbish"])
def test_python_asked_for_by_name_has_no_stand_in(kind: str, machine: Machine) -> None:
    """What was asked for cannot be had: that is wrong usage, and nothing may be changed or sent."""
    machine.link("python3", UNUSABLE[kind](machine.scratch / "python"))
    done = machine.run("--engine", "python", "provision")
    assert (done.exit, foreign_lines(done), machine.azure.requests) == (2, [], [])
    assert b"no Python that works" in done.stderr
    assert b"--engine shell" in done.stderr
    assert not (machine.root / "var/lib/azready").exists()


def test_machine_without_python_is_provisioned(machine: Machine) -> None:
    assert machine.provision() == "shell"


# Pythons that work


@pytest.mark.parametrize("version", USABLE)
def test_python_that_works_is_taken(version: str, machine: Machine) -> None:
    machine.link("python3", need(f"python{version}", "runs the Python engine"))
    assert machine.provision() == "python"


def test_python_that_loads_slowly_is_taken(machine: Machine) -> None:
    """On a busy host it may need longer than 4 s; busy it is all that time."""
    slow = "import os, time\nuntil = time.monotonic() + 6\nwhile time.monotonic() < until: pass\n"
    become = f"os.execv('{best_python()}', ['python3'] + sys.argv[1:])"
    text = f'#!/bin/sh\nexec {best_python()} -c "import sys\n{slow}{become}" "$@"\n'
    machine.install("python3", text)
    assert machine.provision() == "python"


def test_python_without_a_3_in_its_name_is_found(machine: Machine) -> None:
    machine.link("python3", "nothing")
    machine.link("python", best_python())
    assert machine.provision() == "python"


def test_shell_engine_asked_for_starts_no_python(machine: Machine) -> None:
    machine.install("python3", f'#!/bin/sh\n: >"{machine.scratch}/started"\n')
    assert machine.provision("--engine", "shell") == "shell"
    assert not (machine.scratch / "started").exists()


def test_pair_given_twice_is_told_alike(machine: Machine) -> None:
    words = ["report", "failed", "disk_full", "need=40G", "have=30G", "need=50G"]
    ends = [with_python(machine).run("--engine", "python", *words), machine.run("--engine", "shell", *words)]
    told = [re.sub(rb"timestamp=[^|]*", b"", sent.body) for sent in machine.azure.requests if sent.endpoint == "health"]
    assert len({done.exit for done in ends}) == 1
    assert len(set(told)) <= 1


# The files alone


def test_shell_text_alone_works(machine: Machine) -> None:
    assert with_python(machine).provision(start=[DIST / "azready.sh"]) == "shell"


def test_shell_text_alone_says_that_it_has_no_python(machine: Machine) -> None:
    done = with_python(machine).run("--engine", "python", "provision", start=[DIST / "azready.sh"])
    assert (done.exit, foreign_lines(done), machine.azure.requests) == (2, [], [])


@pytest.fixture(params=["3.7", "3.13"])
def zipapp(request: pytest.FixtureRequest) -> list[str | Path]:
    """Command of the Python engine alone."""
    return [need(f"python{request.param}", "runs azready.pyz"), DIST / "azready.pyz"]


def test_zipapp_alone_provisions(zipapp: list[str | Path], machine: Machine) -> None:
    assert machine.provision(start=zipapp) == "python"
    again = machine.run("provision", start=zipapp)
    assert (again.exit, len(machine.azure.requests)) == (0, 3)


def test_zipapp_alone_reports_ready(zipapp: list[str | Path], machine: Machine) -> None:
    assert machine.run("report", "ready", start=zipapp).exit == 0
    assert machine.azure.verdict == "Succeeded"


def test_zipapp_alone_reports_a_failure(zipapp: list[str | Path], machine: Machine) -> None:
    assert machine.run("report", "failed", "disk_full", "need=40G", start=zipapp).exit == 0
    assert machine.azure.verdict == "Failed"
    assert machine.azure.description.startswith("result=error|reason=disk_full|")
    assert "|need=40G|" in machine.azure.description


def test_zipapp_alone_explains_itself(zipapp: list[str | Path], machine: Machine) -> None:
    assert machine.run("version", start=zipapp).stdout.decode() == f"azready {project_version(ROOT)}\n"
    assert machine.run("help", start=zipapp).stdout.startswith(b"azready: ")


def test_zipapp_alone_says_where_status_is(zipapp: list[str | Path], machine: Machine) -> None:
    """Its help lists the command, so it owes an answer: the files that have it."""
    done = machine.run("status", start=zipapp)
    assert (done.exit, done.stdout, foreign_lines(done)) == (2, b"", [])
    assert b"azready.sh" in done.stderr


# The fast path


def test_machine_that_is_done_starts_neither_python_nor_awk(machine: Machine) -> None:
    """This runs at every boot of a machine with RUN=per-instance."""
    for tool in ("python3", "python", "awk"):
        machine.install(tool, f'#!/bin/sh\n: >"{machine.scratch}/started"\nexit 1\n')
    marker = machine.root / "var/lib/azready/provisioned"
    marker.parent.mkdir()
    marker.write_text(f"{VM_ID}\n")
    done = machine.run("provision")
    assert (done.exit, foreign_lines(done), machine.azure.requests) == (0, [], [])
    assert not (machine.scratch / "started").exists()


# Ways to start it


@dataclass(frozen=True)
class Way:
    """A command line for the copy of azready in the folder `bin` of the work folder, and where it is typed."""

    words: Sequence[str]
    work: str = "."


WAYS = {
    "relative path": Way(["bin/azready"]),
    "relative path that climbs": Way(["../bin/azready"], "elsewhere"),
    "here": Way(["./azready"], "bin"),
    "sh and a bare name here": Way(["sh", "azready"], "bin"),
    "sh and a relative path": Way(["sh", "bin/azready"]),
    "bare name on PATH": Way(["azready"]),
    "bash and a bare name on PATH": Way(["bash", "azready"]),
    "link": Way(["elsewhere/link"]),
    "link on PATH": Way(["link"]),
    "name with blanks": Way(["bin/az ready"]),
    "name that looks like an option": Way(["sh", "--", "-azready"], "bin"),
}


@pytest.mark.parametrize("engine", ["python", "shell"])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_start_it_works(way: str, engine: str, machine: Machine) -> None:
    """The Python engine must find the very file that was started."""
    folder, elsewhere = machine.scratch / "bin", machine.scratch / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    for name in ("azready", "az ready", "-azready"):
        shutil.copy(AGENT, folder / name)
    (elsewhere / "link").symlink_to("../bin/azready")
    machine.link("azready", folder / "azready")
    machine.link("link", elsewhere / "link")
    machine.link("bash", need("bash"))
    start = ["env", *WAYS[way].words]
    work = machine.scratch / WAYS[way].work
    assert with_python(machine).provision("--engine", engine, start=start, work=work) == engine


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_nothing_is_written_beside_it(engine: str, machine: Machine) -> None:
    """Its folder may be read-only; Python likes to leave compiled files."""
    folder = machine.scratch / "read-only"
    folder.mkdir()
    agent = Path(shutil.copy(AGENT, folder))
    folder.chmod(0o555)
    before = (agent.read_bytes(), folder.stat().st_mtime_ns)
    assert with_python(machine).provision("--engine", engine, start=[agent]) == engine
    assert [path.name for path in folder.iterdir()] == ["azready"]
    assert (agent.read_bytes(), folder.stat().st_mtime_ns) == before
    folder.chmod(stat.S_IRWXU)


@pytest.mark.parametrize("command", [["status"], ["provision"], ["generalize", "--yes"]], ids=lambda words: words[0])
def test_a_root_that_cannot_be_entered_is_no_root(command: list[str]) -> None:
    """It is never this computer that is meant instead."""
    if os.geteuid() != 0:
        leave_out("root enters every directory, so another user is needed")
    # The folder of a test is closed to others, all of it.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "closed").mkdir(mode=0o700)
        words = ["sh", shutil.copy(DIST / "azready.sh", place), "--root", str(place / "closed"), *command]
        done = subprocess.run(words, user=65534, group=65534, extra_groups=[], capture_output=True, text=True)
    assert done.returncode == 2, done.stderr
    assert f"--root {place}/closed: it cannot be entered" in done.stderr
