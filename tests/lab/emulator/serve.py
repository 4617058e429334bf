"""`lab serve`: the emulator as a program."""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace

from .azure import ANY_PORT, Emulator
from .judge import CREATING, FAILED, SUCCEEDED, TIMED_OUT
from .loading import LONGEST_WAIT, VMError, load_vm
from .record import Request
from .sockets import Address
from .timeline import Timeline, printable
from .vm import VirtualMachine

# Each request with the verdict after it, None for the end: servers and signals put, the main thread prints.
_News = queue.SimpleQueue[tuple[Request, str] | None]

_EXIT_STATUS = {SUCCEEDED: 0, FAILED: 1, TIMED_OUT: 3, CREATING: 4}
_USAGE_ERROR = 2

_ABOUT = """\
Serve one virtual machine until its agent has reported, time is up, or a signal comes: WireServer,
the Instance Metadata Service and the provisioning media. It answers as Azure does, or with the
faults that a VM file asks for, records what it was asked, and comes to Azure's verdict."""

_MANUAL = """\
standard output:
  first line    {"wireserver": "127.0.0.1:PORT", "imds": .., "hostplugin": .., "media": DIR or null}
  then          a line for every request, and for every change of the verdict (not with -q)
  last line     verdict: Succeeded | Failed: DESCRIPTION | TimedOut | Creating

exit status:
  0  Succeeded    the agent reported Ready
  1  Failed       the agent reported that provisioning failed
  2               wrong usage, a bad VM file, or an address that is taken
  3  TimedOut     no report was accepted in time
  4  Creating     stopped before there was a verdict

The first Ready or failure is final, as on Azure: later reports are answered and change nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    options = _parser().parse_args(arguments)
    # A description may hold what the terminal's encoding has not.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        return _serve(options)
    except VMError as error:
        return _usage_error(error.message, error.hint)
    except BrokenPipeError:
        # Whoever read the timeline is gone; the interpreter's last flush must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _EXIT_STATUS[CREATING]
    except OSError as error:
        if error.filename:
            return _usage_error(f"{error.filename}: {error.strerror}", "")
        return _usage_error(str(error.strerror), "port 0 takes any free one; ports below 1024 need root")


def _usage_error(message: str, hint: str) -> int:
    print(f"lab: {message}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    return _USAGE_ERROR


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("lab serve", None, _ABOUT, _MANUAL, formatter_class=shape)
    add = parser.add_argument
    add("--vm", metavar="FILE", help="the VM and its faults, TOML (default: a good VM)")
    add("--wireserver", metavar="HOST:PORT", type=_address, default=ANY_PORT, help="default: a free port of 127.0.0.1")
    add("--imds", metavar="HOST:PORT", type=_address, default=ANY_PORT, help="default: a free port of 127.0.0.1")
    add("--hostplugin", metavar="HOST:PORT", type=_address, help="default: WireServer's host; 32526 beside port 80")
    add("--media", metavar="DIR", help="write the provisioning media's files into DIR")
    add("--record", metavar="FILE", help="write every request to FILE, one JSON object a line")
    add("--timeout", metavar="SECONDS", type=_seconds, help="until TimedOut (default: the VM file's, else 1200)")
    add("--exit-on-verdict", action="store_true", help="stop as soon as there is a verdict")
    add("-q", "--quiet", action="store_true", help="print the first and the last line only")
    return parser


def _address(text: str) -> Address:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, as in 127.0.0.1:8080")
    return host, int(port)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= LONGEST_WAIT:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


def _serve(options: argparse.Namespace) -> int:
    news: _News = queue.SimpleQueue()
    azure = Emulator(
        _chosen_vm(options),
        options.wireserver,
        options.imds,
        options.record,
        lambda request: news.put((request, azure.verdict)),
        options.hostplugin,
    )
    _end_on_signals(news)
    media = azure.write_media(options.media) if options.media else None
    with azure:
        addresses = {"wireserver": azure.wireserver, "imds": azure.imds, "hostplugin": azure.hostplugin}
        print(json.dumps({**addresses, "media": options.media if media else None}), flush=True)
        _watch(azure, news, options)
    ending = azure.verdict + (f": {printable(azure.description)}" if azure.verdict == FAILED else "")
    print(f"verdict: {ending}", flush=True)
    return _EXIT_STATUS[azure.verdict]


def _end_on_signals(news: _News) -> None:
    """Make SIGINT and SIGTERM the end of the news, also in a background job, which starts with SIGINT ignored.

    A thread waits for them: a handler would run late if the signal came just before the main thread blocks.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def end() -> None:
        signal.sigwait(signals)
        news.put(None)

    threading.Thread(target=end, daemon=True).start()


def _chosen_vm(options: argparse.Namespace) -> VirtualMachine:
    vm = load_vm(options.vm or {})
    if options.timeout is None:
        return vm
    return replace(vm, platform=replace(vm.platform, timeout=options.timeout))


def _watch(azure: Emulator, news: _News, options: argparse.Namespace) -> None:
    """Print what happens until a signal, time-out or (if wanted) verdict ends it."""
    timeline = None if options.quiet else Timeline(sys.stdout)
    while item := _next(azure, news):
        request, verdict = item
        if timeline:
            timeline.request(request)
            timeline.verdict(request.time, verdict, azure.description)
        if options.exit_on_verdict and verdict != CREATING:
            azure.wait_for_verdict()
            return
    if timeline:
        timeline.verdict(azure.elapsed, azure.verdict, azure.description)


def _next(azure: Emulator, news: _News) -> tuple[Request, str] | None:
    """The next request with the verdict after it; None when time is up or a signal came."""
    try:
        if azure.verdict in (SUCCEEDED, FAILED):
            return news.get()
        # A millisecond more, not to look at the clock just before time is up.
        return news.get(timeout=max(0.0, azure.vm.platform.timeout - azure.elapsed) + 0.001)
    except queue.Empty:
        return None
