"""Compiled code beside the program: made by `install`, taken where it fits, and never in the way of a run."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import DIST, need
from unit.python_machine import Machine, new_machine

AGENT = DIST / "azready"
NAME = "/usr/sbin/azready.pyc"
# The interpreter of the image, and that of the machine which makes the image.
VERSION = "3.13"
# Runs the file behind it, and says on stderr what is compiled, and what is opened.
TELL = """
import os, runpy, sys
TOLD = {"compile": 1, "open": 0}
def tell(event, what):
    if event in TOLD: os.write(2, b"%s %s\\n" % (event.encode(), str(what[TOLD[event]]).encode()))
sys.addaudithook(tell)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


class Image(Machine):
    """A tree with OpenRC and a Python. What runs there or installs there finds that Python on PATH."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.__dict__ = machine.__dict__
        for place in ("etc/init.d", "etc/runlevels/default", "usr/sbin", "usr/bin"):
            (self.root / place).mkdir(parents=True, exist_ok=True)
        self.programs, self.book = folder / "programs", folder / "book"
        self.programs.mkdir()
        self.python(VERSION)

    @property
    def compiled(self) -> Path:
        """The file."""
        return self.root / NAME[1:]

    def python(self, version: str) -> None:
        """Have this one, in the image and on PATH; what it is started with stands in the book."""
        self.file(f"/usr/bin/python{version}", "no program of an image is started", 0o755)
        (self.root / "usr/bin/python3").unlink(missing_ok=True)
        (self.root / "usr/bin/python3").symlink_to(f"python{version}")
        for name in ("python3", f"python{version}"):
            script = self.programs / name
            interpreter = need(f"python{version}", "compiles")
            script.write_text(f'#!/bin/sh\necho "${{3##*/}}" >>"{self.book}"\nexec {interpreter} "$@"\n')
            script.chmod(0o755)

    def azready(self, agent: Path, *words: str) -> str:
        """What it says; it must end well."""
        settings = {"WIRESERVER": self.azure.wireserver, "IMDS": self.azure.imds, "MEDIA": "none"}
        environment = {f"AZREADY_{key}": value for key, value in settings.items()}
        self.book.write_text("")
        done = subprocess.run(
            [need("dash"), agent, "--root", self.root, *words],
            env={"PATH": f"{self.programs}:/usr/sbin:/usr/bin:/sbin:/bin", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, *words: str) -> str:
        """Of this build."""
        return self.azready(AGENT, "install", "--init", "openrc", *words)

    def run(self, *words: str) -> str:
        """Of the azready that is installed, with its Python engine."""
        return self.azready(self.root / "usr/sbin/azready", "--engine", "python", *words)

    def started(self) -> list[str]:
        """Which files Python was started with in the last run."""
        return self.book.read_text().split()


@pytest.fixture
def image(tmp_path: Path) -> Iterator[Image]:
    with new_machine(tmp_path) as machine:
        yield Image(machine, tmp_path)


def test_install_makes_it_and_a_run_takes_it(image: Image) -> None:
    assert f"install: {NAME} written (for python3.13)\n" in image.install()
    assert image.compiled.stat().st_mode & 0o777 == 0o644
    said = image.run("provision")
    assert (image.started(), image.status()["ENGINE"]) == (["azready.pyc"], "python")
    assert "azready: the platform accepted the report Ready\n" in said
    assert "handover" not in said and not image.leftovers()


@pytest.mark.parametrize("version", ["3.7", "3.10", VERSION])
def test_every_python_makes_its_own_and_a_second_install_leaves_it(version: str, image: Image) -> None:
    """Not each Python compiles a text to the same bytes twice."""
    image.python(version)
    image.install()
    before = image.compiled.stat().st_ino
    assert f"{NAME} is there already" in image.install()
    assert image.compiled.stat().st_ino == before
    image.run("report", "ready")
    assert image.started() == ["azready.pyc"]


def test_a_run_compiles_nothing_and_does_not_look_into_the_zip(image: Image) -> None:
    image.install()
    environment = {"AZREADY_WIRESERVER": image.azure.wireserver, "AZREADY_IMDS": image.azure.imds}
    python = [need(f"python{VERSION}"), "-I", "-S"]
    command = [*python, "-c", TELL, str(image.compiled), "--root", str(image.root), "provision"]
    done = subprocess.run(command, env={"AZREADY_MEDIA": "none", **environment}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^compile (.*(?:azready|urllib3).*)$", done.stderr, re.MULTILINE) == []
    # Once, for its hash.
    assert re.findall(r"^open .*/usr/sbin/(azready)$", done.stderr, re.MULTILINE) == ["azready"]


def test_uninstall_takes_it_away(image: Image) -> None:
    image.install()
    assert f"uninstall: {NAME} removed" in image.azready(AGENT, "uninstall")
    assert not image.compiled.exists()


def no_python(image: Image) -> None:
    (image.root / "usr/bin/python3").unlink()


def without_a_version(image: Image) -> None:
    """Nobody can say which it is."""
    (image.root / "usr/bin/python3").unlink()
    image.file("/usr/bin/python3", "", 0o755)


def not_here(image: Image) -> None:
    """The machine that makes the image has another one."""
    (image.programs / f"python{VERSION}").unlink()


def too_old(image: Image) -> None:
    image.python("3.6")


def anybodys_folder(image: Image) -> None:
    (image.root / "usr/sbin").chmod(0o777)


@pytest.mark.parametrize("case", [no_python, without_a_version, not_here, too_old, anybodys_folder])
def test_nothing_is_made_and_nothing_said_where_it_cannot_be(case: Callable[[Image], None], image: Image) -> None:
    """One of an earlier install goes: it would only be in the way."""
    image.install()
    case(image)
    assert ".pyc" not in image.install()
    assert not image.compiled.exists()


def test_the_shell_engine_alone_has_none(image: Image) -> None:
    image.install()
    image.install("--engine", "shell")
    assert not image.compiled.exists()


def test_a_python_that_fails_is_not_worth_a_word(image: Image) -> None:
    (image.programs / f"python{VERSION}").write_text("#!/bin/sh\necho oops; exit 1\n")
    said = image.install()
    assert "oops" not in said and ".pyc" not in said
    assert not image.compiled.exists()


def another_python(image: Image) -> None:
    image.python("3.12")


def another_azready(image: Image) -> None:
    program = image.root / "usr/sbin/azready"
    program.write_bytes(program.read_bytes().replace(b"# where azready starts", b"# where azready begins", 1) + b" ")


def empty(image: Image) -> None:
    image.compiled.write_bytes(b"")


def somebody_elses(image: Image) -> None:
    """Nobody but who runs azready may have written it."""
    if os.geteuid():
        pytest.skip("only root can give a file away")
    os.chown(image.compiled, 65534, 65534)


def a_folder(image: Image) -> None:
    image.compiled.unlink()
    image.compiled.mkdir()


@pytest.mark.parametrize("damage", [another_python, another_azready, empty, somebody_elses, a_folder])
def test_one_that_does_not_fit_costs_no_run(damage: Callable[[Image], None], image: Image) -> None:
    image.install()
    damage(image)
    said = image.run("report", "ready")
    assert image.started()[-1] == "azready"
    assert said == "azready: reporting Ready\nazready: the platform accepted the report Ready\n"
    assert "or damaged" in image.run("-v", "report", "ready") or image.started() == ["azready"]


@pytest.mark.parametrize("part", range(8))
def test_one_that_is_damaged_costs_no_run(part: int, image: Image) -> None:
    """A byte of it is another one, or the rest is gone: the front is what Python itself reads."""
    image.install()
    whole = image.compiled.read_bytes()
    front = part < 4
    at = part * 1500 + 500 if front else len(whole) * (part - 4) // 4 + 20_000
    for content in (whole[:at] + bytes([whole[at] ^ 0x41]) + whole[at + 1 :], whole[:at]):
        image.compiled.write_bytes(content)
        said = image.run("report", "ready")
        assert said == "azready: reporting Ready\nazready: the platform accepted the report Ready\n"
        assert image.started()[-1] == "azready" or front


def test_one_of_somebody_else_is_replaced_by_install(image: Image) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file away")
    image.install()
    right = image.compiled.stat()
    for owner, mode in ((65534, 0o644), (0, 0o666)):
        os.chown(image.compiled, owner, owner)
        image.compiled.chmod(mode)
        assert f"{NAME} written" in image.install()
        now = image.compiled.stat()
        assert (now.st_uid, now.st_mode) == (right.st_uid, right.st_mode)


def test_generalize_leaves_it(image: Image) -> None:
    """It belongs to the image, as the program does."""
    image.install()
    image.azready(image.root / "usr/sbin/azready", "generalize", "--yes")
    assert image.compiled.exists()
