"""Trees of used machines for test_generalize.py: what they hold, and what must stay of it."""

from __future__ import annotations

import os
from pathlib import Path

# What nobody may find after generalize, in a name or in a content. All of them stand in every tree.
USER, UID, HOST, MAC = "adalove", 1000, "oldbox-7", "00:0d:3a:11:22:33"
VM_ID, MACHINE_ID = "b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d", "0123456789abcdef0123456789abcdef"
KEY, HASH, LEASE, STATE = "AAAAprivate", "$6$salt$hash", "192.0.2.77", "leftover-state"
TRACES = (USER, HOST, MAC, VM_ID, MACHINE_ID, KEY, HASH, LEASE, STATE)

# What must not change.
MODES = {"etc/shadow": 0o640, "var/log/wtmp": 0o664}

_PASSWD = (
    f"root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/sbin:/bin/false\n{USER}:x:{UID}:1000::/home/{USER}:/bin/sh\n"
)
_SHADOW = f"root:{HASH}:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n{USER}:{HASH}:20000:0:99999:7:::\n"
_GROUP = f"root:x:0:\nsudo:x:27:{USER}\nusers:x:100:carl,{USER},eve\n{USER}:x:1000:\n"
_GSHADOW = f"root:*::\nsudo:*:{USER}:{USER}\nusers:*::carl,{USER},eve\n{USER}:!::\n"
_SUB = f"root:500000:65536\n{USER}:100000:65536\n{UID}:300000:65536\ncarl:200000:65536\n"

COMMON = {
    "etc/passwd": _PASSWD,
    "etc/passwd-": _PASSWD,
    "etc/shadow": _SHADOW,
    "etc/shadow-": _SHADOW,
    "etc/group": _GROUP,
    "etc/group-": _GROUP,
    "etc/hostname": f"{HOST}\n",
    "etc/hosts": f"# hosts\n127.0.0.1\tlocalhost {HOST}\n127.0.1.1 {HOST}.example.org {HOST}\n"
    f"192.0.2.1 other\n::1 {HOST}\n",
    "etc/resolv.conf": f"search {HOST}.example.org\nnameserver {LEASE}\n",
    f"home/{USER}/.ssh/authorized_keys": f"ssh-ed25519 {KEY} {USER}\n",
    f"home/{USER}/.bash_history": "secret\n",
    f"home/{USER}/deep/er/file name": "x",
    f"tmp/of-{USER}/file": "x",
    "root/.ash_history": f"ssh {HOST}\n",
    "root/.python_history": f"{HOST}\n",
    "root/.viminfo": f"{HOST}\n",
    "root/.profile": "stays\n",
    "var/lib/azready/provisioned": f"{VM_ID}\n",
    "var/lib/azready/status": f"VM_ID={VM_ID}\n",
    "run/azready/instance.json": f'{{"vmId": "{VM_ID}", "name": "{HOST}"}}',
    "var/lib/hyperv/.kvp_pool_1": f"VirtualMachineName {HOST}",
    "var/log/messages": f"{HOST} sshd: {USER}\n",
    "var/log/messages.0": f"{HOST}\n",
    f"var/log/remote-{HOST}.log": "",
    "var/log/wtmp": USER,
}

DEBIAN = COMMON | {
    "lib/systemd/systemd": "",
    "etc/gshadow": _GSHADOW,
    "etc/gshadow-": _GSHADOW,
    "etc/subuid": _SUB,
    "etc/subgid-": _SUB,
    "etc/security/opasswd": f"root:0:1:stays\n{USER}:1000:1:{HASH}\n",
    "etc/machine-id": f"{MACHINE_ID}\n",
    "etc/mailname": f"{HOST}\n",
    "etc/ssh/ssh_host_ed25519_key": KEY,
    "etc/ssh/ssh_host_ed25519_key.pub": f"ssh-ed25519 {KEY} root@{HOST}",
    "etc/ssh/sshd_config": "stays\n",
    "etc/ssh/sshd_config.d/50-cloud-init.conf": f"# {STATE}\nPasswordAuthentication yes\n",
    "etc/sudoers": f"root ALL=(ALL:ALL) ALL\n{USER} ALL=(ALL) ALL\n",
    "etc/sudoers.d/zz-azready": f"{USER} ALL=(ALL) NOPASSWD:ALL\n",
    "etc/sudoers.d/waagent": f"{USER} ALL=(ALL) NOPASSWD: ALL\n",
    "etc/sudoers.d/90-cloud-init-users": f"# User rules for {USER}\n",
    "etc/sudoers.d/local": f"%wheel ALL=(ALL) ALL\n{USER} ALL=(ALL) ALL\n",
    "etc/dhcp/dhclient.conf": f'timeout 300;\nsend host-name "{HOST}";\n',
    "etc/network/interfaces.d/50-cloud-init": f"# {STATE}\n",
    "etc/netplan/50-cloud-init.yaml": f"macaddress: {MAC}\n",
    "etc/udev/rules.d/70-persistent-net.rules": f'ATTR{{address}}=="{MAC}"\n',
    "etc/NetworkManager/system-connections/eth0.nmconnection": f"mac-address={MAC.upper()}\n",
    "etc/NetworkManager/system-connections/any.nmconnection": "stays\n",
    "etc/sysconfig/network-scripts/ifcfg-eth0": f"DEVICE=eth0\nHWADDR={MAC}\nDHCP_HOSTNAME={HOST}\n",
    "var/lib/dbus/machine-id": MACHINE_ID,
    "var/lib/dhcp/dhclient.eth0.leases": LEASE,
    "var/lib/NetworkManager/internal-1-eth0.lease": LEASE,
    "var/lib/NetworkManager/secret_key": STATE,
    "var/lib/NetworkManager/NetworkManager.state": "stays\n",
    "run/systemd/netif/leases/2": LEASE,
    "var/lib/systemd/random-seed": STATE,
    "var/lib/systemd/credential.secret": STATE,
    "var/lib/systemd/catalog/database": "stays\n",
    f"var/lib/systemd/linger/{USER}": "",
    f"var/lib/sudo/lectured/{UID}": STATE,
    "boot/loader/random-seed": STATE,
    "var/lib/cloud/instances/1/user-data.txt": f"{STATE} {VM_ID}",
    "var/log/cloud-init.log": STATE,
    "var/log/cloud-init-output.log": STATE,
    "var/lib/waagent/ovf-env.xml": f"<UserName>{USER}</UserName>",
    f"var/lib/waagent/{VM_ID}/x": STATE,
    "var/log/waagent.log": STATE,
    f"var/log/journal/{MACHINE_ID}/system.journal": HOST,
    f"var/mail/{USER}": "mail",
    f"var/spool/cron/crontabs/{USER}": "* * * * * true",
    "root/.ssh/authorized_keys": f"command=\"echo 'Please login as the user {USER}'\" ssh-rsa {KEY}\nssh-rsa stays\n",
    "root/.bash_history": HOST,
}

