"""A release: the same bytes anywhere, whole, with checksums and signatures that users can check as they are told."""

from __future__ import annotations

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import uuid
from pathlib import Path

import bundle
import pytest
from conformance.combinations import combinations
from conformance.loading import load_cases
from conformance.results import PASSED, sha256_of_agent
from release.assemble import SUMS
from release.source import release_moment, source_files
from support import DIST, ROOT, interpreters, leave_out, need

CASE = "goal-state/redirect-is-refused.toml"
VERSION = bundle.project_version(ROOT)
ARCHIVE = f"azready-{VERSION}.tar.gz"
PROGRAMS = ("azready", "azready.sh", "azready.pyz", "azready-lab.pyz")
FILES = {
    *PROGRAMS,
    *("azready.8", "azready-lab.1", "azready.bash", "_azready", "azready.fish"),
    *("conformance.html", "conformance.json", "trust-steps.json", "trust-steps.md"),
    *(
        ARCHIVE,
        f"azready-recipes-{VERSION}.tar.gz",
        f"azready_{VERSION}_all.deb",
        "azready.cdx.json",
        "release-notes.md",
        SUMS,
    ),
}


def released(tree: Path, python: str, umask: int, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`build.py release` in another tree, behind the build: its files are in tree/dist/release."""
    (tree / "build").mkdir(exist_ok=True)
    if not (tree / "build" / "wheels").exists():
        (tree / "build" / "wheels").symlink_to(ROOT / "build" / "wheels")
        with_results(tree)
    # The locked tools are pure Python, or made for the stable ABI.
    places = [str(tree / "agent"), str(tree / "tests"), sysconfig.get_path("purelib")]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(places), **variables}
    command = [python, "-B", "-m", "release", "release", *options]
    return subprocess.run(command, env=environment, umask=umask, cwd=tree.parent, capture_output=True, text=True)


def with_results(tree: Path) -> None:
    """As if the tests had run there, and all had passed: what they write."""
    cases = load_cases()
    results = {case.name: {str(each): PASSED for each in combinations(case, cases)} for case in cases}
    text = json.dumps({"sha256": sha256_of_agent(), "results": results})
    (tree / "build" / "conformance.json").write_text(text)
    (tree / "build" / "trust").mkdir()
    for name in ("steps.md", "steps.json"):
        (tree / "build" / "trust" / name).write_text("{}")


def copied(folder: Path) -> Path:
    """The source as git has it, without git."""
    for name in source_files(ROOT):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree in which a release was made."""
    place = copied(tmp_path_factory.mktemp("release") / "tree")
    done = released(place, sys.executable, 0o022)
    assert (done.returncode, done.stderr) == (0, "")
    return place


@pytest.fixture(scope="module")
def release(tree: Path) -> Path:
    """The files of a release."""
    return tree / "dist" / "release"


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Name -> mode and content."""
    return {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in folder.iterdir()}


def test_what_is_in_it(release: Path) -> None:
    found = contents(release)
    assert set(found) == FILES
    assert {name for name, (mode, _) in found.items() if mode == 0o755} == set(PROGRAMS)
    assert {mode for mode, _ in found.values()} == {0o755, 0o644}


def test_the_archive_of_the_source_gives_the_same_release(release: Path, tmp_path: Path) -> None:
    """In another folder, with another umask, locale, time zone and Python, in a tree that knows no git."""
    with tarfile.open(release / ARCHIVE) as archive:
        archive.extractall(tmp_path / "a longer name", filter="data")
    able = [path for version, path in interpreters().items() if version in ("3.12", "3.13", "3.14")]
    if not able:
        leave_out("only one Python 3.11 or newer is installed: cannot compare the releases of two")
    tree = tmp_path / "a longer name" / f"azready-{VERSION}"
    variables = {"LC_ALL": "C", "TZ": "XYZ7", "PYTHONHASHSEED": "7", "HOME": str(tmp_path)}
    done = released(tree, able[-1], 0o077, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    # Of the run of another Python, which took many minutes.
    assert done.stdout.startswith("conformance: taken from ")
    one, two = contents(release), contents(tree / "dist" / "release")
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_the_programs_are_those_of_the_build(release: Path) -> None:
    assert [name for name in PROGRAMS if (release / name).read_bytes() != (DIST / name).read_bytes()] == []


def test_the_archive_is_what_git_tracks_and_what_a_packager_needs(release: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git here")
    with tarfile.open(release / ARCHIVE) as archive:
        files = {info.name.partition("/")[2]: info for info in archive if info.isfile()}
        # And in dist/ what a builder without network cannot make.
        made = [name for name in files if name.startswith("dist/")]
        assert sorted(set(files) - set(made)) == source_files(ROOT)
        completions = [f"dist/completions/{name}" for name in ("_azready", "azready.bash", "azready.fish")]
        assert sorted(made) == sorted(["dist/azready", "dist/azready.sh", *completions])
        assert {(info.uid, info.gid, info.uname, info.gname) for info in archive} == {(0, 0, "root", "root")}
        assert {info.mtime for info in archive} == {release_moment(ROOT, VERSION)}
    programs = {name for name, info in files.items() if info.mode & 0o111}
    assert {".ci/run"} <= programs
    assert {info.mode for info in files.values()} == {0o755, 0o644}


def test_what_an_earlier_release_left_is_not_published(tree: Path, release: Path) -> None:
    for name in ("azready-0.0.9.tar.gz", f"{SUMS}.sig"):
        (release / name).write_text("old")
    done = released(tree, sys.executable, 0o022)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in release.iterdir()} == FILES
    assert "not signed" in done.stdout


def test_notes_are_the_section_of_the_changelog(release: Path) -> None:
    notes = (release / "release-notes.md").read_text()
    title, _, rest = notes.partition("\n")
    assert title.startswith(f"# azready {VERSION}")
    assert rest.rstrip("\n") in (ROOT / "CHANGELOG.md").read_text()
    assert "\n## " not in notes


def test_no_section_no_release(tmp_path: Path) -> None:
    tree = copied(tmp_path / "tree")
    (tree / "CHANGELOG.md").write_text("# Changelog\n\n## 0.0.9\n\n- Something.\n")
    done = released(tree, sys.executable, 0o022)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"CHANGELOG.md has no section '## {VERSION}'" in done.stderr


def test_the_date_is_that_of_the_changelog_or_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    (tmp_path / "CHANGELOG.md").write_text(f"## {VERSION} (2026-12-24)\n")
    shutil.copytree(ROOT / "agent" / "manual", tmp_path / "agent" / "manual")
    assert release_moment(tmp_path, VERSION) == 1798070400
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert release_moment(tmp_path, VERSION) == 1700000000


def test_results_of_the_suite_are_taken_from_a_file_if_it_is_whole(tree: Path, tmp_path: Path) -> None:
    known = json.loads((tree / "build" / "conformance.json").read_text())
    del known["results"]["provision/good"]["shell-dash-curl"]
    (tmp_path / "results.json").write_text(json.dumps(known))
    done = released(tree, sys.executable, 0o022, "--report", str(tmp_path / "results.json"))
    assert (done.returncode, "1 missing, such as provision/good[shell-dash-curl]" in done.stderr) == (1, True)
    (tmp_path / "results.json").write_text((tree / "build" / "conformance.json").read_text())
    options = ("--report", str(tmp_path / "results.json"), "--out", str(tmp_path / "out"))
    assert released(tree, sys.executable, 0o022, *options).returncode == 0
    assert (tmp_path / "out" / "conformance.html").is_file()


def test_without_results_the_suite_is_run(tmp_path: Path) -> None:
    """All of one case, with a pytest of its own: its results are in the report."""
    tree = copied(tmp_path / "tree")
    folder = tree / "tests" / "conformance" / "cases"
    for file in folder.rglob("*.toml"):
        if file != folder / CASE:
            file.unlink()
    command = [sys.executable, str(tree / "agent" / "bundle.py"), "--wheels", str(ROOT / "build" / "wheels")]
    subprocess.run(command, check=True)
    (tree / "build" / "wheels").parent.mkdir(exist_ok=True)
    (tree / "build" / "wheels").symlink_to(ROOT / "build" / "wheels")
    done = released(tree, sys.executable, 0o022)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    assert "conformance: running the suite" in done.stdout
    cases = json.loads((tree / "dist" / "release" / "conformance.json").read_text())["cases"]
    assert {case["name"].rpartition("/")[0] for case in cases} == {CASE.removesuffix(".toml")}
    assert {outcome for case in cases for outcome in case["results"].values()} == {PASSED}
    assert all(len(case["results"]) > 3 for case in cases)


def test_a_release_without_reports(tree: Path, tmp_path: Path) -> None:
    done = released(tree, sys.executable, 0o022, "--no-report", "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    left_out = {name for name in FILES if name.startswith(("conformance", "trust"))}
    assert {path.name for path in (tmp_path / "out").iterdir()} == FILES - left_out


# Checksums and signatures


def typed(release: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A line of the documentation, in the folder of the release."""
    return subprocess.run(["sh", "-c", command], cwd=release, capture_output=True, text=True)


def test_checksums_are_sorted_and_of_every_file(release: Path) -> None:
    rows = [line.split("  ") for line in (release / SUMS).read_text().splitlines()]
    assert [name for _, name in rows] == sorted(FILES - {SUMS})
    assert typed(release, f"sha256sum -c --strict {SUMS}").returncode == 0


@pytest.mark.parametrize("sha256sum", ["sha256sum", "busybox sha256sum"])
def test_one_file_can_be_checked_alone(sha256sum: str, release: Path, tmp_path: Path) -> None:
    """As documented; busybox knows no --ignore-missing."""
    need(sha256sum.split()[0], "checks a download")
    for name in (SUMS, "azready"):
        shutil.copy(release / name, tmp_path)
    command = f"grep ' azready$' {SUMS} | {sha256sum} -c"
    assert typed(tmp_path, command).stdout == "azready: OK\n"
    with open(tmp_path / "azready", "ab") as file:
        file.write(b"\0")
    assert typed(tmp_path, command).returncode == 1


def key(folder: Path, name: str) -> Path:
    """A new SSH key."""
    need("ssh-keygen", "signs")
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", path], check=True)
    return path


def documented() -> list[str]:
    """What users are told to type about a download, in the manual and in the README."""
    page = (ROOT / "agent" / "manual" / "release.md").read_text()
    told = page.partition("## Is it what was released?")[2].partition("\n## ")[0]
    blocks = [*re.findall(r"```sh\n(.*?)```", told, re.DOTALL), README_CHECK]
    assert README_CHECK in (ROOT / "README.md").read_text()
    return [line for block in blocks for line in block.splitlines()]


README_CHECK = "grep ' azready$' SHA256SUMS | sha256sum -c"
VERIFY = "ssh-keygen -Y verify -f allowed_signers -I releases@azready -n azready -s SHA256SUMS.sig <SHA256SUMS"


def test_a_signature_is_good_until_somebody_changes_the_checksums(tmp_path: Path) -> None:
    tree = copied(tmp_path / "tree")
    signers = tree / "agent" / "release" / "allowed_signers"
    assert f"#     {VERIFY}\n" in signers.read_text()
    public = Path(f"{key(tmp_path, 'theirs')}.pub").read_text()
    with open(signers, "a") as file:
        file.write(f'releases@azready namespaces="azready" {public}')
    done = released(tree, sys.executable, 0o022, "--sign", str(tmp_path / "theirs"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "signed: SHA256SUMS.sig" in done.stdout
    release = tree / "dist" / "release"
    shutil.copy(signers, release)
    commands = documented()
    assert VERIFY in commands
    for command in commands:
        assert typed(release, command).returncode == 0, command
    with open(release / SUMS, "a") as sums:
        sums.write(f"{'0' * 64}  more\n")
    assert typed(release, VERIFY).returncode != 0


def test_a_key_that_the_repository_does_not_name_is_refused(tree: Path, release: Path, tmp_path: Path) -> None:
    """Nobody could check what it signs."""
    done = released(tree, sys.executable, 0o022, "--sign", str(key(tmp_path, "another")))
    assert done.returncode == 1
    assert "is no key of agent/release/allowed_signers" in done.stderr
    assert not (release / f"{SUMS}.sig").exists()


# The bill of materials


def test_the_bill_of_materials_is_one_by_its_schema(release: Path) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    fault = JsonStrictValidator(SchemaVersion.V1_6).validate_str((release / "azready.cdx.json").read_text())
    assert fault is None, str(fault)


def test_the_bill_of_materials_depends_on_the_release_alone(release: Path) -> None:
    """Its number is made of the program, its time is the release's."""
    bill = json.loads((release / "azready.cdx.json").read_text())
    assert uuid.UUID(bill["serialNumber"]).version == 5
    made = datetime.datetime.fromisoformat(bill["metadata"]["timestamp"])
    assert made.timestamp() == release_moment(ROOT, VERSION)


def test_the_bill_of_materials_names_what_is_vendored(release: Path) -> None:
    bill = json.loads((release / "azready.cdx.json").read_text())
    components = {each["bom-ref"]: each for each in [bill["metadata"]["component"], *bill["components"]]}
    for name in bundle.LOCKED:
        lock = (ROOT / "agent" / f"{name}.lock").read_text()
        component = components[name]
        assert f"{component['name']}=={component['version']} " in lock
        assert component["purl"] == f"pkg:pypi/{component['name']}@{component['version']}"
        assert f"--hash=sha256:{component['hashes'][0]['content']}" in lock
        assert component["licenses"] == [{"license": {"id": "MIT"}}]
    assert {components[name]["version"].split(".")[0] for name in bundle.VENDORED} == {"1", "2"}
    for name in ("azready", "azready-lab.pyz"):
        assert components[name]["hashes"][0]["content"] == bundle.sha256((release / name).read_bytes())
    needs = {each["ref"]: each.get("dependsOn", []) for each in bill["dependencies"]}
    assert needs["azready"] == sorted(bundle.VENDORED)
    assert needs["azready-lab.pyz"] == ["h11"]
