"""What azready goes through in a tree: put in, taken out, provisioned, booted again, asked, captured, deployed again.

`Story.tell` yields one `Chapter` after the other, so that a reader sees each as it ends.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from conformance.process import Finished

from lab.boot.traces import words_below
from lab.emulator import load_vm
from lab.namespace import SceneError
from lab.tree import Entry, Tree, differences

from . import checks, vms
from .machine import AGENT, HOOK_SAYS, PROGRAM, Boot, Machine

OK, FAILED, LEFT_OUT = "ok", "FAILED", "left out"
_USAGE = 2
_HOOK = """\
#!/bin/sh
printf '%s|%s|%s|%s\\n' "$AZREADY_HOSTNAME" "$AZREADY_ADMIN_USER" "$AZREADY_VM_ID" "$AZREADY_ROOT" >{says}
"""
_MOST_DIFFERENCES = 20
_HASHERS = ("openssl", "mkpasswd", "cryptpw", "python3")


@dataclass
class Chapter:
    """One check: how it ended, what is wrong, and what azready said meanwhile."""

    name: str
    outcome: str = OK
    seconds: float = 0.0
    remark: str = ""
    problems: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=list)

    def expect(self, problems: Iterator[str]) -> None:
        """Note what is wrong."""
        self.problems += problems

    def heard(self, done: Finished) -> Finished:
        """Keep what a run of azready said."""
        self.log += (done.stdout + done.stderr).decode(errors="replace").splitlines()
        return done


@dataclass
class Story:
    """The whole life of one machine. `vm`: a VM file for its first deployment; None: one that brings all there is."""

    machine: Machine
    vm: Path | None = None
    client: str = ""
    # Called with the name of what begins now.
    begins: Callable[[str], None] = lambda name: None

    def __post_init__(self) -> None:
        # What no image without these can do is no fault of azready's: it would report password_not_hashed.
        self._can_hash = any(map(self.machine.tree.which, _HASHERS)) or self._has_chpasswd()
        second, first = (vms.write(it, self.machine.scratch, with_password=self._can_hash) for it in (1, 2))
        self._first, self._second = self.vm or first, second
        # What `install` has put in.
        self._installed: dict[str, Entry] = {}
        self._provisioned = False

    def _has_chpasswd(self) -> bool:
        """Not busybox': an old one makes DES hashes, and azready rather reports that it has no hash."""
        tree = self.machine.tree
        found = tree.which("chpasswd")
        return bool(found) and tree.place(found).name != "busybox"

    def tell(self) -> Iterator[Chapter]:
        """All of it. What cannot be tried after a failure is left out, and says so."""
        self._untouched = set(self._traces())
        yield self._chapter("install and uninstall", self._put_in)
        yield self._chapter("provision", lambda it: self._provision(it, self._first))
        rest: tuple[tuple[str, Callable[[Chapter], None]], ...] = (
            ("second boot", self._boot_again),
            ("status", self._ask),
            ("generalize", self._generalize),
            ("provision as another VM", lambda it: self._provision(it, self._second)),
        )
        for name, tried in rest:
            if self._provisioned:
                yield self._chapter(name, tried)
            else:
                yield Chapter(name, LEFT_OUT, remark="it was not provisioned")

    def _chapter(self, name: str, tried: Callable[[Chapter], None]) -> Chapter:
        chapter = Chapter(name)
        self.begins(name)
        started = time.monotonic()
        try:
            tried(chapter)
        except SceneError as error:
            chapter.problems.append(f"the machine could not be started: {error}")
        chapter.seconds = round(time.monotonic() - started, 1)
        chapter.outcome = FAILED if chapter.problems else OK
        return chapter

    def _put_in(self, it: Chapter) -> None:
        """In, once more, out, in: byte for byte. Without an init that it knows it must say so and do nothing."""
        tree = self.machine.tree
        before = tree.snapshot()
        with self.machine.boot(self._first) as boot:
            done = it.heard(boot.azready("install", program=PROGRAM))
            if done.exit == _USAGE:
                it.remark = "no init that azready knows"
                it.expect(_refused(tree, before))
                place = tree.place("/usr/sbin" if tree.place("/usr/sbin").is_dir() else "/sbin")
                shutil.copy(AGENT, place / "azready")
            else:
                it.expect(checks.ended(done, 0))
                self._take_out(it, boot, before)
        _write_hook(tree)

    def _take_out(self, it: Chapter, boot: Boot, before: dict[str, Entry]) -> None:
        tree = self.machine.tree
        first = tree.snapshot()
        it.remark = "; ".join(line.partition("init system ")[2] for line in it.log if "init system " in line)
        it.expect(checks.ended(it.heard(boot.azready("install")), 0))
        it.expect(_same("a second install: ", first, tree.snapshot()))
        it.expect(checks.ended(it.heard(boot.azready("uninstall", program=PROGRAM)), 0))
        gone = tree.snapshot()
        it.expect(_same("after uninstall: ", before, gone))
        it.expect(checks.ended(it.heard(boot.azready("install", program=PROGRAM)), 0))
        self._installed = {path: look for path, look in tree.snapshot().items() if look != gone.get(path)}
        if self._installed.keys() != {path for path, look in first.items() if look != before.get(path)}:
            it.problems.append("install after uninstall makes other files than the first time")

    def _provision(self, it: Chapter, file: Path) -> None:
        vm = load_vm(file)
        wanted = vms.wanted(vm)
        with self.machine.boot(file) as boot:
            started = time.monotonic()
            it.expect(checks.ended(it.heard(boot.azready("provision")), 0))
            seconds = time.monotonic() - started
            it.expect(checks.platform(boot, seconds, self.machine.engine, self.client))
            it.remark = _means(checks.state(boot), seconds)
            if not wanted.password and not self._can_hash:
                it.remark += "; without a password: nothing in there makes a hash"
            self._provisioned = bool(boot.tree.text(checks.kept(boot.tree, "provisioned")))
            if self._provisioned:
                for check in checks.PROVISIONED:
                    it.expect(check(boot, wanted))
        after = self.machine.tree.snapshot()
        if self._installed and not _disabled(self._installed, after):
            it.problems.append("the service is still enabled although RUN=once")

    def _boot_again(self, it: Chapter) -> None:
        """Nothing is done, nobody is asked."""
        before = self.machine.tree.snapshot()
        with self.machine.boot(self._first) as boot:
            it.expect(checks.ended(it.heard(boot.azready("provision")), 0))
            it.expect(checks.differ("requests", [row["endpoint"] for row in boot.requests], []))
            it.expect(iter([f"still running: {line}" for line in boot.namespace.processes()]))
        it.expect(_same("", before, self.machine.tree.snapshot()))

    def _ask(self, it: Chapter) -> None:
        wanted = vms.wanted(load_vm(self._first))
        before = self.machine.tree.snapshot()
        with self.machine.boot(self._first) as boot:
            it.expect(checks.status_for_a_person(it.heard(boot.azready("status")), wanted))
            it.expect(checks.status_for_a_program(it.heard(boot.azready("status", "--json")), wanted))
        it.expect(_same("", before, self.machine.tree.snapshot()))

    def _generalize(self, it: Chapter) -> None:
        """No word of the first machine is left, and a second time there is nothing to do."""
        with self.machine.boot(self._first) as boot:
            it.expect(checks.ended(it.heard(boot.azready("generalize", "--yes")), 0))
            again = boot.azready("generalize", "--yes")
            it.expect(checks.ended(again, 0))
            said = again.stderr.decode(errors="replace").splitlines()
            # An image with a person of its own, whom nobody asked to remove.
            quiet = ("nothing to do", "no user is removed: nothing says that azready made one")
            it.expect(iter([f"a second generalize: {line}" for line in said if not any(map(line.__contains__, quiet))]))
            it.heard(again)
        it.expect(f"left: {trace}" for trace in self._traces() if trace not in self._untouched)
        after = self.machine.tree.snapshot()
        away = [path for path, look in self._installed.items() if not _alike(look, after.get(path))]
        it.expect(iter([f"{path} is not as install had made it: does the service start?" for path in away]))

    def _traces(self) -> list[str]:
        words = vms.wanted(load_vm(self._first)).secrets
        return sorted(words_below(self.machine.tree.root, words))


