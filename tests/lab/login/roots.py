"""Root file systems to provision: a Debian without sudo, busybox alone, and one like Alpine's.

All of it runs in a mount namespace of the test's own, and all that is written lies on a tmpfs in there.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

PORT = "2222"
DEBIAN, DEBIAN_WITHOUT_PAM, BUSYBOX, ALPINE = "debian", "debian-without-pam", "busybox", "alpine"
# As busybox 1.36 does it with the options that azready gives: `!` in shadow; it makes a home with setgid, unless -H.
# Debian's busybox was built without it.
_ADDUSER = r"""#!/bin/sh
[ "$1" != --help ] || { echo 'BusyBox v1.36.1 (2023-11-07) multi-call binary.' >&2; exit 1; }
group= home= shell=/bin/sh make=yes
while getopts DHh:s:G: option; do
	case $option in h) home=$OPTARG ;; s) shell=$OPTARG ;; G) group=$OPTARG ;; H) make= ;; esac
done
shift $((OPTIND - 1))
! grep -q "^$1:" /etc/passwd || { echo "adduser: user '$1' in use" >&2; exit 1; }
if [ -z "$group" ]; then
	! grep -q "^$1:" /etc/group || { echo "adduser: group '$1' in use" >&2; exit 1; }
	group=$1
	echo "$1:x:1000:" >>/etc/group
fi
gid=$(sed -n "s/^$group:[^:]*:\([0-9]*\):.*/\1/p" /etc/group)
home=${home:-/home/$1}
echo "$1:x:1000:$gid:Linux User,,,:$home:$shell" >>/etc/passwd
echo "$1:!:20000:0:99999:7:::" >>/etc/shadow
[ -z "$make" ] || { mkdir -p "$home" && chown "1000:$gid" "$home" && chmod 02755 "$home"; }
"""
# doas of Debian opens a PAM session even for `nopass`; whether it is allowed is still doas.conf's to say.
_PAM = "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n"


def make(kind: str, scratch: Path, agent: Path) -> Path:
    """A new root of this kind, ready for chroot, with azready, host keys and an identity."""
    _run("mount", "-t", "tmpfs", "-o", "mode=0755", "scratch", scratch)
    root = scratch / "root"
    root.mkdir()
    if kind in (DEBIAN, DEBIAN_WITHOUT_PAM):
        _debian(root, scratch, kind == DEBIAN)
    else:
        _busybox(root)
        if kind == ALPINE:
            _like_alpine(root)
    _kernel(root)
    shutil.copy(agent, root / "usr/sbin/azready")
    return root


def server(kind: str) -> list[str]:
    """The SSH server of this root, in the foreground."""
    if kind in (DEBIAN, DEBIAN_WITHOUT_PAM):
        return ["/usr/sbin/sshd", "-D", "-e", "-p", PORT, "-o", "ListenAddress=127.0.0.1"]
    return ["/usr/sbin/dropbear", "-F", "-E", "-p", f"127.0.0.1:{PORT}", "-r", "/etc/dropbear/key"]


def _run(*command: str | Path) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _kernel(root: Path) -> None:
    """What the kernel shows: /proc, a few devices, an empty /run, and who this machine is."""
    for place in ("proc", "dev", "run", "sys", "mnt"):
        (root / place).mkdir(exist_ok=True)
    _run("mount", "-t", "proc", "proc", root / "proc")
    for place in ("dev", "run", "sys"):
        _run("mount", "-t", "tmpfs", "-o", "mode=0755", "scratch", root / place)
    for device in ("null", "zero", "random", "urandom", "tty"):
        (root / "dev" / device).touch()
        _run("mount", "--bind", f"/dev/{device}", root / "dev" / device)
    # A file stands in for the console: what is written there must not be seen outside.
    (root / "dev/console").touch()
    (root / "run/sshd").mkdir()
    identity = root / "sys/class/dmi/id/product_uuid"
    identity.parent.mkdir(parents=True)
    identity.write_text("B3C4C4B3-5E5E-4A4A-8C9D-0E1F2A3B4C5D\n")


def _debian(root: Path, scratch: Path, with_pam: bool) -> None:
    """This machine's own Debian under an overlay: its shadow tools, its sshd as Debian configures it, no sudo."""
    layers = {"upperdir": scratch / "upper", "workdir": scratch / "work"}
    for layer in layers.values():
        layer.mkdir()
    options = ",".join(["lowerdir=/", *(f"{name}={layer}" for name, layer in layers.items())])
    _run("mount", "-t", "overlay", "-o", options, "overlay", root)
    for folder in ("usr/bin", "usr/sbin", "usr/local/bin", "usr/local/sbin"):
        for name in ("sudo", "doas", "visudo", "dropbear"):
            (root / folder / name).unlink(missing_ok=True)
    for place in ("etc/sudoers.d", "etc/ssh", "etc/azready.d", "var/lib/azready", "home"):
        shutil.rmtree(root / place, ignore_errors=True)
    for place in ("etc/sudoers", "etc/doas.conf", "etc/azready.conf", "etc/nologin"):
        (root / place).unlink(missing_ok=True)
    (root / "home").mkdir()
    (root / "etc/ssh/sshd_config.d").mkdir(parents=True)
    shutil.copy(root / "usr/share/openssh/sshd_config", root / "etc/ssh/sshd_config")
    # Cloud images say no to passwords. Without PAM sshd itself refuses an account that is locked, its keys too.
    lines = "PasswordAuthentication no\n" if with_pam else "UsePAM no\n"
    (root / "etc/ssh/sshd_config.d/60-image.conf").write_text(lines)
    _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", root / "etc/ssh/ssh_host_ed25519_key")


