"""What a provisioned machine must look like from inside: a table, so that a new step is a new row."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from typing import NamedTuple

from lab.azure import ADDRESS

from .azure import USER
from .stage import Boot, Stage
from .traces import traces


class Check(NamedTuple):
    """`command` must say `expected` (in both, the names of the identity and of the machine are filled in)."""

    what: str
    command: str
    expected: str


_CHECKS = (
    Check("kernel's hostname", "cat /proc/sys/kernel/hostname", "{hostname}"),
    Check("kept hostname", "cat /etc/hostname", "{hostname}"),
    Check("marker", "cat /var/lib/azready/provisioned", "{vm_id}"),
    Check("outcome", "sed -n 's/^OUTCOME=//p' /var/lib/azready/status", "ready"),
    Check("engine", "sed -n 's/^ENGINE=//p' /var/lib/azready/status", "{engine}"),
    Check("client", "sed -n 's/^HTTP_CLIENT=//p' /var/lib/azready/status | cut -d / -f 1", "{client}"),
    Check("user", f"id -un {USER}", USER),
    Check("user's key", f"grep -c -F '{{public_key}}' /home/{USER}/.ssh/authorized_keys", "1"),
    Check("name in /etc/hosts", "sed -n 's/^127.0.1.1[[:blank:]]*//p' /etc/hosts", "{hostname}"),
    Check("media is gone again", "grep -c /run/azready /proc/mounts || :", "0"),
)
_SECRETS = (
    Check("password's hash", f"grep -hs ^{USER}: /etc/shadow /etc/passwd | grep -o ':[$]6[$]'", ":$6$"),
    Check("custom data", "cat /var/lib/azready/custom-data", "{custom_data}"),
    Check("password in a log", "grep -rlF '{password}' /run /var /etc 2>/dev/null || :", ""),
)
_OWN, _FILES, _SEVEN = ("hook", "script"), ("azready", "init", "null", "self"), "SCRIPT_CUSTOM_DATA=failed status=7"
_SAID = "from hook of {hostname} from script of {hostname}"
_NOT_LIMITED = (
    Check("mounts that all see", "cd /mnt && ls */* | xargs", " ".join(f"{own}/{it}" for own in _OWN for it in _FILES)),
    Check("limits", "for it in hook script; do cmp /mnt/$it/init /mnt/$it/self; done", ""),
    Check("set-user-ID files", "find /usr/hook /usr/script -perm -4000 | wc -l", "2"),
    Check("swap", "grep -c -E '/var/(hook|script)' /proc/swaps", "2"),
    Check("what they said", "journalctl -u azready -o cat | grep -o 'from .* of .*' | xargs", _SAID),
    Check("what was left running", "cat /proc/[0-9]*/comm | grep -c -x sleep", "2"),
    Check("how the script ended", "grep -o '^SCRIPT_CUSTOM_DATA=.* ' /var/lib/azready/status", _SEVEN),
    Check("limits of azready", "cat /mnt/*/azready | sort -u | xargs", "Seccomp: 2"),
)
# Each kind is made, the last ones after Ready, and an sshd that ran by then knows of them.
_KEYS = Check(
    "kinds of host keys that sshd does not show",
    "[ ! -x /usr/sbin/sshd ] || for kind in ecdsa ed25519 rsa; do for _ in 1 2 3 4 5 6 7 8 9 10; do"
    " ! ssh-keyscan -t $kind 127.0.0.1 2>/dev/null | grep -q . || continue 2; sleep 1; done; echo $kind; done",
    "",
)
# Says something for as long as the service would start at the next boot.
_ENABLED = {
    "systemd": "ls /etc/systemd/system/*.wants/azready.service",
    "sysvinit": "ls /etc/rc?.d/S??azready",
    "openrc": "ls /etc/runlevels/*/azready",
    "runit": "ls -d /etc/runit/runsvdir/default/azready && ! ls /etc/runit/runsvdir/default/azready/down",
    "s6": "ls -d /etc/s6/service/azready && ! ls /etc/s6/service/azready/down",
    "busybox": "grep azready /etc/inittab",
    "buildroot": "ls /etc/init.d/S??azready",
}


def look_inside(stage: Stage, boot: Boot) -> str:
    """Go through the table, log in with the key; the host keys that were shown ("" where no SSH server is)."""
    _look(stage, boot, _CHECKS)
    if not boot.vm.run(f"{{ {_ENABLED[stage.machine.init]}; }} >/dev/null 2>&1").endswith("]"):
        stage.problem("the service is still enabled")
    if not stage.machine.ssh:
        return ""
    host_keys = log_in(stage, boot)
    _look(stage, boot, [_KEYS])
    return host_keys


def look_for_secrets(stage: Stage, boot: Boot) -> None:
    """What came with the media alone is where it belongs, and nowhere else."""
    _look(stage, boot, _SECRETS)


def look_at_what_was_not_limited(stage: Stage, boot: Boot) -> None:
    """Hooks and scripts did what only somebody without the unit's limits may."""
    _look(stage, boot, _NOT_LIMITED)


def look_for_traces(stage: Stage, boot: Boot, host_keys: str) -> None:
    """The disk that is to be captured tells nothing of the machine, its user or its keys."""
    identity = boot.azure.identity
    keys = re.findall(r"\bAAAA\S+", f"{host_keys} {identity.public_key}")
    for trace in traces(stage.disk, [identity.vm_id, identity.hostname, USER, *keys]):
        stage.problem(f"generalize left {trace}")


def _look(stage: Stage, boot: Boot, checks: Iterable[Check]) -> None:
    names = {**vars(boot.azure.identity), **vars(stage.machine)}
    for check in checks:
        said = boot.vm.run(check.command.format(**names))
        stage.expect(check.what, said, check.expected.format(**names).strip())


def log_in(stage: Stage, boot: Boot) -> str:
    """Log in as the admin user with the key that the platform handed over; the host keys that were shown."""
    known = boot.folder / "known"
    # A process that is there need not listen yet: an attempt a second.
    options = ("BatchMode=yes", "LogLevel=ERROR", "ConnectionAttempts=60")
    unknown_host = ("StrictHostKeyChecking=no", f"UserKnownHostsFile={known}")
    words = (word for option in (*options, *unknown_host) for word in ("-o", option))
    command = ["ssh", "-F", "none", "-i", str(stage.key), *words]
    login = boot.azure.inside(*command, f"{USER}@{ADDRESS}", f"id -un; {stage.machine.root} id -un")
    done = subprocess.run(login, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    # Complaints count: sudo has one where it cannot resolve the machine's name.
    stage.expect("login with the key", done.stdout.splitlines(), [USER, "root" if stage.machine.root else USER])
    return known.read_text() if known.exists() else ""
