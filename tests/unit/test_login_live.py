"""What the step `login` finds is what really happens: a real sshd lets the user in or not, sudo and doas answer so.

In namespaces of the test's own, with /etc, /run and /home on scratch file systems.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import support
from bundle import quote
from lab.namespace import run_script

_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
# The account, its key, a server's configuration, made anew for each scene, which keeps what is printed and logged.
# Nobody has made /run/sshd, without which sshd -T of OpenSSH 9.2 says nothing.
_INSIDE = """
mkdir "$SCRATCH/etc"
for file in alternatives pam.d security nsswitch.conf ld.so.cache ssl login.defs sudo.conf; do
	[ ! -e "/etc/$file" ] || cp -a "/etc/$file" "$SCRATCH/etc"
done
ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/key"
ssh-keygen -q -t ed25519 -N '' -f "$SCRATCH/host"
for scene in "$SCRATCH"/scenes/*; do
	for place in /etc /run /home; do mount -t tmpfs -o mode=0755 scratch "$place"; done
	cp -a "$SCRATCH/etc/." /etc
	mkdir -p /etc/ssh /home/ada/.ssh /etc/sudoers.d
	cp -p "$SCRATCH/host" /etc/ssh/ssh_host_ed25519_key
	printf '%s\\n' 'root:x:0:0:root:/root:/bin/sh' 'sshd:x:100:65534::/run/sshd:/usr/sbin/nologin' \\
		'ada:x:1000:1000::/home/ada:/bin/sh' >/etc/passwd
	printf '%s\\n' 'root:x:0:' 'ada:x:1000:' 'staff:x:50:ada' 'nogroup:x:65534:' >/etc/group
	printf '%s\\n' 'root:*:20000:0:99999:7:::' 'ada:*:20000:0:99999:7:::' >/etc/shadow
	printf '127.0.0.1 localhost\\n' >/etc/hosts
	cp "$SCRATCH/key.pub" /home/ada/.ssh/authorized_keys
	chown -R 1000:1000 /home/ada
	chmod 700 /home/ada/.ssh
	printf 'UsePAM no\\n' >/etc/ssh/sshd_config
	printf 'root ALL=(ALL:ALL) ALL\\n@includedir /etc/sudoers.d\\n' >/etc/sudoers
	chmod 440 /etc/sudoers
	{
		. "$scene/before"
		"$@" || :
		. "$scene/after"
	} >"$scene/out" 2>"$scene/err"
	# A server that was told to end may still be about it.
	umount -l /etc /run /home
done
"""
_LOG_IN = """
mkdir -p /run/sshd
"$(command -v sshd)" -p 2222 -o ListenAddress=127.0.0.1 -o PidFile=/run/sshd.test
tries=0
until ssh -F /dev/null -T -p 2222 -i "$SCRATCH/key" -o BatchMode=yes -o LogLevel=ERROR -o StrictHostKeyChecking=no \\
	-o UserKnownHostsFile=/dev/null ada@127.0.0.1 'echo "in as $(id -un)"' 2>"$SCRATCH/ssh.err"; do
	grep -q 'Connection refused' "$SCRATCH/ssh.err" && [ "$tries" -lt 100 ] || break
	tries=$((tries + 1))
	sleep 0.1
done
kill "$(cat /run/sshd.test)"
"""
_PYTHON = f"""
import sys
from azready.machine import config
from azready.steps import login
from azready.machine.failure import Failure
from azready.azure.run import Run, Wanted
from azready.machine.system import System
run = Run(System("/"), config.defaults(), [])
run.wanted = Wanted(admin_user="ada", keys=({_KEY!r},))
try:
    login.step_login(run)
except Failure as failure:
    print(failure, file=sys.stderr)
print(f"ways: {{run.login}}")
"""
_SHELL = f"""
log_level=1 root='' work=$SCRATCH/work fail_value='' current_step='' vm_id=x wanted_keys=1 wanted_password_login=
set_USER_SHELL='' set_ADMIN_RIGHTS=nopasswd deadline=99999999999
rm -rf "$work"
mkdir "$work"
printf ada >"$work/wanted.admin-user"
: >"$work/wanted.password"
printf '%s\\n' {quote(_KEY)} >"$work/wanted.key.1"
step_login || cat "$work/failure" >&2
printf 'ways: %s\\n' "$(cat "$work/login")"
"""


class Seen(NamedTuple):
    """What a scene printed, line by line, and what was logged."""

    printed: list[str]
    logged: str


def _play(engine: str, folder: Path, scenes: dict[str, tuple[str, str]], *tools: str) -> dict[str, Seen]:
    """Play all scenes: what is done before the step, and after it."""
    for tool in ("sshd", "ssh", "ssh-keygen", *tools):
        support.need(tool, "shows whether the user really comes in")
    command = [sys.executable, "-c", f"import sys; sys.path.append({str(support.DIST / 'azready.pyz')!r}){_PYTHON}"]
    if engine == "shell":
        functions = support.shell_functions()
        (folder / "engine").write_text(f"{functions}\n{_SHELL}")
        command = ["sh", str(folder / "engine")]
    for number, (before, after) in enumerate(scenes.values(), 100):
        place = folder / "scenes" / str(number)
        place.mkdir(parents=True)
        (place / "before").write_text(f"{before}\n")
        (place / "after").write_text(f"{after}\n")
    ended = run_script(_INSIDE, {"SCRATCH": str(folder)}, *command, proc=True, limit=600)
    places = sorted((folder / "scenes").iterdir())
    assert ended.returncode == 0, ended.stderr + "".join(path.read_text() for path in folder.glob("scenes/*/err"))
    seen = [Seen((place / "out").read_text().splitlines(), (place / "err").read_text()) for place in places]
    return dict(zip(scenes, seen, strict=True))


