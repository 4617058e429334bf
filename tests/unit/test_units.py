"""The service files: short, without logic, the same command everywhere, and good for the init that reads them."""

from __future__ import annotations

import configparser
import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import bundle
import pytest
from support import DIST, ROOT, need

UNITS = ROOT / "units"
FOLDERS = [path.parent for path in UNITS.glob(f"*/{bundle.INSTALL_CONF}")]
FILES = sorted(path for folder in FOLDERS for path in folder.iterdir() if path.name != bundle.INSTALL_CONF)
SCRIPTS = [path for path in FILES if path.read_text().startswith("#!/bin/sh")]
# What `install` reads: name of an init -> its files.
TABLE = {
    path.parent.name: [words[1] for words in bundle.unit_lines(path) if words[0] == "file"]
    for path in UNITS.glob(f"*/{bundle.INSTALL_CONF}")
}
# What takes longer hangs: a supervisor needs a second or two for one start and one end.
LIMIT = 30.0
SYSTEMD = UNITS / "systemd" / "azready.service"
COMMAND = "/usr/sbin/azready provision"
# What makes a unit run before, behind, with or only with something else.
ORDERING = (
    r"(After|Before|Wants|Requires|Requisite|BindsTo|PartOf|Conflicts|DefaultDependencies|Condition\w+|Assert\w+)="
)


