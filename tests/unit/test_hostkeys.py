"""SSH host keys that `provision` makes on a live machine: when, with what, and what becomes of a server without."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab.emulator import Emulator, load_vm
from lab.namespace import run_script
from support import DIST, need

# The machine is this one with an empty /etc/ssh and /etc/dropbear, and with the SSH servers that STATE leaves it.
_MACHINE = """
scratch /etc /var/lib /run
mkdir /etc/ssh
echo root:x:0:0::/root:/bin/sh >/etc/passwd
for server in sshd dropbear; do
	case $SERVERS in
	*"$server"*) ;;
	*) [ ! -e "/usr/sbin/$server" ] || mount --bind /dev/null "/usr/sbin/$server" ;;
	esac
done
"""
_PROVISION = """
sh "$AGENT" --engine "$ENGINE" provision --force --only hostname 2>"$SCRATCH/log"
"""
_SHOW = """
cd /etc && find ssh dropbear* -type f ! -name '*.pub' ! -size 0 -printf '%p %m\\n' 2>/dev/null | sort >"$SCRATCH/keys"
"""
_DROPBEAR_KEYS = [f"dropbear/dropbear_{kind}_host_key 600" for kind in ("ecdsa", "ed25519", "rsa")]
ENGINES = pytest.mark.parametrize("engine", ["python", "shell"])


def provision(folder: Path, engine: str, servers: str, before: str, fake: dict[str, str], after: str = _SHOW) -> str:
    """Provision the machine with what `fake` puts in the place of programs; the log."""
    tools = folder / "bin"
    tools.mkdir()
    for name, text in fake.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    with Emulator(load_vm({})) as azure:
        environment = {
            "PATH": f"{tools}:{os.environ['PATH']}:/usr/sbin",
            "AGENT": str(DIST / "azready"),
            "ENGINE": engine,
            "SCRATCH": str(folder),
            "SERVERS": servers,
            "AZREADY_WIRESERVER": azure.wireserver,
            "AZREADY_IMDS": azure.imds,
            "AZREADY_LOG_CONSOLE": "no",
            "AZREADY_DEADLINE": "60",
        }
        done = run_script(_MACHINE + before + _PROVISION + after, environment, network=False)
    log = (folder / "log").read_text() if (folder / "log").exists() else ""
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{log}"
    assert "the platform accepted Ready" in log
    return log


def said(log: str) -> list[str]:
    """What the log has about host keys."""
    return [line.removeprefix("azready: ") for line in log.splitlines() if "host keys" in line]


def keys(folder: Path) -> list[str]:
    """The private keys that are there, with their modes."""
    return (folder / "keys").read_text().splitlines()


@ENGINES
def test_sshd_gets_keys_where_it_has_none(engine: str, tmp_path: Path) -> None:
    need("sshd", "has no keys")
    # What a power cut leaves is no key.
    log = provision(tmp_path, engine, "sshd", ": >/etc/ssh/ssh_host_rsa_key\n", {})
    assert said(log) == ["ssh: host keys made in /etc/ssh"]
    assert keys(tmp_path) == [f"ssh/ssh_host_{kind}_key 600" for kind in ("ecdsa", "ed25519", "rsa")]


@ENGINES
@pytest.mark.parametrize("key", ["rsa", "dsa", "mldsa"])
def test_key_that_is_there_is_enough(engine: str, key: str, tmp_path: Path) -> None:
    fake = {"sshd": "exit 1", "ssh-keygen": "echo called >/etc/ssh/ssh_host_called_key"}
    log = provision(tmp_path, engine, "sshd", f"echo x >/etc/ssh/ssh_host_{key}_key\n", fake)
    assert (said(log), keys(tmp_path)) == ([], [f"ssh/ssh_host_{key}_key 644"])


@ENGINES
def test_without_a_server_no_keys_are_made(engine: str, tmp_path: Path) -> None:
    log = provision(tmp_path, engine, "none", "mkdir /etc/dropbear\n", {})
    assert (said(log), keys(tmp_path)) == ([], [])


@ENGINES
def test_keys_that_cannot_be_made_are_a_warning(engine: str, tmp_path: Path) -> None:
    fake = {"sshd": "exit 1", "ssh-keygen": "echo no entropy >&2; exit 3"}
    log = provision(tmp_path, engine, "sshd", "", fake)
    assert said(log) == ["warning: ssh: host keys not made: no entropy"]


@ENGINES
def test_dropbear_gets_keys_where_it_has_none(engine: str, tmp_path: Path) -> None:
    """Debian's makes none at boot."""
    need("dropbear", "has no keys")
    log = provision(tmp_path, engine, "dropbear", "mkdir /etc/dropbear\n", {})
    assert said(log) == ["ssh: host keys made in /etc/dropbear"]
    assert keys(tmp_path) == _DROPBEAR_KEYS


