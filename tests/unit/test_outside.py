"""Where azready.service limits itself, systemd starts hooks and scripts in units of their own: nothing else differs."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path

import pytest
from lab.emulator import Emulator, load_vm
from lab.namespace import run_script
from support import DIST

ENGINES = pytest.mark.parametrize("engine", ["python", "shell"])
# As the real one: what it starts has another environment, other files, and a session of its own.
_SYSTEMD_RUN = """
printf '%s\\n' "$@" >"$SCRATCH/unit"
while [ "$1" != -- ]; do shift; done
shift
cp "$2" "$SCRATCH/text" && ls -l "$2" >"$SCRATCH/mode"
env -i PATH=/usr/bin:/bin setsid "$@" >/dev/null 2>&1 </dev/null
"""
_MACHINE = """
scratch /etc /var/lib /run
echo root:x:0:0::/root:/bin/sh >/etc/passwd
mkdir /etc/azready.d
cp "$SCRATCH/hook" /etc/azready.d/
"""
_PROVISION = """
sh "$AGENT" --engine "$ENGINE" provision --force --only hostname,user-data,hooks 2>"$SCRATCH/log" || :
ls -A /run/azready >"$SCRATCH/left"
"""
_HOOK = """#!/bin/sh
echo "$AZREADY_HOSTNAME $AZREADY_ROOT $GIVEN $(pwd) $0 $#"
[ ! -s "$AZREADY_INSTANCE_JSON" ] || echo an instance
cat
echo "confined: ${azready_confined-no}, words: ${azready_word_1-none}"
umask
sleep 100 &
"""


def provision(folder: Path, engine: str, hook: str, confined: str, systemd_run: str = _SYSTEMD_RUN) -> str:
    """The log of a provisioning of a machine with this hook, and the same as custom data that is run."""
    folder.mkdir()
    (folder / "bin").mkdir()
    (folder / "bin" / "systemd-run").write_text(f"#!/bin/sh\n{systemd_run}")
    (folder / "bin" / "systemctl").write_text("#!/bin/sh\necho ActiveState=activating\n")
    (folder / "hook").write_text(hook)
    for file in (folder / "hook", *(folder / "bin").iterdir()):
        file.chmod(0o755)
    encoded = base64.b64encode(hook.encode()).decode()
    with Emulator(load_vm({"metadata": {"compute": {"userData": encoded}}})) as azure:
        environment = {
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}:/usr/sbin",
            "AGENT": str(DIST / "azready"),
            "ENGINE": engine,
            "SCRATCH": str(folder),
            "GIVEN": 'what\'s "given"\nin $HOME two lines',
            "azready_confined": confined,
            "AZREADY_USER_DATA": "run",
            "AZREADY_WIRESERVER": azure.wireserver,
            "AZREADY_IMDS": azure.imds,
            "AZREADY_LOG_CONSOLE": "no",
            "AZREADY_DEADLINE": "60",
        }
        done = run_script(_MACHINE + _PROVISION, environment, network=False, proc=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub("timestamp=[^|]*", "", (folder / "log").read_text())


@ENGINES
def test_a_hook_in_a_unit_of_its_own_meets_what_it_always_meets(engine: str, tmp_path: Path) -> None:
    said = [provision(tmp_path / confined, engine, _HOOK, confined) for confined in ("no", "yes")]
    assert said[1] == said[0]
    assert not (tmp_path / "no" / "unit").exists()
    assert "hooks: hook: confined: no, words: none" in said[1]


@ENGINES
@pytest.mark.parametrize("ending", ["echo why >&2; exit 7", "kill -KILL $$", "no-such-program"])
def test_how_it_ended_is_told_as_ever(engine: str, ending: str, tmp_path: Path) -> None:
    said = [provision(tmp_path / confined, engine, f"#!/bin/sh\n{ending}\n", confined) for confined in ("no", "yes")]
    assert said[1] == said[0]
    assert "not provisioned: hook_failed" in said[1]


# A systemd that starts itself anew: whoever waits for it hears no more, and the unit goes on.
_ANEW = """
while [ "$1" != -- ]; do shift; done
shift
env -i PATH=/usr/bin:/bin setsid "$@" >/dev/null 2>&1 </dev/null &
until [ -e "$2.began" ]; do sleep 0.1; done
exit 1
"""


@ENGINES
def test_it_is_waited_for_also_where_systemd_starts_anew(engine: str, tmp_path: Path) -> None:
    said = provision(tmp_path / "yes", engine, "#!/bin/sh\nsleep 2\nexit 7\n", "yes", _ANEW)
    assert "hook_failed step=hooks hook=hook status=7" in said


@ENGINES
def test_the_unit_ends_in_time_and_with_the_service(engine: str, tmp_path: Path) -> None:
    provision(tmp_path / "yes", engine, _HOOK, "yes")
    words = set((tmp_path / "yes" / "unit").read_text().splitlines())
    assert {f"--property={it}" for it in ("BindsTo=azready.service", "Before=azready.service")} < words
    assert {"--service-type=oneshot", "--property=RemainAfterExit=yes", "--property=TimeoutStartSec=62"} < words


@ENGINES
def test_what_is_written_for_the_unit_is_roots_alone_and_does_not_stay(engine: str, tmp_path: Path) -> None:
    provision(tmp_path / "yes", engine, _HOOK, "yes")
    assert (tmp_path / "yes" / "mode").read_text().startswith("-rw-------")
    assert "outside" not in (tmp_path / "yes" / "left").read_text()


@ENGINES
def test_what_systemd_does_not_start_is_started_all_the_same(engine: str, tmp_path: Path) -> None:
    said = provision(tmp_path / "yes", engine, _HOOK, "yes", "echo no bus >&2\nexit 1\n")
    assert "hooks: hook: azready: limited as azready.service is, systemd did not start it: no bus" in said
    assert "hooks: hook: confined: no, words: none" in said
    assert "the platform accepted Ready" in said
