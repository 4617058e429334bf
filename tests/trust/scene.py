"""What is attacked: a command of azready on an image, with one engine, live or below a root, and what it is given."""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conformance.case import Image
from conformance.client import Combination, make_sandbox, need_programs
from conformance.image import make_root
from lab.emulator import Emulator, VirtualMachine, load_vm, write_media
from support import DIST, need

USER, HOSTNAME, PASSWORD = "azureuser", "web-1", "correct 'horse' battery"
CUSTOM_DATA = '#!/bin/sh\n# a secret of web-1\necho ran >"$AZREADY_ROOT/root/ran"\n'
TAG = "a-tag-of-the-instance-document"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
# What nobody but root may ever read. The hash, whose salt is chance, by its form.
SECRETS = [PASSWORD, "correct &apos;horse&apos; battery", "a secret of web-1", TAG]
SECRETS.append(base64.b64encode(CUSTOM_DATA.encode()).decode())
_COMPUTE = {
    "osProfile": {"adminUsername": USER, "computerName": HOSTNAME, "disablePasswordAuthentication": "false"},
    "publicKeys": [{"path": f"/home/{USER}/.ssh/authorized_keys", "keyData": KEY}],
    "tagsList": [{"name": "secret", "value": TAG}],
}
_MEDIA = {
    "username": USER,
    "password": PASSWORD,
    "custom_data": CUSTOM_DATA,
    "disable_password": "false",
    "public_keys": [{"path": f"/home/{USER}/.ssh/authorized_keys", "value": KEY}],
}
_DAEMONS = range(100, 120)
_FILES = {
    "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 localhost\n",
    "etc/sudoers": "root ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n",
    "etc/ssh/sshd_config": "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n",
    "etc/ssh/sshd_config.d/image.conf": "PasswordAuthentication no\n",
    "etc/skel/.profile": "umask 077\n",
    "etc/os-release": "ID=debian\nPRETTY_NAME='A Debian'\n",
    "lib/systemd/systemd": "ELF\n",
}
_FOLDERS = ("etc/sudoers.d", "etc/systemd/system", "root", "run", "tmp", "dev", "proc", "tools", "var/tmp", "sys")
# mount(8) of a live machine: the drive is a folder of this computer.
_MOUNT = '#!/bin/sh\nfor last; do :; done\nexec {mount} --bind -o ro /tools/media "$last"\n'


@dataclass(frozen=True)
class Scene:
    """`command` is azready's; `media`: with password and custom data; `tools`: what few images have."""

    engine: str
    live: bool = True
    media: bool = True
    command: str = "provision"
    shell: str = "dash"
    tools: tuple[str, ...] = ()

    def __str__(self) -> str:
        words = [self.command, self.engine if self.engine == "python" else self.shell, "live" if self.live else "root"]
        words += ["media"] if self.media and self.command == "provision" else []
        return "-".join([*words, *self.tools])

    def vm(self) -> VirtualMachine:
        """Whom the platform knows."""
        return load_vm({"metadata": {"compute": _COMPUTE}, "media": _MEDIA if self.media else {"absent": True}})

    def prepare(self, folder: Path) -> Path:
        """The image as it comes, in a new folder; `tools` lie beside it, in `folder`."""
        tree = folder / "image"
        make_root(tree, Image(), self.vm(), {}, accounts=True)
        for name in _FOLDERS:
            (tree / name).mkdir(parents=True, exist_ok=True)
        for place in ("bin", "sbin", "lib", "lib64", "share"):
            (tree / "usr" / place).mkdir(parents=True)
            if place != "share":
                (tree / place).symlink_to(f"usr/{place}")
        for name, text in _FILES.items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_text(text)
        (tree / "sbin/init").symlink_to("/lib/systemd/systemd")
        hook = tree / "etc/azready.d/hook"
        hook.parent.mkdir()
        hook.write_text('#!/bin/sh\necho hooked >"$AZREADY_ROOT/root/hooked"\n')
        hook.chmod(0o755)
        for place in ("tmp", "var/tmp"):
            (tree / place).chmod(0o1777)
        _add_daemons(tree)
        self._make_tools(folder / "tools")
        if self.media and not self.live:
            write_media(self.vm(), tree / "mnt/media")
            (tree / "mnt/media").chmod(0o700)
        return tree

    def _make_tools(self, tools: Path) -> None:
        row = Combination("shell", self.shell, "curl")
        need_programs(row)
        made = make_sandbox(tools.parent / "sandbox", row)
        shutil.copytree(made, tools, symlinks=True)
        shutil.copy(DIST / "azready", tools / "azready")
        for name in self.tools:
            (tools / name).symlink_to(need(name))
        if self.engine == "python":
            system = Path("/usr/bin/python3")
            (tools / "python3").symlink_to(system if self.live or system.exists() else sys.executable)
        (tools / "mount").write_text(_MOUNT.format(mount=need("mount")))
        (tools / "mount").chmod(0o755)
        (tools / "umount").symlink_to(need("umount"))
        (tools / "media").mkdir()
        write_media(self.vm(), tools / "media")
        (tools / "media").chmod(0o700)

    def words(self, scratch: Path, tree: Path, command: str = "", *more: str) -> list[str]:
        """How azready is started."""
        command = command or self.command
        tools = "/tools" if self.live else str(scratch / "tools")
        yes = ["--yes"] if command == "generalize" else []
        where = [] if self.live else ["--root", str(tree)]
        # Where Python does not get to its start, azready has the shell engine.
        engine = "auto" if self.engine == "python" else "shell"
        return [f"{tools}/sh", f"{tools}/azready", "--engine", engine, *where, command, *yes, *more]

    def environment(self, scratch: Path, azure: Emulator | None) -> dict[str, str]:
        """Its variables."""
        return {
            "PATH": "/tools" if self.live else str(scratch / "tools"),
            "HOME": "/",
            "AZREADY_WIRESERVER": azure.wireserver if azure else "127.0.0.1:9",
            "AZREADY_IMDS": azure.imds if azure else "127.0.0.1:9",
            "AZREADY_DEADLINE": "40",
            "AZREADY_CUSTOM_DATA": "run",
            "AZREADY_MEDIA": ("/dev/dvd" if self.live else "/mnt/media") if self.media else "none",
        }


def _add_daemons(tree: Path) -> None:
    """Accounts enough that a lost line would be seen, and a gshadow."""
    lines: Mapping[str, str] = {
        "passwd": "d{0}:x:{0}:{0}::/:/bin/false\n",
        "group": "d{0}:x:{0}:\n",
        "shadow": "d{0}:*:20000::::::\n",
        "gshadow": "d{0}:*::\n",
    }
    (tree / "etc/gshadow").write_text("root:*::\nsudo:*::\n")
    for name, line in lines.items():
        with (tree / "etc" / name).open("a") as file:
            file.write("".join(map(line.format, _DAEMONS)))
    (tree / "etc/gshadow").chmod(0o640)


def copy(source: Path, target: Path) -> Path:
    """A copy of a tree, all of it as it is."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)
    return target
