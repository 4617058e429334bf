"""`lab serve --fleet N`: many virtual machines, one process."""

from __future__ import annotations

import argparse
import json
import queue
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .fleet import Fleet
from .host import Host
from .judge import CREATING, EXIT_STATUS, FAILED, SUCCEEDED, TIMED_OUT
from .timeline import Timeline
from .vm import VirtualMachine

# Each machine that has got its verdict, None for the end.
_News = queue.SimpleQueue[Host | None]
# The worst first: the status is that of the worst.
_WORST = (FAILED, TIMED_OUT, CREATING, SUCCEEDED)


def serve(vm: VirtualMachine, options: argparse.Namespace, end_on_signals: Callable[[Callable[[], None]], None]) -> int:
    """Serve until all have their verdict (if wanted), time is up, or a signal comes; the exit status."""
    news: _News = queue.SimpleQueue()
    record = Path(options.record) if options.record else None
    fleet = Fleet(vm, options.fleet, options.wireserver, options.imds, record, news.put, options.hostplugin)
    end_on_signals(lambda: news.put(None))
    with fleet:
        print(json.dumps({"fleet": _members(fleet, options.media)}), flush=True)
        _watch(fleet, news, options)
    verdicts = fleet.verdicts
    seen = [verdict for verdict in _WORST if verdicts[verdict]]
    print("verdict: " + ", ".join(f"{verdicts[verdict]} {verdict}" for verdict in reversed(seen)), flush=True)
    return EXIT_STATUS[seen[0]]


def _members(fleet: Fleet, media: str | None) -> list[dict[str, Any]]:
    """What stands in the first line; writes the media."""
    members = []
    for index, host in enumerate(fleet.hosts):
        folder = Path(media, host.vm.name) if media else None
        written = host.write_media(folder) if folder else None
        servers = {server: fleet.address(index, server) for server in ("wireserver", "imds", "hostplugin")}
        names = {"name": host.vm.name, "hostname": host.vm.hostname, "product_uuid": host.vm.dmi_uuid}
        members.append({**names, **servers, "media": str(folder) if written else None})
    return members


def _watch(fleet: Fleet, news: _News, options: argparse.Namespace) -> None:
    """Print each verdict, until that is all that is to come."""
    timeline = None if options.quiet else Timeline(sys.stdout, fleet=True)
    waiting = len(fleet.hosts)
    while waiting or not options.exit_on_verdict:
        host = _next(fleet, news, waiting)
        if not host:
            break
        waiting -= 1
        if timeline:
            timeline.change(fleet.elapsed, host.vm.name, CREATING, host.verdict, host.description)
    if not waiting:
        for host in fleet.hosts:
            host.wait_for_verdict()


def _next(fleet: Fleet, news: _News, waiting: int) -> Host | None:
    """The next machine with a verdict; None when time is up or a signal came."""
    if not waiting:
        return news.get()
    try:
        # A millisecond more, not to look at the clock just before time is up.
        return news.get(timeout=max(0.0, fleet.hosts[0].vm.platform.timeout - fleet.elapsed) + 0.001)
    except queue.Empty:
        return None
