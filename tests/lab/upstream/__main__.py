"""`python3 build.py upstream`: has anything changed on the wire since the last look?

Fetches the newest packages of cloud-init and WALinuxAgent that Debian has, reads the facts of the wire in their source
(addresses, paths, api-versions, headers, elements of goal state and media, keys and reasons of a report), and compares
them with agent/tables/protocol.conf and with the last look, which is tests/lab/upstream/last.json.

exit status: 0 nothing changed, 1 something changed, 2 it could not be looked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import fetch, look
from .facts import KINDS, SOURCES, SourceError, read

_ROOT = Path(__file__).resolve().parents[3]
_FOLDER = _ROOT / "build" / "upstream"


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="build.py upstream", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--suite", default="sid", help="the Debian suite to look into (default: sid, the newest)")
    parser.add_argument("--deb", action="append", type=Path, help="look into this package instead; nothing is fetched")
    parser.add_argument("--last", type=Path, default=look.LAST, help="the look to compare with")
    parser.add_argument("--accept", action="store_true", help="the changes are known: keep this look as the last one")
    parser.add_argument("--json", action="store_true", help="for programs: what was seen and what changed")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Look, compare and say it; the exit status."""
    given = _arguments(arguments)
    try:
        before = look.load(given.last)
        now = _look(given.deb, given.suite)
    except (fetch.FetchError, SourceError, look.LookError) as error:
        print(f"build.py upstream: {error}", file=sys.stderr)
        return 2
    changes = look.compare(before, now)
    users = look.users(look.protocol(_ROOT), now)
    if given.json:
        document = {"agents": look.as_data(now), "changes": [vars(change) for change in changes], "protocol": users}
        print(json.dumps(document, indent=1))
    else:
        _show_ours(users, look.protocol(_ROOT), now)
        _show_changes(changes, now)
    if given.accept:
        look.store({**before, **now}, given.last)
        return 0
    return 1 if changes else 0


def _look(packages: list[Path] | None, suite: str) -> dict[str, look.Agent]:
    if not packages:
        print(f"fetching cloud-init and waagent of Debian {suite} ...", file=sys.stderr)
        packages = list(fetch.newest(suite, _FOLDER, tuple(SOURCES)).values())
    agents = {}
    for package in packages:
        with tempfile.TemporaryDirectory() as folder:
            name, version = fetch.unpack(package, Path(folder))
            if name not in SOURCES:
                raise fetch.FetchError(f"{package}: a package of {name}; expected one of: {' '.join(SOURCES)}")
            agents[name] = look.Agent(version, read(name, Path(folder)))
    return agents


def _show_ours(users: dict[str, list[str]], table: dict[str, str], agents: dict[str, look.Agent]) -> None:
    print("agent/tables/protocol.conf, and who has the same")
    names = sorted(agents)
    for key, who in users.items():
        marks = "  ".join(name if name in who else "-" * len(name) for name in names)
        print(f"  {key:26} {marks}  {table[key]}")
    print()


def _show_changes(changes: list[look.Change], agents: dict[str, look.Agent]) -> None:
    changed = {change.agent: change for change in changes}
    for name, seen in sorted(agents.items()):
        change = changed.get(name)
        if change is None:
            print(f"{name} {seen.version}: nothing changed on the wire")
            continue
        print(f"{name} {change.before} -> {change.now}")
        for sign, facts in (("+", change.new), ("-", change.gone)):
            for kind, fact in facts:
                print(f"  {sign} {fact}    ({KINDS[kind]})")
    if changes:
        print("\nDecide what azready must follow; then `python3 build.py upstream --accept` keeps this look.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
