"""`python3 build.py release` and `python3 build.py verify`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import bundle

from release.assemble import SUMS, release_files
from release.signing import sign
from release.source import ReleaseError, uncommitted

ROOT = Path(__file__).resolve().parents[2]


def release(arguments: list[str]) -> int:
    """Write dist/release, and say what came of it."""
    parser = argparse.ArgumentParser("build.py release", description="Make the files of a release in dist/release.")
    parser.add_argument("--sign", type=Path, metavar="KEY", help="sign SHA256SUMS with this SSH key")
    parser.add_argument("--out", type=Path, metavar="DIR", default=ROOT / "dist" / "release", help="another folder")
    options = parser.parse_args(arguments)
    files = release_files(ROOT, ROOT / "build" / "wheels", {})
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


def _clear(folder: Path, files: dict[str, bytes]) -> None:
    """Take away what an earlier release left: it would be published with this one."""
    for path in folder.glob("*") if folder.is_dir() else ():
        if path.name not in files:
            path.unlink()


COMMANDS = {"release": release}


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    try:
        return COMMANDS[arguments[0]](arguments[1:])
    except (ReleaseError, bundle.BundleError, OSError) as error:
        print(f"build.py {arguments[0]}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
