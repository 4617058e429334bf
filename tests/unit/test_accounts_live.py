"""The step `user` on a live machine: useradd, busybox's adduser, and what owns which file.

In mount and network namespaces with an /etc, /home and /var of their own; the machine outside must not notice. Busybox
of Debian has no adduser, so a script stands in that notes its arguments and does to the files what busybox does.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import support
from lab.namespace import run_script

_INSIDE = """
scratch /etc /home /var /run
mkdir -p /etc/skel/bin /etc/default /var/lib /etc/sudoers.d
echo localhost >/etc/hostname
printf 'umask 077\\n' >/etc/skel/.profile
printf 'x\\n' >/etc/skel/bin/run
chmod 0755 /etc/skel/bin/run
ln -s /etc/motd /etc/skel/link
printf 'SHELL=/bin/sh\\n' >/etc/default/useradd
printf 'UID_MIN 1000\\nGID_MIN 1000\\nUSERGROUPS_ENAB yes\\n' >/etc/login.defs
printf 'root:x:0:0:root:/root:/bin/sh\\n' >/etc/passwd
printf 'root:x:0:\\nwheel:x:10:\\n' >/etc/group
printf 'root:*:20000::::::\\n' >/etc/shadow
printf 'root:*::\\nwheel:*::\\n' >/etc/gshadow
chmod 0640 /etc/shadow /etc/gshadow
printf '@includedir /etc/sudoers.d\\n' >/etc/sudoers
# PREPARE CASE
azure
export AZREADY_STEPS=user AZREADY_USER_GROUPS=wheel,docker
status=0
sh "$AGENT" --engine "$ENGINE" provision --force 2>"$SCRATCH/log" || status=$?
echo "$status" >"$SCRATCH/status"
find /etc /home -exec stat -c '%n %Y.%y %a %u:%g' {} + | sort >"$SCRATCH/first"
[ "$status" -ne 0 ] || sh "$AGENT" --engine "$ENGINE" provision --force 2>"$SCRATCH/again"
find /etc /home -exec stat -c '%n %Y.%y %a %u:%g' {} + | sort >"$SCRATCH/second"
cp -a /etc "$SCRATCH/etc"
cp -a /home "$SCRATCH/home"
"""
# As busybox 1.36 does it: `!` in shadow, and a home with setgid.
_BUSYBOX = r"""
[ "$1" != --help ] || { echo 'BusyBox v1.36.1 (2023-11-07) multi-call binary.' >&2; exit 1; }
echo "$*" >"$SCRATCH/arguments"
group= home= shell=
while getopts DHh:s:G: option; do
	case $option in h) home=$OPTARG ;; s) shell=$OPTARG ;; G) group=$OPTARG ;; esac
done
shift $((OPTIND - 1))
gid=1000
if [ -n "$group" ]; then
	gid=$(grep "^$group:" /etc/group | cut -d: -f3)
else
	! grep -q "^$1:" /etc/group || { echo "adduser: group '$1' in use" >&2; exit 1; }
	echo "$1:x:1000:" >>/etc/group
