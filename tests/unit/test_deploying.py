"""The manual's page about deploying: what can run without Azure is run as it stands there, and prints what it says."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.namespace import run_script
from support import DIST, ROOT, need

PAGE = (ROOT / "agent" / "manual" / "deploying.md").read_text(encoding="utf-8")
# ```LANGUAGE WHERE, and the block behind it if that is what is printed.
BLOCKS = re.findall(r"(?ms)^```(\w+)(?: (\w+))?\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", PAGE)
RUN = [(where, typed, printed) for language, where, typed, printed in BLOCKS if language == "sh"]
# A marketplace VM, as little of it as its agents and its user need; a chroot of it is the machine.
MACHINE = """
mkdir -p "$1"
cd "$1"
mkdir -p bin sbin usr/bin usr/sbin dev proc sys run tmp root etc/ssh etc/sudoers.d lib/systemd/system usr/lib/systemd \\
	home/azureuser/.ssh var/lib/waagent/events var/log etc/systemd/system/multi-user.target.wants
mknod -m 666 dev/null c 1 3
cp "$BUSYBOX" bin/busybox
chroot . /bin/busybox --install -s
: >usr/lib/systemd/systemd
chmod 755 usr/lib/systemd/systemd
ln -sf /usr/lib/systemd/systemd sbin/init
printf '[Service]\\nExecStart=/usr/sbin/waagent -daemon\\n' >lib/systemd/system/walinuxagent.service
ln -s /lib/systemd/system/walinuxagent.service etc/systemd/system/multi-user.target.wants/walinuxagent.service
printf '%s\\n' root:x:0:0:root:/root:/bin/sh azureuser:x:1000:1000::/home/azureuser:/bin/sh >etc/passwd
printf '%s\\n' 'root:!:19000::::::' 'azureuser:!:19000::::::' >etc/shadow
printf '%s\\n' root:x:0: azureuser:x:1000: >etc/group
printf '%s\\n' '127.0.0.1 localhost' '127.0.1.1 build-vm' >etc/hosts
echo build-vm >etc/hostname
echo 'azureuser ALL=(ALL) NOPASSWD:ALL' >etc/sudoers.d/waagent
echo key >etc/ssh/ssh_host_ed25519_key
echo key >etc/ssh/ssh_host_ed25519_key.pub
echo 8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a8a >etc/machine-id
echo ssh-ed25519 >home/azureuser/.ssh/authorized_keys
: >var/lib/waagent/provisioned
: >var/log/waagent.log
: >etc/waagent.conf
"""


def scene(folder: Path) -> str:
    """A machine to capture, an image from scratch (the same, without agent and user), and the programs at hand."""
    return f"""
scratch /run
MACHINE={folder}/vm IMAGE={folder}/image
BUSYBOX={need("busybox")}
make() {{ {MACHINE} }}
(make "$MACHINE")
(make "$IMAGE")
cd {folder}
rm -r image/home/azureuser image/var/lib/waagent image/etc/systemd/system/multi-user.target.wants/*
rm image/etc/waagent.conf image/etc/sudoers.d/waagent image/var/log/waagent.log
printf '%s\\n' root:x:0:0:root:/root:/bin/sh >image/etc/passwd
cp {DIST}/azready vm/root/azready
cp {DIST}/azready-lab.pyz .
mkdir programs
cp {DIST}/azready programs/azready
export IMAGE PATH={folder}/programs:$PATH
truncate -s 1M disk.raw
"""


def typed_in(where: str, typed: str) -> str:
    if where == "vm":
        return f'chroot "$MACHINE" /bin/sh -c {shlex.quote(f"cd /root; PATH=/usr/sbin:/usr/bin:/sbin:/bin; {typed}")}'
    return typed


def in_order(printed: str, said: list[str]) -> Iterator[str]:
    """The lines that were printed otherwise than the page says, where `...` stands for any lines."""
    rest, free = list(said), False
    for line in printed.splitlines():
        if line == "...":
            free = True
            continue
        while free and rest and rest[0] != line:
            rest.pop(0)
        if not rest or rest.pop(0) != line:
            yield line
        free = False


def test_every_command_that_needs_no_azure_works_and_prints_what_the_page_says(tmp_path: Path) -> None:
    need("qemu-img")
    marks = [f"echo '== block {number}'\n{typed_in(where, typed)}\n" for number, (where, typed, _) in enumerate(RUN)]
    done = run_script(scene(tmp_path) + "exec 2>&1\n" + "".join(marks) + "wait\n", {"SCRATCH": str(tmp_path)})
    assert done.returncode == 0, done.stdout + done.stderr
    parts = re.split(r"(?m)^== block \d+\n", done.stdout)[1:]
    assert len(parts) == len(RUN)
    wrong = {}
    for (_, typed, printed), said in zip(RUN, parts, strict=True):
        lines = [line for line in said.splitlines() if line.startswith("azready:") or "azready:" not in printed]
        wrong[typed] = list(in_order(printed, lines))
    assert [(typed, line) for typed, lines in wrong.items() for line in lines] == [], done.stdout
    assert "verdict: Succeeded" in done.stdout
    assert "cannot open" not in done.stdout


def test_the_vhd_is_one_that_azure_takes(tmp_path: Path) -> None:
    """A fixed one: whole MiB and a footer of 512 bytes that begins with conectix and says type 2."""
    (convert,) = [typed for _, typed, _ in RUN if typed.startswith("qemu-img")]
    (tmp_path / "disk.raw").write_bytes(b"\x01" * (68 << 20))
    subprocess.run([need("qemu-img"), *shlex.split(convert)[1:]], cwd=tmp_path, check=True, stdout=subprocess.PIPE)
    disk = (tmp_path / "disk.vhd").read_bytes()
    assert (len(disk) - 512) % (1 << 20) == 0
    assert (disk[-512:-504], disk[-512 + 60 : -512 + 64]) == (b"conectix", b"\0\0\0\x02")


@pytest.mark.parametrize("typed", [typed for language, _, typed, _ in BLOCKS if language == "azurecli"])
def test_what_needs_azure_is_at_least_good_shell(typed: str) -> None:
    subprocess.run(["bash", "-n", "-c", typed], check=True, capture_output=True)
    assert all(line.split()[0] in ("az", "azcopy") or line[0] in " s" for line in typed.splitlines())


def test_the_managed_image_stands_behind_the_gallery() -> None:
    assert 0 < PAGE.index("az sig image-version create") < PAGE.index("az image create")
