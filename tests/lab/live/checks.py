"""What a machine must be like once it was provisioned, judged from outside: each function yields what is wrong."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import time
from collections.abc import Callable, Iterator

from conformance.process import Finished

from lab.tree import Tree
from lab.unshare import where

from .machine import HOOK_SAYS, Boot
from .vms import Wanted

Problems = Iterator[str]
_GOOD = ["goalstate 200", "imds 200", "health 200"]
# Three requests take a second; one that is waited for until its limit takes ten.
_PATIENCE = 25.0
# For the other host keys: rsa takes a busy machine long.
_KEYS_SECONDS = 300
# Where distributions keep the hostname that they set at boot, beside /etc/hostname.
_NAMES = ("/etc/config/system", "/etc/HOSTNAME", "/etc/conf.d/hostname", "/etc/rc.conf", "/opt/bootsync.sh")
_LOCKS = ("/etc/passwd.lock", "/etc/group.lock", "/etc/shadow.lock", "/etc/gshadow.lock")
_WORK = ("/run", "/tmp", "/dev/shm", "/var/tmp")


def differ(what: str, found: object, expected: object) -> Problems:
    """Nothing where both are the same."""
    if found != expected:
        yield f"{what}: expected {expected!r}, found {found!r}"


def ended(done: Finished, status: int) -> Problems:
    """It ended by itself, with that status, and left nothing running."""
    if done.exit is None:
        yield "it hung and was killed"
    else:
        yield from differ("exit status", done.exit, status)
    if done.left_running:
        yield f"left running: {'; '.join(done.left_running)}"


def platform(boot: Boot, seconds: float, engine: str, client: str) -> Problems:
    """What Azure saw, and by which means."""
    yield from differ("verdict", boot.verdict(), "Succeeded")
    yield from differ("requests", [f"{row['endpoint']} {row['answer']}" for row in boot.requests], _GOOD)
    if seconds > _PATIENCE:
        yield f"it took {seconds:.0f} s for what takes two: something was waited for until its time limit"
    status = state(boot)
    if engine != "auto":
        yield from differ("engine", status.get("ENGINE"), engine)
    if client:
        yield from differ("HTTP client", status.get("HTTP_CLIENT", "").partition("/")[0], client)


def kept(tree: Tree, name: str) -> str:
    """The path of what azready keeps under this name; where /var is in memory it lies elsewhere."""
    inside = tree.place("/var/lib").relative_to(tree.root).parts
    return f"/etc/azready/{name}" if inside[:1] in (("tmp",), ("run",)) else f"/var/lib/azready/{name}"


def state(boot: Boot) -> dict[str, str]:
    """The status file."""
    lines = boot.tree.text(kept(boot.tree, "status")).splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def hostname(boot: Boot, wanted: Wanted) -> Problems:
    """In the kernel, and where the distribution keeps it."""
    yield from differ("hostname in the kernel", boot.hostname, wanted.hostname)
    if boot.tree.text("/etc/hostname").strip() == wanted.hostname:
        return
    name = re.compile(rf"(?<![\w.-]){re.escape(wanted.hostname)}(?![\w.-])")
    if not any(name.search(boot.tree.text(file)) for file in _NAMES):
        yield f"hostname: in none of {', '.join(('/etc/hostname', *_NAMES))}"


def account(boot: Boot, wanted: Wanted) -> Problems:
    """A person's, with a home of its own and a shell that is there; and the password's hash."""
    tree = boot.tree
    fields = tree.account("passwd", wanted.user)
    if len(fields) != 7:
        yield f"account: no line for {wanted.user} in /etc/passwd: {fields}"
        return
    uid, gid, home, shell = int(fields[2]), int(fields[3]), fields[5], fields[6]
    if uid < 500 or not any(line.split(":")[2:3] == [str(gid)] for line in tree.text("/etc/group").splitlines()):
        yield f"account: uid {uid} is not a person's, or gid {gid} is in no line of /etc/group"
    if not os.access(tree.place(shell), os.X_OK):
        yield f"account: its shell {shell} cannot be run"
    if "bash" not in shell and tree.which("bash") and not tree.text("/etc/default/useradd"):
        yield f"account: its shell is {shell} although there is a bash"
    yield from _owned(boot, home, uid, 0o022)
    yield from keys(boot, wanted, home, uid)
    yield from password(boot, wanted, fields[1])


def _owned(boot: Boot, path: str, uid: int, forbidden: int) -> Problems:
    place = boot.tree.place(path)
    if not place.exists():
        yield f"{path} is not there"
        return
    status = place.stat()
    if status.st_uid != uid or stat.S_IMODE(status.st_mode) & forbidden:
        yield f"{path}: {stat.filemode(status.st_mode)} {status.st_uid}, an SSH server ignores keys in there"


def keys(boot: Boot, wanted: Wanted, home: str, uid: int) -> Problems:
    """Each of them, where the user alone can write."""
    file = f"{home}/.ssh/authorized_keys"
    for path, forbidden in ((f"{home}/.ssh", 0o077), (file, 0o077)) if wanted.keys else ():
        yield from _owned(boot, path, uid, forbidden)
    there = boot.tree.text(file).splitlines()
    yield from (f"keys: not in {file}: {key}" for key in wanted.keys if key not in there)


def password(boot: Boot, wanted: Wanted, in_passwd: str) -> Problems:
    """Its hash is one of this password: asked of openssl, which has made none of them."""
    if not wanted.password:
        return
    shadow = boot.tree.account("shadow", wanted.user)
    value = shadow[1] if shadow else in_passwd
    parts = value.split("$")
    if len(parts) != 4 or parts[1] != "6":
        yield f"password: no SHA-512 hash with default rounds in /etc/shadow, /etc/passwd: {value!r}"
        return
    command = [where("openssl"), "passwd", "-6", "-salt", parts[2], "-stdin"]
    made = subprocess.run(command, input=wanted.password, stdout=subprocess.PIPE, text=True, check=True)
    yield from differ("password's hash", value, made.stdout.strip())


def rights(boot: Boot, wanted: Wanted) -> Problems:
    """Whatever there is to become root with: the user can, without a password."""
    fields = boot.tree.account("passwd", wanted.user)
    for program in ("sudo", "doas"):
        path = boot.tree.which(program)
        if path and len(fields) == 7:
            done = boot.namespace.run(path, "-n", "id", "-u", uid=int(fields[2]), gid=int(fields[3]), limit=60)
            if done.stdout.strip() != b"0":
                yield f"rights: {program} -n id -u says {(done.stdout + done.stderr).decode(errors='replace').strip()}"


def data(boot: Boot, wanted: Wanted) -> Problems:
    """Custom data and user data, to the byte."""
    for name, expected in (("custom-data", wanted.custom_data), ("user-data", wanted.user_data)):
        place = boot.tree.place(kept(boot.tree, name))
        found = place.read_bytes() if place.is_file() else b""
        if found != expected:
            yield f"{name}: {len(found)} bytes ({found[:40]!r}) instead of {len(expected)} ({expected[:40]!r})"


def hook(boot: Boot, wanted: Wanted) -> Problems:
    """It has run, and was told what it must know."""
    expected = f"{wanted.hostname}|{wanted.user}|{wanted.vm_id}|/\n"
    yield from differ("what the hook was told", boot.says(HOOK_SAYS).decode(errors="replace"), expected)


def host_keys(boot: Boot, _wanted: Wanted) -> Problems:
    """The run that makes those which were left ends, and takes its note away."""
    left, until = boot.tree.place(kept(boot.tree, "pending")), time.monotonic() + _KEYS_SECONDS
    while left.exists() or any("azready" in line for line in boot.namespace.processes()):
        if time.monotonic() > until:
            yield f"host keys: {_KEYS_SECONDS} s later {left.name} is there, or a run of azready"
            return
        time.sleep(0.1)


def tidy(boot: Boot, wanted: Wanted) -> Problems:
    """Nothing runs on, nothing half-made or locked is left, and the console has the outcome."""
    running = boot.namespace.processes()
    if running:
        yield f"still running: {'; '.join(running)}"
    if b"azready" not in boot.says("/dev/console"):
        yield "nothing on /dev/console: boot diagnostics show no outcome"
    tree, disk = boot.tree, boot.disk.root
    half_made = [f"/{place.relative_to(disk)}" for place in disk.glob("**/.*.azready*")]
    locks = [file for file in _LOCKS if os.path.lexists(tree.place(file))]
    work = sorted({f"work directory {place.name}" for name in _WORK for place in tree.place(name).glob("azready.*")})
    if half_made or locks or work:
        yield f"left behind: {', '.join((*half_made, *locks, *work))}"


PROVISIONED: tuple[Callable[[Boot, Wanted], Problems], ...] = (hostname, account, rights, data, hook, host_keys, tidy)


def status_for_a_program(done: Finished, wanted: Wanted) -> Problems:
    """`status --json`."""
    yield from ended(done, 0)
    try:
        said = json.loads(done.stdout)
    except ValueError as error:
        yield f"no JSON ({error}): {done.stdout[:200]!r}"
        return
    expected = {"outcome": "ready", "vm_id": wanted.vm_id, "admin_user": wanted.user}
    yield from differ("status --json", {key: said.get(key) for key in expected}, expected)
    failed = [name for name, step in said.get("steps", {}).items() if step.get("result") not in ("done", "skipped")]
    if failed or not said.get("steps"):
        yield f"status --json: steps {said.get('steps')}"


def status_for_a_person(done: Finished, wanted: Wanted) -> Problems:
    """`status`."""
    yield from ended(done, 0)
    text = done.stdout.decode(errors="replace")
    if "ready" not in text.lower() or wanted.vm_id not in text:
        yield f"status does not say ready and the VM id: {text!r}"