fi
echo "$1:x:1000:$gid:Linux User,,,:$home:$shell" >>/etc/passwd
echo "$1:!:20000:0:99999:7:::" >>/etc/shadow
[ -z "${MAKES_HOME-}" ] || { mkdir "$home"; chown "1000:$gid" "$home"; chmod 02755 "$home"; }
"""
_GROUP = "echo azureuser:x:1234: >>/etc/group\n"


class Machine:
    """Namespaces of one test. The programs of its methods are the text of a script."""

    def __init__(self, engine: str, useradd: str, folder: Path) -> None:
        self.engine, self.useradd, self.folder = engine, useradd, folder
        (folder / "bin").mkdir()

    def program(self, name: str, text: str) -> Path:
        """A script that is found before the system's own programs."""
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def provisioned(self, prepare: str = "", useradd: str | None = None) -> Path:
        """Provision it twice, prepared by some shell text; the folder with what came of it.

        `useradd`: a script in its place, an empty one hides it.
        """
        if useradd is not None:
            file = self.program("useradd", useradd) if useradd else Path("/dev/null")
            prepare += f'mount --bind {file} "$USERADD"\n'
        environment = {"AGENT": str(support.DIST / "azready"), "ENGINE": self.engine, "SCRATCH": str(self.folder)}
        environment |= {"USERADD": self.useradd, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"}
        script = _INSIDE.replace("# PREPARE CASE\n", prepare)
        ended = run_script(script, environment)
        assert ended.returncode == 0, ended.stderr
        return self.folder


@pytest.fixture(params=["python", "shell"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    """A machine for each engine."""
    useradd = support.need("useradd", "makes accounts")
    return Machine(request.param, os.path.realpath(useradd), tmp_path)


def owner(path: Path) -> tuple[int, int, str]:
    """Who owns it (the link itself), and its mode."""
    status = path.lstat()
    return status.st_uid, status.st_gid, oct(stat.S_IMODE(status.st_mode))


def line_of(file: Path, name: str = "azureuser") -> list[str]:
    """The fields of the line of that name."""
    (line,) = [line for line in file.read_text().splitlines() if line.startswith(f"{name}:")]
    return line.split(":")


def assert_ready(seen: Path, means: str, gid: int = 1000) -> None:
    """What must hold however the account was made."""
    log = (seen / "log").read_text()
    assert (seen / "status").read_text() == "0\n", log
    assert f"user: made azureuser (uid 1000, home /home/azureuser, shell /bin/bash) with {means}\n" in log
    passwd = line_of(seen / "etc/passwd")
    assert [*passwd[:4], *passwd[5:]] == ["azureuser", "x", "1000", str(gid), "/home/azureuser", "/bin/bash"]
    assert line_of(seen / "etc/shadow")[1] == "*"
    assert (seen / "etc/shadow").stat().st_mode & 0o777 == 0o640
    assert line_of(seen / "etc/group", "wheel")[3] == line_of(seen / "etc/gshadow", "wheel")[3] == "azureuser"
    assert "warning: user: there is no group docker that azureuser could join\n" in log
    assert (seen / "etc/sudoers.d/zz-azready").read_text() == "azureuser ALL=(ALL:ALL) NOPASSWD: ALL\n"
    assert owner(seen / "etc/sudoers.d/zz-azready") == (0, 0, "0o440")
    assert owner(seen / "home/azureuser") == (1000, gid, "0o700")
    assert not list((seen / "etc").glob("[a-z]*.lock"))
    assert "user: azureuser is there already" in (seen / "again").read_text()
    # Nothing was written again: not even a time has changed.
    assert (seen / "first").read_text() == (seen / "second").read_text()


def assert_skeleton(seen: Path, gid: int = 1000) -> None:
    home = seen / "home/azureuser"
    assert owner(home / ".profile") == (1000, gid, "0o644")
    assert owner(home / "bin/run") == (1000, gid, "0o755")
    assert owner(home / "link")[:2] == (1000, gid)
    assert os.readlink(home / "link") == "/etc/motd"


def test_useradd_makes_the_account(machine: Machine) -> None:
    seen = machine.provisioned()
    assert_ready(seen, "useradd")
    assert_skeleton(seen)
    assert line_of(seen / "etc/gshadow")[1] == "!"


def test_useradd_takes_the_group_that_is_there(machine: Machine) -> None:
    seen = machine.provisioned(_GROUP)
    assert_ready(seen, "useradd", 1234)
    assert_skeleton(seen, 1234)


def test_adduser_of_busybox_makes_the_account(machine: Machine) -> None:
    machine.program("adduser", _BUSYBOX)
    seen = machine.provisioned(useradd="")
    assert (seen / "arguments").read_text() == "-D -H -h /home/azureuser -s /bin/bash azureuser\n"
    assert_ready(seen, "adduser")
    assert_skeleton(seen)


def test_adduser_takes_the_group_that_is_there(machine: Machine) -> None:
    machine.program("adduser", _BUSYBOX)
    seen = machine.provisioned(_GROUP, useradd="")
    assert (seen / "arguments").read_text() == "-D -H -h /home/azureuser -s /bin/bash -G azureuser azureuser\n"
    assert_ready(seen, "adduser", 1234)


def test_home_of_adduser_loses_its_setgid(machine: Machine) -> None:
    machine.program("adduser", f"MAKES_HOME=yes\n{_BUSYBOX}")
    assert_ready(machine.provisioned(useradd=""), "adduser")


def test_another_adduser_is_left_alone(machine: Machine) -> None:
    machine.program("adduser", "echo adduser, a script of Debian")
    seen = machine.provisioned(useradd="")
    assert_ready(seen, "files")
    assert_skeleton(seen)


def test_home_that_is_there_becomes_the_users(machine: Machine) -> None:
    seen = machine.provisioned("mkdir -m 0750 /home/azureuser; touch /home/azureuser/.profile\n", useradd="")
    assert owner(seen / "home/azureuser") == (1000, 1000, "0o750")
    assert owner(seen / "home/azureuser/.profile") == (0, 0, "0o644")


def test_labels_of_selinux_are_set(machine: Machine) -> None:
    machine.program("restorecon", 'echo "$*" >>"$SCRATCH/labelled"')
    seen = machine.provisioned()
    assert_ready(seen, "useradd")
    files = "-iR /etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/sudoers.d/zz-azready"
    # Once more for the second run.
    assert (seen / "labelled").read_text().splitlines() == ["-iR /home/azureuser", files, files]


def test_useradd_that_does_not_run_stops_nothing(machine: Machine) -> None:
    machine.program("adduser", _BUSYBOX)
    seen = machine.provisioned(useradd="echo useradd: no libaudit.so.1 >&2; exit 127")
    assert_ready(seen, "adduser")
    warning = "azready: warning: user: useradd does not work (status 127, useradd: no libaudit.so.1)\n"
    assert warning in (seen / "log").read_text()


def test_useradd_that_refuses_is_reported(machine: Machine) -> None:
    seen = machine.provisioned(useradd="echo first >&2; echo useradd: no room >&2; echo >&2; exit 4")
    assert (seen / "status").read_text() == "1\n"
    cause = "user_not_created step=user command=useradd status=4 stderr=useradd: no room (hint: run "
    assert f"azready: error: {cause}" in (seen / "log").read_text()
    assert "azureuser" not in (seen / "etc/passwd").read_text()


def test_useradd_that_writes_elsewhere_is_reported(machine: Machine) -> None:
    seen = machine.provisioned(useradd="exit 0")
    cause = "user_not_created step=user command=useradd error=not_in_passwd"
    assert f"azready: error: {cause}" in (seen / "log").read_text()


def test_rule_that_visudo_takes_is_put_in_place(machine: Machine) -> None:
    machine.program("visudo", 'echo "$1 $2" >"$SCRATCH/arguments"; cat "$3" >"$SCRATCH/rule"')
    seen = machine.provisioned()
    assert_ready(seen, "useradd")
    assert (seen / "arguments").read_text() == "-c -f\n"
    assert (seen / "rule").read_text() == (seen / "etc/sudoers.d/zz-azready").read_text()


def test_rule_that_visudo_refuses_is_not_put_in_place(machine: Machine) -> None:
    machine.program("visudo", "echo syntax error near line 1 >&2; exit 1")
    seen = machine.provisioned()
    cause = "rights_not_set step=user command=visudo status=1 stderr=syntax error near line 1"
    assert f"azready: error: {cause}" in (seen / "log").read_text()
    assert not list((seen / "etc/sudoers.d").iterdir())
