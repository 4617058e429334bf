"""`install` and `uninstall` on small trees of every init: files, links, modes, times, and what they say."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from conformance.client import SHELLS, Combination, make_sandbox, need_programs
from lab.tree import Entry, snapshot
from support import DIST, need
from unit.init_trees import AGENTS, INITS, LINK, TABLE

AGENT = DIST / "azready"
# Without the zip.
TEXT = AGENT.read_bytes().partition(b"PK\3\4")[0].decode()
PROGRAM = "/usr/sbin/azready"
Run = Callable[..., subprocess.CompletedProcess[str]]


def plant(root: Path, files: Mapping[str, str]) -> Path:
    """Make a tree; every image has /etc and /usr/sbin, and nothing was touched in the last second of the clock."""
    for name, content in {"/etc/": "", "/usr/sbin/": "", "/var/lib/": "", **files}.items():
        place = root / name[1:]
        (place if name.endswith("/") else place.parent).mkdir(parents=True, exist_ok=True)
        if content.startswith(LINK):
            place.symlink_to(content.removeprefix(LINK))
        elif not name.endswith("/"):
            place.write_text(content)
            os.utime(place, (1_000_000_000, 1_000_000_000))
    return root


def seen(root: Path) -> dict[str, Entry]:
    """All that there is, with the times of files."""
    return snapshot(root, times=True)


def holds(root: Path, name: str) -> str:
    """Text of a file, or LINK and the text of a symlink."""
    place = root / name[1:]
    return f"{LINK}{os.readlink(place)}" if place.is_symlink() else place.read_text()


def runner(folder: Path, shell: str, agent: Path = AGENT) -> Run:
    """Runs azready in a shell and its tools alone, on the tree in `folder`/root; it ends with the status expected."""
    combination = Combination("shell", shell, "curl")
    need_programs(combination)
    sandbox = make_sandbox(folder, combination)

    def run(*arguments: str, status: int = 0, given: str | None = None) -> subprocess.CompletedProcess[str]:
        start = [str(sandbox / "sh"), *([str(agent)] if given is None else ["-s", "--"])]
        done = subprocess.run(
            [*start, "--root", str(folder / "root"), *arguments],
            env={"PATH": str(sandbox), "AZREADY_WIRESERVER": "127.0.0.1:9", "AZREADY_IMDS": "127.0.0.1:9"},
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert done.returncode == status, done.stdout
        return done

    return run


# Every init in the two shells that images have; every other shell with the init that asks the most of it.
ROWS = [(init, shell) for init in INITS for shell in ("dash", "busybox")]
ROWS += [("sysvinit", shell) for shell in SHELLS if shell not in ("dash", "busybox")]


@pytest.mark.parametrize(("init", "shell"), ROWS)
def test_install_repeats_without_a_change_and_uninstall_leaves_no_trace(tmp_path: Path, init: str, shell: str) -> None:
    """Into the tree, once more without a change, and out of it again: as it was, byte for byte."""
    spec = INITS[init]
    root = plant(tmp_path / "root", spec.files)
    run, before = runner(tmp_path, shell), seen(root)

    said = run("install").stdout
    assert f"init system {spec.name or init} ({spec.by})" in said
    assert (root / PROGRAM[1:]).read_bytes() == AGENT.read_bytes()
    assert os.access(root / PROGRAM[1:], os.X_OK)
    for name, text in spec.enabled.items():
        assert holds(root, name) == (text or holds(root, name))
    assert "/usr/sbin/azready provision" in (root / spec.unit[1:]).read_text()
    assert os.access(root / spec.unit[1:], os.X_OK) == (root / spec.unit[1:]).read_text().startswith("#!")

    installed = seen(root)
    assert "written" not in run("install").stdout
    assert seen(root) == installed

    run("uninstall")
    assert seen(root) == before
    assert "nothing to do" in run("uninstall").stdout


@pytest.mark.parametrize("init", INITS)
def test_service_that_disabled_itself_comes_back(tmp_path: Path, init: str) -> None:
    """After RUN=once, `install` enables it again, as `generalize` has to."""
    spec = INITS[init]
    root = plant(tmp_path / "root", spec.files)
    run, before = runner(tmp_path, "dash"), seen(root)
    run("install")
    installed = seen(root)
    # What RUN=once does is held by the conformance cases; here it is undone.
    for name in spec.enabled:
        if (root / name[1:]).is_symlink() and "runit" not in init:
            (root / name[1:]).unlink()
    if init in ("runit", "s6"):
        (root / spec.unit[1:]).with_name("down").touch()
    run("install")
    assert seen(root) == installed
    run("uninstall")
    assert seen(root) == before


@pytest.mark.parametrize("init", ["busybox", "runit", "sysvinit"])
def test_generalize_enables_the_service_again(tmp_path: Path, init: str) -> None:
    """What it calls, on a machine that RUN=once has disabled; azready is where --prefix put it."""
    spec = INITS[init]
    root = plant(tmp_path / "root", spec.files)
    run = runner(tmp_path, "dash")
    run("install", "--prefix", "/opt/vm")
    installed = seen(root)
    functions = TEXT.replace('\nlauncher_self "$0"\nmain ${1+"$@"}\n', "\n").rpartition('\n"$launcher_rest"\n')[0]
    for function in ("service_disable", "enable_again"):
        # Too long for an argument.
        script = tmp_path / function
        script.write_text(f"{functions}\ncli_parse --root '{root}'\nrun_begin\n{function}\n")
        subprocess.run([need("dash"), script], check=True, stderr=subprocess.DEVNULL)
        assert (seen(root) == installed) == (function == "enable_again")


def test_upgrade_replaces_the_program_and_keeps_edited_settings(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", INITS["openrc"].files)
    run = runner(tmp_path, "dash")
    run("install")
    program, unit, settings = root / PROGRAM[1:], root / "etc/init.d/azready", root / "etc/azready.conf"
    program.write_text("old")
    program.chmod(0o644)
    unit.write_text("old")
    settings.write_text("RUN=per-instance\n")
    said = run("install").stdout
    assert "/usr/sbin/azready written (" in said
    assert "/etc/init.d/azready written" in said
    assert (program.read_bytes(), os.access(program, os.X_OK)) == (AGENT.read_bytes(), True)
    assert settings.read_text() == "RUN=per-instance\n"
    assert "/etc/azready.conf stays: it was edited" in run("uninstall").stdout
    assert settings.read_text() == "RUN=per-instance\n"
    assert not program.exists()


def test_settings_file_is_what_azready_reads(tmp_path: Path) -> None:
    """Every line that is taken out of its comment is a setting with its default."""
    root = plant(tmp_path / "root", INITS["openrc"].files)
    run = runner(tmp_path, "dash")
    run("install")
    settings = root / "etc/azready.conf"
    lines = settings.read_text().splitlines()
    keys = [line[1:] for line in lines if line.startswith("#") and not line.startswith("# ")]
    assert {"WIRESERVER=168.63.129.16", "RUN=once", "USER_GROUPS="} <= set(keys)
    assert len(keys) * 3 + 1 == len(lines)
    settings.write_text("\n".join(keys))
    # Not Azure: it reads the settings, and ends.
    plant(root, {"/sys/class/dmi/id/chassis_asset_tag": "none\n"})
    run("provision")


def test_init_that_is_unknown_or_missing_is_refused(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", {})
    run = runner(tmp_path, "dash")
    before = seen(root)
    known = "one of: systemd runit dinit s6-rc s6 openrc procd sysvinit buildroot busybox"
    assert known in run("install", "--init", "upstart", status=2).stdout
    assert known in run("install", status=2).stdout
    assert "none of its directories" in run("install", "--init", "dinit", status=2).stdout
    assert seen(root) == before


def test_init_can_be_chosen_by_hand(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", {**INITS["systemd"].files, "/etc/dinit.d/": ""})
    run = runner(tmp_path, "dash")
    assert "init system dinit (--init)" in run("install", "--init", "dinit").stdout
    assert (root / "etc/dinit.d/boot.d/azready").is_symlink()


def test_text_from_a_pipe_is_not_installed(tmp_path: Path) -> None:
    """`sh -s` knows no file: it must not put the shell into the place of azready."""
    root = plant(tmp_path / "root", INITS["openrc"].files)
    before = seen(root)
    run = runner(tmp_path, "dash")
    assert "from a pipe" in run("install", status=2, given=TEXT).stdout
    assert seen(root) == before


def test_file_is_copied_with_its_zip(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", INITS["openrc"].files)
    runner(tmp_path, "dash", DIST / "azready")("install")
    assert (root / PROGRAM[1:]).read_bytes() == (DIST / "azready").read_bytes()


@pytest.mark.parametrize("mark", ["/etc/NIXOS", "/nix/store/"])
def test_declared_system_is_told_what_to_declare_and_stays(tmp_path: Path, mark: str) -> None:
    root = plant(tmp_path / "root", {mark: ""})
    (root / "usr/sbin").rmdir()
    before = seen(root)
    run = runner(tmp_path, "dash")
    assert "systemd.services.azready = {" in run("install", status=2).stdout
    assert seen(root) == before


def test_nix_as_a_mere_package_manager_is_no_hindrance(tmp_path: Path) -> None:
    plant(tmp_path / "root", {**INITS["openrc"].files, "/nix/store/": ""})
    runner(tmp_path, "dash")("install")


def test_unit_starts_azready_where_prefix_put_it(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", INITS["sysvinit"].files)
    run, before = runner(tmp_path, "dash"), seen(root)
    run("install", "--prefix", "/opt/vm")
    assert (root / "opt/vm/sbin/azready").exists()
    assert "exec /opt/vm/sbin/azready provision" in (root / "etc/init.d/azready").read_text()
    run("uninstall")
    assert seen(root) == before


def test_without_usr_sbin_it_goes_to_usr_local(tmp_path: Path) -> None:
    root = plant(tmp_path / "root", INITS["openrc"].files)
    (root / "usr/sbin").rmdir()
    run, before = runner(tmp_path, "dash"), seen(root)
    assert "trying /usr/local" in run("install").stdout
    assert (root / "usr/local/sbin/azready").exists()
    run("uninstall")
    assert seen(root) == before


def test_place_that_cannot_be_written_is_told_with_a_way_out(tmp_path: Path) -> None:
    """Root may write anywhere, so a file stands where the directory should be."""
    root = plant(tmp_path / "root", {**INITS["openrc"].files, "/opt/vm": "a file"})
    said = runner(tmp_path, "dash")("install", "--prefix", "/opt/vm", status=2).stdout
    assert "use --prefix DIR" in said
    assert not (root / "etc/runlevels/default/azready").exists()


@pytest.mark.parametrize("prefix", ["opt", "/opt/../x", "/a b", "/a;b", "/a|b"])
def test_prefix_that_no_unit_can_hold_is_refused(tmp_path: Path, prefix: str) -> None:
    plant(tmp_path / "root", INITS["openrc"].files)
    assert "--prefix" in runner(tmp_path, "dash")("install", "--prefix", prefix, status=2).stdout


@pytest.mark.parametrize("shell", ["dash", "busybox"])
def test_other_agents_are_named_and_replaced_on_demand(tmp_path: Path, shell: str) -> None:
    """They are named; with --replace-agents they are gone, and what uninstall cannot bring back is said."""
    root = plant(tmp_path / "root", {**INITS["systemd"].files, **AGENTS})
    run, before = runner(tmp_path, shell), seen(root)
    said = run("install").stdout
    assert "another agent is enabled: cloud-init (/etc/systemd/system/cloud-init.target.wants/cloud-init-local" in said
    assert "another agent is enabled: waagent (/etc/systemd/system/multi-user.target.wants/waagent.service)" in said
    assert "sshd" not in said

    said = run("install", "--replace-agents").stdout
    assert "apt-get purge cloud-init waagent\n" in said
    assert "secret" not in said
    after = seen(root)
    for gone in ("/var/lib/waagent", "/etc/waagent.conf", "/var/log/waagent.log", *AGENTS):
        if "wants/sshd" not in gone and not gone.startswith(("/usr/", "/var/lib/dpkg/")):
            assert gone not in after
    assert after["/etc/systemd/system/waagent.service"].content == b"/dev/null"
    assert after["/etc/systemd/system/cloud-init-local.service"].content == b"/dev/null"
    assert "/etc/cloud/cloud-init.disabled" in after
    run("install", "--replace-agents")
    assert seen(root) == after

    said = run("uninstall").stdout
    assert "/etc/systemd/system/multi-user.target.wants/waagent.service is back" in said
    left = seen(root)
    lost = {
        name for name in before if name.startswith(("/var/lib/waagent", "/etc/waagent.conf", "/var/log/waagent.log"))
    }
    assert left == {name: what for name, what in before.items() if name not in lost}
    assert all(f"{name} is gone for good" in said for name in lost if "ovf-env" not in name)


@pytest.mark.parametrize(
    ("init", "enabled"),
    [
        ("openrc", "/etc/runlevels/default/waagent"),
        ("sysvinit", "/etc/rc2.d/S20waagent"),
        ("dinit", "/etc/dinit.d/boot.d/waagent"),
    ],
)
def test_agent_is_found_and_given_back_in_every_init(tmp_path: Path, init: str, enabled: str) -> None:
    root = plant(tmp_path / "root", {**INITS[init].files, enabled: f"{LINK}/somewhere"})
    run, before = runner(tmp_path, "dash"), seen(root)
    assert f"waagent ({enabled})" in run("install").stdout
    run("install", "--replace-agents")
    assert not (root / enabled[1:]).is_symlink()
    run("uninstall")
    assert seen(root) == before


def test_supervised_agent_is_left_down(tmp_path: Path) -> None:
    """Without its `down` file it would start again; after uninstall it does."""
    files = {"/etc/sv/waagent/run": "#!/bin/sh\n", "/etc/runit/runsvdir/default/waagent": f"{LINK}/etc/sv/waagent"}
    root = plant(tmp_path / "root", {**INITS["runit"].files, **files})
    run, before = runner(tmp_path, "dash"), seen(root)
    run("install", "--replace-agents")
    assert (root / "etc/sv/waagent/down").exists()
    run("uninstall")
    assert seen(root) == before


def test_tree_of_ones_own_needs_no_root(tmp_path: Path) -> None:
    """An image tree of one's own needs no privileges."""
    tool = need("setpriv", "drops the privileges of this test")
    if os.geteuid() != 0:
        pytest.skip("runs without privileges anyway: the other tests show it")
    root = plant(tmp_path / "root", INITS["openrc"].files)
    agent = tmp_path / "azready"
    shutil.copy(AGENT, agent)
    for place in [tmp_path, *tmp_path.rglob("*")]:
        os.chown(place, 65534, 65534, follow_symlinks=False)
    # The folders of pytest are its user's alone.
    command = [tool, "--reuid=65534", "--regid=65534", "--clear-groups", "sh", "azready", "--root", "root", "install"]
    parents = [place for place in tmp_path.parents if place.stat().st_uid == 0 and not place.stat().st_mode & 0o001]
    for place in parents:
        place.chmod(place.stat().st_mode | 0o001)
    try:
        done = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    finally:
        for place in parents:
            place.chmod(place.stat().st_mode & ~0o001)
    assert done.returncode == 0, done.stdout
    assert (root / "etc/runlevels/default/azready").is_symlink()


