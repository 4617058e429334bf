"""Files of /etc that cannot be replaced: links into a read-only store, mounts of one file, a disk that is full."""

from __future__ import annotations

from pathlib import Path

import pytest

from .live_machine import NEW_NAME, OLD_NAME, provision

_STEPS = "hostname,user,ssh-keys,password"
# As NixOS has it: these files of /etc are links to where nobody writes.
_STORE = f"""
mkdir -p /run/store
printf 'root ALL=(ALL) ALL\\n' >/run/store/sudoers
rm -rf /etc/sudoers.d
printf 'PasswordAuthentication yes\\n' >/run/store/sshd_config
printf '127.0.1.1 {OLD_NAME}\\n' >/run/store/hosts
echo {OLD_NAME} >/run/store/hostname
for file in sudoers ssh/sshd_config hosts hostname; do ln -sf "/run/store/${{file##*/}}" "/etc/$file"; done
doas=$(command -v doas) && mount --bind /dev/null "$doas" || :
mount --bind /run/store /run/store
mount -o remount,ro,bind /run/store
"""
_LOOK = """
cat /home/azureuser/.ssh/authorized_keys >"$SCRATCH/keys"
cat /run/store/* >"$SCRATCH/store" 2>/dev/null || :
cat /var/lib/azready/status >"$SCRATCH/kept"
find /etc -name ".*.azready" >"$SCRATCH/left-in-etc"
"""


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_what_is_secondary_in_a_read_only_store_is_a_warning(engine: str, tmp_path: Path) -> None:
    seen = provision(engine, tmp_path, _STORE, _LOOK, AZREADY_STEPS=_STEPS)
    assert seen["keys"].startswith("ssh-")
    assert "OUTCOME=ready\n" in seen["kept"]
    for file in ("/etc/hostname", "/etc/hosts", "/etc/sudoers", "/etc/ssh/sshd_config"):
        assert f"azready: warning: {file} stays as it is: Read-only file system\n" in seen["log"]
    assert "warning: no rule in /etc/sudoers: azureuser cannot become root" in seen["log"]
    assert seen["kernel"] == f"{NEW_NAME}\n"
    assert NEW_NAME not in seen["store"]
    assert (seen["left-in-etc"], "status" in seen) == ("", False)


@pytest.mark.parametrize("engine", ["python", "shell"])
@pytest.mark.parametrize("file", ["hostname", "hosts", "sudoers"])
def test_a_full_disk_is_a_failure_for_these_files_too(file: str, engine: str, tmp_path: Path) -> None:
    full = f"""
        mkdir /run/full; mount -t tmpfs -o size=64k scratch /run/full
        printf '127.0.1.1 old\\n' >/run/full/{file}; dd if=/dev/zero of=/run/full/filler bs=4k 2>/dev/null || :
        ln -sf /run/full/{file} /etc/{file}
    """
    seen = provision(engine, tmp_path, full, AZREADY_STEPS=_STEPS)
    assert f"file_not_writable step={'user' if file == 'sudoers' else 'hostname'} file=/etc/{file}" in seen["log"]
    assert seen["status"] == "1\n"


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_an_account_file_in_a_read_only_store_is_a_failure(engine: str, tmp_path: Path) -> None:
    """Without it nobody could log in."""
    prepare = """
        mkdir /run/store; cp /etc/group /run/store; ln -sf /run/store/group /etc/group
        mount --bind /run/store /run/store; mount -o remount,ro,bind /run/store
        for tool in useradd adduser; do mount --bind /dev/null "$(command -v "$tool")" || :; done
    """
    seen = provision(engine, tmp_path, prepare, AZREADY_STEPS=_STEPS)
    assert "step=user" in seen["log"]
    assert seen["status"] == "1\n"


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_file_that_is_a_mount_of_its_own_is_written_in_place(engine: str, tmp_path: Path) -> None:
    """As a container's engine gives them; nothing can be renamed onto such a file."""
    mount = """
        mkdir /run/given; printf '127.0.1.1 old\\n' >/etc/hosts
        for file in hostname hosts; do
            cp -p "/etc/$file" "/run/given/$file"; chmod 640 "/run/given/$file"
            mount --bind "/run/given/$file" "/etc/$file"
        done
    """
    look = 'cat /run/given/hostname /run/given/hosts >"$SCRATCH/given"; stat -c %a /run/given/* >"$SCRATCH/modes"'
    seen = provision(engine, tmp_path, mount, f"{_LOOK}{look}", AZREADY_STEPS=_STEPS)
    assert seen["given"] == f"{NEW_NAME}\n127.0.1.1 {NEW_NAME}\n"
    assert (seen["modes"], seen["left-in-etc"]) == ("640\n640\n", "")
    assert "OUTCOME=ready\n" in seen["kept"]
