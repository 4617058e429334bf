#!/usr/bin/env python3
"""The front door of azready's source tree.

Needs Python 3.11 or newer and nothing else: it makes its own environment in .venv, with pinned and hashed tools.
Everything that it writes lies in .venv, build and dist; the home directory is never touched.
"""

# This file must be valid for Python 3.6, so that an old interpreter gets to run the check below and not a SyntaxError.
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NEWER = ("python3.14", "python3.13", "python3.12", "python3.11", "python3")


def start_again_with_newer_python() -> None:
    """Replace this process by the first Python of PATH that is new enough; without one say so and stop."""
    check = "import sys; sys.exit(sys.version_info < (3, 11))"
    for command in filter(None, map(shutil.which, NEWER)):
        # Trying is the only proof: version managers put commands on PATH that only print an error.
        if subprocess.run([command, "-c", check], stderr=subprocess.DEVNULL).returncode == 0:
            os.execv(command, [command, *sys.argv])
    have = ".".join(map(str, sys.version_info[:3]))
    sys.exit(f"build.py: this is Python {have}, and no Python 3.11 or newer is on PATH: install one")


if sys.version_info < (3, 11):  # noqa: UP036 - too old is the case that this line is for
    start_again_with_newer_python()

ROOT = Path(__file__).resolve().parent
BUILD = ROOT / "build"
CACHE = BUILD / "cache"
WHEELS = BUILD / "wheels"
VENV = ROOT / ".venv"
PYTHON = str(VENV / "bin" / "python")
TOOLS_LOCK = ROOT / "tests" / "requirements.lock"
# Most of a conformance case is waiting for a time-out or a back-off to pass, so more workers than processors pay.
WORKERS = str(4 * (os.cpu_count() or 1))

# Two machines of QEMU without KVM are all that two processors carry; each next one starts as soon as one is done.
MACHINES = ("-v", "-n", "2", "--dist", "load", "--maxschedchunk", "1")
MACHINES_FOLDER = "tests/lab/boot"
# What the conformance suite reached is added up once all of it has run.
COVERAGE = "tests/trust/test_coverage.py"

# pytest's status for "some tests failed", and how many of them may run again.
TESTS_FAILED, FEW = 1, 5

# What `lock` resolves: lock file -> requirements, and the interpreters that the result must suit.
LOCKS = {
    "agent/urllib3-2.lock": (["urllib3>=2,<3"], "CPython>=3.10"),
    "agent/urllib3-1.lock": (["urllib3>=1.26,<2"], "CPython>=3.7"),
    "agent/h11.lock": (["h11"], "CPython>=3.11"),
    "tests/requirements.lock": (["-r", "tests/requirements.in"], "CPython>=3.11"),
}
LOCK_HEADER = "# Written by `python3 build.py lock`: versions, and the SHA-256 of every file that may be installed.\n"


def build(arguments: list[str]) -> int:
    """[no arguments] assemble dist/ (prepares .venv and fetches urllib3 and h11 the first time)"""
    if arguments:
        return usage(f"build takes no arguments, but got: {' '.join(arguments)}")
    with one_at_a_time():
        prepare()
        fetch()
        step("assembling dist/", PYTHON, ROOT / "agent" / "bundle.py", "--wheels", WHEELS)
    for line in (ROOT / "dist" / "SHA256SUMS").read_text().splitlines():
        name = line.split()[1]
        print(f"  dist/{name}  {(ROOT / 'dist' / name).stat().st_size:,} bytes")
    return 0


def demo(arguments: list[str]) -> int:
    """[--engine E] [--scenario S] [--keep] build, then watch a machine being provisioned here"""
    return build([]) or run_module("conformance.demo", *arguments)


def test(arguments: list[str]) -> int:
    """[PYTEST ARGUMENTS] build, then run linters, type checker, unit tests, conformance cases and real machines"""
    workers = ("-n", WORKERS, "--dist", "worksteal")
    if arguments:
        return build([]) or run_module("pytest", *workers, *arguments)
    status = build([])
    if status:
        return status
    shutil.rmtree(BUILD / "trust" / "coverage", ignore_errors=True)
    os.environ["MEASURE_COVERAGE"] = "yes"
    # The machines come last and by themselves: each wants a processor for minutes.
    alone = [word for place in (COVERAGE, MACHINES_FOLDER) for word in ("--ignore", place)]
    phases = ((*workers, "--cache-clear", *alone), (COVERAGE,), (*MACHINES, MACHINES_FOLDER))
    status = max(run_module("pytest", *phase) for phase in phases)
    return again() if status == TESTS_FAILED else status


