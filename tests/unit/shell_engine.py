"""The shell engine's functions, called from a test as the engine's own modules call them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from bundle import quote
from support import need, shell_functions
from unit.odd_documents import VM_ID, encode

# Those that the shell engine must run with, and paths of more, as of an old busybox.
AWKS = ("mawk", "gawk", "original-awk", "busybox", *os.environ.get("MORE_AWKS", "").split())
# The time that every report of these tests tells.
WHEN = "2026-01-02T03:04:05Z"


class ShellEngine:
    """The functions of dist/azready.sh in a running dash. `root` and `work` are what they are in a real run."""

    # Each script runs in a subshell of its own, because what refuses a setting calls exit.
    LOOP = '\nwhile read -r script; do (. "$script") </dev/null 2>"$script.err"; printf "%s\\n" $?; done\n'
    BEGIN = (
        "log_level=0 engine=auto force=no config_file='' skip='' deadline=0 goal_state='' metadata='' fail_value=''\n"
        f"current_step='' vm_id={VM_ID}; clock_timestamp() {{ _timestamp={WHEN}; }}\n"
        # What failed is described when it is reported.
        "trap report_describe EXIT\n"
    )

    def __init__(self, folder: Path, awk: str) -> None:
        self.root, self.work, self.script = folder / "root", folder / "work", folder / "script"
        (folder / "bin").mkdir()
        (folder / "bin" / "awk").symlink_to(need(awk, "runs the shell engine's programs"))
        functions = shell_functions()
        (folder / "engine").write_text(functions + self.LOOP)
        self.shell = subprocess.Popen(
            [need("dash"), folder / "engine"],
            # A locale in which tools see more than bytes, as when a person runs azready.
            env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, code: str, work: Mapping[str, bytes] | None = None, tree: Mapping[str, bytes] | None = None) -> int:
        """Exit status of shell code, with just these files in the work directory, and in the root if any are given."""
        assert self.shell.stdin
        assert self.shell.stdout
        plant(self.work, work or {})
        if tree is not None:
            plant(self.root, tree)
        begin = f"{self.BEGIN}root={quote(str(self.root))} work={quote(str(self.work))}; place_own\n"
        self.script.write_bytes(encode(f"{begin}{code}\n"))
        self.shell.stdin.write(os.fsencode(self.script) + b"\n")
        self.shell.stdin.flush()
        return int(self.shell.stdout.readline())

    def kept(self, *names: str) -> list[bytes]:
        """Contents of files of the work directory."""
        return [(self.work / name).read_bytes() for name in names]

    def end(self) -> None:
        self.shell.communicate()


def given_keys(keys: Sequence[str]) -> dict[str, bytes]:
    """What the shell engine keeps of public keys in its work directory; blank ones are none."""
    lines = ["=" + key.replace("\n", "\n+") + "\n" for key in keys if key.strip(" \t\r\n")]
    return {"wanted.keys": encode("".join(lines))}


def plant(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make the folder anew with just these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def harvest(folder: Path) -> dict[str, bytes]:
    """All files below the folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
