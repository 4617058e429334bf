"""A boot of a machine that is done: one program, no fork; and the short way never says what the long one would not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from bench.counts import Counted, can_trace, count
from support import DIST, leave_out, need
from unit.python_machine import Machine, new_machine

# The id of the emulator's machine as Azure shows it, and as the DMI of a generation 1 machine does.
VM_ID, GENERATION_1 = "b3c4a1d0-5e6f-4a7b-8c9d-0e1f2a3b4c5d", "D0A1C4B3-6F5E-7B4A-8C9D-0E1F2A3B4C5D"
SHELLS = ("dash", "bash", "busybox", "mksh", "yash", "ksh", "zsh", "posh")
MARKER, CONFIG, DMI = "/var/lib/azready/provisioned", "/etc/azready.conf", "/sys/class/dmi/id"
SAID = f"azready: VM {VM_ID} is provisioned already: nothing to do\n"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine that is done."""
    if not can_trace():
        leave_out("strace may not trace here")
    with new_machine(tmp_path) as made:
        for name in ("product_uuid", "chassis_asset_tag"):
            (made.root / DMI[1:] / name).unlink(missing_ok=True)
        shutil.rmtree(made.root / "sys/firmware", ignore_errors=True)
        made.file(f"{DMI}/product_uuid", f"{GENERATION_1}\n")
        made.file(f"{DMI}/chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n")
        made.file(MARKER, f"{VM_ID}\n")
        yield made


def boot(machine: Machine, *options: str, shell: str = "dash", counting: bool = True, **settings: str) -> Counted:
    """A run by the shell engine, so that a way that is taken wrongly shows in the requests, too."""
    known = {"WIRESERVER": machine.azure.wireserver, "IMDS": machine.azure.imds, "MEDIA": "none", **settings}
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **{f"AZREADY_{key}": known[key] for key in known}}
    start = [need(shell), *(["sh"] if shell == "busybox" else []), str(DIST / "azready.sh")]
    return (count if counting else run)([*start, "--root", str(machine.root), *options, "provision"], environment)


def run(command: Sequence[str], environment: Mapping[str, str]) -> Counted:
    """The same, without counting: a whole provisioning takes its time then."""
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return Counted(done.returncode, output=done.stdout)


@pytest.mark.parametrize("shell", SHELLS)
def test_second_boot_starts_one_program_and_forks_never(shell: str, machine: Machine) -> None:
    counted = boot(machine, shell=shell)
    assert (counted.status, counted.output, counted.started, counted.forks) == (0, SAID, 1, 0)
    assert machine.azure.requests == []


def generation_2(machine: Machine) -> None:
    machine.file("/sys/firmware/efi/runtime", "")
    machine.file(f"{DMI}/product_uuid", f"{VM_ID.upper()}\n")


