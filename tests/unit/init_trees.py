"""Small trees of every init, as an image has them: what `install` finds there, and what it must leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# A leading arrow: a symlink with this text. A slash at the end of a name: a directory.
LINK = "-> "
S6_INIT = '#!/bin/execlineb -S0\n/bin/s6-linux-init -c /etc/s6-linux-init/current -m 00022 -- "$@"\n'
SERVICE = "/etc/s6-linux-init/current/run-image/service"
INITTAB = "::sysinit:/etc/init.d/rcS\n# no newline at the end\n::respawn:/sbin/getty 115200 ttyS0"
LINE = "::once:/usr/sbin/azready provision\n"
# Of the two servers one needs something before it, the other nothing: insserv writes no line for it.
DEPEND = "TARGETS = rsyslog ssh dropbear cron\nINTERACTIVE =\nssh: rsyslog\ncron: rsyslog\n"


@dataclass(frozen=True)
class Init:
    """A tree with this init: its files, what enables the service (path -> what is there), and where its unit is."""

    files: Mapping[str, str]
    enabled: Mapping[str, str]
    unit: str
    by: str
    name: str = ""


BUSYBOX = {"/bin/busybox": "ELF", "/sbin/init": f"{LINK}/bin/busybox"}
INITS = {
    "systemd": Init(
        {"/sbin/init": f"{LINK}/lib/systemd/systemd", "/lib/systemd/systemd": "ELF", "/etc/systemd/system/": ""},
        {"/etc/systemd/system/multi-user.target.wants/azready.service": f"{LINK}../azready.service"},
        "/etc/systemd/system/azready.service",
        "/sbin/init is /lib/systemd/systemd",
    ),
    "openrc": Init(
        {**BUSYBOX, "/etc/inittab": INITTAB, "/sbin/openrc": "ELF", "/etc/runlevels/default/": "", "/etc/init.d/": ""},
        {"/etc/runlevels/default/azready": f"{LINK}/etc/init.d/azready"},
        "/etc/init.d/azready",
        "/sbin/openrc is there",
    ),
    "openrc on sysvinit": Init(
        {"/sbin/init": "ELF", "/sbin/openrc": "ELF", "/etc/runlevels/default/": "", "/etc/rc2.d/": ""},
        {"/etc/runlevels/default/azready": f"{LINK}/etc/init.d/azready"},
        "/etc/init.d/azready",
        "/sbin/openrc is there",
        "openrc",
    ),
    "runit": Init(
        {"/sbin/init": f"{LINK}runit-init", "/sbin/runit-init": "ELF", "/etc/runit/runsvdir/default/": ""},
        {"/etc/runit/runsvdir/default/azready": f"{LINK}/etc/sv/azready"},
        "/etc/sv/azready/run",
        "/sbin/init is /sbin/runit-init",
    ),
    "runit beside sysvinit": Init(
        {
            "/sbin/init": "ELF",
            "/etc/runit/2": "#!/bin/sh\n",
            "/etc/service/": "",
            "/etc/rc2.d/": "",
            "/etc/init.d/": "",
        },
        {"/etc/rc2.d/S01azready": f"{LINK}../init.d/azready"},
        "/etc/init.d/azready",
        "/etc/rc2.d is there",
        "sysvinit",
    ),
    "s6": Init(
        {"/sbin/init": S6_INIT, f"{SERVICE}/": ""},
        {f"{SERVICE}/azready/run": ""},
        f"{SERVICE}/azready/run",
        "/sbin/init is /sbin/init",
    ),
    "s6-rc": Init(
        {"/sbin/init": S6_INIT, "/etc/s6/adminsv/default/type": "bundle\n", f"{SERVICE}/": ""},
        {"/etc/s6/adminsv/default/contents.d/azready": ""},
        "/etc/s6/adminsv/azready/up",
        "/etc/s6/adminsv/default is there",
    ),
    "dinit": Init(
        {"/sbin/init": f"{LINK}../usr/bin/dinit", "/usr/bin/dinit": "ELF", "/etc/dinit.d/boot": "type = internal\n"},
        {"/etc/dinit.d/boot.d/azready": f"{LINK}../azready"},
        "/etc/dinit.d/azready",
        "/sbin/init is /usr/bin/dinit",
    ),
    "procd": Init(
        {"/sbin/init": "ELF", "/sbin/procd": "ELF", "/etc/rc.d/": "", "/etc/init.d/dropbear": "#!/bin/sh\n"},
        {"/etc/rc.d/S21azready": f"{LINK}../init.d/azready"},
        "/etc/init.d/azready",
        "/sbin/procd is there",
    ),
    "sysvinit": Init(
        {
            "/sbin/init": "ELF",
            "/etc/init.d/.depend.start": DEPEND,
            "/etc/rc2.d/": "",
            "/etc/rc3.d/S08network-manager": f"{LINK}../init.d/network-manager",
        },
        {
            "/etc/rc2.d/S01azready": f"{LINK}../init.d/azready",
            "/etc/rc3.d/S09azready": f"{LINK}../init.d/azready",
            "/etc/init.d/.depend.start": DEPEND.replace("TARGETS =", "TARGETS = azready").replace(
                "ssh:", "ssh: azready"
            )
            + "dropbear: azready\n",
        },
        "/etc/init.d/azready",
        "/etc/rc2.d is there",
    ),
    "sysvinit in rc.d": Init(
        {
            "/sbin/init": "ELF",
            "/etc/rc.d/rc3.d/": "",
            "/etc/rc.d/init.d/": "",
            "/etc/init.d": f"{LINK}/etc/rc.d/init.d",
        },
        {"/etc/rc.d/rc3.d/S01azready": f"{LINK}../init.d/azready"},
        "/etc/rc.d/init.d/azready",
        "/etc/rc.d/rc3.d is there",
        "sysvinit",
    ),
    "buildroot": Init(
        {**BUSYBOX, "/etc/inittab": INITTAB, "/etc/init.d/rcS": "for i in /etc/init.d/S??* ;do\n"},
        {"/etc/init.d/S41azready": f"{LINK}azready"},
        "/etc/init.d/azready",
        "/etc/init.d/rcS:S??* is there",
    ),
    "busybox": Init(
        {**BUSYBOX, "/etc/inittab": INITTAB, "/etc/init.d/rcS": "#!/bin/sh\nmount -a\n"},
        {"/etc/inittab": LINE + INITTAB},
        "/etc/inittab",
        "/etc/inittab is there",
    ),
}
# Names of the table.
TABLE = {spec.name or name for name, spec in INITS.items()}
AGENTS = {
    "/usr/lib/systemd/system/cloud-init-local.service": "[Unit]\n",
    "/etc/systemd/system/cloud-init.target.wants/cloud-init-local.service": f"{LINK}/lib/somewhere",
    "/usr/lib/systemd/system/cloud-final.service": "[Unit]\n",
    "/etc/systemd/system/cloud-init.target.wants/cloud-final.service": f"{LINK}"
    "/usr/lib/systemd/system/cloud-final.service",
    "/usr/lib/systemd/system/waagent.service": "[Unit]\n",
    "/etc/systemd/system/multi-user.target.wants/waagent.service": f"{LINK}/lib/systemd/system/waagent.service",
    "/etc/systemd/system/multi-user.target.wants/sshd.service": f"{LINK}/lib/systemd/system/sshd.service",
    "/var/lib/waagent/ovf-env.xml": "secret",
    "/etc/waagent.conf": "x",
    "/var/log/waagent.log": "x",
    "/usr/bin/apt-get": "ELF",
    # Debian's name of the package; Ubuntu's is walinuxagent.
    "/var/lib/dpkg/info/waagent.list": "/.",
}
