"""Every case for azready in its combinations, and the two hand-written scripts that azready replaces."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import support
from trust import measuring

from conformance.__main__ import main
from conformance.case import Case, CaseError
from conformance.check import COLUMNS, is_azreadys
from conformance.client import (
    AGENT,
    Azready,
    Combination,
    Other,
    always,
    make_sandbox,
    need_programs,
)
from conformance.combinations import combinations
from conformance.expected import applies_to_others, judgement, load_expected
from conformance.live import what_is_missing
from conformance.loading import CASES, load_cases, load_file
from conformance.run import run_case

_CASES = load_cases()
_CLIENTS = Path(__file__).parent / "clients"
_SCRIPTS = {
    "bash": (f"bash {_CLIENTS}/provision.sh", ("bash", "curl")),
    "python": (f"{sys.executable} {_CLIENTS}/provision.py", ("python3",)),
}
# Far more than any of their runs needs; what is still busy then waits for ever.
_SCRIPT_LIMIT = 6.0


@pytest.mark.parametrize(
    ("case", "combination"),
    [pytest.param(case, each, id=f"{case.name}[{each}]") for case in _CASES for each in combinations(case, _CASES)],
)
def test_case(case: Case, combination: Combination, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """azready does what the case says, in this combination."""
    client = _azready(case, combination, tmp_path_factory)
    # Of a run of all tests trust/test_coverage.py wants to know what was reached.
    counts = measuring.SWITCH in os.environ and measuring.is_measured(combination)
    result = run_case(case, measuring.measured(client) if counts else client, tmp_path)
    if counts:
        measuring.note(case, combination)
    if result.faults:
        pytest.fail(str(result), pytrace=False)


def _azready(case: Case, combination: Combination, tmp_path_factory: pytest.TempPathFactory) -> Azready:
    need_programs(combination)
    if case.live and (missing := what_is_missing()):
        support.leave_out(missing)
    if not AGENT.exists():
        pytest.fail(f"{AGENT.name} is not built: python3 build.py build", pytrace=False)
    return Azready(combination, make_sandbox(tmp_path_factory.getbasetemp() / "sandboxes", combination, case.without))


def _leaves_a_choice(case: Case) -> bool:
    return any(run.expect.report == "any" or "@ANY@" in (run.expect.description or "") for run in case.runs)


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES if _leaves_a_choice(case)])
def test_engines_send_the_same_bytes(case: Case, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Where a case does not say each byte of the report, the engines must still agree on them, but for the time."""
    sent = []
    for combination in always()[:2]:
        folder = tmp_path / combination.engine
        folder.mkdir()
        result = run_case(case, _azready(case, combination, tmp_path_factory), folder)
        bodies = [request.body for seen in result.runs for request in seen.reports]
        sent.append([re.sub(rb"timestamp=[-0-9T:]*Z", b"timestamp=", body).decode() for body in bodies])
    if sent[0] != sent[1]:
        pytest.fail("\n".join(["the engines differ", *sent[0], "and", *sent[1]]), pytrace=False)


@pytest.mark.parametrize("script", _SCRIPTS)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in _CASES if applies_to_others(case)])
def test_script_fails_only_what_is_listed(script: str, case: Case, tmp_path: Path) -> None:
    """The scripts survive what their lists do not name, and nothing that they do name."""
    template, programs = _SCRIPTS[script]
    for program in programs:
        support.need(program)
    expected = load_expected(_CLIENTS / f"{script}.expected", _CASES)
    result = run_case(case, Other(template, _SCRIPT_LIMIT), tmp_path)
    as_listed, word = judgement(case.name, not result.faults, expected)
    if not as_listed:
        pytest.fail(f"{word}\n{result}", pytrace=False)


# Asks for the goal state and says Ready; the machine stays as it is.
_ONLY_REPORTS = """
import os, urllib.request as http
from xml.etree import ElementTree
at, headers = f"http://{os.environ['WIRESERVER']}/machine?comp=", {"x-ms-version": "2012-11-30"}
goal = ElementTree.fromstring(http.urlopen(http.Request(at + "goalstate", headers=headers)).read())
names = ("Incarnation", "Container/ContainerId", ".//InstanceId")
report = (
    "<Health><GoalStateIncarnation>%s</GoalStateIncarnation><Container><ContainerId>%s</ContainerId><RoleInstanceList>"
    "<Role><InstanceId>%s</InstanceId><Health><State>Ready</State></Health></Role></RoleInstanceList></Container></Health>"
) % tuple(goal.findtext(name) for name in names)
http.urlopen(http.Request(at + "health", report.encode(), headers))
"""


