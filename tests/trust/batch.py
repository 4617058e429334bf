"""What the shell engine makes of many inputs: its functions in one process, an input after the other, with one awk.

Each input is a folder with `work` and `root`, in which the functions leave their results.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support import need, shell_functions
from unit.odd_documents import VM_ID
from unit.shell_engine import WHEN, given_keys
from unit.test_ssh_engines_agree import GOOD

from trust.inputs import USER, Input
from trust.judging import GROUPS, NOTHING, TREES, Decision, merged, state_of

# A code for each kind: what a run calls, and what it goes on with into files.
_CODES = {
    "goal_state": 'wire_parse "$work/body"',
    "instance": 'imds_parse "$work/body" && imds_has_compute && wanted_merge && tell_wanted',
    "media": "media_parse && wanted_merge && tell_wanted",
    "settings": "config_read && config_rows tell_setting",
    "keys": 'parse_document "$awk_keys" "$work/wanted.keys" check',
    "authorized_keys": "keys_with",
    "names": "step_hostname",
    "account": f"set_USER_GROUPS={GROUPS} wanted_names_user=yes; step_user",
    "rights": f"rights_give {USER}",
    "sshd": "wanted_keys=1; step_ssh_keys && sshd_set_password_login no",
}
# What is there before: as in a run, at that moment.
_BEFORE = {"sshd": {"wanted.password": b"", **given_keys([GOOD[0]])}}
_KEPT = {
    "goal_state": ["INCARNATION", "CONTAINER_ID", "INSTANCE_ID"],
    "instance": sorted(merged(NOTHING)),
    "media": sorted(merged(NOTHING)),
    "keys": ["keys.good", "keys.why"],
    "authorized_keys": ["user.new"],
}
# The watcher of a child costs more than the child, and has tests of its own.
_LOOP = f"""
child_supervise() {{ wait "$1"; _ended=$?; _late=no sys_child=''; }}
clock_timestamp() {{ _timestamp={WHEN}; }}
tell_wanted() {{
	printf '%s' "$wanted_password_login" >"$work/login"
	printf '%s' "$wanted_names_user" >"$work/names"
}}
tell_setting() {{ eval "printf '%s' \\"\\$set_$1\\"" >"$work/set.$1"; }}
log_level=0 engine=auto force=no config_file='' skip='' deadline=0 goal_state='' metadata='' fail_value=''
current_step='' vm_id={VM_ID} steps_chosen=''
config_rows config_set_default
for given in "$1"/*/*; do
	(
		root=$given/root work=$given/work
		trap report_describe EXIT
		place_own
		case $given in
{{cases}}
		esac
	) </dev/null >"$given/out" 2>"$given/err"
	printf '%s' "$?" >"$given/status"
done
"""


class Batch:
    """Inputs in a folder, `KIND/NUMBER`, for one awk."""

    def __init__(self, folder: Path, awk: str) -> None:
        self._folder = folder / "inputs"
        self._path = folder / "bin"
        self._engine = folder / "engine"
        if not self._path.exists():
            self._path.mkdir()
            (self._path / "awk").symlink_to(need(awk, "runs the shell engine's programs"))
        functions = shell_functions()
        cases = "".join(f"\t\t*/{kind}/*) {code} ;;\n" for kind, code in _CODES.items())
        self._engine.write_text(functions + _LOOP.replace("{cases}", cases))

    def add(self, kind: str, number: int, given: Input) -> None:
        """Write down one input."""
        place = self._place(kind, number)
        files = {**given, **{f"work/{name}": data for name, data in _BEFORE.get(kind, {}).items()}}
        for folder in (place / "root", place / "work"):
            folder.mkdir(parents=True)
        for path, data in {"work/DESCRIPTION": b"", **files}.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(data)

    def run(self) -> None:
        """Have the engine decide on all of them."""
        environment = {"PATH": f"{self._path}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [need("dash"), str(self._engine), str(self._folder)], env=environment, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), done

    def decision(self, kind: str, number: int) -> tuple[Decision, str]:
        """What became of one, and what was said about it; None where it was refused."""
        place = self._place(kind, number)
        said = (place / "err").read_text(errors="backslashreplace")
        status = int((place / "status").read_text() or -1)
        if kind in TREES:
            return {"row": (place / "work/DESCRIPTION").read_bytes(), **state_of(place / "root")}, said
        if status:
            return None, said
        names = _KEPT.get(kind) or [path.name for path in (place / "work").glob("set.*")]
        return {name.removeprefix("set."): (place / "work" / name).read_bytes() for name in names}, said

    def clear(self) -> None:
        """Make room."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _place(self, kind: str, number: int) -> Path:
        return self._folder / kind / str(number)


def differences(python: Decision, shell: Decision) -> Sequence[str]:
    """In what they differ, each in a line."""
    if python is None or shell is None:
        return [] if python is shell else [f"python {_short(python)}, shell {_short(shell)}"]
    names = sorted(python.keys() | shell.keys())
    return [
        f"{name}: {_parting(python.get(name), shell.get(name))}"
        for name in names
        if python.get(name) != shell.get(name)
    ]


def _short(decision: Decision) -> str:
    return "refuses it" if decision is None else f"takes it: { {key: value[:60] for key, value in decision.items()} }"


def _parting(python: bytes | None, shell: bytes | None) -> str:
    """Both, from shortly before the first byte in which they differ."""
    same = len(os.path.commonprefix([python or b"", shell or b""]))
    shown = slice(max(0, same - 60), same + 120)
    return ", ".join(
        f"{engine} has {'none' if data is None else repr(data[shown])}"
        for engine, data in (("python", python), ("shell", shell))
    )