DEBIAN_AFTER = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1::/usr/sbin:/bin/false\n",
    "etc/shadow": "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n",
    "etc/shadow-": "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n",
    "etc/group": "root:x:0:\nsudo:x:27:\nusers:x:100:carl,eve\n",
    "etc/gshadow": "root:*::\nsudo:*::\nusers:*::carl,eve\n",
    "etc/subuid": "root:500000:65536\ncarl:200000:65536\n",
    "etc/security/opasswd": "root:0:1:stays\n",
    "etc/hostname": "localhost\n",
    "etc/mailname": "localhost\n",
    "etc/hosts": "# hosts\n127.0.0.1 localhost\n127.0.1.1 localhost\n192.0.2.1 other\n::1 localhost\n",
    "etc/resolv.conf": "",
    "etc/machine-id": "",
    "etc/sudoers": "root ALL=(ALL:ALL) ALL\n",
    "etc/sudoers.d/local": "%wheel ALL=(ALL) ALL\n",
    "etc/dhcp/dhclient.conf": "timeout 300;\nsend host-name = gethostname();\n",
    "etc/sysconfig/network-scripts/ifcfg-eth0": "DEVICE=eth0\n",
    "etc/ssh/sshd_config": "stays\n",
    "etc/NetworkManager/system-connections/any.nmconnection": "stays\n",
    "var/lib/NetworkManager/NetworkManager.state": "stays\n",
    "var/lib/systemd/catalog/database": "stays\n",
    "var/lib/hyperv/.kvp_pool_1": "",
    "var/log/messages": "",
    "var/log/wtmp": "",
    "root/.ssh/authorized_keys": "ssh-rsa stays\n",
    "root/.profile": "stays\n",
}

ALPINE = COMMON | {
    "etc/machine-id": f"{MACHINE_ID}\n",
    "etc/dropbear/dropbear_ed25519_host_key": KEY,
    "etc/dropbear/dropbear_rsa_host_key": KEY,
    "etc/dropbear/dropbear.conf": "stays\n",
    "etc/doas.conf": f"permit persist :wheel\n# azready\npermit nopass {USER}\npermit carl as eve\n",
    "etc/doas.d/zz-azready.conf": f"permit nopass {USER}\n",
    "etc/conf.d/hostname": f'hostname="{HOST}"\n',
    "etc/rc.conf": f'#rc_parallel="NO"\nHOSTNAME="{HOST}"\n',
    "etc/network/interfaces": f"auto eth0\niface eth0 inet dhcp\n\thostname {HOST}\n",
    f"etc/crontabs/{USER}": "* * * * * true",
    "etc/crontabs/root": "stays\n",
    "var/lib/seedrng/seed.credit": STATE,
    "var/lib/misc/random-seed": STATE,
    "var/lib/dhcpcd/eth0.lease": LEASE,
    "var/lib/udhcpc/eth0": LEASE,
    "var/lib/connman/ethernet_000d3a112233_cable/settings": f"{MAC} {LEASE}",
    "var/lib/connman/settings": "stays\n",
}

ALPINE_AFTER = {
    "etc/hostname": "localhost\n",
    "etc/conf.d/hostname": 'hostname="localhost"\n',
    "etc/rc.conf": '#rc_parallel="NO"\nHOSTNAME="localhost"\n',
    "etc/network/interfaces": "auto eth0\niface eth0 inet dhcp\n",
    "etc/dropbear/dropbear.conf": "stays\n",
    "etc/crontabs/root": "stays\n",
    "etc/shadow": "root:*:20000:0:99999:7:::\ndaemon:*:20000:0:99999:7:::\n",
    "var/lib/connman/settings": "stays\n",
    "root/.profile": "stays\n",
    "var/log/messages": "",
}


def plant(root: Path, files: dict[str, str]) -> None:
    """Make the tree; the user owns what is called after the user."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    for name, mode in MODES.items():
        if name in files:
            (root / name).chmod(mode)
    if os.geteuid() == 0:
        for place in root.rglob("*"):
            if USER in place.parts[-1] or f"/home/{USER}/" in str(place) or f"/of-{USER}/" in str(place):
                os.chown(place, UID, UID)


def traces(root: Path) -> list[str]:
    """Where `find` and `grep` would still see the old machine."""
    found = []
    for place in sorted(root.rglob("*")):
        name = str(place.relative_to(root))
        text = name + (place.read_text() if place.is_file() and not place.is_symlink() else "")
        found += [f"{name}: {trace}" for trace in TRACES if trace in text.lower() or trace in text]
    return found