def _tried(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Status and output of `python -m conformance`."""
    status = main(arguments)
    captured = capsys.readouterr()
    return status, captured.out + captured.err


def test_an_agent_that_only_reports_passes_what_is_about_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agent.py").write_text(_ONLY_REPORTS)
    client = f"{sys.executable} {tmp_path / 'agent.py'}"
    status, said = _tried(capsys, "--client", client, "--report-only", "provision/good")
    assert (status, "provision/good" in said) == (0, True), said
    assert "files: /etc/hostname: it holds 'localhost\\n' instead of 'web-1\\n' (not demanded)" in said
    status, said = _tried(capsys, "--client", client, "provision/good")
    assert status == 1
    assert re.search(r"^provision/good +ok +Succeeded +ok +NO +FAILED$", said, re.MULTILINE), said


@pytest.mark.parametrize("idle", ["true", "false"])
def test_doing_nothing_is_no_achievement(idle: str, capsys: pytest.CaptureFixture[str]) -> None:
    cases = (
        "goal-state/never-good-is-no-success",
        "provision/good",
        "state/second-boot-does-nothing",
        "wireserver/unreachable-until-the-deadline",
    )
    _, said = _tried(capsys, "--client", idle, "--report-only", *cases)
    counts = said.splitlines()[-1].partition(": ")[2]
    assert counts == "2 FAILED, 2 passed by doing nothing", said


def test_every_fault_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The first one must not hide what the platform thinks."""
    status, said = _tried(capsys, "--client", "false", "provision/good")
    assert status == 1
    assert [line.split(":")[0].strip() for line in said.splitlines() if line.startswith("    ")] == [
        "verdict",
        "exit",
        "files",
    ]
    assert "the platform's verdict is Creating instead of Succeeded" in said


def test_nobody_else_is_asked_for_what_is_azreadys_own(capsys: pytest.CaptureFixture[str]) -> None:
    """Its state directory, its service, its configuration."""
    for case in filter(applies_to_others, _CASES):
        given = [*case.image.files, *(path for run in case.runs for path in run.files)]
        demanded = [path for run in case.runs for path in run.expect.files if not is_azreadys(path)]
        assert [path for path in (*given, *demanded) if "azready" in path] == [], case.name
    status, said = _tried(capsys, "--client", "false", "state/empty-marker-is-no-marker")
    assert status == 2
    assert "azready's own, nobody else can be asked for that: state/empty-marker-is-no-marker" in said


def test_help_says_what_is_demanded(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    said = capsys.readouterr().out
    for word in ("{root}", "{wireserver}", "{imds}", "--report-only", "passed by doing nothing", *COLUMNS):
        assert word in said


def test_every_file_of_the_cases_is_read() -> None:
    """A file elsewhere, or of another name, would be a case that nobody runs."""
    read = {name.removesuffix(".toml") for name in ("/".join(case.name.split("/")[:2]) for case in _CASES)}
    assert sorted(path.relative_to(CASES).as_posix() for path in CASES.rglob("*") if path.is_file()) == sorted(
        f"{name}.toml" for name in read
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "about = 'x'\n[expect]\nrequets = []",
            r"requets = \[\]: unknown key .* did you mean .*\.requests\?",
        ),
        ("[expect]\n", "the key about is missing"),
        ("about = 1\n[expect]\nrequests = []", "about = 1 is not a text"),
        ("about = 'x'\n[expect]\nexit = true", "exit = true is not a whole number"),
        ("about = 'x'\n[expect]\nverdict = 'Fine'", 'verdict = "Fine" is none of Succeeded, '),
        ("about = 'x'\n[image.files]\n'/x' = {mode = '888'}", 'mode = "888" is no octal mode'),
        ("about = 'x'\n[expect.failure]\nstep = 'user'", "a failure has a reason"),
        ("about = 'x'\n[expect]\ndescription = 'x'\nfailure = {reason = 'x'}", "a failure .* is the description"),
        ("about = 'x'\n[[rows]]\nexpect.exit = 1", "a row needs a name"),
        ("about = 'x'\n[[rows]]\nname = 'a'\n[[rows]]\nname = 'a'", "two rows have the same name"),
        ("about = 'x'\n[[rows]]\nname = 'a'\nexpect.exti = 1", "topic/name/a.expect.exti = 1: unknown key"),
    ],
)
def test_a_mistaken_case_is_refused(text: str, complaint: str, tmp_path: Path) -> None:
    """A typing mistake in a case must not weaken it silently."""
    with pytest.raises(CaseError, match=complaint):
        _loaded(tmp_path, text)


def _loaded(folder: Path, text: str) -> list[Case]:
    file = folder / "topic" / "name.toml"
    file.parent.mkdir()
    file.write_text(text, encoding="utf-8")
    return load_file(file)


def test_a_row_is_put_over_the_shape(tmp_path: Path) -> None:
    shape = "about = 'x'\nvm.name = 'a'\nexpect.log = ['a']\nanswers.imds = [{status = 500, body = 'x'}]\n"
    rows = "[[rows]]\nname = '1'\n[[rows]]\nname = '2'\nabout = 'y'\nvm.hostname = 'b'\nexpect.log = []\n"
    first, second = _loaded(tmp_path, f"{shape}{rows}answers.imds = [{{status = 503}}]\n")
    assert (first.name, first.about, first.expect.log) == ("topic/name/1", "x", ("a",))
    assert (second.name, second.about, second.expect.log) == ("topic/name/2", "y", ())
    assert second.vm == {"vm": {"name": "a", "hostname": "b"}, "answers": {"imds": [{"status": 503, "body": "x"}]}}


def test_a_failure_is_the_row_that_the_platform_reads(tmp_path: Path) -> None:
    [case] = _loaded(tmp_path, "about = 'x'\nexpect.failure = {reason = 'r', step = \"it's\"}")
    assert (case.expect.exit, case.expect.verdict) == (1, "Failed")
    assert case.expect.description == (
        "result=error|reason=r|agent=azready/@VERSION@|'step=it''s'|vm_id=@VM_ID@"
        "|timestamp=@TIME@|documentation_url=@URL@"
    )


def test_what_nearly_every_case_says_is_said_by_none(tmp_path: Path) -> None:
    [case] = _loaded(tmp_path, "about = 'x'\nimage.passwd = 'me:x:1:1::/:/bin/sh'")
    assert case.expect.requests == ("GET goalstate", "GET imds", "POST health")
    assert case.image.files["/etc/passwd"].content == "root:x:0:0:root:/root:/bin/sh\nme:x:1:1::/:/bin/sh"
    assert case.expect.files["/etc/hostname"].content == "web-1\n"
