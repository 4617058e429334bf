"""The work directory: found where there is room, left by nobody, and full without a false word."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab.namespace import run_script
from support import DIST, need, shell_functions
from unit.run_machine import LIMIT, REAL_SHELLS, Machine, new_machine

_PLACES = "/run /tmp /dev/shm /var/tmp"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with new_machine(tmp_path) as made:
        yield made


def in_small_places(machine: Machine, before: str, sizes: str = "8m") -> tuple[int, str]:
    """A run whose places for a work directory are file systems of this size; `before` is done first. Status and log."""
    mounts = "".join(f"mount -t tmpfs -o mode=1777,size={sizes} small {place}\n" for place in _PLACES.split())
    words = " ".join(f"'{word}'" for word in machine.command("provision"))
    # The machine lies in /tmp itself, and so may azready: they are seen from elsewhere.
    script = f"""
    mkdir -p "$KEPT/scratch" "$KEPT/dist"
    mount --bind "$SCRATCH" "$KEPT/scratch"
    mount --bind "$DIST" "$KEPT/dist"
    {mounts}
    mkdir -p "$SCRATCH" "$DIST"
    mount --bind "$KEPT/scratch" "$SCRATCH"
    mount --bind "$KEPT/dist" "$DIST"
    {before}
    status=0
    {words} || status=$?
    echo "status $status"
    for place in {_PLACES}; do find "$place" -maxdepth 1 -name 'azready.*'; done
    """
    environment = {
        **machine.environment(),
        "PATH": f"{machine.path}:{os.environ['PATH']}",
        "SCRATCH": str(machine.scratch),
        "DIST": str(DIST),
        "KEPT": "/mnt/kept",
    }
    environment.pop("TMPDIR")
    done = run_script(script, environment, network=False)
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    assert [line for line in lines if line.startswith("/")] == []
    return int(lines[-1].split()[1]), done.stderr


def test_a_place_without_room_is_passed_over(machine: Machine) -> None:
    status, log = in_small_places(machine, "mount -t tmpfs -o mode=0755,size=128k tiny /run")
    assert status == 0, log
    assert machine.azure.verdict == "Succeeded"


def test_a_place_that_cannot_be_written_is_passed_over(machine: Machine) -> None:
    status, log = in_small_places(machine, "mount -o remount,ro /run")
    assert status == 0, log


def test_no_room_anywhere_is_said_and_nothing_is_changed(machine: Machine) -> None:
    status, log = in_small_places(machine, "", sizes="128k")
    assert status == 3
    assert "no space in /run, /tmp, /dev/shm, /var/tmp" in log
    assert machine.azure.requests == []
    assert (machine.root / "etc/hostname").read_text() == "localhost\n"


@pytest.mark.parametrize("filled", ["head -c 16777216 /dev/zero"], ids=["while a hook runs"])
@pytest.mark.parametrize("shell", REAL_SHELLS)
def test_a_work_directory_that_fills_up_makes_no_false_report(shell: str, filled: str, tmp_path: Path) -> None:
    """Full for good, and by somebody else: the failure is told with its cause, out of what was kept for it."""
    with new_machine(tmp_path, shell) as machine:
        machine.hook("fills", f"for place in {_PLACES}; do {filled} >$place/filling; done\necho no luck >&2\nexit 5")
        status, log = in_small_places(machine, "", sizes="4m")
        reports = [sent for sent in machine.azure.requests if sent.endpoint == "health"]
        assert status in (1, 3), log
        assert "not provisioned: ;" not in log
        if status == 1:
            assert "reason=hook_failed" in machine.azure.description
        for sent in reports:
            assert b"</Health>" in sent.body
            assert b"result=error" in sent.body


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_directory_of_a_dead_run_is_neither_in_the_way_nor_left(engine: str, tmp_path: Path) -> None:
    """Early boot repeats itself: the same number again. Here each number that the run could get is taken."""
    with new_machine(tmp_path, engine=engine) as machine:
        left = machine.scratch / "tmp"
        for name in ("azready.4194303", "azready.4194303.1"):
            (left / name).mkdir()
            (left / name / "ovf-env.xml").write_text("<UserPassword>secret</UserPassword>")
        (left / "azready.1").mkdir()
        (left / "azready.1" / "owner").write_text("1 1 another-boot\n")
        (left / "azready.link").symlink_to("/etc")
        assert machine.run() == 0, machine.said()
        assert [place.name for place in left.iterdir()] == ["azready.link"]


def test_a_name_that_is_taken_is_passed_over(tmp_path: Path) -> None:
    functions = shell_functions()
    (tmp_path / "functions").write_text(functions)
    script = """
    mount -t tmpfs taken /run
    mkdir "/run/azready.$$" "/run/azready.$$.1"
    . "$SCRATCH/functions"
    root=''
    run_prepare
    run_begin
    [ "$work" = "/run/azready.$$.2" ] && echo taken
    cat "$work/owner"
    """
    done = run_script(script, {"SCRATCH": str(tmp_path)}, network=False)
    assert done.stdout.startswith("taken\n"), done.stderr
    assert len(done.stdout.splitlines()[1].split()) == 3


@pytest.mark.parametrize("missing", ["chown", "sync", "cmp", "sed"])
def test_what_is_missing_is_named_before_anything_is_changed(missing: str, machine: Machine) -> None:
    (machine.path / missing).unlink()
    (machine.path / "touch").unlink()
    assert machine.run() == 3
    assert f"missing: {', '.join(sorted([missing, 'touch']))}" in machine.said()
    assert machine.azure.requests == []
    assert not (machine.root / "var/lib/azready/status").exists()


@pytest.mark.parametrize("path", ["", "/sbin:/bin", "/bin"])
def test_a_bare_path_is_completed(path: str, machine: Machine) -> None:
    machine.settings["DEADLINE"] = "20"
    command = ["env", "-i", f"PATH={path}"]
    command += [f"{key}={value}" for key, value in machine.environment().items() if key != "PATH"]
    done = subprocess.run([*command, *machine.command()], capture_output=True, text=True, timeout=LIMIT)
    assert "not found" not in done.stderr
    done = subprocess.run([*command, *machine.command("provision")], capture_output=True, text=True, timeout=LIMIT)
    assert (done.returncode, machine.azure.verdict) == (0, "Succeeded"), done.stderr


@pytest.mark.parametrize("fault", ["exit 127", "kill -KILL $$", "exit 0", "echo rubbish"])
def test_an_awk_that_does_not_work_is_no_fault_of_the_platform(fault: str, machine: Machine) -> None:
    machine.tool("awk", fault)
    assert machine.run() == 3
    assert "awk does not work" in machine.said()
    assert "goal_state_malformed" not in machine.said()
    assert machine.azure.requests == []


def test_an_awk_that_is_killed_over_a_document_is_told_as_what_it_is(machine: Machine) -> None:
    """As the OOM killer does it: everything works but the one program that reads the instance document."""
    machine.tool(
        "awk",
        f'case $1 in *"instance document"* | *"not a JSON object"*) kill -KILL $$ ;; esac\nexec {need("mawk")} "$@"',
    )
    assert machine.run() == 1, machine.said()
    assert "reason=internal_error" in machine.azure.description
    assert "error=awk|status=137" in machine.azure.description


@pytest.mark.parametrize("document", ["{}", '{"compute":null}', '{"error":"Not found"}', '{"compute":{},"compute":[]}'])
def test_a_document_that_describes_no_machine_is_asked_for_again(document: str, tmp_path: Path) -> None:
    vm = {"answers": {"imds": [{"status": 200, "body": document}]}}
    with new_machine(tmp_path, vm=vm) as machine:
        assert machine.run() == 0, machine.said()
        assert [sent.endpoint for sent in machine.azure.requests].count("imds") == 2
        assert "error=no_compute" in machine.said()


def test_without_words_the_overview_goes_to_stderr(machine: Machine) -> None:
    done = subprocess.run(machine.command(), env=machine.environment(), capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: azready" in done.stderr


@pytest.mark.parametrize("engine", ["shell", "python"])
def test_a_run_that_cannot_be_seen_from_here_keeps_its_directory(engine: str, tmp_path: Path) -> None:
    """A container that shares /run with its host: neither sees the other's processes."""
    with new_machine(tmp_path, engine=engine) as machine:
        other = Path("/run/azready.4194303")
        other.mkdir(mode=0o700)
        try:
            (other / "namespace").write_text("pid:[1]\n")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            (other / "owner").write_text(f"4194303 1 {boot}\n")
            assert machine.run() == 0, machine.said()
            assert other.exists()
        finally:
            shutil.rmtree(other, ignore_errors=True)
