"""Debian's cloud-init and WALinuxAgent at a first boot, and azready on the same machine beside the same emulator.

Each gets a machine of its own (lab.clients), made of one root file system with all of them in it, where it makes real
users. Their work is all that their units start at a first boot; that of WALinuxAgent ends when it has reported and read
what it reads then, for it stays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.facts import project_version
from lab.clients import test_cloud_init, test_waagent
from lab.clients.machine import ENVIRONMENT, PATIENCE, Machine, tree

from .measure import Figures, Progress, in_rounds
from .packages import Installed
from .place import AGENT
from .tree import Meanwhile, timed, weighed
from .works import BESIDE, MeasureError, Row

# As its unit asks for.
_NETWORK = "printf 'auto eth0\\niface eth0 inet dhcp\\n' >>/etc/network/interfaces\nifup eth0\n"
# What is left running in this machine would be waited for.
_END = "\nkill -9 -1 2>/dev/null || :\n"
_STAGES = ("init --local", "init", "modules --mode=config", "modules --mode=final")
# There are no locales that could be made. A module that does not like this machine keeps no unit from starting.
_CLOUD_INIT = "\n".join(
    [*(f"cloud-init {stage} || :" for stage in _STAGES), "test -e /var/lib/cloud/instance/boot-finished"]
)
# An image's host keys stay: how long an RSA key takes is luck (0.3 to 1.1 s), the same for all who make one.
_CLOUD_INIT_KEYS = """
cat >>/etc/cloud/cloud.cfg.d/99_here.cfg <<'EOF'
locale: false
ssh_deletekeys: false
ssh_genkeytypes: []
EOF
"""
_WAAGENT_KEYS = """
sed -i 's/^Provisioning.RegenerateSshHostKeyPair=.*/Provisioning.RegenerateSshHostKeyPair=n/' /etc/waagent.conf
mkfifo /run/over
"""


def _ends_by_itself(machine: Machine) -> None:
    machine.verdict()


def _waagent_has_reported(machine: Machine) -> None:
    """Behind its report it looks at IMDS; then it would go on for ever."""
    machine.verdict()
    machine.emulator.wait_for(r" imds +GET +/metadata/instance/compute\?", PATIENCE)
    machine.run("echo >/run/over")


@dataclass(frozen=True)
class Agent:
    """`prepare` and `work` are shell scripts in the machine; `packages` are Debian's that it needs."""

    name: str
    prepare: str
    work: str
    packages: tuple[str, ...]
    # What it is where it is no package.
    files: tuple[Path, ...] = ()
    meanwhile: Callable[[Machine], None] = _ends_by_itself

    def put(self, machine: Machine) -> None:
        """What is no package."""
        machine.put(AGENT, "/usr/sbin/azready")
        for file in _FILES:
            machine.put(file, f"/usr/sbin/{file.name}")


_FILES = (BESIDE / "ready.py", BESIDE / "ready-and-name.sh")
_SCRIPT = """
export WIRESERVER=168.63.129.16 IMDS=169.254.169.254 READY=/usr/sbin/ready.py ROOT=
sh /usr/sbin/ready-and-name.sh
"""
_WAAGENT = "waagent -daemon &\nread -r _ </run/over\nkill $!\nwait $! || :"
AGENTS = (
    Agent("azready, shell", _NETWORK, "azready --engine shell provision", ("curl",), (AGENT,)),
    Agent("azready, python", _NETWORK, "azready --engine python provision", ("python3",), (AGENT,)),
    Agent("script (no user)", _NETWORK, _SCRIPT, ("python3", "curl"), _FILES),
    Agent("cloud-init", f"{test_cloud_init.CONFIGURE}\n{_CLOUD_INIT_KEYS}", _CLOUD_INIT, ("cloud-init",)),
    Agent("waagent", f"{test_waagent.CONFIGURE}\n{_WAAGENT_KEYS}", _WAAGENT, ("waagent",), (), _waagent_has_reported),
)
ROWS = tuple(
    Row(f"azready, {engine}", peer, 0.2) for engine in ("shell", "python") for peer in ("cloud-init", "waagent")
)


def measure(rounds: int, progress: Progress) -> dict[str, Figures]:
    """The figures of all agents, by name. Raises MeasureError."""
    return in_rounds(AGENTS, _weigh, _clock, rounds, progress, "agents: ")


def _weigh(agent: Agent, figures: Figures) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="azready-peer-") as name,
        Machine(Path(name), **test_cloud_init.VM) as machine,
    ):
        command, meanwhile = _prepared(agent, machine)
        weight = weighed(command, ENVIRONMENT, meanwhile)
        _judge(agent, machine, weight.counted.status, weight.counted.output)
        figures.memory, figures.requests = weight.memory, len(machine.requests)
        figures.programs, figures.forks = weight.counted.started, weight.counted.forks or 0


def _clock(agent: Agent) -> float:
    with (
        tempfile.TemporaryDirectory(prefix="azready-peer-") as name,
        Machine(Path(name), **test_cloud_init.VM) as machine,
    ):
        command, meanwhile = _prepared(agent, machine)
        done = timed(command, ENVIRONMENT, meanwhile)
        _judge(agent, machine, done.status, done.output)
        return done.cpu


def _prepared(agent: Agent, machine: Machine) -> tuple[list[str], Meanwhile]:
    agent.put(machine)
    machine.run(agent.prepare)
    return machine.inside(f"{agent.work}{_END}"), lambda: agent.meanwhile(machine)


def _judge(agent: Agent, machine: Machine, status: int, output: str) -> None:
    if status or machine.verdict() != "Succeeded":
        raise MeasureError(f"{agent.name}: status {status}, verdict {machine.verdict()}: {output[-2000:]}")


def comparison(figures: dict[str, Figures]) -> list[dict[str, Any]]:
    """A row for each agent: what it costs, and what must be in an image for it."""
    rows = []
    installed = Installed(tree())
    for agent in AGENTS:
        found = figures[agent.name]
        needed = installed.beyond_base(agent.packages)
        rows.append(
            {
                "agent": agent.name,
                "version": installed.version(agent.name) or (project_version() if "azready" in agent.name else ""),
                "cpu_ms": round(found.median),
                "memory_kb": found.memory,
                "requests": found.requests,
                "programs": found.programs,
                "forks": found.forks,
                "own_bytes": sum(file.stat().st_size for file in agent.files) or installed.size(agent.packages),
                "packages": sorted(needed),
                "packages_bytes": installed.size(needed),
            }
        )
    return rows
