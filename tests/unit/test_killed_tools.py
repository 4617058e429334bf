"""A tool that is killed, prints half or does nothing, and a directory that is full: no file of accounts loses a line,
and nothing is taken for done that is not.

The steps run in an image's tree, with a wrapper for one tool on PATH that fails at its n-th call, for every n.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from bundle import quote
from lab.namespace import run_script
from support import leave_out, need, shell_functions

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me\n"
PASSWD = "root:x:0:0::/root:/bin/sh\n" + "".join(f"d{n}:x:{n}:{n}::/:/bin/false\n" for n in range(100, 140))
GROUP = "root:x:0:\nwheel:x:10:root\n" + "".join(f"d{n}:x:{n}:\n" for n in range(100, 140))
SHADOW = "root:*:20000::::::\n" + "".join(f"d{n}:*:20000::::::\n" for n in range(100, 140))
IMAGE = {
    "etc/passwd": PASSWD,
    "etc/group": GROUP,
    "etc/shadow": SHADOW,
    "etc/gshadow": GROUP.replace("x:", "*:").replace("10:", ":"),
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 old\n",
    "etc/hostname": "old\n",
    "etc/sudoers": "root ALL=(ALL:ALL) ALL\n",
    "etc/doas.conf": "permit root\n",
    "etc/ssh/sshd_config": "Include /etc/ssh/more\nUsePAM yes\n",
    "etc/ssh/more": "AuthorizedKeysFile %h/keys\n",
    "etc/skel/.profile": "umask 077\n",
}
ACCOUNTS = ("etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")
STEPS = """
log_level=0 engine=auto force=no config_file='' skip='' deadline='' goal_state='' metadata='' fail_value='' fail_hint=
current_step='' vm_id='' wanted_keys=1 root=ROOT work=WORK
set_USER_SHELL= set_USER_GROUPS=wheel set_ADMIN_RIGHTS=nopasswd
cp GIVEN/* "$work/" || exit 9
PATH=BIN:$PATH
run() {
	step_hostname && step_user && step_ssh_keys && password_user=azureuser && password_field=x &&
		sshd_set_password_login no && password_put_field /etc/shadow "$work/hash" 1700000000
}
run 2>"$work/log"
status=$?
PATH=${PATH#*:}
printf '%s %s\\n' "$status" "$(cat "$work/failure")" 2>/dev/null
"""
WRAPPER = """#!/bin/sh
read -r n <COUNT
n=$((n + 1))
echo "$n" >COUNT
[ "$n" -eq AT ] || exec REAL "$@"
case WAY in
kill) kill -9 $$ ;;
half)
	REAL "$@" >COUNT.out
	/usr/bin/head -c "$(($(/usr/bin/wc -c <COUNT.out) / 2))" COUNT.out
	;;
esac
exit 0
"""


class Machine:
    """An image, and the steps with a tool that fails."""

    def __init__(self, folder: Path, shell: str) -> None:
        self.folder, self.root, self.work, self.bin = folder, folder / "root", folder / "work", folder / "bin"
        self.shell = shell.split()
        need(self.shell[0])
        if os.geteuid() != 0:
            leave_out("root gives files away")
        given = folder / "given"
        for place in (given, self.bin):
            place.mkdir()
        texts = {"wanted.hostname": "web-1", "wanted.admin-user": "azureuser", "wanted.keys": f"={KEY}\n"}
        for name, text in {
            **texts,
            "hash": "$6$abc",
            "wanted.password": "x",
            "compute.osProfile.adminUsername": "",
        }.items():
            (given / name).write_text(text)
        functions = shell_functions()
        code = STEPS.replace("ROOT", quote(str(self.root))).replace("WORK", quote(str(self.work)))
        code = code.replace("GIVEN", quote(str(given))).replace("BIN", quote(str(self.bin)))
        (folder / "script").write_text(functions + code)
        self.count = folder / "count"

    def break_tool(self, tool: str, way: str, at: int) -> None:
        self.count.write_text("0\n")
        text = WRAPPER.replace("COUNT", str(self.count)).replace("WAY", way).replace("AT", str(at))
        (self.bin / tool).write_text(text.replace("REAL", need(tool)))
        (self.bin / tool).chmod(0o755)

    def plant(self) -> None:
        """The image as it was, and an empty work directory. What is mounted there stays."""
        for place in (self.root, self.work):
            place.mkdir(exist_ok=True)
            for path in place.iterdir():
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name, text in IMAGE.items():
            file = self.root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o640 if "shadow" in name else 0o644)

    def run(self) -> str:
        """Status and failure of the steps; no account was lost, whatever it is."""
        command = [*self.shell, str(self.folder / "script")]
        told = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=120).stdout.strip()
        for name in ACCOUNTS:
            lost = set(IMAGE[name].splitlines()) - set((self.root / name).read_text().splitlines())
            # Of the group that the user joined, and no more.
            assert all(line.startswith("wheel:") for line in lost), (name, told, lost)
            assert (self.root / name).stat().st_mode & 0o777 == (0o640 if "shadow" in name else 0o644)
        assert (self.root / "etc/hosts").read_text().startswith("127.0.0.1 localhost\n127.0.1.1 ")
        return told

    def files(self) -> dict[str, tuple[int, int, bytes]]:
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        return {str(f.relative_to(self.root)): (f.stat().st_mode, f.stat().st_uid, f.read_bytes()) for f in files}


# Tool, how it fails, and which of its calls are tried: each one of awk's, which makes what is written, and every so
# many of the others. cmp that says `the same` cannot be told from one that has looked.
FAULTS = {
    "dash": [
        ("awk", ["kill", "half", "nothing"], 1),
        ("sed", ["kill", "half"], 1),
        ("cmp", ["kill"], 3),
        ("cat", ["kill", "half"], 3),
        ("cp", ["kill", "nothing"], 1),
        ("dd", ["kill", "nothing"], 3),
        ("mv", ["kill", "nothing"], 2),
    ],
    "busybox ash": [("awk", ["half", "kill", "nothing"], 4)],
}


@pytest.mark.parametrize(
    ("shell", "tool", "ways", "stride"), [(shell, *fault) for shell, faults in FAULTS.items() for fault in faults]
)
def test_tool_that_fails_once_damages_nothing(
    shell: str, tool: str, ways: list[str], stride: int, tmp_path: Path
) -> None:
    machine = Machine(tmp_path, shell)
    machine.plant()
    machine.break_tool(tool, "none", 0)
    assert machine.run() == "0"
    right = machine.files()
    calls = int(machine.count.read_text())
    for at in range(1, calls + 1, stride):
        machine.break_tool(tool, ways[at // stride % len(ways)], at)
        machine.plant()
        told = machine.run()
        if told.startswith("0"):
            assert machine.files() == right, (at, told)
        else:
            # Not what the platform gave is to blame.
            assert told.split()[1:2] in (["internal_error"], ["file_not_writable"], ["keys_not_added"], []), (at, told)


# Of the work directory, and of the image: from far too small to just enough.
SIZES = {"work": [24, 40, 52, 60, 72, 88, 104, 160], "root": [56, 68, 76, 84, 92, 160]}


@pytest.mark.parametrize("place", SIZES)
def test_full_directory_damages_nothing(place: str, tmp_path: Path) -> None:
    machine = Machine(tmp_path, "dash")
    machine.plant()
    assert machine.run() == "0"
    right = machine.files()
    ended = []
    for size in SIZES[place]:
        shutil.rmtree(machine.root)
        shutil.rmtree(machine.work)
        machine.plant()
        held = machine.folder / "held"
        shutil.rmtree(held, ignore_errors=True)
        # The mount is of the namespace alone, so what came of the tree is copied out.
        script = f"""
        cp -a {machine.root} {held}
        mount -t tmpfs -o size={size}k scratch {machine.folder / place}
        [ {place} = work ] || cp -a {held}/. {machine.root}/
        {" ".join(machine.shell)} {machine.folder}/script >{machine.folder}/told
        rm -rf {held}
        cp -a {machine.root} {held}
        """
        assert run_script(script, os.environ, network=False).returncode == 0
        shutil.rmtree(machine.root)
        held.rename(machine.root)
        told = (machine.folder / "told").read_text().strip()
        for name in ACCOUNTS:
            lost = set(IMAGE[name].splitlines()) - set((machine.root / name).read_text().splitlines())
            assert all(line.startswith("wheel:") for line in lost), (size, name, told, lost)
        ended.append(told)
        if told.startswith("0"):
            assert machine.files() == right, size
            break
        if "error=" in told:
            assert "No space left on device" in told, (size, told)
    assert any(told.startswith("0") for told in ended), ended
    assert not all(told.startswith("0") for told in ended), ended