def again() -> int:
    """Run what failed once more, one by one: what a busy computer did must not pass for a fault, nor be hidden."""
    failed = sorted(json.loads((CACHE / "pytest" / "v" / "cache" / "lastfailed").read_text()))
    if len(failed) > FEW:
        return TESTS_FAILED
    print("== once more, alone: what failed", flush=True)
    status = run_module("pytest", "-n", "0", *failed)
    if status == 0:
        print("== unsteady, look into each: " + ", ".join(failed), flush=True)
    return status


def boot(arguments: list[str]) -> int:
    """[NAME ..] build, then boot real machines (all, or those of this name) and show how they fared"""
    return build([]) or run_module("lab.boot", *arguments)


def live(arguments: list[str]) -> int:
    """TREE [--engine E] [--client C] [--vm FILE] [--keep] [--json] run azready live in a copy of a root file system"""
    with contextlib.redirect_stdout(sys.stderr):  # standard output is the JSON's
        status = build([])
    return status or run_module("lab.live", *arguments)


def bench(arguments: list[str]) -> int:
    """[--peers] [--rounds N] [--only WORK] [--json] [--fleet N] build, then measure what azready costs beside others"""
    with contextlib.redirect_stdout(sys.stderr):  # standard output is the JSON's
        status = build([])
    return status or run_module("bench", *arguments)


def upstream(arguments: list[str]) -> int:
    """[--suite S] [--accept] [--json] what the newest cloud-init and WALinuxAgent do otherwise on the wire"""
    with one_at_a_time(), contextlib.redirect_stdout(sys.stderr):
        prepare()
    return run_module("lab.upstream", *arguments)


def fuzz(arguments: list[str]) -> int:
    """[--count N] [--first N] [--kind K] [--awk A] build, then look for inputs that tell the two engines apart"""
    return build([]) or run_module("trust.fuzz", *arguments)


def faults(arguments: list[str]) -> int:
    """[--client C] [--only TEXT] build, then run against servers that misbehave in every way, and write a table"""
    return build([]) or run_module("trust.fault_table", *arguments)


def lock(arguments: list[str]) -> int:
    """[no arguments] resolve the newest allowed versions with pex and write the lock files"""
    if arguments:
        return usage(f"lock takes no arguments, but got: {' '.join(arguments)}")
    with one_at_a_time():
        prepare()
        for path, (requirements, interpreters) in LOCKS.items():
            (ROOT / path).write_text(LOCK_HEADER + pins(resolve(path, requirements, interpreters)))
    return 0


def release(arguments: list[str]) -> int:
    """[--sign KEY] [--report FILE | --no-report] build, then write dist/release, with a report of the tests"""
    return build([]) or run_module("release", "release", *arguments, folder=Path.cwd())


def verify(arguments: list[str]) -> int:
    """FILE [--as NAME] build what FILE is meant to be, and say whether it is, or where it differs"""
    # Not into dist/, where FILE may lie; and standard output is the answer's.
    with one_at_a_time(), contextlib.redirect_stdout(sys.stderr):
        prepare()
        fetch()
    return run_module("release", "verify", *arguments, folder=Path.cwd())


COMMANDS = {
    "build": build,
    "demo": demo,
    "test": test,
    "boot": boot,
    "live": live,
    "bench": bench,
    "upstream": upstream,
    "release": release,
    "verify": verify,
    "fuzz": fuzz,
    "faults": faults,
    "lock": lock,
}


