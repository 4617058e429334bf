"""What happens to the machines: one whole life each, and the bad days.

A scenario is a function of a `Stage`: it boots, waits, looks, and notes what is wrong; `Stage.problems` is the outcome.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator

from lab.azure import IMDS, WIRESERVER
from lab.process import NotSeen

from .azure import Identity
from .checks import look_at_what_was_not_limited, look_for_secrets, look_for_traces, look_inside
from .stage import VMS, WITH_SECRETS, Boot, Stage

# How long after the kernel's start something of Azure stays away, in seconds. A real WireServer may be away for 180.
_WIRESERVER_COMES, _DHCP_COMES = 60, 20
# Five minutes for an IMDS that is dead is for real machines.
_IMPATIENT = "IMDS_DEADLINE=5"
# The requests of a provisioning in which nothing went wrong.
_GOOD = ["goalstate 200", "imds 200", "health 200"]


def life(stage: Stage) -> None:
    """Deployed, provisioned, looked at, rebooted, generalized, captured, deployed as another machine (on a bad day)."""
    with deployed(stage, VMS[0]) as boot:
        stage.expect("requests", boot.azure.requests, _GOOD)
        host_keys = look_inside(stage, boot)
        boot.reboot()
    with stage.boot(VMS[0]) as boot:
        boot.settle()
        stage.expect("requests after a reboot", boot.azure.requests, [])
        stage.expect("host keys after a reboot", look_inside(stage, boot), host_keys)
        stage.expect("generalize", boot.vm.run("azready -q generalize --yes"), "")
        stage.expect("settings", boot.vm.run(f"echo '{_IMPATIENT}' >/etc/azready.conf"), "")
        boot.vm.power_off()
    look_for_traces(stage, boot, host_keys)
    with deployed(stage, VMS[1], stage.machine.captured) as boot:
        if look_inside(stage, boot) == host_keys != "":
            stage.problem("the captured image brought its host keys along")


@contextlib.contextmanager
def deployed(stage: Stage, identity: Identity, day: str = "") -> Iterator[Boot]:
    """A deployment on that kind of day: to the verdict, which must be Succeeded, and then to the end of the boot."""
    addresses = {"wireserver-late": (IMDS,), "imds-dead": (WIRESERVER,)}.get(day, (WIRESERVER, IMDS))
    with stage.boot(identity, addresses=addresses, dhcp=day != "dhcp-late") as boot:
        if day == "wireserver-late":
            boot.network_up()
            boot.sleep_until(_WIRESERVER_COMES)
            boot.azure.bring_up(WIRESERVER)
        elif day == "dhcp-late":
            boot.sleep_until(_DHCP_COMES)
            boot.azure.serve_dhcp()
        stage.timed(boot, boot.wait_for_verdict())
        stage.expect("verdict", boot.azure.verdict, "Succeeded")
        boot.settle()
        stage.look_at_the_clock(boot)
        # Azure's DNS learns names from DHCP alone.
        stage.expect("name that the DHCP server knows", boot.azure.published, identity.hostname)
        yield boot


def failed(stage: Stage, boot: Boot, reason: str) -> None:
    """The platform must be told why, and so must whoever looks at the boot diagnostics."""
    stage.timed(boot, boot.wait_for_verdict())
    stage.expect("verdict", boot.azure.verdict, "Failed")
    told = boot.azure.emulator.output
    if f"reason={reason}" not in told:
        stage.problem(f"the platform was not told {reason}: {told[-300:]}")
    silent(stage, boot, reason)


def silent(stage: Stage, boot: Boot, reason: str) -> None:
    """Never Ready is never silent: the console must show the reason."""
    try:
        boot.vm.console.wait_for(rf"azready: not provisioned: {reason}", 60)
    except NotSeen as error:
        stage.problem(f"boot diagnostics do not say {reason}: {error}")


def wireserver_late(stage: Stage) -> None:
    """WireServer is away when the machine asks for the first time, and for a while after that."""
    with deployed(stage, VMS[0], "wireserver-late") as boot:
        look_inside(stage, boot)


def dhcp_late(stage: Stage) -> None:
    """There is no lease for the first seconds, longer than a client tries at first."""
    with deployed(stage, VMS[0], "dhcp-late") as boot:
        look_inside(stage, boot)


def imds_dead(stage: Stage) -> None:
    """IMDS never answers; what is needed stands on the provisioning media, and a password too."""
    stage.write("/etc/azready.conf", f"{_IMPATIENT}\n")
    with deployed(stage, WITH_SECRETS, "imds-dead") as boot:
        look_inside(stage, boot)
        look_for_secrets(stage, boot)


# What provisioning itself never does, and the limits of its unit forbid. `$own` is its name.
_UNLIMITED = """#!/bin/sh
set -e
mkdir -p /mnt/$own
mount -t tmpfs $own /mnt/$own
mknod /mnt/$own/null c 1 3
cp /bin/true /usr/$own
chmod 4755 /usr/$own
date -s "$(date)"
dd if=/dev/zero of=/var/$own bs=4096 count=64
mkswap /var/$own
swapon /var/$own
unshare --net true
grep -E '^(Seccomp|CapBnd):' /proc/self/status >/mnt/$own/self
grep -E '^(Seccomp|CapBnd):' /proc/1/status >/mnt/$own/init
grep ^Seccomp: /proc/"$(systemctl show -p MainPID --value azready.service)"/status >/mnt/$own/azready
systemctl daemon-reexec
sleep 1000 &
echo "from $own of $AZREADY_HOSTNAME"
"""
# What an earlier run left running is gone with its unit when the service is started again.
_KILLED = """
endless() { [ "$(cat /proc/[0-9]*/comm 2>/dev/null | grep -c -x -e sleep -e endless)" = "$1" ]; }
soon() { for _ in $(seq 40); do ! "$@" || return 0; sleep 1; done; return 1; }
cp /bin/sleep /var/endless
printf '#!/bin/sh\nexec /var/endless 12345\n' >/etc/azready.d/hook
rm /var/lib/azready/provisioned
systemctl stop azready
soon endless 0 && printf 'none before, '
systemctl start --no-block azready
soon eval 'grep -s -q endless /proc/[0-9]*/comm' && printf 'one, '
kill -KILL "$(systemctl show -p MainPID --value azready)"
soon endless 0 && printf 'none, '
echo DEADLINE=12 >>/etc/azready.conf
systemctl start azready 2>/dev/null || grep -o hook_timed_out /var/lib/azready/status
soon endless 0 && printf none
"""
_ENDED = "none before, one, none, hook_timed_out none"


def unlimited(stage: Stage) -> None:
    """A hook and a script do all that root may, outside of the unit's limits; how they ended is told as ever."""
    stage.write("/etc/azready.conf", "CUSTOM_DATA=run\n")
    stage.write("/etc/azready.d/hook", _UNLIMITED.replace("$own", "hook"), 0o755)
    script = _UNLIMITED.replace("$own", "script") + "exit 7\n"
    with deployed(stage, dataclasses.replace(VMS[0], custom_data=script)) as boot:
        look_inside(stage, boot)
        look_at_what_was_not_limited(stage, boot)
        stage.expect("hooks without end", " ".join(boot.vm.run(_KILLED).split()), _ENDED)