SHORT: dict[str, Callable[[Machine], object]] = {
    "generation 2": generation_2,
    "a lower-case id": lambda machine: machine.file(f"{DMI}/product_uuid", f"{GENERATION_1.lower()}\n"),
    "no asset tag": lambda machine: (machine.root / f"{DMI[1:]}/chassis_asset_tag").unlink(),
    "settings": lambda machine: machine.file(
        CONFIG, "# ours\n\nRUN=per-instance\nDEADLINE=600\nSTEPS=all\nKVP=no\nIMDS=169.254.169.254:80"
    ),
}
# What the long way decides, and whether that is: nothing to do.
LONG: dict[str, tuple[Callable[[Machine], object], bool]] = {
    "another machine, as a copy of a disk has": (
        lambda machine: machine.file(f"{DMI}/product_uuid", f"{GENERATION_1[:-1]}E\n"),
        False,
    ),
    "the same bytes, but generation 2": (lambda machine: machine.file("/sys/firmware/efi/runtime", ""), False),
    "no marker": (lambda machine: (machine.root / MARKER[1:]).unlink(), False),
    "an empty marker": (lambda machine: machine.file(MARKER, ""), False),
    "a torn marker": (lambda machine: machine.file(MARKER, VM_ID[:20]), False),
    "a marker of two lines": (lambda machine: machine.file(MARKER, f"{VM_ID}\n{VM_ID}\n"), False),
    "a marker with blanks": (lambda machine: machine.file(MARKER, f" {VM_ID}\r\n"), True),
    "a marker that is a pattern": (lambda machine: machine.file(MARKER, "*\n"), False),
    "an id of one digit": (
        lambda machine: [
            machine.file(f"{DMI}/product_uuid", "00000000-0000-0000-0000-000000000000\n"),
            machine.file(MARKER, "00000000-0000-0000-0000-000000000000\n"),
        ],
        False,
    ),
    "an id that is none": (
        lambda machine: [machine.file(f"{DMI}/product_uuid", "none\n"), machine.file(MARKER, "none\n")],
        False,
    ),
    "no id and no marker": (
        lambda machine: [machine.file(f"{DMI}/product_uuid", ""), machine.file(MARKER, "\n")],
        False,
    ),
    "something is left to do": (
        lambda machine: machine.file("/var/lib/azready/pending", f"VM_ID={VM_ID}\nstatus\n"),
        False,
    ),
    "what is left is of another machine": (
        lambda machine: machine.file("/var/lib/azready/pending", "VM_ID=another\nstatus\n"),
        True,
    ),
    "a link of the image": (lambda machine: through_a_link(machine), True),
    "a setting that needs a look": (lambda machine: machine.file(CONFIG, "STEPS=hostname,hooks\n"), True),
}


def through_a_link(machine: Machine) -> None:
    (machine.root / "var/lib").rename(machine.root / "lib-of-var")
    (machine.root / "var/lib").symlink_to("/lib-of-var")


@pytest.mark.parametrize("kind", SHORT)
def test_the_short_way_knows(kind: str, machine: Machine) -> None:
    SHORT[kind](machine)
    counted = boot(machine)
    assert (counted.status, counted.output, counted.started) == (0, SAID, 1)


@pytest.mark.parametrize("kind", LONG)
def test_the_long_way_decides(kind: str, machine: Machine) -> None:
    change, done = LONG[kind]
    change(machine)
    assert (boot(machine, counting=False).output == SAID) == done


@pytest.mark.parametrize("option", ["--force", "--only=hooks", "--engine=shell", "-v", "-q"])
def test_an_option_takes_the_long_way(option: str, machine: Machine) -> None:
    assert boot(machine, option, counting=False).status == 0
    assert (machine.azure.requests == []) == (option != "--force")


@pytest.mark.parametrize(
    ("setting", "value"),
    [("DEADLINE", "soon"), ("RUN", "twice"), ("IMDS", "a:b:c"), ("STEPS", "x"), ("KVP", "no,auto")],
)
def test_a_setting_that_is_refused_is_refused_on_a_machine_that_is_done(
    setting: str, value: str, machine: Machine
) -> None:
    by_environment = boot(machine, counting=False, **{setting: value})
    machine.file(CONFIG, f"{setting}={value}\n")
    by_file = boot(machine, counting=False)
    assert (by_environment.status, by_file.status) == (2, 2)
    assert f"bad value '{value}'" in by_file.output or "unknown step" in by_file.output


def test_on_openwrt_the_marker_of_memory_is_not_believed(machine: Machine) -> None:
    """There /var is a link into memory, which is not azready's alone."""
    (machine.root / "tmp").mkdir(exist_ok=True)
    (machine.root / "var").rename(machine.root / "tmp/var")
    (machine.root / "var").symlink_to("tmp/var")
    assert boot(machine, counting=False).output != SAID
    machine.file("/etc/azready/provisioned", f"{VM_ID}\n")
    assert boot(machine, counting=False).output == SAID
