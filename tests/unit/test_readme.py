"""What README.md tells people to type works as it stands there, and the page can be read in a terminal."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lab.namespace import run_script
from support import DIST, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINES, COLUMNS = 150, 100


def example(heading: str) -> str:
    """The first block of commands below a heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(?:(?!^#)[^\0])*?```sh\n(.*?)```", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no example below '{heading}'"
    return found[1]


def test_it_is_short_enough_to_be_read() -> None:
    lines = README.splitlines()
    assert len(lines) <= LINES
    assert [line for line in lines if len(line) > COLUMNS] == []


@pytest.mark.parametrize("folder", ["", "agent", "tests", "units"])
def test_every_link_leads_to_a_file(folder: str) -> None:
    page = ROOT / folder / "README.md"
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_file_that_maintainers_are_sent_to_is_there() -> None:
    """agent/README.md names files as code, seen from its folder; `*`, capitals and blanks stand for something."""
    text = (ROOT / "agent" / "README.md").read_text(encoding="utf-8")
    named = [
        name for name in re.findall(r"`([^`\n]+)`", text) if re.fullmatch(r"(\.\./)?[a-z_0-9]+(/[a-z_0-9.]+)+", name)
    ]
    places = [ROOT / "agent", ROOT / "agent" / "shell", ROOT / "agent" / "python" / "azready"]
    assert named
    lost = [name for name in named if not any(list(at.glob(f"{name}*")) or (at / name).exists() for at in places)]
    assert lost == []


def test_example_without_azure_provisions_a_new_tree(tmp_path: Path) -> None:
    """Line by line in an empty folder; in a network of its own, because others may hold its ports."""
    shutil.copytree(DIST, tmp_path / "dist")
    typed = example("Try it without Azure")
    done = run_script(f"set +eu\ncd {tmp_path}\n{typed}\nstatus=$?\nwait\nexit $status\n", {})
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "verdict: Succeeded" in done.stdout
    assert "azureuser:" in (tmp_path / "tree" / "etc" / "passwd").read_text()


def test_what_is_to_be_typed_installs_it_and_generalizes(tmp_path: Path) -> None:
    """All but the build itself, which made the files that are tried here."""
    shutil.copytree(DIST, tmp_path / "dist")
    image = tmp_path / "image"
    (image / "etc" / "runlevels" / "default").mkdir(parents=True)
    (image / "sbin").mkdir()
    (image / "sbin" / "openrc").write_text("ELF")
    (image / "etc" / "machine-id").write_text("4b6d\n")
    commands = [line for line in example("Install it into an image").splitlines() if "build.py" not in line]
    commands.append(example("Before you deploy").strip() + " --yes")
    assert commands[-1].startswith("dist/azready")
    for command in commands:
        done = subprocess.run(
            ["sh", "-c", command], cwd=tmp_path, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "IMAGE": str(image)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    assert (image / "etc" / "runlevels" / "default" / "azready").is_symlink()
    assert not (image / "etc" / "machine-id").exists()
