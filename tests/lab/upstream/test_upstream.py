"""The look at upstream sees what an agent sends, and says what is new, gone or unreadable."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support import ROOT, leave_out

from lab.upstream import facts, look

# One file for each place where the facts are looked for: an agent that nobody ships.
_AZURE = '''
"""Not a fact: http://168.63.129.99/machine/?comp=docstring"""
ENDPOINT = "168.63.129.16"
KVP_POOL = "/var/lib/hyperv/.kvp_pool_1"
HEADERS = {"x-ms-version": "2012-11-30", "Content-Type": "text/xml; charset=utf-8"}
class Failure(Reportable):
    def __init__(self, code):
        super().__init__("failure to dream")
        self.supporting_data["http_code"] = code
def ask(endpoint):
    get(f"http://{endpoint}/machine/?comp=goalstate")
    get("http://{0}/machine?comp=health".format(endpoint))
    get(URL + "/instance?api-version=2021-08-01")
    return node.find("./Container/ContainerId"), [f"vm_id={endpoint}", "result=success"]
'''


def _tree(folder: Path, extra: str = "") -> Path:
    for pattern in facts.SOURCES["cloud-init"]:
        file = folder / pattern.replace("*", "one")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("", encoding="utf-8")
    (folder / "cloudinit/sources/helpers/azure.py").write_text(_AZURE + extra, encoding="utf-8")
    return folder


def _package(folder: Path, version: str, extra: str = "") -> Path:
    """A package as dpkg makes it, with the agent that nobody ships."""
    if not shutil.which("dpkg-deb"):
        leave_out("dpkg-deb is not installed")
    tree = folder / version
    _tree(tree / "usr/lib/python3/dist-packages", extra)
    (tree / "DEBIAN").mkdir()
    control = (
        f"Package: cloud-init\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: a\n"
    )
    (tree / "DEBIAN/control").write_text(control, encoding="utf-8")
    file = folder / f"{version}.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree, file], check=True, stdout=subprocess.PIPE)
    return file


def _upstream(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lab.upstream", *map(str, arguments)]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT / 'agent'}"}
    return subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=100)


def test_every_kind_of_fact_is_read_from_the_source(tmp_path: Path) -> None:
    seen = facts.read("cloud-init", _tree(tmp_path))
    assert {kind: found for kind, found in seen.items() if found} == {
        "address": ["168.63.129.16"],
        "path": ["/instance?api-version=2021-08-01", "/machine/?comp=goalstate", "/machine?comp=health"],
        "api-version": ["2012-11-30", "2021-08-01"],
        "header": ["x-ms-version"],
        "media-type": ["text/xml; charset=utf-8"],
        "element": ["Container", "ContainerId"],
        "report": ["http_code", "result", "vm_id"],
        "reason": ["failure to dream"],
        "health": ["/var/lib/hyperv/.kvp_pool_1"],
    }


def test_a_file_that_moved_is_said_and_not_taken_for_nothing(tmp_path: Path) -> None:
    (_tree(tmp_path) / "cloudinit/reporting/handlers.py").unlink()
    with pytest.raises(facts.SourceError, match=r"cloud-init has no cloudinit/reporting/handlers\.py any more"):
        facts.read("cloud-init", tmp_path)


def test_a_new_api_version_is_a_change_until_it_is_accepted(tmp_path: Path) -> None:
    last, first, second = tmp_path / "last.json", _package(tmp_path, "1"), _package(tmp_path, "2", "X = '2026-01-01'\n")
    assert _upstream("--deb", first, "--last", last, "--accept").returncode == 0
    same = _upstream("--deb", first, "--last", last)
    assert (same.returncode, "cloud-init 1: nothing changed on the wire" in same.stdout) == (0, True)
    changed = _upstream("--deb", second, "--last", last)
    assert changed.returncode == 1
    assert "cloud-init 1 -> 2\n  + 2026-01-01    (versions of the interfaces)\n" in changed.stdout
    accepted = _upstream("--deb", second, "--last", last, "--accept")
    assert (accepted.returncode, _upstream("--deb", second, "--last", last).returncode) == (0, 0)
    back = json.loads(_upstream("--deb", first, "--last", last, "--json").stdout)
    assert [(change["new"], change["gone"]) for change in back["changes"]] == [([], [["api-version", "2026-01-01"]])]


def test_it_says_which_agents_share_a_fact_of_the_table(tmp_path: Path) -> None:
    agent = look.Agent("1", facts.read("cloud-init", _tree(tmp_path)))
    table = look.protocol(ROOT)
    shared = {key for key, who in look.users(table, {"cloud-init": agent}).items() if who}
    # The slash before a question, blanks in a type and IMDS' root may be written or not.
    wanted = {"WIRESERVER", "GOAL_STATE_PATH", "HEALTH_PATH", "WIRE_VERSION", "WIRE_VERSION_HEADER"}
    assert shared == wanted | {"HEALTH_CONTENT_TYPE", "KVP_POOL"}


@pytest.mark.parametrize(
    ("text", "says"),
    [("[]", "not a look"), ("{", "not a look"), ('{"cloud-init": {"version": 1}}', "not a look ('facts')")],
    ids=["list", "torn", "without-facts"],
)
def test_a_spoiled_last_look_is_refused(tmp_path: Path, text: str, says: str) -> None:
    last = tmp_path / "last.json"
    last.write_text(text, encoding="utf-8")
    done = _upstream("--deb", tmp_path / "none.deb", "--last", last)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_the_last_look_has_both_agents_and_every_fact_that_azready_shares() -> None:
    """What azready sends is what at least one of them sends, but for the newer report, which only azure-init has."""
    agents = look.load()
    assert sorted(agents) == sorted(facts.SOURCES)
    users = look.users(look.protocol(ROOT), agents)
    assert [key for key, who in users.items() if not who] == ["HEALTH_JSON_PATH", "GUEST_AGENT_HEADER"]
