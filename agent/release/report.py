"""conformance.json and conformance.html: every case with every combination that it was run with, and what became of it.

Made of build/conformance.json, which the tests write. It says nothing of times or of the computer, so that the same
results give the same bytes.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import bundle
from conformance.client import ALL, PYTHONS, SHELLS, Combination
from conformance.combinations import combinations
from conformance.loading import load_cases
from conformance.results import LEFT_OUT, PASSED, PASSED_AGAIN, Outcomes, load

from release.source import ReleaseError

MISSING = "missing"
SIGNS = {PASSED: "\u2713", PASSED_AGAIN: "2"}
HEAD = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>azready {version}: conformance</title>
<style>
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2em auto; max-width: 90em; padding: 0 1em; color: #222; }}
table {{ border-collapse: collapse; margin: 1em 0 2em; }}
th, td {{ padding: 1px 4px; border: 1px solid #ddd; text-align: center; font-weight: normal; }}
th.c {{ text-align: left; white-space: nowrap; }}
thead th {{ writing-mode: vertical-rl; transform: rotate(180deg); vertical-align: bottom; font-size: 80%; }}
thead th:first-child {{ writing-mode: horizontal-tb; transform: none; }}
.p {{ background: #d7f0d7; }}
.a {{ background: #fff3c4; }}
code {{ font-size: 90%; }}
</style>
<h1>azready {version}: conformance</h1>
<p>{cases} cases, {runs} runs of <code>azready</code> with SHA-256 <code>{sha256}</code>.
{passed} passed{again}.</p>
<p>A case is what the <em>contract</em> demands in one situation: it starts azready on a machine of its own, against an
emulator of Azure, with one engine, one shell, one HTTP client and one Python, and compares requests, report, files and
exit status. {core} core cases run with every Python and with every fourth pair of shell and HTTP client, by turns, the
others with four of them. Empty: not run with that one.</p>
"""
AGAIN = "; {count} of them (2) at the second try, after one on a busy computer had failed"


def reports(version: str, agent: bytes, file: Path) -> dict[str, bytes]:
    """Both files. Raises ReleaseError for results that are of another azready, not whole, or no success."""
    document = document_of(version, agent, file)
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    return {"conformance.json": text.encode(), "conformance.html": page(document).encode()}


def document_of(version: str, agent: bytes, file: Path) -> dict[str, Any]:
    """The results with all that a reader of them wants to know."""
    known = load(file) or _published(file)
    if not known:
        raise ReleaseError(f"{file}: no results of the suite: `python3 build.py test` writes them")
    sha256 = bundle.sha256(agent)
    if known["sha256"] != sha256:
        raise ReleaseError(
            f"{file} is about another azready, {known['sha256'][:12]} and not {sha256[:12]}: run the suite"
        )
    cases = load_cases()
    python = _python_of(known["results"])
    planned = {case.name: [str(each) for each in combinations(case, cases, python)] for case in cases}
    _demand_success(planned, known["results"], file)
    results = {name: {each: known["results"][name][each] for each in names} for name, names in planned.items()}
    return {
        "azready": {"version": version, "sha256": sha256},
        "combinations": [described(each) for each in ALL],
        "cases": [
            {"name": case.name, "about": case.about, "core": case.core, "results": results[case.name]} for case in cases
        ],
    }


def _published(file: Path) -> dict[str, Any]:
    """The results of a conformance.json that was made here: so a release can be made again, with its report."""
    try:
        document = json.loads(file.read_text())
        results = {case["name"]: case["results"] for case in document["cases"]}
        return {"sha256": document["azready"]["sha256"], "results": results}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _python_of(results: Outcomes) -> str:
    """The Python that the suite ran with: who makes the release may have another. Most cases ran with it alone."""
    return max(PYTHONS, key=lambda python: sum(f"python-{python}" in row for row in results.values()))


def described(combination: Combination) -> dict[str, str]:
    """What the name of a combination stands for."""
    awk = "" if combination.python else SHELLS[combination.shell].awk
    parts = {"shell": combination.shell, "client": combination.http, "python": combination.python, "awk": awk}
    return {
        "name": str(combination),
        "engine": combination.engine,
        **{key: part for key, part in parts.items() if part},
    }


def _demand_success(planned: dict[str, list[str]], results: Outcomes, file: Path) -> None:
    outcomes = {
        f"{name}[{each}]": results.get(name, {}).get(each, MISSING) for name, names in planned.items() for each in names
    }
    wrong = {test: outcome for test, outcome in outcomes.items() if outcome not in (PASSED, PASSED_AGAIN)}
    if not wrong:
        return
    counts = {word: list(wrong.values()).count(word) for word in sorted(set(wrong.values()))}
    said = ", ".join(f"{count} {word}" for word, count in counts.items())
    hint = "install what .ci/debian-packages lists, or see what is left out" if LEFT_OUT in counts else "see the tests"
    raise ReleaseError(f"{file}: of {len(outcomes)} runs, {said}, such as {next(iter(wrong))}: {hint}")


def page(document: dict[str, Any]) -> str:
    """The document for people: a table for each topic."""
    outcomes = [outcome for case in document["cases"] for outcome in case["results"].values()]
    again = outcomes.count(PASSED_AGAIN)
    parts = [
        HEAD.format(
            **document["azready"],
            cases=len(document["cases"]),
            runs=len(outcomes),
            passed=len(outcomes),
            core=sum(case["core"] for case in document["cases"]),
            again=AGAIN.format(count=again) if again else "",
        )
    ]
    topics: dict[str, list[dict[str, Any]]] = {}
    for case in document["cases"]:
        topics.setdefault(case["name"].partition("/")[0], []).append(case)
    parts += [_table(topic, cases, document["combinations"]) for topic, cases in sorted(topics.items())]
    return "".join([*parts, "</html>\n"])


def _table(topic: str, cases: list[dict[str, Any]], all_combinations: list[dict[str, str]]) -> str:
    """Of those combinations that some case of the topic ran with."""
    names = [each["name"] for each in all_combinations if any(each["name"] in case["results"] for case in cases)]
    head = "".join(f"<th>{html.escape(name)}" for name in names)
    rows = "".join(
        f'<tr><th class="c" title="{html.escape(case["about"])}">{html.escape(case["name"].partition("/")[2])}'
        + "".join(_cell(case["results"].get(name, "")) for name in names)
        + "\n"
        for case in cases
    )
    return f"<h2>{html.escape(topic)}</h2>\n<table>\n<thead><tr><th>case{head}\n<tbody>\n{rows}</table>\n"


def _cell(outcome: str) -> str:
    kind = {PASSED: "p", PASSED_AGAIN: "a"}.get(outcome, "")
    return f'<td class="{kind}">{SIGNS[outcome]}' if kind else "<td>"
