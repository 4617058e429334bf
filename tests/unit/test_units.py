"""The service files: short, without logic, the same command everywhere, and good for the init that reads them."""

from __future__ import annotations

import configparser
import re
import subprocess
from pathlib import Path

from support import DIST, ROOT, need

SYSTEMD = ROOT / "units" / "systemd" / "azready.service"
COMMAND = "/usr/sbin/azready provision"
# What makes a unit run before, behind, with or only with something else.
ORDERING = (
    r"(After|Before|Wants|Requires|Requisite|BindsTo|PartOf|Conflicts|DefaultDependencies|Condition\w+|Assert\w+)="
)


def directives(section: str) -> dict[str, str]:
    """KEY -> value of a section of the systemd unit."""
    unit = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep the case of keys
    unit.read(SYSTEMD)
    return dict(unit[section])


def test_systemd_finds_fault_with_the_unit(tmp_path: Path) -> None:
    """It says nothing of a good unit, not even a warning. The program must exist, so it gets the one in dist/."""
    tool = need("systemd-analyze", "reads the unit as systemd does")
    unit = tmp_path / SYSTEMD.name
    unit.write_text(SYSTEMD.read_text().replace(COMMAND, f"{DIST / 'azready'} provision"))
    # Other units of this machine may have faults of their own.
    verify = [tool, "verify", "--man=no", "--recursive-errors=no", str(unit)]
    done = subprocess.run(verify, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert (done.stdout, done.returncode) == ("", 0)


def test_unit_runs_another_command() -> None:
    assert directives("Service")["ExecStart"] == COMMAND


def test_unit_ends_azready_before_its_own_deadline() -> None:
    """WireServer can be away for longer than the 90 seconds that systemd gives to most services."""
    assert directives("Service")["TimeoutStartSec"] == "infinity"


def test_unit_waits_for_a_network_that_may_never_come() -> None:
    assert "network-online.target" not in " ".join(directives("Unit").values())


def test_unit_grows_logic() -> None:
    assert 10 <= len(SYSTEMD.read_text().splitlines()) <= 20


def test_ordering_has_no_reason_beside_it() -> None:
    lines = SYSTEMD.read_text().splitlines()
    below_another = zip(["", *lines], lines, strict=False)
    bare = [line for above, line in below_another if re.match(ORDERING, line) and not above.startswith("# ")]
    assert bare == []