@ENGINES
@pytest.mark.parametrize("place", ["", "ln -s /run/dropbear /etc/dropbear\n"], ids=["missing", "link of Buildroot"])
def test_dropbear_that_makes_its_own_keys_gets_none(engine: str, place: str, tmp_path: Path) -> None:
    """Where it does not expect keys, none are made."""
    log = provision(tmp_path, engine, "dropbear", place, {})
    assert (said(log), keys(tmp_path)) == ([], [])


@ENGINES
def test_dropbearkey_makes_the_kinds_that_it_knows(engine: str, tmp_path: Path) -> None:
    """ed25519 came with 2020.79; the others do."""
    old = f'[ "$2" != ed25519 ] || {{ echo usage >&2; exit 1; }}; exec {need("dropbearkey")} "$@"'
    log = provision(tmp_path, engine, "dropbear", "mkdir /etc/dropbear\n", {"dropbearkey": old})
    assert said(log) == ["ssh: host keys made in /etc/dropbear"]
    assert keys(tmp_path) == [key for key in _DROPBEAR_KEYS if "ed25519" not in key]


_MAKES_A_KEY = {"sshd": "exit 1", "ssh-keygen": "echo x >/etc/ssh/ssh_host_made_key"}
# A server that gives up without keys, as Debian's sv/ssh/run does: its supervisor then leaves it down.
_GIVES_UP = """
mkdir -p $PLACE/ssh && cd $PLACE/ssh
printf '#!/bin/sh\\n[ -s /etc/ssh/ssh_host_made_key ] || exit 162\\n: >/run/up\\nexec sleep 600\\n' >run
printf '#!/bin/sh\\n[ $1 -ne 162 ] || $FINISH\\n' >finish
chmod +x run finish
$SUPERVISOR $PLACE/ssh >/dev/null 2>&1 &
until $DOWN; do sleep 0.1; done
"""
_SUPERVISORS = {
    "runit": {
        "PLACE": "/etc/service",
        "FINISH": "printf d >supervise/control",
        "SUPERVISOR": "runsv",
        "DOWN": "sv status $PLACE/ssh 2>/dev/null | grep '^down:' | grep -qv 'want up'",
        "UP": "sv status $PLACE/ssh | grep -q ^run:",
    },
    "s6": {
        "PLACE": "/etc/s6/service",
        "FINISH": "exit 125",
        "SUPERVISOR": "s6-supervise",
        "DOWN": '[ "$(s6-svstat -o up,wantedup $PLACE/ssh 2>/dev/null)" = "false false" ]',
        "UP": '[ "$(s6-svstat -o up $PLACE/ssh)" = true ]',
    },
}


@ENGINES
@pytest.mark.parametrize("supervisor", _SUPERVISORS)
def test_server_that_gave_up_is_started_again(engine: str, supervisor: str, tmp_path: Path) -> None:
    words = _SUPERVISORS[supervisor]
    need(words["SUPERVISOR"], "runs the server")
    after = f"until {words['UP']} && [ -e /run/up ]; do sleep 0.1; done\n"
    provision(tmp_path, engine, "sshd", _filled(_GIVES_UP, words), _MAKES_A_KEY, _filled(after, words))


@ENGINES
@pytest.mark.parametrize("supervisor", _SUPERVISORS)
def test_server_that_nobody_wants_stays_down(engine: str, supervisor: str, tmp_path: Path) -> None:
    """The file `down` says so; and a pipe that nobody reads holds nothing up."""
    words = _SUPERVISORS[supervisor]
    need(words["SUPERVISOR"], "runs the server")
    before = _filled(_GIVES_UP, words) + f"touch {words['PLACE']}/ssh/down\n"
    before += "mkdir -p /etc/service/sshd/supervise\nmkfifo /etc/service/sshd/supervise/control\n"
    provision(tmp_path, engine, "sshd", before, _MAKES_A_KEY, "sleep 1\n[ ! -e /run/up ]\n")


def _filled(script: str, words: dict[str, str]) -> str:
    for key, value in words.items():
        script = script.replace(f"${key}", value).replace("$PLACE", words["PLACE"])
    return script