@pytest.fixture(scope="module", params=["python", "shell"])
def played(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """The scenes of sshd and doas, with each engine."""
    scenes = {name: (before, _LOG_IN) for name, (before, _) in SCENES.items()}
    scenes |= {name: (f"printf '%s' {quote(rules)} >/etc/doas.conf", _ASK_DOAS) for name, (rules, _) in DOAS.items()}
    return _play(request.param, tmp_path_factory.mktemp(request.param), scenes, "doas", "setpriv")


@pytest.fixture(scope="module", params=["python", "shell"])
def played_with_sudo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """The scenes of sudo, with each engine."""
    scenes = {name: (f"{_SUDOERS}\n{before}", _ASK_SUDO) for name, (before, _, _) in SUDO.items()}
    return _play(request.param, tmp_path_factory.mktemp(request.param), scenes, "sudo", "setpriv")


def _config(*lines: str) -> str:
    return f"printf '%s\\n' {' '.join(map(quote, lines))} >>/etc/ssh/sshd_config"


# What is done before, and whether the user comes in.
SCENES = {
    "as it should be": ("", True),
    "home that everybody may write to": ("chmod 777 /home/ada", True),
    "home of another uid": ("chown 1234 /home/ada", True),
    "home of root that its user cannot enter": ("chown 0 /home/ada; chmod 700 /home/ada", True),
    "/home of root that nobody can enter": ("chmod 700 /home", True),
    "keys that others may write to": ("chmod 666 /home/ada/.ssh/authorized_keys", False),
    "keys that the user cannot read": (
        "chown 0:0 /home/ada/.ssh/authorized_keys; chmod 600 /home/ada/.ssh/authorized_keys",
        False,
    ),
    "keys of a group in /etc": (
        "mkdir /etc/ssh/keys; cp /home/ada/.ssh/authorized_keys /etc/ssh/keys/ada; chmod 644 /etc/ssh/keys/ada;"
        "chmod 775 /etc/ssh/keys; " + _config("AuthorizedKeysFile /etc/ssh/keys/%u"),
        False,
    ),
    "AllowUsers for others": (_config("AllowUsers ops packer"), False),
    "AllowUsers by a pattern": (_config("AllowUsers ops a?a"), True),
    "AllowUsers with a mark that is no pattern": (_config("AllowUsers !ops *"), True),
    "DenyUsers": (_config("DenyUsers ad*"), False),
    "AllowGroups by a second group": (_config("AllowGroups wheel staff"), True),
    "AllowGroups for others": (_config("AllowGroups wheel"), False),
    "DenyGroups": (_config("DenyGroups staff"), False),
    "AuthenticationMethods": (_config("AuthenticationMethods publickey,password"), False),
    "AuthenticationMethods with another choice": (_config("AuthenticationMethods password publickey"), True),
    "Match of the user": (_config("Match User ada", "PubkeyAuthentication no"), False),
    "Match of another user": (_config("Match User bob", "PubkeyAuthentication no"), True),
    "Match of this host's own address": (_config("Match Address 192.168.0.0/16", "AllowUsers bob"), True),
    "algorithms of other keys": (_config("PubkeyAcceptedAlgorithms rsa-sha2-512"), False),
    "algorithms but some": (_config("PubkeyAcceptedAlgorithms -ssh-ed25519*"), False),
    "locked": ("sed -i 's/^ada:[*]/ada:!/' /etc/shadow", False),
    "shell that is not there": ("sed -i 's,ada:/bin/sh,ada:/bin/no-such-shell,' /etc/passwd", True),
    "shell of nobody": ("sed -i 's,ada:/bin/sh,ada:/usr/sbin/nologin,' /etc/passwd", True),
}


@pytest.mark.parametrize("name", SCENES)
def test_sshd_lets_in_whom_the_step_vouches_for_and_nobody_else(name: str, played: dict[str, Seen]) -> None:
    _, comes_in = SCENES[name]
    printed, logged = played[name]
    assert printed == ([f"ways: {'ssh-key' if comes_in else 'none'}"] + ["in as ada"] * comes_in), logged
    assert ("login_impossible" in logged) == (not comes_in)


_SUDOERS = """
printf 'ada ALL=(ALL:ALL) NOPASSWD: ALL\\n' >/etc/sudoers.d/zz-azready
"""
_ASK_SUDO = (
    'setpriv --reuid=1000 --regid=1000 --init-groups sudo -n id -u 2>"$SCRATCH/sudo.err" || cat "$SCRATCH/sudo.err"'
)
SUDO = {
    "sudo, azready's rule is the last one": ("printf '%%staff ALL=(ALL) ALL\\n' >/etc/sudoers.d/wheel", "", True),
    "a rule behind it": (
        "printf '%%staff ALL=(ALL) ALL\\n' >/etc/sudoers.d/zzz",
        "sudo asks ada for a password all the same: (ALL) ALL",
        False,
    ),
    "a rule in sudoers itself": (
        "printf '%%staff ALL=(ALL) ALL\\n' >>/etc/sudoers",
        "sudo asks ada for a password all the same: (ALL) ALL",
        False,
    ),
    "directory that is not read": ("sed -i /includedir/d /etc/sudoers", "sudo does not let ada become root", False),
}


@pytest.mark.parametrize("name", SUDO)
def test_sudo_does_what_the_step_says_of_it(name: str, played_with_sudo: dict[str, Seen]) -> None:
    _, warning, is_free = SUDO[name]
    printed, logged = played_with_sudo[name]
    assert (printed[1:] == ["0"]) == is_free, printed
    assert (f"warning: login: {warning}" in logged) == bool(warning), logged
    assert ("; becomes root with sudo" in logged) == ("does not let" not in warning), logged


DOAS = {
    "azready's rule is the last one": ("permit :staff\npermit nopass ada as root # azready\n", "permit nopass"),
    "a rule behind it": ("permit nopass ada as root # azready\npermit persist :staff\n", "permit"),
    "a rule that denies": ("permit nopass ada as root # azready\ndeny :ada\n", "deny"),
    "rules of one command, of another target, of nobody": (
        "permit nopass ada as root # azready\ndeny ada cmd reboot\npermit ada as bob\npermit bob\n",
        "permit nopass",
    ),
    "options, quotes and numbers": (
        'permit nopass ada as root # azready\npermit setenv { A=b } keepenv "ada" # x\npermit nopass \\\n 1000\n',
        "permit nopass",
    ),
}
# It looks for rules as who asks, who must be able to read them.
_ASK_DOAS = """
chmod 644 /etc/doas.conf
setpriv --reuid=1000 --regid=1000 --init-groups doas -C /etc/doas.conf /bin/ls || :
"""
_WARNINGS = {"permit nopass": "", "permit": "doas asks ada for a password", "deny": "doas does not let ada become root"}


@pytest.mark.parametrize("name", DOAS)
def test_doas_does_what_the_step_says_of_it(name: str, played: dict[str, Seen]) -> None:
    _, answer = DOAS[name]
    printed, logged = played[name]
    assert printed[1:] == [answer], printed
    assert (f"warning: login: {_WARNINGS[answer]}" in logged) == bool(_WARNINGS[answer]), logged
