"""`python3 build.py release` and `python3 build.py verify`."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import bundle
from conformance.results import FILE as RESULTS

from release import verify as comparison
from release.assemble import SUMS, release_files
from release.report import reports
from release.signing import sign
from release.source import ReleaseError, notes, release_moment, uncommitted

ROOT = Path(__file__).resolve().parents[2]
WHEELS = ROOT / "build" / "wheels"
TRUST = ROOT / "build" / "trust"


def release(arguments: list[str]) -> int:
    """Write dist/release, and say what came of it."""
    parser = argparse.ArgumentParser("build.py release", description="Make the files of a release in dist/release.")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign SHA256SUMS with this SSH key")
    parser.add_argument("--report", type=Path, metavar="FILE", help="results of the suite, in place of a run of it")
    parser.add_argument("--no-report", action="store_true", help="leave out what says how the tests ended")
    parser.add_argument("--out", type=Path, metavar="DIR", default=ROOT / "dist" / "release", help="another folder")
    options = parser.parse_args(arguments)
    foresee(options.sign)
    found = {} if options.no_report else {**conformance(options.report), **trust_tables()}
    files = release_files(ROOT, WHEELS, found)
    _clear(options.out, files)
    bundle.write(options.out, files)
    for name, content in sorted(files.items()):
        print(f"  {name:28} {len(content):>9,} bytes")
    changed = uncommitted(ROOT)
    if changed:
        print(f"not of a commit: {len(changed)} files differ from it, such as {changed[0]}")
    if options.sign:
        print(f"signed: {sign(ROOT, options.sign, options.out / SUMS).name}")
    else:
        print("not signed: --sign KEY signs it")
    return 0


def foresee(key: Path | None) -> None:
    """Fail at once and not behind a run of the suite, if there are no notes, no date, or a key that does not do."""
    version = bundle.project_version(ROOT)
    notes(ROOT, version)
    release_moment(ROOT, version)
    if key:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / SUMS).write_text("")
            sign(ROOT, key, Path(folder) / SUMS)


def conformance(given: Path | None) -> dict[str, bytes]:
    """The reports about the suite: of these results, of those that are there for this very azready, or of a run now."""
    version, agent = bundle.project_version(ROOT), bundle.assemble(ROOT, WHEELS)["azready"]
    if given is None:
        with contextlib.suppress(ReleaseError):
            found = reports(version, agent, RESULTS)
            print(f"conformance: taken from {RESULTS}, which is about this azready")
            return found
        print("conformance: running the suite, which takes many minutes", flush=True)
        # Like `build.py test`: most of a case is waiting.
        workers = ("-n", str(4 * (os.cpu_count() or 1)), "--dist", "worksteal", "--cache-clear")
        suite = ROOT / "tests" / "conformance" / "test_conformance.py"
        subprocess.run([sys.executable, "-P", "-m", "pytest", *workers, f"{suite}::test_case"], cwd=ROOT)
    return reports(version, agent, given or RESULTS)


def trust_tables() -> dict[str, bytes]:
    """What the tests of faults have written, if they ran: trust-NAME."""
    files = sorted(path for path in TRUST.glob("*") if path.suffix in (".md", ".json"))
    return {f"trust-{path.name}": path.read_bytes() for path in files}


def _clear(folder: Path, files: dict[str, bytes]) -> None:
    """Take away what an earlier release left: it would be published with this one."""
    for path in folder.glob("*") if folder.is_dir() else ():
        if path.name not in files:
            path.unlink()


def verify(arguments: list[str]) -> int:
    """Say whether a file is what this source tree makes; 0: it is, 1: it is not, 2: nobody can say."""
    parser = argparse.ArgumentParser("build.py verify", description=verify.__doc__)
    parser.add_argument("file", type=Path, metavar="FILE", help="a file of a release, wherever it is from")
    parser.add_argument("--as", dest="name", metavar="NAME", help="which file of a release it is meant to be")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.error(f"{options.file}: no such file")
    status, lines = comparison.verify(ROOT, WHEELS, options.file, options.name or options.file.name)
    changed = uncommitted(ROOT)
    print("\n".join(lines))
    if changed:
        print(f"note: this checkout is not as committed: {len(changed)} files differ, such as {changed[0]}")
    return status


COMMANDS = {"release": release, "verify": verify}


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except (ReleaseError, bundle.BundleError, OSError) as error:
        print(f"build.py {arguments[0]}: {error}", file=sys.stderr)
        # 1 is an answer of verify.
        return 2 if arguments[0] == "verify" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