def prepare() -> None:
    """Make .venv and install the locked tools; nothing to do while the lock stays the same."""
    stamp = VENV / "requirements.sha256"
    wanted = hashlib.sha256(TOOLS_LOCK.read_bytes()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted and os.access(PYTHON, os.X_OK):
        return
    # Debian splits ensurepip off; its own message names the package.
    step("making .venv", sys.executable, "-m", "venv", "--clear", VENV)
    install = ("-m", "pip", "install", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:")
    step("installing the locked tools into .venv", PYTHON, *install, "-r", TOOLS_LOCK)
    stamp.write_text(wanted)


def fetch() -> None:
    """Have pex fetch the wheels of the locks in agent/, hashes checked; what is there and right stays."""
    sys.pycache_prefix = str(CACHE / "bytecode")
    sys.path.insert(0, str(ROOT / "agent"))
    import bundle

    locks = [ROOT / "agent" / f"{name}.lock" for name in bundle.LOCKED]
    if all(bundle.locked_wheel(pinned, WHEELS) for pinned in locks):
        return
    shutil.rmtree(WHEELS, ignore_errors=True)  # pex leaves a file alone that is there, even a spoiled one
    for pinned in locks:
        step(f"fetching {pinned.stem}", *pex("download", "--intransitive", "--dest-dir", WHEELS, "-r", pinned))


def resolve(path: str, requirements: list[str], interpreters: str) -> dict[str, Any]:
    """pex's own lock for all interpreters and systems that are meant, as it writes it (JSON, with addresses)."""
    output = BUILD / "locks" / f"{Path(path).stem}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    target = ("--style", "universal", "--target-system", "linux", "--target-system", "mac")
    options = (*target, "--interpreter-constraint", interpreters, "--no-build", "--output", output)
    step(f"locking {path} (minutes)", *pex("lock", "create", *options, *requirements))
    resolved: dict[str, Any] = json.loads(output.read_text())
    return resolved


def pins(resolved: dict[str, Any]) -> str:
    """A pip requirements file with hashes, true for every Python and every mirror.

    `pex3 lock export` names only the wheels of this machine, and pex's JSON names the registry that answered.
    """
    (solution,) = resolved["locked_resolves"]
    text = ""
    for package in sorted(solution["locked_requirements"], key=lambda package: package["project_name"]):
        hashes = sorted({artifact["hash"] for artifact in package["artifacts"]})
        pin = f"{package['project_name']}=={package['version']}"
        text += " \\\n    --hash=sha256:".join([pin, *hashes]) + "\n"
    return text


def pex(*arguments: Any) -> tuple[Any, ...]:
    """A call of the pex3 tool that honours pip's configuration, for those who are behind a mirror."""
    return (PYTHON, "-m", "pex.cli", *arguments, "--use-pip-config")


def step(title: str, *command: Any) -> None:
    """Run a command behind one line of progress; its output is shown when it fails, and then the build stops."""
    print(f"{title} ...", end="", flush=True)
    started = time.monotonic()
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    print(f" {time.monotonic() - started:.1f} s")
    if done.returncode:
        sys.exit(f"{done.stdout.decode(errors='replace')}\nbuild.py: {title}: failed, see above")


def run_module(*command: str, folder: Path = ROOT) -> int:
    """Run a module of the environment with tests/ and agent/ importable; its exit status."""
    variables = {**environment(), "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'agent'}"}
    # -P: nothing of the folder is imported by mistake.
    return subprocess.run([PYTHON, "-P", "-m", *command], cwd=folder, env=variables).returncode


def environment() -> dict[str, str]:
    """The variables for child processes: whoever keeps a cache keeps it below build/, home or no home."""
    caches = {
        "PEX_ROOT": "pex",
        "PIP_CACHE_DIR": "pip",
        "XDG_CACHE_HOME": "other",
        "PYTHONPYCACHEPREFIX": "bytecode",
        "HYPOTHESIS_STORAGE_DIRECTORY": "hypothesis",
    }
    return {**os.environ, **{variable: str(CACHE / folder) for variable, folder in caches.items()}}


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Make a second build.py in this folder wait, instead of both writing the same files."""
    BUILD.mkdir(exist_ok=True)
    with open(BUILD / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def usage(problem: str = "") -> int:
    """Explain the commands: status 0. With a problem: on stderr, status 2."""
    lines = [f"  {name:8} {function.__doc__}" for name, function in COMMANDS.items()]
    text = "\n".join([__doc__.strip(), "", "usage: python3 build.py COMMAND [ARGUMENTS]", "", *lines])
    print(f"{text}\n\nbuild.py: {problem}" if problem else text, file=sys.stderr if problem else sys.stdout)
    return 2 if problem else 0


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    name, *rest = arguments or ["help"]
    if name in ("help", "-h", "--help"):
        return usage()
    return COMMANDS[name](rest) if name in COMMANDS else usage(f"no such command: {name}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