def _refused(tree: Tree, before: dict[str, Entry]) -> Iterator[str]:
    """It had a reason, and changed nothing."""
    yield from _same("install refused, but ", before, tree.snapshot())
    init, busybox = tree.which("init"), tree.which("busybox")
    # busybox has an init, whether an image means to use it or not.
    meant = bool(tree.text("/etc/inittab")) or not busybox or not tree.place(init).samefile(tree.place(busybox))
    if init and meant:
        yield f"install refused although there is {init}"


def _write_hook(tree: Tree) -> None:
    """Part of the image: it shows what it was told."""
    folder = tree.place("/etc/azready.d")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "50-live").write_text(_HOOK.format(says=HOOK_SAYS))
    (folder / "50-live").chmod(0o755)


def _same(what: str, before: dict[str, Entry], after: dict[str, Entry]) -> Iterator[str]:
    lines = differences(before, after)
    yield from (f"{what}{line}" for line in lines[:_MOST_DIFFERENCES])
    if len(lines) > _MOST_DIFFERENCES:
        yield f"{what}and {len(lines) - _MOST_DIFFERENCES} more"


def _alike(old: Entry, new: Entry | None) -> bool:
    """The same but for its time: a line that was put in again makes a new file."""
    return new is not None and dataclasses.replace(new, time=0) == dataclasses.replace(old, time=0)


def _disabled(installed: dict[str, Entry], after: dict[str, Entry]) -> bool:
    """Whether a part is gone or changed, or one got a file `down`, as runit and s6 want it."""
    downs = {f"{os.path.dirname(path)}/down" for path in installed} | {f"{path}/down" for path in installed}
    return bool(downs & after.keys()) or not all(_alike(look, after.get(path)) for path, look in installed.items())


def _means(status: dict[str, str], seconds: float) -> str:
    """With what it was done, and in what time."""
    engine, client = status.get("ENGINE", "no engine"), status.get("HTTP_CLIENT", "no HTTP client")
    return f"{engine}, {client}, {seconds:.1f} s" + (f", {status['REASON']}" if status.get("REASON") else "")
