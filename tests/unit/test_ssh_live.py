"""The real root with a real sshd: what `sshd -T` says for the user counts, its configuration is checked, it is told.

In mount and pid namespaces of the test's own, with /etc, /run and /home on scratch file systems.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import support
from bundle import quote
from lab.namespace import run_script

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
# A process that is called sshd, whose number stands in the pid file, is what gets HUP.
_INSIDE = """
cp -a /etc "$SCRATCH/etc"
for place in /etc /run /home; do mount -t tmpfs scratch "$place"; done
cp -a "$SCRATCH/etc/." /etc
rm -rf /etc/ssh "$SCRATCH/etc"
mkdir -p /run/sshd /etc/ssh/sshd_config.d /home/azureuser
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
printf 'sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\\nazureuser:x:1000:1000::/home/azureuser:/bin/sh\\n' >/etc/passwd
cat >/etc/ssh/sshd_config <<'.'
Include /etc/ssh/sshd_config.d/*.conf
Match User azureuser
  AuthorizedKeysFile /etc/ssh/keys/%u .ssh/authorized_keys
.
cp "$(command -v sleep)" "$SCRATCH/sshd"
# Whoever started us may ignore HUP (nohup), which only env can undo.
env --default-signal=HUP "$SCRATCH/sshd" 600 & server=$!
echo "$server" >/run/sshd.pid
[ -z "$FAKE" ] || mount --bind "$FAKE" "$(command -v sshd)"
"$@" || :
if kill -0 "$server" 2>/dev/null && [ -z "$HUP" ]; then kill "$server"; fi
code=0; wait "$server" || code=$?
echo "server $code"
stat -c '%a %u %n' /etc/ssh/keys/azureuser || :
cat /etc/ssh/sshd_config.d/00-azready.conf || :
[ -n "$FAKE" ] || sshd -T -C user=azureuser,host=localhost,addr=127.0.0.1
"""
_PYTHON = f"""
import sys
from azready.machine import config, sshd_password
from azready.steps import ssh_keys
from azready.machine.failure import Failure
from azready.azure.run import Run, Wanted
from azready.machine.system import System
run = Run(System("/"), config.defaults(), [])
run.wanted = Wanted(admin_user="azureuser", keys=({_KEY!r},))
try:
    ssh_keys.step_ssh_keys(run)
    sshd_password.set_password_login(run.system, "azureuser", False)
    sshd_password.set_password_login(run.system, "azureuser", False)
except Failure as failure:
    print(failure, file=sys.stderr)
"""
_SHELL = f"""
set_password() {{ sshd_set_password_login no || cat "$work/failure" >&2; }}
log_level=1 root='' work=$SCRATCH/work fail_value='' current_step='' vm_id=x wanted_keys=1
mkdir "$work"
printf azureuser >"$work/wanted.admin-user"
: >"$work/wanted.password"
printf '=%s\\n' {quote(_KEY)} >"$work/wanted.keys"
step_ssh_keys
set_password && [ ! -e "$work/failure" ] && set_password
"""


def _run(engine: str, folder: Path, fake: str = "") -> tuple[str, str]:
    """What the commands inside print, and the log."""
    for tool in ("sshd", "ssh-keygen"):
        support.need(tool)
    command = [sys.executable, "-c", f"import sys; sys.path.append({str(support.DIST / 'azready.pyz')!r}){_PYTHON}"]
    if engine == "shell":
        functions = support.shell_functions()
        (folder / "engine").write_text(f"{functions}\n{_SHELL}")
        command = ["sh", str(folder / "engine")]
    if fake:
        (folder / "fake").write_text(fake)
        (folder / "fake").chmod(0o755)
    environment = {"SCRATCH": str(folder), "HUP": "" if fake else "yes"}
    environment["FAKE"] = str(folder / "fake") if fake else ""
    ended = run_script(_INSIDE, environment, *command, proc=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout, ended.stderr


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_real_sshd_says_where_the_keys_go_and_takes_no_passwords(engine: str, tmp_path: Path) -> None:
    seen, logged = _run(engine, tmp_path)
    lines = seen.splitlines()
    # 129: it ended by HUP.
    assert lines[0] == "server 129", seen + logged
    assert lines[1] == "644 0 /etc/ssh/keys/azureuser"
    assert {"passwordauthentication no", "kbdinteractiveauthentication no"} <= set(lines)
    assert "keys added to /etc/ssh/keys/azureuser" in logged
    assert logged.count("written to /etc/ssh/sshd_config.d/00-azready.conf") == 1
    assert "PasswordAuthentication is no already" in logged


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_configuration_that_sshd_refuses_is_taken_back(engine: str, tmp_path: Path) -> None:
    fake = '#!/bin/sh\n[ ! -e /etc/ssh/sshd_config.d/00-azready.conf ] || { echo "a: bad line" >&2; exit 255; }\n'
    seen, logged = _run(engine, tmp_path, fake)
    # 143: it ended by the TERM of this test, so nobody sent HUP.
    assert seen.splitlines()[0] == "server 143", seen + logged
    assert "PasswordAuthentication" not in seen
    assert "ssh_not_set file=/etc/ssh/sshd_config.d/00-azready.conf error=a: bad line" in logged