def directives(section: str) -> dict[str, str]:
    """KEY -> value of a section of the systemd unit."""
    # A list may take several lines; nobody asks for one.
    unit = configparser.ConfigParser(interpolation=None, delimiters=("=",), strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep the case of keys
    unit.read(SYSTEMD)
    return dict(unit[section])


def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    """It says nothing of a good unit, not even a warning. The program must exist, so it gets the one in dist/."""
    tool = need("systemd-analyze", "reads the unit as systemd does")
    unit = tmp_path / SYSTEMD.name
    unit.write_text(SYSTEMD.read_text().replace(COMMAND, f"{DIST / 'azready'} provision"))
    # Other units of this machine may have faults of their own.
    verify = [tool, "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(verify, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_pages_say_how_much_the_unit_is_exposed() -> None:
    """The figure is that of systemd 252, in which nothing of this machine counts. It must not get worse unseen."""
    tool = need("systemd-analyze", "judges the unit")
    words = [tool, "security", "--offline=yes", "--no-pager", str(SYSTEMD)]
    said = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    figure = re.search(r"exposure level for azready\.service: ([0-9.]+)", said.stdout)
    assert figure, said.stderr
    assert f"`systemd-analyze security`: {figure[1]})" in (ROOT / "README.md").read_text()
    assert f"`systemd-analyze security azready` says {figure[1]} instead" in (UNITS / "README.md").read_text()


def test_unit_runs_azready_provision() -> None:
    assert directives("Service")["ExecStart"] == COMMAND


def test_unit_leaves_the_deadline_to_azready() -> None:
    """WireServer can be away for longer than the 90 seconds that systemd gives to most services."""
    assert directives("Service")["TimeoutStartSec"] == "infinity"


def test_unit_does_not_wait_for_a_network() -> None:
    assert "network-online.target" not in " ".join(directives("Unit").values())


def name(path: Path) -> str:
    """How a unit is called in the name of a test."""
    return f"{path.parent.name}-{path.name}"


def code(path: Path) -> str:
    """A unit without its comments."""
    return re.sub(r"(?m)^\s*#.*\n", "", path.read_text())


@pytest.mark.parametrize("unit", FILES, ids=name)
def test_unit_is_short_and_without_logic(unit: Path) -> None:
    # What systemd's unit may not is a list.
    assert len(re.sub(r"\n\n# What provisioning never(.*\n)*\n", "", unit.read_text()).splitlines()) <= 20
    assert not re.search(r"\b(if|while|for|until|test)\b|&&|\|\||\$\(|;;.*;;", code(unit))


@pytest.mark.parametrize("init", TABLE)
def test_every_init_starts_the_same_command_once(init: str) -> None:
    """All start the same, once."""
    assert "".join(code(path) for path in FILES if path.parent.name == init).count(f"{COMMAND}") == 1


@pytest.mark.parametrize("init", TABLE)
def test_every_init_installs_all_files_of_its_folder(init: str) -> None:
    """The inittab is named by what enables it."""
    assert sorted(path.name for path in FILES if path.parent.name == init) == sorted(TABLE[init] or ["inittab"])


def test_no_two_inits_have_the_same_rank() -> None:
    """Which one is taken where two are found must not be left to chance."""
    lines = [words for path in UNITS.glob(f"*/{bundle.INSTALL_CONF}") for words in bundle.unit_lines(path)]
    ranks = [words[1] for words in lines if words[0] == "rank"]
    assert len(ranks) == len(set(ranks)) == len(TABLE)


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
def test_shellcheck_finds_no_fault_with_a_script(script: Path) -> None:
    """SC2034, SC2317: rc.common of OpenWrt reads the variables and calls the functions; SC1008: and is the shell."""
    lint = [
        need("shellcheck", "lints the scripts of units/"),
        "--shell=sh",
        "--exclude=SC2034,SC2317,SC1008",
        str(script),
    ]
    done = subprocess.run(lint, stdout=subprocess.PIPE, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_openrc_knows_its_script() -> None:
    """openrc-run reads it as a shell does; the functions are those that it calls."""
    script = UNITS / "openrc" / "azready"
    assert script.read_text().startswith("#!/sbin/openrc-run\n")
    says = 'after() { echo "after $*"; }; before() { echo "before $*"; }; . "$1"; depend'
    done = subprocess.run(["sh", "-c", says, "sh", script], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout == "after net dhcpcd NetworkManager connman\nbefore sshd dropbear\n"


def test_dinit_knows_every_setting() -> None:
    """It would not load the service. No package of Debian has dinit, so this is what its manual page says."""
    lines = code(UNITS / "dinit" / "azready").splitlines()
    settings = [re.fullmatch(r"([a-z-]+(?:[.]d)?) = (\S.*)", line) for line in lines]
    assert all(settings), lines
    said = [(setting[1], setting[2]) for setting in settings if setting]
    assert dict(said)["type"] in ("process", "bgprocess", "scripted", "internal")
    assert dict(said)["restart"] in ("true", "false", "yes", "no", "on-failure")
    assert float(dict(said)["start-timeout"]) == 0
    ordering = {"after", "before", "depends-on", "depends-ms", "waits-for", "waits-for.d"}
    assert {key for key, _ in said} <= ordering | {"type", "command", "restart", "start-timeout", "logfile"}
    # A service may be ordered behind many; everything else counts once.
    assert not [key for key, _ in said if key not in ordering and [each for each, _ in said].count(key) > 1]


def test_execline_runs_the_oneshot_of_s6_rc(tmp_path: Path) -> None:
    """s6-rc is in no package of Debian; the language that it runs `up` with is."""
    tool = need("execlineb", "runs the script of s6-rc")
    agent = tmp_path / "agent"
    agent.write_text(f'#!/bin/sh\necho "$*" >{tmp_path}/called\nexit 3\n')
    agent.chmod(0o755)
    up = tmp_path / "up"
    up.write_text((UNITS / "s6-rc" / "up").read_text().replace("/usr/sbin/azready", str(agent)))
    assert subprocess.run([tool, "-P", up]).returncode == 3
    assert (tmp_path / "called").read_text() == "provision\n"
    assert (UNITS / "s6-rc" / "type").read_text() == "oneshot\n"


@contextlib.contextmanager
def supervised(folder: Path, init: str, status: int, *command: str | Path) -> Iterator[Path]:
    """A supervisor that runs the init's files below `folder`/azready; each start adds a line to `folder`/starts."""
    service = folder / "azready"
    service.mkdir()
    agent = folder / "agent"
    agent.write_text(f"#!/bin/sh\necho start >>{folder}/starts\nexit {status}\n")
    agent.chmod(0o755)
    for file in (path for path in FILES if path.parent.name == init):
        (service / file.name).write_text(file.read_text().replace("/usr/sbin/azready", str(agent)))
        (service / file.name).chmod(0o755)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as supervisor:
        try:
            yield service
        finally:
            supervisor.terminate()


def wait_until(ready: Callable[[], bool]) -> None:
    """Look again and again, up to the limit."""
    end = time.monotonic() + LIMIT
    while not ready():
        assert time.monotonic() < end, "the supervisor never came to rest"
        time.sleep(0.05)


def output(*command: str | Path) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.strip()


@pytest.mark.parametrize("status", [0, 3])
def test_s6_starts_it_once(tmp_path: Path, status: int) -> None:
    """Neither after success nor after a failure: the next boot tries again, not the next second."""
    scan = tmp_path / "scan"
    scan.mkdir()
    svstat = need("s6-svstat", "asks s6")
    with supervised(scan, "s6", status, need("s6-svscan", "runs the service of s6"), scan) as service:
        wait_until(lambda: output(svstat, "-o", "up,wantedup", service) == "false false")
    assert (scan / "starts").read_text() == "start\n"


@pytest.mark.parametrize("status", [0, 3])
def test_runit_starts_it_once(tmp_path: Path, status: int) -> None:
    sv = need("sv", "asks runit")
    with supervised(
        tmp_path, "runit", status, need("runsv", "runs the service of runit"), tmp_path / "azready"
    ) as unit:
        wait_until(lambda: re.match(r"down: (?!.*want up)", output(sv, "status", unit)) is not None)
    assert (tmp_path / "starts").read_text() == "start\n"


@pytest.mark.parametrize("init", ["s6", "runit"])
def test_supervisor_leaves_down_what_is_marked_down(tmp_path: Path, init: str) -> None:
    """The file that RUN=once leaves behind."""
    tool = need("s6-supervise" if init == "s6" else "runsv", "runs the service")
    with supervised(tmp_path, init, 0, "true") as service:
        (service / "down").touch()
    with subprocess.Popen([tool, service], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as supervisor:
        wait_until((service / "supervise" / "status").exists)
        asked = {
            "s6": lambda: output(need("s6-svstat"), "-o", "up,wantedup", service) == "false false",
            "runit": lambda: output(need("sv"), "status", service).startswith("down: "),
        }
        wait_until(asked[init])
        supervisor.terminate()
    assert not (tmp_path / "starts").exists()


def test_insserv_starts_it_before_ssh(tmp_path: Path) -> None:
    """The header, read by the program that orders Debian's links."""
    tool = need("insserv", "reads the LSB header")
    scripts = tmp_path / "etc" / "init.d"
    scripts.mkdir(parents=True)
    shutil.copy(UNITS / "sysvinit" / "azready", scripts)
    header = (
        "#!/bin/sh\n### BEGIN INIT INFO\n# Provides: {}\n# Required-Start: {}\n# Required-Stop:\n# Default-Start: {}\n"
    )
    others = {"mountall": ("", "S"), "dhcpcd": ("mountall", "2 3 4 5"), "ssh": ("mountall", "2 3 4 5")}
    for other, (needs, levels) in others.items():
        (scripts / other).write_text(header.format(other, needs, levels) + "# Default-Stop:\n### END INIT INFO\n")
    (tmp_path / "insserv.conf").write_text("$remote_fs mountall\n")
    for script in scripts.iterdir():
        script.chmod(0o755)
    for level in "0123456S":
        (tmp_path / "etc" / f"rc{level}.d").mkdir()
    # Without -i and the paths of the scripts it works on this machine's own /etc/init.d.
    own = ("-c", tmp_path / "insserv.conf", "-o", "/nowhere", "-i", f"{scripts}/", "-p", scripts)
    assert output(tool, "-d", *own, *sorted(scripts.iterdir())) == ""
    links = {path.name[3:]: path.name[:3] for path in (tmp_path / "etc" / "rc2.d").iterdir()}
    assert links["dhcpcd"] < links["azready"] < links["ssh"]


def test_ordering_has_its_reason_beside_it() -> None:
    lines = SYSTEMD.read_text().splitlines()
    below_another = zip(["", *lines], lines, strict=False)
    bare = [line for above, line in below_another if re.match(ORDERING, line) and not above.startswith("# ")]
    assert bare == []
