"""What azready owes to the other programs of a live machine: useradd, glibc's lock of the accounts, systemd."""

from __future__ import annotations

from pathlib import Path

import pytest

from .live_machine import provision

# As shadow 4.13 refuses a name that is good for azready; the other words go to the true one.
_STRICT_USERADD = """\
mkdir -p "$SCRATCH/bin"
cat >"$SCRATCH/bin/useradd" <<END
#!/bin/sh
case " \\$* " in *" --badname "*) exec $(command -v useradd) "\\$@" ;; esac
echo "useradd: invalid user name" >&2
exit 3
END
chmod +x "$SCRATCH/bin/useradd"
"""
# As a program that takes glibc's lock alone, such as systemd-sysusers; without a useradd, which would wait by itself.
_LOCK_HELD = """\
mount --bind /dev/null "$(command -v useradd)"
"$PYTHON" -c "
import fcntl, os, time
lock = os.open(\\"/etc/.pwd.lock\\", os.O_WRONLY | os.O_CREAT, 0o600)
fcntl.lockf(lock, fcntl.LOCK_EX)
open(os.environ[\\"SCRATCH\\"] + \\"/held\\", \\"w\\").close()
time.sleep(3)
with open(os.environ[\\"SCRATCH\\"] + \\"/released\\", \\"w\\") as file: file.write(str(time.time()))
" &
until [ -e "$SCRATCH/held" ]; do sleep 0.05; done
"""
_SYSTEMD = """\
mkdir -p /run/systemd/system /etc/systemd/system "$SCRATCH/bin"
cat >"$SCRATCH/bin/systemctl" <<END
#!/bin/sh
echo "\\$*" >>"$SCRATCH/systemctl"
END
chmod +x "$SCRATCH/bin/systemctl"
"""


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_name_that_useradd_refuses_is_made_with_badname(engine: str, tmp_path: Path) -> None:
    seen = provision(
        engine, tmp_path, _STRICT_USERADD, 'grep "^azureuser:" /etc/passwd >"$SCRATCH/account"', AZREADY_STEPS="user"
    )
    assert "status" not in seen, seen["log"]
    assert seen["account"].startswith("azureuser:x:")
    assert "with useradd\n" in seen["log"]


def test_the_python_engine_waits_for_the_lock_of_glibc(tmp_path: Path) -> None:
    """A shell cannot: the contract says so."""
    look = 'stat -c %.9Y /etc/passwd >"$SCRATCH/changed"; grep "^azureuser:" /etc/passwd >"$SCRATCH/account"'
    seen = provision("python", tmp_path, _LOCK_HELD, look, AZREADY_STEPS="user")
    assert "status" not in seen, seen["log"]
    assert seen["account"].startswith("azureuser:x:")
    assert float(seen["changed"]) >= float(seen["released"])


def test_a_systemd_that_runs_is_told_of_a_new_service(tmp_path: Path) -> None:
    look = 'sh "$AGENT" install --init systemd --prefix /var/azready 2>"$SCRATCH/said" || echo "$?" >"$SCRATCH/failed"'
    seen = provision("shell", tmp_path, _SYSTEMD, look, AZREADY_STEPS="")
    assert "failed" not in seen, seen["said"]
    assert seen["systemctl"].splitlines()[-1] == "daemon-reload"
