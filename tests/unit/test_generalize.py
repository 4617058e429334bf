"""`generalize`, in every shell: nothing of the old machine stays, nothing else goes, and it says what it does."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conformance.client import SHELLS, Azready, Combination, Start, make_sandbox, need_programs
from conformance.process import Finished, execute
from lab.namespace import NOWHERE, run_script
from lab.tree import snapshot
from support import DIST, leave_out, need
from unit.generalized_trees import (
    ALPINE,
    ALPINE_AFTER,
    DEBIAN,
    DEBIAN_AFTER,
    HOST,
    MODES,
    TRACES,
    UID,
    USER,
    plant,
    traces,
)

TREES = {"debian": (DEBIAN, DEBIAN_AFTER), "alpine": (ALPINE, ALPINE_AFTER)}


class Image:
    """A tree and the way to run azready on it."""

    def __init__(self, folder: Path, shell: str) -> None:
        combination = Combination("shell", shell, "curl")
        need_programs(combination)
        self.scratch, self.root = folder, folder / "a root"
        self.client = Azready(combination, make_sandbox(folder / "tools", combination))
        self.root.mkdir()

    def command(self, *words: str) -> list[str | bytes]:
        return self.client.command(self.start(*words))

    def start(self, *words: str) -> Start:
        return Start(self.root, [b"generalize", *map(os.fsencode, words)], {}, NOWHERE)

    def run(self, *words: str) -> Finished:
        environment = self.client.environment(self.start())
        # A directory full of files that a pattern could match by mistake.
        work = self.scratch / "work"
        work.mkdir(exist_ok=True)
        (work / "ssh_host_rsa_key").touch()
        done = execute(self.command(*words), environment, work, self.scratch, 120)
        assert (done.stdout, done.left_running) == (b"", ())
        assert [line for line in done.stderr.splitlines() if not line.startswith(b"azready: ")] == []
        return done

    def content(self, name: str) -> str:
        return (self.root / name).read_text()


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return Image(tmp_path, "dash")


@pytest.fixture
def debian(image: Image) -> Image:
    plant(image.root, DEBIAN)
    return image


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("kind", TREES)
def test_nothing_of_the_old_machine_stays(kind: str, shell: str, tmp_path: Path) -> None:
    image = Image(tmp_path, shell)
    before, after = TREES[kind]
    plant(image.root, before)
    assert {trace for trace in TRACES if any(trace in line for line in traces(image.root))} == set(TRACES)
    done = image.run("--user", USER, "--yes")
    assert (done.exit, traces(image.root)) == (0, []), done.stderr.decode()
    assert {name: image.content(name) for name in after} == after
    assert (image.root / "etc/machine-id").exists() == (kind == "debian")
    assert not (image.root / "var/lib/azready").exists()
    assert not (image.root / "home" / USER).exists()
    assert {name: (image.root / name).stat().st_mode & 0o777 for name in MODES} == MODES
    again = image.run("--yes")
    assert again.exit == 0
    assert again.stderr.startswith(b"azready: nothing to do")


def test_what_is_done_was_listed_and_what_was_listed_is_done(debian: Image) -> None:
    """Everything that changed stands in the list, or below a directory that does; what is not there does not."""
    before = snapshot(debian.root)
    done = debian.run("--user", USER, "--yes")
    listed = re.findall(r"^azready: [a-z]+ (/.*)", done.stderr.decode(), re.MULTILINE)
    after = snapshot(debian.root)
    changed = [path for path in before if before[path] != after.get(path)]
    assert changed
    assert [path for path in changed if not any(f"{path}/".startswith(f"{word}/") for word in listed)] == []
    assert [word for word in listed if not os.path.lexists(f"{debian.root}{word}") and word not in changed] == []
    assert len(listed) == len(set(listed))


# Who leaves


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("root", "a system account (uid 0) stays"),
        ("daemon", "a system account (uid 1) stays"),
        ("nobody", "a system account (uid 65534) stays"),
        ("ghost", "no such user"),
        ("a*", "no such user"),
    ],
)
def test_user_who_must_stay_is_refused(name: str, words: str, debian: Image) -> None:
    with open(debian.root / "etc/passwd", "a") as passwd:
        passwd.write("nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n")
    before = snapshot(debian.root)
    done = debian.run("--user", name, "--yes")
    assert (done.exit, snapshot(debian.root) == before) == (2, True)
    assert words in done.stderr.decode()
    assert b"hint: " in done.stderr


def two_people(image: Image) -> None:
    with open(image.root / "etc/passwd", "a") as passwd:
        passwd.write("carl:x:1001:1001::/home/carl:/bin/sh\n")
    (image.root / "home/carl").mkdir()


def test_user_that_the_status_file_names_leaves(debian: Image) -> None:
    two_people(debian)
    (debian.root / "etc/sudoers.d/azready").write_text("carl ALL=(ALL) ALL\n")
    (debian.root / "var/lib/azready/status").write_text(f"OUTCOME=ready\nADMIN_USER={USER}\n")
    assert debian.run("--yes").exit == 0
    assert traces(debian.root) == []
    assert "carl:" in debian.content("etc/passwd")


@pytest.mark.parametrize("file", ["etc/sudoers.d/azready-admin", "etc/doas.d/azready.conf", "etc/doas.conf"])
def test_only_user_whom_azready_gave_rights_leaves(file: str, image: Image) -> None:
    base = {name: text for name, text in DEBIAN.items() if "sudoers" not in name}
    plant(image.root, base | {file: f"# azready\npermit nopass {USER}\n"})
    two_people(image)
    done = image.run("--yes")
    assert done.exit == 0
    assert traces(image.root) == []
    assert (image.root / "home/carl").exists()
    assert f"the user who leaves: {USER}\n".encode() in done.stderr


def test_nobody_is_removed_on_a_guess(debian: Image) -> None:
    """Two people have rights from azready: none is removed, and it says so."""
    two_people(debian)
    (debian.root / "etc/sudoers.d/azready").write_text(f"carl ALL=(ALL) ALL\n{USER} ALL=(ALL) ALL\n")
    done = debian.run("--yes")
    assert done.exit == 0
    assert b"no user is removed" in done.stderr
    assert b"--user NAME" in done.stderr
    assert (debian.root / "home" / USER / ".bash_history").exists()
    assert b"user who leaves" not in done.stderr
    assert f"{USER}:x:" in debian.content("etc/passwd")
    assert f"\n{USER}:$6$" in debian.content("etc/shadow")
    assert "\n1000:300000" in debian.content("etc/subuid")
    assert "root:*:" in debian.content("etc/shadow")


def test_image_with_a_person_of_its_own_is_no_cause_for_a_warning(debian: Image) -> None:
    """Tiny Core has `tc`, uid 1001; where nothing speaks of azready, nobody was made by it."""
    assert debian.run("--yes", "--user", USER).exit == 0
    with open(debian.root / "etc" / "passwd", "a") as passwd:
        passwd.write("tc:x:1001:50:Linux User,,,:/home/tc:/bin/sh\n")
    again = debian.run("--yes")
    assert again.exit == 0
    assert b"warning" not in again.stderr
    assert b"nothing says that azready made one" in again.stderr


def test_group_with_others_in_it_stays(debian: Image) -> None:
    (debian.root / "etc/group").write_text(f"sudo:x:27:{USER}\n{USER}:x:1000:carl,{USER}\n")
    assert debian.run("--user", USER, "--yes").exit == 0
    assert debian.content("etc/group") == f"sudo:x:27:\n{USER}:x:1000:carl\n"


@pytest.mark.parametrize("locked", ["*", "!", "!$6$old", "!*"])
def test_locked_root_stays_as_it_is(locked: str, debian: Image) -> None:
    (debian.root / "etc/shadow").write_text(f"root:{locked}:1::::::\n")
    debian.run("--yes")
    assert debian.content("etc/shadow") == f"root:{locked}:1::::::\n"


def test_root_without_a_password_is_locked(debian: Image) -> None:
    (debian.root / "etc/shadow").write_text("root::1::::::\n")
    (debian.root / "etc/passwd-").write_text("root:$1$old:0:0::/root:/bin/sh\n")
    debian.run("--yes")
    assert debian.content("etc/shadow") == "root:*:1::::::\n"
    assert debian.content("etc/passwd-") == "root:*:0:0::/root:/bin/sh\n"


# What must not be followed, and what must not be removed


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory beside the tree; it must be the same afterwards."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "ssh_host_rsa_key").write_text("x")
    (folder / "file").write_text(f"{HOST}\n")
    before = snapshot(folder)
    yield folder
    assert snapshot(folder) == before


def test_links_are_never_followed_out_of_the_tree(outside: Path, debian: Image) -> None:
    root = debian.root
    (root / f"home/{USER}/link").symlink_to(outside)
    (root / "var/lib/cloud/instance").symlink_to(outside)
    (root / "var/log/link.log").symlink_to(outside / "file")
    (root / "root/.zsh_history").symlink_to(outside / "file")
    shutil.rmtree(root / "etc/ssh")
    (root / "etc/ssh").symlink_to(outside)
    (root / "etc/hostname").unlink()
    (root / "etc/hostname").symlink_to(outside / "file")
    assert debian.run("--user", USER, "--yes").exit == 0
    assert not os.path.lexists(root / "var/lib/cloud")


def test_of_a_home_that_is_a_link_only_the_link_goes(outside: Path, debian: Image) -> None:
    shutil.rmtree(debian.root / "home" / USER)
    (debian.root / "home" / USER).symlink_to(outside)
    done = debian.run("--user", USER, "--yes")
    assert done.exit == 0
    assert f"azready: remove /home/{USER}, a link; {outside} stays\n".encode() in done.stderr
    assert not os.path.lexists(debian.root / "home" / USER)


@pytest.mark.parametrize("home", ["/", "", "/root", "/etc", "/home/..", "/home/../etc", "/home", "/var/lib"])
def test_home_that_is_more_than_a_home_stays(home: str, debian: Image) -> None:
    passwd = debian.content("etc/passwd").replace(f"/home/{USER}", home)
    (debian.root / "etc/passwd").write_text(passwd)
    done = debian.run("--user", USER, "--yes")
    assert done.exit == 0
    for name in ("etc/passwd", "root/.profile", "var/lib/NetworkManager/NetworkManager.state", f"home/{USER}/deep"):
        assert (debian.root / name).exists(), name


def test_home_that_holds_somebody_elses_stays(debian: Image) -> None:
    with open(debian.root / "etc/passwd", "a") as passwd:
        passwd.write(f"carl:x:1001:1001::/home/{USER}/deep:/bin/sh\n")
    done = debian.run("--user", USER, "--yes")
    assert done.exit == 0
    assert f"home '/home/{USER}' stays".encode() in done.stderr
    assert (debian.root / f"home/{USER}/deep/er/file name").exists()


def test_link_that_is_meant_stays_a_link(debian: Image) -> None:
    """resolv.conf, machine-id of dbus and a masked udev rule: a link there is meant."""
    links = {
        "etc/resolv.conf": "../run/systemd/resolve/stub-resolv.conf",
        "var/lib/dbus/machine-id": "/etc/machine-id",
        "etc/udev/rules.d/70-persistent-net.rules": "/dev/null",
    }
    for name, target in links.items():
        (debian.root / name).unlink()
        (debian.root / name).symlink_to(target)
    (debian.root / "run/systemd/resolve").mkdir()
    (debian.root / "run/systemd/resolve/stub-resolv.conf").write_text("nameserver 127.0.0.53\n")
    assert debian.run("--user", USER, "--yes").exit == 0
    assert {name: os.readlink(debian.root / name) for name in links} == links
    assert debian.content("run/systemd/resolve/stub-resolv.conf") == "nameserver 127.0.0.53\n"


@pytest.mark.parametrize("mount", ["mount -t tmpfs scratch", 'mount --bind "$OUTSIDE"'])
def test_what_is_mounted_stays(mount: str, outside: Path, debian: Image) -> None:
    (debian.root / f"home/{USER}/mnt").mkdir()
    script = f"""
                hostname {HOST}
        {mount} "$ROOT/home/{USER}/mnt"
        touch "$ROOT/home/{USER}/mnt/new"
        sh "$AGENT" --root "$ROOT" generalize --user {USER} --yes && exit 9
        [ $? -eq 1 ] && [ -e "$ROOT/home/{USER}/mnt/new" ] && [ ! -e "$ROOT/var/lib/cloud" ]
        rm "$ROOT/home/{USER}/mnt/new"
        [ "$(hostname)" = {HOST} ]
    """
    done = run_script(
        script, {"AGENT": str(DIST / "azready"), "ROOT": str(debian.root), "OUTSIDE": str(outside)}, network=False
    )
    assert done.returncode == 0, done.stderr
    assert f"error: not done: remove /home/{USER}: something is mounted in it" in done.stderr


# Failures


def test_after_a_failure_the_rest_is_done_and_it_is_said(debian: Image) -> None:
    """A file that cannot go and one that cannot be emptied: the rest is done, in a file that is a mount too."""
    script = f"""
                for name in etc/ssh var/lib/hyperv; do
            mount --bind "$ROOT/$name" "$ROOT/$name"
            mount -o remount,bind,ro "$ROOT/$name"
        done
        mount --bind "$ROOT/etc/shadow" "$ROOT/etc/shadow"
        sh "$AGENT" --root "$ROOT" generalize --user {USER} --yes
    """
    done = run_script(script, {"AGENT": str(DIST / "azready"), "ROOT": str(debian.root)}, network=False)
    said = done.stderr.splitlines()
    last = [line.removeprefix("azready: error: ") for line in said if "error: " in line]
    assert done.returncode == 1, done.stderr
    assert all("error: " in line for line in said[-len(last) :])
    text = "\n".join(last)
    assert "not done: remove /etc/ssh/ssh_host_ed25519_key: Read-only file system" in text
    assert "not done: remove /etc/ssh/ssh_host_ed25519_key.pub: Read-only file system" in text
    assert "not done: empty /var/lib/hyperv/.kvp_pool_1: Read-only file system" in text
    assert last[-1].startswith("not safe to capture")
    # What tells who leaves and how it was called stays until all else is gone: the second try must know.
    knows = ("etc/passwd", "etc/hostname", "var/lib/azready/", "run/azready/", "etc/sudoers.d/zz-azready", "etc/doas")
    allowed = ("etc/ssh/", "var/lib/hyperv/", *knows)
    assert [line for line in traces(debian.root) if not line.startswith(allowed)] == []
    # Mended, it is done at the second try.
    assert debian.run("--user", USER, "--yes").exit == 0
    assert traces(debian.root) == []


def test_nothing_is_changed_where_a_tool_fails_that_looks_for_what_there_is(debian: Image) -> None:
    """What could not be looked at may hold anything: found nothing is another thing."""
    find = next((debian.scratch / "tools").rglob("find"))
    find.unlink()
    find.write_text("#!/bin/sh\nexit 3\n")
    find.chmod(0o755)
    (debian.root / "tmp").mkdir(exist_ok=True)
    before = snapshot(debian.root)
    done = debian.run("--user", USER, "--yes")
    assert (done.exit, snapshot(debian.root) == before) == (1, True)
    assert b"error: cannot look at /tmp; nothing was changed (hint: " in done.stderr.splitlines()[-1]


def test_name_with_a_line_break_is_named_and_left(debian: Image) -> None:
    """Taken for two names it would lead to another file."""
    (debian.root / "tmp").mkdir(exist_ok=True)
    (debian.root / "tmp" / "own").write_text("somebody else's")
    (debian.root / "tmp" / "own\nother").write_text("")
    os.chown(debian.root / "tmp" / "own\nother", UID, UID)
    done = debian.run("--user", USER, "--yes")
    assert done.exit == 1
    assert f"not done: remove what {USER} has in /tmp: a line break is in a name\n".encode() in done.stderr
    assert (debian.root / "tmp" / "own").exists()


@pytest.mark.parametrize(("body", "status"), [("log_info again", 0), ("return 1", 1)])
def test_service_is_enabled_again(body: str, status: int, debian: Image) -> None:
    text = (DIST / "azready").read_bytes().partition(b"PK\3\4")[0].decode()
    agent = debian.scratch / "agent"
    agent.write_text(text.replace('\n"$launcher_rest"\n', f'\nenable_again() {{ {body}; }}\n"$launcher_rest"\n'))
    command = ["dash", str(agent), "--root", str(debian.root), "generalize", "--yes"]
    done = subprocess.run(command, env={"PATH": os.environ["PATH"], **NOWHERE}, capture_output=True, timeout=240)
    assert done.returncode == status, done.stderr
    said = b"azready: again\n" if status == 0 else b"error: not done: enable the service again\n"
    assert said in done.stderr
    # The next try must find all there is to do.
    assert (debian.root / "var/lib/azready").exists() == (status == 1)


# Questions


def test_nothing_starts_without_a_yes(debian: Image) -> None:
    before = snapshot(debian.root)
    done = debian.run("--user", USER)
    assert (done.exit, snapshot(debian.root) == before) == (2, True)
    assert b"--yes" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("YES", 0), ("n", 2), ("", 2), ("maybe", 2)])
def test_only_a_yes_is_a_yes(answer: str, status: int, shell: str, tmp_path: Path) -> None:
    image = Image(tmp_path, shell)
    plant(image.root, {"etc/shadow": "", "var/log/wtmp": "", "var/lib/azready/status": "x"})
    here, there = pty.openpty()
    environment = image.client.environment(image.start())
    process = subprocess.Popen(
        image.command(),
        env=environment,
        stdin=there,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    os.write(here, f"{answer}\n".encode())
    _, said = process.communicate(timeout=240)
    os.close(here)
    os.close(there)
    assert (process.returncode, (image.root / "var/lib/azready").exists()) == (status, status == 2), said
    assert said.index(b"azready: remove /var/lib/azready") < said.index(b"[y/N]")


def test_what_goes_while_it_asks_is_not_made_anew(image: Image) -> None:
    gone = ("etc/resolv.conf", "etc/doas.conf", "root/.bash_history")
    plant(image.root, {"etc/doas.conf": "# azready\n", "etc/resolv.conf": "x\n", "root/.bash_history": "x\n"})
    here, there = pty.openpty()
    command, environment = image.command(), image.client.environment(image.start())
    process = subprocess.Popen(command, env=environment, stdin=there, stderr=subprocess.PIPE, start_new_session=True)
    assert process.stderr
    said = b""
    while b"[y/N]" not in said:
        said += process.stderr.read(1)
    for name in gone:
        (image.root / name).unlink()
    os.write(here, b"y\n")
    said += process.stderr.read()
    assert process.wait(timeout=240) == 0, said
    assert [name for name in gone if (image.root / name).exists()] == []
    os.close(here)
    os.close(there)


# On the machine itself

_LIVE = f"""
cp -a /etc/alternatives "$SCRATCH/alternatives"
for place in /etc /var /run /root /home /tmp; do
    case "$SCRATCH" in "$place"/*) continue ;; esac
    mount -t tmpfs scratch "$place"
done
cp -a "$TREE/etc" "$TREE/var" "$TREE/run" "$TREE/root" "$TREE/home" /
mv "$SCRATCH/alternatives" /etc/alternatives
hostname {HOST}
sh "$AGENT" generalize --user {USER} --yes 2>"$SCRATCH/log"
hostname >"$SCRATCH/kernel"
cd /
find etc var run root home -name '*{HOST}*' -o -name '*{USER}*' >"$SCRATCH/names"
grep -rl -e {HOST} -e {USER} /etc /var /run /root /home >"$SCRATCH/contents" || true
sh "$AGENT" generalize --yes 2>"$SCRATCH/again"
"""


def test_live_machine_keeps_nothing(tmp_path: Path) -> None:
    base = Path("/dev/shm") / f"azready-test-{os.getpid()}"
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir()
    try:
        plant(base / "tree", DEBIAN)
        shutil.copy(DIST / "azready", base)
        environment = {"AGENT": str(base / "azready"), "SCRATCH": str(base), "TREE": str(base / "tree")}
        done = run_script(_LIVE, environment, network=False)
        seen = {path.name: path.read_text() for path in base.iterdir() if path.is_file() and path.name != "azready"}
    finally:
        shutil.rmtree(base)
    assert done.returncode == 0, f"{done.stderr}{seen}"
    assert (seen["kernel"], seen["names"], seen["contents"]) == ("localhost\n", "", ""), seen
    assert "azready: reset /proc/sys/kernel/hostname" in seen["log"]
    assert seen["again"].startswith("azready: nothing to do"), seen["again"]


def test_only_root_generalizes(tmp_path: Path) -> None:
    need("setpriv", "gives up root's rights")
    if os.geteuid() != 0:
        leave_out("root can become somebody else")
    agent = Path("/dev/shm") / f"azready-test-{os.getpid()}.sh"
    shutil.copy(DIST / "azready", agent)
    try:
        command = ["setpriv", f"--reuid={UID + 64000}", "--clear-groups", "sh", str(agent), "generalize", "--yes"]
        done = subprocess.run(command, env={"PATH": os.environ["PATH"], **NOWHERE}, capture_output=True, timeout=240)
    finally:
        agent.unlink()
    assert done.returncode == 2
    assert b"generalize is for root" in done.stderr


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("127.0.0.1\tlocalhost\n127.0.1.1\t{0}\n", "127.0.0.1\tlocalhost\n"),
        ("127.0.0.1\tlocalhost\n127.0.1.1\t{0}.corp.example {0}\n", "127.0.0.1\tlocalhost\n"),
        ("127.0.1.1\t{0}\n127.0.0.1\tlocalhost\n", "127.0.1.1 localhost\n127.0.0.1\tlocalhost\n"),
        ("127.0.0.1\tlocalhost\n127.0.1.1\t{0} other\n", "127.0.0.1\tlocalhost\n127.0.1.1 other\n"),
    ],
)
def test_a_line_that_azready_added_to_etc_hosts_is_taken_away(lines: str, left: str, tmp_path: Path) -> None:
    """At the end, with the machine's names alone; one that an installer put in stays for the next name."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text(f"{HOST}\n")
    (tmp_path / "etc/hosts").write_text(lines.format(HOST))
    command = ["sh", str(DIST / "azready"), "--root", str(tmp_path), "generalize", "--yes"]
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "etc/hosts").read_text() == left
