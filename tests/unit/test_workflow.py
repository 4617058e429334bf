"""The workflow that makes releases on a forge: valid, with no more rights than it needs, and as documented."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from support import DIST, ROOT, need

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
# `on` is a truth to YAML 1.1, and a line of a script may be as long as one of Python.
YAMLLINT = "{extends: default, rules: {line-length: {max: 120}, truthy: {check-keys: false}, document-start: disable}}"


def parsed() -> dict[str, Any]:
    """The workflow as data."""
    workflow: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return workflow


def steps() -> list[tuple[str, dict[str, Any]]]:
    """Every step, with the name of its job."""
    return [(name, step) for name, job in parsed()["jobs"].items() for step in job["steps"]]


def passes(*command: str) -> None:
    """Fail with what the tool says."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"{done.stdout}{done.stderr}", pytrace=False)


def test_yamllint_finds_nothing() -> None:
    passes(sys.executable, "-m", "yamllint", "--strict", "-d", YAMLLINT, str(WORKFLOW))


def test_zizmor_finds_nothing() -> None:
    """No action that could be exchanged, no right too many, no text of strangers in a script."""
    passes(str(Path(sys.executable).with_name("zizmor")), "--offline", "--quiet", "--persona=pedantic", str(WORKFLOW))


def test_scripts_are_sound(tmp_path: Path) -> None:
    for number, (_, step) in enumerate(steps()):
        if "run" in step:
            (tmp_path / f"{number}.sh").write_text(f"#!/bin/bash -e\n{step['run']}")
    passes(need("shellcheck", "lints the workflow"), *map(str, tmp_path.glob("*.sh")))


def test_only_the_job_that_runs_nothing_of_the_source_may_write() -> None:
    jobs = parsed()["jobs"]
    assert parsed()["permissions"] == {}
    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"contents": "write", "id-token": "write", "attestations": "write"}
    assert not any("checkout" in step.get("uses", "") for name, step in steps() if name == "publish")


def test_what_is_attested_is_what_the_checksums_name() -> None:
    [attest] = [step for _, step in steps() if "attest-build-provenance" in step.get("uses", "")]
    assert attest["with"] == {"subject-checksums": "release/SHA256SUMS"}


def test_it_makes_the_release_as_anybody_does() -> None:
    scripts = " ".join(step.get("run", "") for _, step in steps())
    assert ".ci/run" in scripts
    assert re.search(r"(?m)python3 build\.py release$", scripts)


@pytest.mark.parametrize(("tag", "status"), [("v{version}", 0), ("v{version}1", 1), ("v0", 1)])
def test_a_tag_of_another_version_makes_no_release(tag: str, status: int) -> None:
    [script] = [step["run"] for _, step in steps() if step.get("name") == "The tag is that of the version"]
    version = re.search(r"azready_version='(.*)'", (DIST / "azready.sh").read_text())
    assert version
    environment = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag.format(version=version[1])}
    assert subprocess.run(["bash", "-ec", script], cwd=ROOT, env=environment).returncode == status