def test_install_and_uninstall_work_on_a_live_machine(tmp_path: Path) -> None:
    """Without --root, in a change of root: a busybox and nothing else."""
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    busybox = need("busybox", "is the machine")
    root = plant(tmp_path / "root", {**INITS["openrc"].files, "/tmp/": "", "/dev/": "", "/azready": ""})
    for name in ("bin/busybox", "azready"):
        shutil.copy(busybox if name != "azready" else AGENT, root / name)
    os.mknod(root / "dev/null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for tool in subprocess.run([busybox, "--list"], stdout=subprocess.PIPE, text=True).stdout.split():
        with contextlib.suppress(FileExistsError):
            (root / "bin" / tool).symlink_to("busybox")
    before = seen(root)
    chroot = ["/usr/sbin/chroot", str(root), "/bin/busybox", "ash", "/azready"]
    environment = {"PATH": "/bin", "AZREADY_WIRESERVER": "127.0.0.1:9", "AZREADY_IMDS": "127.0.0.1:9"}
    for command, there in (("install", True), ("uninstall", False)):
        done = subprocess.run([*chroot, command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
        assert done.returncode == 0, done.stdout
        assert (root / "etc/runlevels/default/azready").is_symlink() == there
    assert seen(root) == before


def test_help_names_every_option(tmp_path: Path) -> None:
    plant(tmp_path / "root", {})
    said = runner(tmp_path, "dash")("install", "--help").stdout
    assert all(word in said for word in ("--init", "--prefix", "--replace-agents", *TABLE))
    assert "/etc/azready.installed" in runner(tmp_path, "dash")("help", "uninstall").stdout


def test_presets_of_the_first_boot_leave_the_service_enabled(tmp_path: Path) -> None:
    """Fedora: a machine-id that says `uninitialized` has systemd preset all units, and `disable *` stands last."""
    root = plant(
        tmp_path / "root", {**INITS["systemd"].files, "/usr/lib/systemd/system-preset/99-x.preset": "disable *\n"}
    )
    before = seen(root)
    run = runner(tmp_path, "dash")
    run("install")
    preset = [need("systemctl", "presets units"), f"--root={root}", "preset", "azready.service"]
    subprocess.run(preset, check=True, capture_output=True)
    link = root / "etc/systemd/system/multi-user.target.wants/azready.service"
    assert link.is_symlink()
    run("uninstall")
    assert seen(root) == before


POLICY = "/etc/selinux/targeted/contexts/files/file_contexts"
CONTEXTS = """\
/.*                 system_u:object_r:default_t:s0
/etc/.*             system_u:object_r:etc_t:s0
/usr/sbin/.*   --   system_u:object_r:bin_t:s0
"""


def label(place: Path) -> str:
    """The SELinux label of a file; empty where it has none."""
    try:
        return os.getxattr(place, "security.selinux", follow_symlinks=False).decode().rstrip("\0")
    except OSError:
        return ""


def test_files_of_an_image_with_selinux_have_its_labels(tmp_path: Path) -> None:
    """Nobody else gives them: `Permission denied` at the first boot of an enforcing system."""
    config = "SELINUX=enforcing\nSELINUXTYPE=targeted\n"
    plant(tmp_path / "root", {**INITS["systemd"].files, "/etc/selinux/config": config, POLICY: CONTEXTS})
    need("setfiles", "labels files by an image's policy")
    run = runner(tmp_path, "dash")
    (next(tmp_path.glob("*/sh")).parent / "setfiles").symlink_to(need("setfiles"))
    run("install")
    assert label(tmp_path / "root" / PROGRAM[1:]) == "system_u:object_r:bin_t:s0"
    assert label(tmp_path / "root/etc/azready.conf") == "system_u:object_r:etc_t:s0"
    link = tmp_path / "root/etc/systemd/system/multi-user.target.wants/azready.service"
    assert label(link) == "system_u:object_r:etc_t:s0"


def test_image_with_selinux_labels_itself_where_nobody_here_can(tmp_path: Path) -> None:
    plant(tmp_path / "root", {**INITS["systemd"].files, "/etc/selinux/config": "SELINUX=enforcing\n"})
    said = runner(tmp_path, "dash")("install").stdout
    assert (tmp_path / "root/.autorelabel").is_file()
    assert "the labels are set at the next boot" in said


def test_a_list_of_an_older_azready_is_understood(tmp_path: Path) -> None:
    """It had signs where there are words now. `install` with nothing to add leaves it alone."""
    root = plant(tmp_path / "root", INITS["runit"].files)
    before = snapshot(root)
    run = runner(tmp_path, "dash")
    run("install")
    made = root / "etc/azready.installed"
    signs = {"file": "", "directory": "", "edited": "%", "replaced": "=", "gone": "!"}
    words = made.read_text().splitlines()
    old = [f"{signs[line.split()[0]]}{line.partition(' ')[2]}{'/' * line.startswith('directory')}" for line in words]
    assert old != words
    made.write_text("".join(f"{line}\n" for line in old))
    run("install")
    assert made.read_text().splitlines() == old
    made.write_text("".join(f"{line}\n" for line in old))
    run("uninstall")
    assert {path: entry for path, entry in snapshot(root).items() if before.get(path) != entry} == {}
