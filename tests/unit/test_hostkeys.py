"""SSH host keys that `provision` makes on a live machine: when, with what, and what becomes of a server without."""

from __future__ import annotations

import os
import shutil
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
# An account for sshd's child to become.
_ACCOUNT = "echo sshd:x:100:65534::/run/sshd:/usr/sbin/nologin >>/etc/passwd\n"
_PROVISION = """
sh "$AGENT" --engine "$ENGINE" provision --force --only hostname 2>"$SCRATCH/log"
"""
# The process that makes the others is over once what is pending is done.
_SHOW = """
until [ ! -e /var/lib/azready/pending ]; do sleep 0.1; done
cd /etc && find ssh dropbear* -type f -name '*_key' ! -size 0 -printf '%p %m\\n' 2>/dev/null | sort >"$SCRATCH/keys"
"""
_SSHD_KEYS = [f"ssh/ssh_host_{kind}_key 600" for kind in ("ecdsa", "ed25519", "rsa")]
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
            "PORT": {"python": "61022", "shell": "61023"}[engine],
        }
        done = run_script(_MACHINE + before + _PROVISION + after, environment, network=False, proc=True)
    log = (folder / "log").read_text() if (folder / "log").exists() else ""
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{log}"
    assert "the platform accepted Ready" in log
    return log


def said(log: str) -> list[str]:
    """What the log has about host keys."""
    return [line.removeprefix("azready: ") for line in log.splitlines() if "host key" in line]


def keys(folder: Path) -> list[str]:
    """The private keys that are there, with their modes."""
    return (folder / "keys").read_text().splitlines()


@ENGINES
def test_sshd_gets_keys_where_it_has_none(engine: str, tmp_path: Path) -> None:
    need("sshd", "has no keys")
    # What a power cut leaves is no key.
    log = provision(tmp_path, engine, "sshd", ": >/etc/ssh/ssh_host_rsa_key\n", {})
    assert said(log) == ["ssh: host key ed25519 made in /etc/ssh", "ssh: host keys ecdsa rsa made in /etc/ssh"]
    assert keys(tmp_path) == _SSHD_KEYS


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


# Takes as long as a slow machine for rsa: until somebody says so.
_SLOW = f"""
case " $* " in *' rsa '*) until [ -e /run/go-on ]; do sleep 0.1; done ;; esac
exec {shutil.which("ssh-keygen")} "$@"
"""


@ENGINES
def test_a_slow_key_holds_up_neither_ready_nor_the_end_of_the_run(engine: str, tmp_path: Path) -> None:
    """Init starts the server then, with a key that is enough; it is told of the others once they are there."""
    need("sshd", "has no keys")
    after = """
ls /etc/ssh/ssh_host_*_key >"$SCRATCH/at-the-end"
cp /var/lib/azready/pending "$SCRATCH/pending"
mkdir -p /run/sshd
printf 'ListenAddress 127.0.0.1\\nUsePAM no\\nPort %s\\n' "$PORT" >/etc/ssh/sshd_config
/usr/sbin/sshd
until [ -s /run/sshd.pid ]; do sleep 0.1; done
ssh-keyscan -p $PORT -t rsa 127.0.0.1 >"$SCRATCH/before" 2>&1 || :
: >/run/go-on
until ssh-keyscan -p $PORT -t rsa 127.0.0.1 2>/dev/null | grep ssh-rsa; do sleep 0.1; done
kill "$(cat /run/sshd.pid)"
"""
    log = provision(tmp_path, engine, "sshd", _ACCOUNT, {"ssh-keygen": _SLOW}, after + _SHOW)
    at_the_end = (tmp_path / "at-the-end").read_text().split()
    assert "/etc/ssh/ssh_host_ed25519_key" in at_the_end
    assert "/etc/ssh/ssh_host_rsa_key" not in at_the_end
    assert "\nhost-keys\n" in (tmp_path / "pending").read_text()
    assert "ssh-rsa" not in (tmp_path / "before").read_text()
    assert "ssh: the SSH server reads its configuration again" in log + (tmp_path / "log").read_text()
    assert keys(tmp_path) == _SSHD_KEYS