def power_cut(stage: Stage) -> None:
    """The power goes while the goal state is fetched, then during the steps, then as Ready is reported."""
    for moment, seconds in (("goalstate +GET", 0.0), ("imds +GET", 0.3), ("health +POST", 0.0)):
        with stage.boot(VMS[0]) as boot:
            boot.azure.emulator.wait_for(moment, 240)
            time.sleep(seconds)
            boot.vm.close()
    with stage.boot(VMS[0]) as boot:
        boot.settle()
        # The last cut may have come just after the marker was written: then there is nothing left to report.
        if boot.azure.requests:
            stage.timed(boot, boot.wait_for_verdict())
            stage.expect("verdict", boot.azure.verdict, "Succeeded")
        boot.settle()
        look_inside(stage, boot)
        stage.expect("half-made files", boot.vm.run("find / -xdev -name '.*.azready*' | head -n 5"), "")


def disk_full(stage: Stage) -> None:
    """Not a byte is left on the disk."""
    # Without one systemd-networkd asks for no lease, and systemd could not make one now.
    stage.write("/etc/machine-id", f"{VMS[0].vm_id.replace('-', '')}\n")
    stage.fill()
    with stage.boot(VMS[0]) as boot:
        failed(stage, boot, "file_not_writable")


def root_read_only(stage: Stage) -> None:
    """Somebody built an image whose root is never made writable."""
    stage.write("/etc/fstab", "")
    with stage.boot(VMS[0], append="ro") as boot:
        failed(stage, boot, "file_not_writable")


def nobody_answers(stage: Stage) -> None:
    """No WireServer until the deadline: nobody can be told, but the console knows, and the next boot tries again."""
    stage.write("/etc/azready.conf", "DEADLINE=6\n")
    with stage.boot(VMS[0], addresses=(IMDS,)) as boot:
        silent(stage, boot, "goal_state_unavailable")
        boot.settle()
        stage.expect("requests", boot.azure.requests, [])
        boot.vm.power_off()
    with deployed(stage, VMS[0]):
        pass


# Which day meets which machine. The machines that take long to boot meet the first three when they are deployed
# for the second time, see `captured` in machines.toml.
DAYS: dict[str, tuple[Callable[[Stage], None], tuple[str, ...]]] = {
    "wireserver-late": (wireserver_late, ("busybox",)),
    "dhcp-late": (dhcp_late, ("buildroot",)),
    "imds-dead": (imds_dead, ("busybox",)),
    "power-cut": (power_cut, ("systemd-python", "busybox")),
    "disk-full": (disk_full, ("systemd-python", "busybox")),
    "root-read-only": (root_read_only, ("systemd-python3-minimal", "buildroot")),
    "unlimited": (unlimited, ("systemd-python", "systemd-curl")),
    "nobody-answers": (nobody_answers, ("busybox",)),
}