def _busybox(root: Path) -> None:
    """busybox and dropbear, and no shadow file."""
    usr = ["usr/bin", "usr/sbin", "usr/lib", "usr/lib64"]
    for folder in ("bin", "etc/dropbear", "home", "root", "tmp", "var/lib", *usr):
        (root / folder).mkdir(parents=True)
    for folder in ("lib", "lib64"):
        (root / folder).symlink_to(f"usr/{folder}")
    shutil.copy(_which("busybox"), root / "bin/busybox")
    for applet in _run("busybox", "--list").split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    _copy_program(root, "dropbear", "usr/sbin/dropbear")
    # It talks on stderr, even when all is well.
    keygen = ["dropbearkey", "-t", "ed25519", "-f", str(root / "etc/dropbear/key")]
    subprocess.run(keygen, check=True, capture_output=True)
    (root / "etc/passwd").write_text("root:*:0:0:root:/root:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nwheel:x:10:\n")
    (root / "etc/hostname").write_text("localhost\n")


def _like_alpine(root: Path) -> None:
    """adduser, doas and a shadow file besides."""
    (root / "usr/sbin/adduser").write_text(_ADDUSER)
    (root / "usr/sbin/adduser").chmod(0o755)
    (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (root / "etc/shadow").write_text("root:*:20000:0:::::\n")
    (root / "etc/shadow").chmod(0o640)
    (root / "etc/shells").write_text("/bin/sh\n/bin/ash\n")
    _copy_program(root, "doas", "usr/bin/doas")
    (root / "usr/bin/doas").chmod(0o4755)
    (root / "etc/doas.conf").write_text("permit :wheel\n")
    (root / "etc/doas.conf").chmod(0o600)
    (root / "etc/pam.d").mkdir()
    (root / "etc/pam.d/doas").write_text(_PAM)
    (module,) = (path for path in Path("/usr/lib").glob("*/security/pam_permit.so"))
    _copy(root, module)


def _which(program: str) -> str:
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, program
    return os.path.realpath(found)


def _copy_program(root: Path, program: str, place: str) -> None:
    """A program of this machine with the libraries that it names."""
    source = _which(program)
    shutil.copy(source, root / place)
    for library in re.findall(r"(?:=> |^\s*)(/\S+)", _run("ldd", source), re.MULTILINE):
        _copy(root, Path(library))


def _copy(root: Path, file: Path) -> None:
    target = root / str(file).lstrip("/")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, target)
