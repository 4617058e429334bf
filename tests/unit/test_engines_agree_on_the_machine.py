"""Both engines keep the hostname, find the identity and follow an image's links alike."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DIST
from unit.odd_documents import (
    LONG,
    SHORT,
    VM_ID,
    encode,
    trees,
)
from unit.shell_engine import WHEN, ShellEngine, harvest, plant

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready import tables
from azready.azure import identity, report, wanted
from azready.azure.run import Run, Wanted
from azready.machine import config, state
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.steps import hostname
from unit.engines import Tree, bounded, one_awk

NAMES = {
    "good": ("web-1", "other"),
    "vertical tab for a name": ("\x0b", "other"),
    "ideographic space for a name": ("\u3000", "other"),
    "blanks around a name that is refused": (" <html> \n", ""),
    "line break within blanks": ("\n\n", "a\n"),
    "nothing but hyphens": ("--", "other"),
    "letters that become nothing": ("\u00e9", "other"),
}
TREES = {
    "setting behind a tab": {"etc/config/system": b"config system\n\toption hostname 'old'\n"},
    "last line without its end": {"etc/rc.conf": b"A=1\nHOSTNAME=old"},
    "last line, not the setting, without its end": {"etc/conf.d/hostname": b"hostname=old\nA=1"},
    "empty file": {"etc/config/system": b""},
    "line end of Windows": {"opt/bootsync.sh": b"/usr/bin/sethostname box\r\n"},
    "rubbish behind the setting": {"etc/conf.d/hostname": b"hostname=old\x0c\x85\xff\n"},
}


class Outcome(NamedTuple):
    """What a step says of itself, the row of its failure report, and the machine's files after it."""

    result: str
    row: bytes
    tree: Tree


def python_step(root: Path, computer: str, name: str, tree: Mapping[str, bytes]) -> Outcome:
    plant(root, tree)
    run = Run(System(str(root)), config.defaults(), ["hostname"])
    run.wanted = wanted.merged({"compute": {"name": name, "osProfile": {"computerName": computer}}}, Wanted())
    try:
        return Outcome(hostname.step_hostname(run), b"", harvest(root))
    except Failure as failure:
        row = report.description(failure.reason, {"step": "hostname", **failure.details}, VM_ID, WHEN)
        return Outcome("failed", row.encode(), harvest(root))


def shell_step(shell: ShellEngine, computer: str, name: str, tree: Mapping[str, bytes]) -> Outcome:
    code = """
        metadata=known current_step=hostname
        : >"$work/DESCRIPTION"
        read_wanted && step_hostname
        case $? in 0) printf done ;; 3) printf skipped ;; *) printf failed ;; esac >"$work/result"
    """
    shell.run(code, {"compute.name": name.encode(), "compute.osProfile.computerName": computer.encode()}, tree)
    result, row = shell.kept("result", "DESCRIPTION")
    return Outcome(result.decode(), row, harvest(shell.root))


@pytest.mark.parametrize("fault", NAMES)
def test_name_is_mended_alike(fault: str, shell: ShellEngine, root: Path) -> None:
    assert shell_step(shell, *NAMES[fault], {}) == python_step(root, *NAMES[fault], {})


@bounded
@given(computer=SHORT | LONG, name=SHORT | st.just("web-1"))
def test_odd_name_is_mended_alike(shell: ShellEngine, root: Path, computer: str, name: str) -> None:
    assert shell_step(shell, computer, name, {}) == python_step(root, computer, name, {})


@pytest.mark.parametrize("fault", TREES)
def test_hostname_is_kept_alike(fault: str, shell: ShellEngine, root: Path) -> None:
    assert shell_step(shell, "web-1", "", TREES[fault]) == python_step(root, "web-1", "", TREES[fault])


@bounded
@given(tree=trees())
def test_hostname_in_an_odd_tree_is_kept_alike(shell: ShellEngine, root: Path, tree: Tree) -> None:
    assert shell_step(shell, "web-1", "", tree) == python_step(root, "web-1", "", tree)


uuids = st.sampled_from([VM_ID, VM_ID.upper(), VM_ID[:-1], VM_ID + "0", VM_ID.replace("-", ""), "1" * 36])
one_digit = st.sampled_from("01fF").map(lambda digit: "-".join(digit * count for count in (8, 4, 4, 4, 12)))
tags = st.sampled_from([tables.PROTOCOL["AZURE_ASSET_TAG"], tables.PROTOCOL["AZURE_ASSET_TAG"][1:], "QEMU", ""])
firmware = st.sampled_from(["sys/firmware/efi/x", "dev/efi", "etc/x"])
ASKED = """
    identity_from_dmi; printf %s "$vm_id" >"$work/id"
    identity_is_not_azure; printf %s $? >"$work/azure"
    state_is_done; printf %s $? >"$work/open"
"""


def framed(text: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """A text with something that is hard to see around it."""
    frame = st.sampled_from(["", "", "", "\n", " ", "  ", "\r\n", "\t", "\0", "\x0b", "\x1c", "\x7f", "\udcff", "\xa0"])
    return st.tuples(frame, text, frame).map(lambda parts: encode("".join(parts)))


@one_awk
@bounded
@given(uuid=framed(uuids | one_digit), tag=framed(tags), marker=framed(uuids), efi=firmware)
def test_identity_is_found_alike(
    shell: ShellEngine, root: Path, uuid: bytes, tag: bytes, marker: bytes, efi: str
) -> None:
    dmi = {"sys/class/dmi/id/product_uuid": uuid, "sys/class/dmi/id/chassis_asset_tag": tag, efi: b""}
    tree = {**dmi, "var/lib/azready/provisioned": marker}
    plant(root, tree)
    system = System(str(root))
    vm_id = identity.vm_id_from_dmi(system)
    foreign, done = bool(identity.foreign_asset_tag(system)), bool(vm_id) and state.provisioned_as(system) == vm_id
    shell.run(ASKED, {}, tree)
    assert shell.kept("id", "azure", "open") == [vm_id.encode(), b"%d" % (not foreign), b"%d" % (not done)]


nodes = st.sampled_from(["a", "b", "c", "d/e", "d/f"])
targets = st.sampled_from(
    ["a", "b", "c/", "d", "/a", "/d/e", "../a", "../../c", "e", "..", "/", "//d//f", "d/../b", "x"]
)
paths = st.sampled_from(["/a", "/b/c", "/d/e/x", "/d/../a", "//a/./b/", "/c/.."])


@one_awk
@bounded
@given(links=st.dictionaries(nodes, targets), path=paths)
def test_path_is_resolved_alike(shell: ShellEngine, links: dict[str, str], path: str) -> None:
    plant(shell.root, {"d/x": b""})
    for name, target in links.items():
        (shell.root / name).symlink_to(target)
    shell.run(f'place_of {path}; printf %s "$_path" >"$work/path"')
    assert shell.kept("path")[0].decode() == System(str(shell.root)).path(path)