# As systemd-run does it: in a session of its own, and its environment has what was said alone.
_SYSTEMD_RUN = """
printf '%s\\n' "$@" >"$SCRATCH/unit"
while [ "$1" != -- ]; do
	case $1 in --setenv=*) environment="$environment ${1#*=}" ;; esac
	shift
done
shift
env -i $environment setsid "$@" </dev/null >"$SCRATCH/unit.log" 2>&1 &
"""


@ENGINES
def test_systemd_gets_a_unit_for_the_other_keys(engine: str, tmp_path: Path) -> None:
    """What a oneshot service leaves behind is its own. The unit waits for a server that is about to start."""
    need("sshd", "has no keys")
    fake = {"ssh-keygen": _SLOW, "systemd-run": _SYSTEMD_RUN}
    after = "[ ! -e /etc/ssh/ssh_host_rsa_key ]\n: >/run/go-on\n"
    log = provision(tmp_path, engine, "sshd", "mkdir -p /run/systemd/system\n", fake, after + _SHOW)
    assert said(log + (tmp_path / "unit.log").read_text()) == [
        "ssh: host key ed25519 made in /etc/ssh",
        "ssh: host keys ecdsa rsa made in /etc/ssh",
    ]
    words = (tmp_path / "unit").read_text().splitlines()
    assert {"--no-block", "--collect"} < set(words)
    assert "--property=After=azready.service ssh.service sshd.service dropbear.service" in words
    assert keys(tmp_path) == _SSHD_KEYS


@ENGINES
def test_keys_that_a_power_cut_has_left_are_made_at_the_next_start(engine: str, tmp_path: Path) -> None:
    need("sshd", "has no keys")
    after = f"""
for victim in azready 'what it has started'; do
	for process in /proc/[0-9]*; do
		case $victim$(tr '\\0' ' ' <"$process/cmdline" 2>/dev/null) in
		*'sh -euc '*) ;;
		azready*'/azready '*' provision '* | what*'/ssh-keygen -t rsa '*) kill -KILL "${{process#/proc/}}" ;;
		esac
	done
done
[ ! -e /etc/ssh/ssh_host_rsa_key ]
: >/run/go-on
{_PROVISION.replace("--force ", "").replace('2>"', '2>>"')}
"""
    provision(tmp_path, engine, "sshd", "", {"ssh-keygen": _SLOW}, after + _SHOW)
    assert keys(tmp_path) == _SSHD_KEYS


@ENGINES
def test_the_first_key_is_one_that_the_server_reads(engine: str, tmp_path: Path) -> None:
    need("sshd", "has no keys")
    before = "echo 'HostKey /etc/ssh/ssh_host_rsa_key' >/etc/ssh/sshd_config\n"
    log = provision(tmp_path, engine, "sshd", before, {})
    assert said(log) == ["ssh: host key rsa made in /etc/ssh", "ssh: host keys ed25519 ecdsa made in /etc/ssh"]
    assert keys(tmp_path) == _SSHD_KEYS


@ENGINES
def test_dropbear_gets_keys_where_it_has_none(engine: str, tmp_path: Path) -> None:
    """Debian's makes none at boot."""
    need("dropbear", "has no keys")
    log = provision(tmp_path, engine, "dropbear", "mkdir /etc/dropbear\n", {})
    made = ["ssh: host key ed25519 made in /etc/dropbear", "ssh: host keys ecdsa rsa made in /etc/dropbear"]
    assert said(log) == made
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
    assert said(log) == [
        "ssh: host key ecdsa made in /etc/dropbear",
        "ssh: host key ed25519 not made: usage",
        "ssh: host keys rsa made in /etc/dropbear",
    ]
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
