"""A new hostname reaches the network: real DHCP clients, a real server, and an address that is never away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import support

from .live_machine import NEW_NAME, OLD_NAME, provision

_HAS_ADDRESS = 'until ip -4 address show eth0 | grep -q "inet "; do sleep 0.1; done; sleep 1;'
_DHCLIENT = (
    "dhclient -4 -v -i -pf /run/dhclient.eth0.pid -lf /var/lib/dhcp/dhclient.eth0.leases -I"
    ' -df /var/lib/dhcp/dhclient6.eth0.leases eth0 2>"$SCRATCH/client";'
)
# As systemd does it with this unit: the signal of the unit's file, then the program again.
_SYSTEMCTL = """#!/bin/sh
case $* in
'show -p RestartKillSignal systemd-networkd.service') echo RestartKillSignal=$SIGNAL ;;
*' restart systemd-networkd.service')
    kill -USR2 "$(cat /run/networkd.pid)"
    while [ -d "/proc/$(cat /run/networkd.pid)" ]; do sleep 0.05; done
    /lib/systemd/systemd-networkd >"$SCRATCH/networkd" 2>&1 &
    echo "$!" >/run/networkd.pid
    ;;
esac
"""
_NETWORKD = (
    "mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/network;"
    "chown -R systemd-network /run/systemd/netif;"
    # Without it networkd waits for udev, which is not there.
    "echo lxc >/run/systemd/container;"
    'printf "[Match]\\nName=eth0\\n[Network]\\nDHCP=ipv4\\n" >/run/systemd/network/first.network;'
    '/lib/systemd/systemd-networkd >"$SCRATCH/networkd" 2>&1 & echo "$!" >/run/networkd.pid;'
)
_UDHCPC = (
    'udhcpc -b -S -i eth0 -O 121 -p /run/udhcpc.pid -x "hostname:$OLD_NAME" -s "$SCRATCH/script" 2>"$SCRATCH/client";'
)
_SCRIPT = f'#!/bin/sh\nexec sh {support.ROOT}/tests/lab/boot/files/udhcpc/usr/share/udhcpc/default.script "$@"\n'
# What each machine's administrator would start, and what azready says of it.
_CLIENTS = {
    "dhclient": (_DHCLIENT, "dhclient told the network of web-1 through eth0"),
    "dhclient-in-another-place": (
        # Names no network card, and has an identity of its own.
        'mkdir -p /etc/dhcp; echo "send dhcp-client-identifier \\"me\\";" >>/etc/dhcp/dhclient.conf;'
        'dhclient -4 -nw 2>"$SCRATCH/client";',
        "dhclient told the network of web-1 through eth0",
    ),
    "dhcpcd": ("dhcpcd --nodev -4 eth0 >$SCRATCH/client 2>&1;", "dhcpcd told the network of web-1 through eth0"),
    "dhcpcd-6": ("dhcpcd --nodev eth0 >$SCRATCH/client 2>&1;", "dhcpcd told the network of web-1 through eth0"),
    "dhcpcd-for-all": ("dhcpcd --nodev >$SCRATCH/client 2>&1;", "dhcpcd told the network of web-1 through eth0"),
    "udhcpc": (_UDHCPC, "udhcpc told the network of web-1 through eth0"),
    "udhcpc-without-identity": (
        f"{_UDHCPC.replace(' -i eth0', ' -C -ieth0')}",
        "udhcpc told the network of web-1 through eth0",
    ),
    "busybox": (
        f'ln -s "$(command -v busybox)" /run/busybox; {_UDHCPC.replace("udhcpc", "/run/busybox udhcpc", 1)}',
        "udhcpc told the network of web-1 through eth0",
    ),
    "networkd": (_NETWORKD, "systemd-networkd told the network of web-1"),
}
_TOOLS = {
    "dhclient": "dhclient",
    "dhcpcd": "dhcpcd",
    "udhcpc": "udhcpc",
    "busybox": "busybox",
    "networkd": "networkctl",
}


def _machine(client: str, scratch: Path, signal: str = "12") -> str:
    """The script that starts the client and waits for its lease."""
    support.need(_TOOLS[client.split("-")[0]], "is a DHCP client")
    folder = scratch / "bin"
    folder.mkdir()
    files = {"bin/systemctl": _SYSTEMCTL.replace("$SIGNAL", signal), "script": _SCRIPT}
    for name, text in files.items():
        (scratch / name).write_text(text)
        (scratch / name).chmod(0o755)
    return _CLIENTS[client][0] + _HAS_ADDRESS


def _requests(seen: dict[str, str]) -> list[tuple[str, str]]:
    """Address and name of each request that the server said yes to."""
    return re.findall(r"DHCPACK\(outside\) (\S+) \S+ ?(\S*)$", seen["dhcp"], re.MULTILINE)


@pytest.mark.parametrize("engine", ["python", "shell"])
@pytest.mark.parametrize("client", _CLIENTS)
def test_the_client_tells_the_server_the_new_name_and_never_loses_its_address(
    client: str, engine: str, tmp_path: Path
) -> None:
    seen = provision(engine, tmp_path, _machine(client, tmp_path))
    assert f"azready: hostname: {_CLIENTS[client][1]}\n" in seen["log"], seen["log"]
    (first, before), *_, (last, after) = _requests(seen)
    assert (first, before in ("", OLD_NAME), after) == (last, True, NEW_NAME), seen["dhcp"]
    # What else may change of it is the priority of its network's route.
    assert re.findall(r"inet \S+", seen["before"]) == re.findall(r"inet \S+", seen["after"])
    assert not re.findall(r"Deleted .*\binet \S+", seen["monitor"].partition("----")[2])
    assert seen["leases"].count("\n") == 1, "the server has one lease, with the client's own identity"
    assert seen["left"] == ""
    # Some clients are several processes; those that azready started are gone.
    names = {"dhclient": 1, "udhcpc": 1, "systemd-network": 1}
    assert all(seen["processes"].splitlines().count(name) <= most for name, most in names.items())
    assert seen["kernel"] == f"{NEW_NAME}\n"


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_an_old_networkd_is_not_restarted(engine: str, tmp_path: Path) -> None:
    """It would drop the address; systemd says so by the signal that it would send."""
    seen = provision(engine, tmp_path, _machine("networkd", tmp_path, signal="15"))
    assert "systemd-networkd tells the network of web-1 with its next lease: a restart" in seen["log"]
    assert NEW_NAME not in seen["dhcp"]
    assert not re.search("Deleted", seen["monitor"].partition("----")[2])


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_nothing_is_published_where_nobody_wants_it(engine: str, tmp_path: Path) -> None:
    seen = provision(engine, tmp_path, _machine("dhclient", tmp_path), AZREADY_PUBLISH_HOSTNAME="no")
    assert NEW_NAME not in seen["dhcp"]
    assert "the network of" not in seen["log"]


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_nothing_is_published_where_the_name_was_right_already(engine: str, tmp_path: Path) -> None:
    script = f"hostname {NEW_NAME}; {_machine('dhclient', tmp_path)}"
    seen = provision(engine, tmp_path, script)
    assert len(_requests(seen)) == 1
    assert "the network of" not in seen["log"]


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_name_that_a_failed_run_set_is_published_by_the_next(engine: str, tmp_path: Path) -> None:
    """The first one ends behind the step, so nothing was published yet; the second finds the right name."""
    again = 'rm /etc/azready.d/no; sh "$AGENT" --engine "$ENGINE" provision 2>"$SCRATCH/again"'
    prepare = "mkdir /etc/azready.d; ln -s /bin/false /etc/azready.d/no;" + _machine("dhclient", tmp_path)
    seen = provision(engine, tmp_path, prepare, again, AZREADY_STEPS="hostname,hooks")
    assert "the network of" not in seen["log"]
    assert "dhclient told the network of web-1" in seen["again"]


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_client_that_nobody_answers_is_left_alone_after_ten_seconds(engine: str, tmp_path: Path) -> None:
    prepare = (
        _machine("dhclient", tmp_path)
        + "ip link set eth0 down; ip link set eth0 up; tc qdisc add dev eth0 root pfifo limit 0;"
    )
    support.need("tc", "loses packets")
    seen = provision(engine, tmp_path, prepare)
    assert "dhclient tells the network of web-1 with its next lease" in seen["log"]
    assert "status" not in seen


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_networkmanager_is_asked_for_its_devices_with_a_lease(engine: str, tmp_path: Path) -> None:
    """A stand-in for the daemon and its tool; with the real ones (1.42) the address stays and the name goes out."""
    (tmp_path / "bin").mkdir()
    nmcli = tmp_path / "bin" / "nmcli"
    nmcli.write_text(
        '#!/bin/sh\necho "$*" >>"$SCRATCH/asked"\ncase $* in\n'
        "*DEVICE,STATE*) printf '%s\\n' eth0:connected eth1:connected 'lo:connected (externally)' eth2:off ;;\n"
        "*'DHCP4 device show eth0') echo 'DHCP4.OPTION[1]:ip_address = 10.0.0.4' ;;\nesac\n"
    )
    nmcli.chmod(0o755)
    seen = provision(engine, tmp_path, "cp /bin/sleep /run/NetworkManager; /run/NetworkManager 600 &")
    assert seen["asked"].splitlines()[-2:] == [
        "-w 5 device modify eth0 ipv4.dhcp-hostname web-1",
        "-t -f DHCP4 device show eth1",
    ]
    assert "NetworkManager told the network of web-1 through eth0" in seen["log"]


@pytest.mark.parametrize("engine", ["python", "shell"])
@pytest.mark.parametrize(("process", "said"), [("connmand", "connman tells"), ("wickedd-dhcp4", "wicked tells")])
def test_of_a_client_that_cannot_be_asked_it_is_said(process: str, said: str, engine: str, tmp_path: Path) -> None:
    seen = provision(engine, tmp_path, f"cp /bin/sleep /run/{process}; /run/{process} 600 &")
    assert f"{said} the network of web-1 with its next lease" in seen["log"]


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_client_of_another_network_is_left_alone(engine: str, tmp_path: Path) -> None:
    seen = provision(engine, tmp_path, "cp /bin/sleep /run/connmand; another /run/connmand 600 &")
    assert "no DHCP client runs that could tell the network of web-1" in seen["log"]
