"""The machine knows its own name: without that each sudo waits for a DNS that may be away."""

from __future__ import annotations

from pathlib import Path

import pytest

from .live_machine import NEW_NAME, provision

# Its packets go nowhere, and nothing says so.
_DEAD_DNS = """
ip address add 10.0.0.5/24 dev eth0
ip neighbour replace 10.0.0.99 lladdr 02:00:00:00:00:99 dev eth0
echo nameserver 10.0.0.99 >/etc/resolv.conf
echo "hosts: files dns" >/etc/nsswitch.conf
"""
_LOOK = 'cat /etc/hosts >"$SCRATCH/hosts"; timeout 60 getent hosts "$(uname -n)" >"$SCRATCH/found" || :'


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_machine_whose_dns_is_away_gets_a_line_in_etc_hosts(engine: str, tmp_path: Path) -> None:
    seen = provision(engine, tmp_path, _DEAD_DNS, _LOOK)
    assert seen["hosts"] == f"127.0.0.1\tlocalhost\n127.0.1.1\t{NEW_NAME}\n"
    assert seen["found"].split() == ["127.0.1.1", NEW_NAME]


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_a_name_that_the_machine_finds_elsewhere_needs_no_line(engine: str, tmp_path: Path) -> None:
    """Whatever its nsswitch.conf says: getent is the one that knows."""
    (tmp_path / "bin").mkdir()
    getent = tmp_path / "bin" / "getent"
    getent.write_text('#!/bin/sh\n[ "$*" = "hosts web-1" ] && echo 10.0.0.4 web-1\n')
    getent.chmod(0o755)
    seen = provision(engine, tmp_path, "rm /etc/nsswitch.conf", _LOOK)
    assert seen["hosts"] == "127.0.0.1\tlocalhost\n"


@pytest.mark.parametrize("engine", ["python", "shell"])
def test_without_a_getent_the_files_decide(engine: str, tmp_path: Path) -> None:
    """busybox has none."""
    hide = 'mount --bind /dev/null "$(command -v getent)"; echo "hosts: files" >/etc/nsswitch.conf'
    seen = provision(engine, tmp_path, hide, 'cat /etc/hosts >"$SCRATCH/hosts"')
    assert seen["hosts"] == f"127.0.0.1\tlocalhost\n127.0.1.1\t{NEW_NAME}\n"
