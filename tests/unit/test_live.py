"""azready with no settings at all: the real addresses on real port 80, the real root, the kernel's own hostname.

All of it in network, mount and UTS namespaces that the test makes itself; the machine outside must not notice.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
from pathlib import Path

import pytest
import support
from lab.emulator import load_vm, write_media
from lab.namespace import run_script

_AGENT = support.DIST / "azready"
# The same with its first fields byte-swapped, so that the generation of the machine below does not matter.
_VM_ID = "b3c4c4b3-5e5e-4a4a-8c9d-0e1f2a3b4c5d"
# What azready reads and writes on a live machine gets a scratch file system each, so that nothing outside changes.
_INSIDE = f"""
scratch /etc /home /var /run /sys/class
mkdir -p /sys/class/dmi/id /var/lib
echo root:x:0:0:root:/root:/bin/sh >/etc/passwd
echo root:x:0: >/etc/group
echo 'root:*:20000::::::' >/etc/shadow
echo {_VM_ID.upper()} >/sys/class/dmi/id/product_uuid
echo localhost >/etc/hostname
azure --record "$SCRATCH/requests"
if [ -d "$SCRATCH/disc" ]; then
    (until grep -q imds "$SCRATCH/requests"; do sleep 0.05; done; mv "$SCRATCH/disc" "$SCRATCH/late") 2>/dev/null &
fi
sh "$AGENT" --engine "$ENGINE" provision 2>"$SCRATCH/log" && sh "$AGENT" --engine "$ENGINE" provision 2>"$SCRATCH/again"
hostname >"$SCRATCH/kernel"
cat /etc/hostname >"$SCRATCH/kept"
cat /var/lib/azready/provisioned >"$SCRATCH/marker"
sed -n 's/:.*//p' /etc/passwd >"$SCRATCH/accounts"
cat /var/lib/azready/custom-data >"$SCRATCH/data" 2>/dev/null || :
grep azready /proc/mounts >"$SCRATCH/mounted" || :
kill -INT "$emulator"
wait "$emulator" && echo 0 >"$SCRATCH/verdict"
"""


def _outside() -> tuple[object, ...]:
    """What the test must leave alone: kernel hostname, /etc/hostname, the accounts, whether azready ever wrote here."""
    written = Path("/var/lib/azready").exists(), Path("/home/azureuser").exists()
    return platform.node(), Path("/etc/hostname").read_bytes(), Path("/etc/passwd").read_bytes(), written


def _provision(engine: str, scratch: Path, **settings: str) -> dict[str, str]:
    """Provision a machine in namespaces of its own; what it then holds, by the names of _INSIDE."""
    environment = {"AGENT": str(_AGENT), "ENGINE": engine, "SCRATCH": str(scratch), **settings}
    ended = run_script(_INSIDE, environment)
    seen = {path.name: path.read_text() for path in scratch.iterdir() if path.is_file()}
    assert ended.returncode == 0, f"{ended.stderr}\n{json.dumps(seen, indent=1)}"
    return seen


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_media_is_mounted_or_it_is_said_why_not(engine: str, tmp_path: Path) -> None:
    """Whatever this kernel can: many have neither udf nor iso9660, and the machine becomes Ready all the same."""
    write_media(load_vm({"media": {"custom_data": "hello"}}), tmp_path / "disc")
    image, scratch = tmp_path / "azure.iso", tmp_path / "scratch"
    make = [support.need("genisoimage", "makes the media"), "-quiet", "-udf", "-o", str(image), str(tmp_path / "disc")]
    subprocess.run(make, check=True)
    scratch.mkdir()
    seen = _provision(engine, scratch, AZREADY_MEDIA=str(image))
    if re.search("udf|iso9660", Path("/proc/filesystems").read_text()):
        assert seen["data"] == "hello"
    else:
        assert f"provisioning media: {image} cannot be mounted as iso9660: mount: " in seen["log"]
        assert "password and custom data are out of reach" in seen["log"]
    assert seen["mounted"] == ""
    assert seen["emulator"].splitlines()[-1] == "verdict: Succeeded"


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_media_that_comes_late_is_waited_for(engine: str, tmp_path: Path) -> None:
    """It appears only once IMDS was asked, as a drive does that udev finds late."""
    write_media(load_vm({"media": {"custom_data": "hello"}}), tmp_path / "disc")
    seen = _provision(engine, tmp_path, AZREADY_MEDIA=str(tmp_path / "late"))
    assert seen["data"] == "hello"


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_machine_without_any_settings_becomes_ready(engine: str, tmp_path: Path) -> None:
    before = _outside()
    seen = _provision(engine, tmp_path)
    assert (seen["kernel"], seen["kept"]) == ("web-1\n", "web-1\n")
    assert seen["marker"] == f"{_VM_ID}\n"
    assert seen["accounts"] == "root\nazureuser\n"
    assert "provisioned already" in seen["again"]
    assert len(seen["requests"].splitlines()) == 3
    assert seen["console"] in ("", "azready: provisioned, the platform accepted Ready\n")
    assert seen["verdict"] == "0\n"
    assert seen["emulator"].splitlines()[-1] == "verdict: Succeeded"
    assert _outside() == before
