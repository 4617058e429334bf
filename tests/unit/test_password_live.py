"""The password on a live machine: real chpasswd, a real shadow, and nobody who looks ever sees the password.

All of it in mount and process namespaces that the test makes itself, with an /etc of its own.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import support
from lab.emulator import Emulator, load_vm
from lab.namespace import run_script
from unit.test_password import right_hash

_PASSWORD = "Zq7 'p$w:\\%s\" näht"
_VM = {
    "metadata": {"compute": {"publicKeys": [], "osProfile": {"disablePasswordAuthentication": "false"}}},
    "media": {"password": _PASSWORD, "public_keys": []},
}
_SHADOW = "root:*:20000:0:99999:7:::\nazureuser:*:20000:0:99999:7:::\n"
# Stands in for a tool: notes who was asked, and the arguments and the environment of every process of the machine.
_WATCHER = """#!/bin/sh
printf 'called %s %s\\n' NAME "$*" >>SCRATCH/called
cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ >>SCRATCH/seen 2>/dev/null
exec SCRATCH/real/NAME "$@"
"""
_INSIDE = """
for place in alternatives login.defs nsswitch.conf ssl; do
    [ ! -e "/etc/$place" ] || cp -a "/etc/$place" "$SCRATCH/etc/"
done
scratch /etc /var/lib /run /sys/class
rm -r /etc/alternatives
cp -a "$SCRATCH/etc/." /etc/
for tool in openssl chpasswd mkpasswd; do
    where=$(command -v "$tool")
    case " $HIDDEN " in *" $tool "*) mount --bind /dev/null "$where" ;; *)
        cp "$where" "$SCRATCH/real/$tool"
        sed "s|NAME|$tool|;s|SCRATCH|$SCRATCH|;s|NAME|$tool|" "$SCRATCH/watcher" >"$SCRATCH/$tool"
        chmod 755 "$SCRATCH/$tool"
        mount --bind "$SCRATCH/$tool" "$where"
    esac
done
azready() { sh "$AGENT" --engine "$ENGINE" --force provision 2>>"$SCRATCH/log"; }
"""
# Of its files, only the media may hold the password afterwards.
_AFTERWARDS = """
cp /etc/shadow "$SCRATCH/shadow"
ls -A /etc >"$SCRATCH/names"
azready
cmp /etc/shadow "$SCRATCH/shadow" && echo same >"$SCRATCH/again"
grep -rlF "$(cat "$SCRATCH/password")" /etc /run /var/lib >"$SCRATCH/holders" || :
"""
_SIMPLE = f"{_INSIDE}azready\n{_AFTERWARDS}"
# Somebody holds the lock: nothing is written until he is gone, and then his lock is no more than a leftover.
_LOCKED = f"""{_INSIDE}
sleep 1000 &
holder=$!
mkfifo /etc/shadow.lock
printf '%s\\000' "$holder" >/etc/held
azready &
agent=$!
# Opens as soon as azready looks who holds the lock; by its next look that is a file.
exec 3>/etc/shadow.lock
mv /etc/held /etc/shadow.lock
printf '%s\\000' "$holder" >&3
exec 3>&-
cp /etc/shadow "$SCRATCH/while-locked"
kill "$holder"
wait "$agent"
{_AFTERWARDS}"""


class Seen:
    """What a run on a scratch machine left behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def text(self, name: str) -> str:
        path = self.folder / name
        return path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""

    def is_right(self) -> None:
        """The hash is right, changes no more, and the password was nowhere to be seen."""
        line = self.text("shadow").splitlines()[1]
        found = re.fullmatch(r"azureuser:(\$6\$([./0-9A-Za-z]{16})\$[./0-9A-Za-z]{86}):(\d+):0:99999:7:::", line)
        assert found, line
        assert found[1] == right_hash(_PASSWORD, found[2])
        assert found[3] != "20000"
        assert self.text("shadow").splitlines()[0] == _SHADOW.splitlines()[0]
        assert self.text("holders").split() == ["/etc/media/ovf-env.xml"]
        for name in ("log", "seen", "called"):
            assert _PASSWORD not in self.text(name)
            assert found[1] not in self.text(name)
        assert not [name for name in self.text("names").split() if name.startswith("shadow.")]


def on_a_machine(engine: str, script: str, hidden: str, folder: Path) -> Seen:
    """Run the script there, without the `hidden` tools."""
    for tool in ("openssl", "chpasswd", "mkpasswd"):
        support.need(tool)
    (folder / "real").mkdir()
    (folder / "etc").mkdir()
    (folder / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\nazureuser:x:1000:1000::/home/azureuser:/bin/sh\n")
    (folder / "etc/group").write_text("root:x:0:\n")
    (folder / "etc/shadow").write_text(_SHADOW)
    (folder / "etc/shadow").chmod(0o640)
    (folder / "watcher").write_text(_WATCHER.replace("SCRATCH", str(folder)))
    (folder / "password").write_text(_PASSWORD)
    with Emulator(load_vm(_VM)) as azure:
        azure.write_media(folder / "etc/media")
        environment = {"AGENT": str(support.DIST / "azready"), "ENGINE": engine, "SCRATCH": str(folder)}
        environment |= {"HIDDEN": hidden, "AZREADY_STEPS": "password"}
        environment |= {"AZREADY_WIRESERVER": azure.wireserver, "AZREADY_IMDS": azure.imds, "AZREADY_DEADLINE": "60"}
        environment |= {"AZREADY_MEDIA": "/etc/media", "AZREADY_LOG_CONSOLE": "no", "AZREADY_RUN": "per-instance"}
        ended = run_script(script, environment, network=False, proc=True)
    seen = Seen(folder)
    assert ended.returncode == 0, f"{ended.stderr}\n{seen.text('log')}"
    return seen


_every_engine = pytest.mark.parametrize("engine", ["python", "shell"])


@_every_engine
def test_chpasswd_gets_the_hash_and_nobody_sees_the_password(engine: str, tmp_path: Path) -> None:
    seen = on_a_machine(engine, _SIMPLE, "", tmp_path)
    seen.is_right()
    assert "called chpasswd -e\n" in seen.text("called")
    assert "AZREADY_STEPS=password" in seen.text("seen"), "the watcher saw nothing"
    assert seen.text("again") == "same\n"


@_every_engine
def test_a_machine_without_chpasswd_waits_for_the_lock(engine: str, tmp_path: Path) -> None:
    seen = on_a_machine(engine, _LOCKED, "chpasswd", tmp_path)
    seen.is_right()
    assert seen.text("while-locked") == _SHADOW
    assert seen.text("again") == "same\n"


@_every_engine
def test_no_hash_is_left_in_passwd(engine: str, tmp_path: Path) -> None:
    """chpasswd would write it there too, for all to read, where passwd has no x."""
    script = (
        f"{_INSIDE}sed -i 's/azureuser:x/azureuser:*/' /etc/passwd\nazready\ncp /etc/passwd $SCRATCH/\n{_AFTERWARDS}"
    )
    seen = on_a_machine(engine, script, "", tmp_path)
    seen.is_right()
    assert seen.text("passwd").splitlines()[1].startswith("azureuser:x:")


def test_chpasswd_makes_the_hash_where_nothing_else_does(tmp_path: Path) -> None:
    """Only the shell engine needs that; it cannot see that the hash is right already, and sets it again."""
    seen = on_a_machine("shell", _SIMPLE.replace("&& echo same", "|| echo other"), "openssl mkpasswd", tmp_path)
    seen.is_right()
    assert seen.text("called") == "called chpasswd -c SHA512\n" * 2
    assert seen.text("again") == "other\n"
