"""`lab serve`: the emulator as a program."""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from . import serve_fleet
from .azure import ANY_PORT, Emulator
from .fleet import MOST
from .judge import CREATING, EXIT_STATUS, FAILED, SUCCEEDED
from .loading import LONGEST_WAIT, VMError, load_vm
from .record import Request
from .sockets import Address
from .timeline import Timeline, printable
from .vm import VirtualMachine

# Each request with the verdict after it, None for the end: servers and signals put, the main thread prints. Where
# nobody reads what it prints, a request is answered all the same, and not shown.
_News = queue.Queue[tuple[Request, str] | None]
_MOST_NEWS = 10_000

_USAGE_ERROR = 2

_ABOUT = """\
Serve one virtual machine (or a fleet) until its agent has reported, time is up, or a signal comes: WireServer,
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

The first Ready or failure is final, as on Azure: later reports are answered and change nothing.

a fleet:
  `--fleet 50` serves 50 machines at once, all as the VM file says, each with an id, a name, a container
  and addresses of its own: the given ones are the first machine's, the next machine has the next address
  (127.0.0.1, 127.0.0.2, ..). The first line is then {"fleet": [{"name": .., "product_uuid": ..,
  "wireserver": .., "imds": .., "hostplugin": .., "media": ..}, ..]}, the last one counts:
  "verdict: 49 Succeeded, 1 Failed". Each machine's media lies in DIR/NAME, each line of the record has
  its name as "vm". It is 0 only where all succeeded, and --exit-on-verdict waits for all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    options = parser().parse_args(arguments)
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
        return EXIT_STATUS[CREATING]
    except OSError as error:
        if error.filename:
            return _usage_error(f"{error.filename}: {error.strerror}", "")
        return _usage_error(str(error.strerror), "port 0 takes any free one; ports below 1024 need root")


def _usage_error(message: str, hint: str) -> int:
    print(f"lab: {message}", file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)
    return _USAGE_ERROR


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    shape = argparse.RawDescriptionHelpFormatter
    made = argparse.ArgumentParser("lab serve", None, _ABOUT, _MANUAL, formatter_class=shape)
    add = made.add_argument
    add("--vm", metavar="FILE", help="the VM and its faults, TOML (default: a good VM)")
    add("--wireserver", metavar="HOST:PORT", type=_address, default=ANY_PORT, help="default: a free port of 127.0.0.1")
    add("--imds", metavar="HOST:PORT", type=_address, default=ANY_PORT, help="default: a free port of 127.0.0.1")
    add("--hostplugin", metavar="HOST:PORT", type=_address, help="default: WireServer's host; 32526 beside port 80")
    add("--fleet", metavar="N", type=_count, default=0, help=f"serve N machines at once, at most {MOST}")
    add("--media", metavar="DIR", help="write the provisioning media's files into DIR")
    add("--record", metavar="FILE", help="write every request to FILE, one JSON object a line")
    add("--timeout", metavar="SECONDS", type=_seconds, help="until TimedOut (default: the VM file's, else 1200)")
    add("--exit-on-verdict", action="store_true", help="stop as soon as there is a verdict")
    add("-q", "--quiet", action="store_true", help="print the first and the last line only")
    return made


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


def _count(text: str) -> int:
    count = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= count <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of machines, 1 to {MOST}")
    return count


def _serve(options: argparse.Namespace) -> int:
    if options.fleet:
        return serve_fleet.serve(_chosen_vm(options), options, _end_on_signals)
    news: _News = queue.Queue(_MOST_NEWS)
    azure = Emulator(
        _chosen_vm(options),
        options.wireserver,
        options.imds,
        options.record,
        lambda request: _tell(news, request, azure.verdict),
        options.hostplugin,
    )
    _end_on_signals(lambda: news.put(None))
    media = azure.write_media(options.media) if options.media else None
    with azure:
        addresses = {"wireserver": azure.wireserver, "imds": azure.imds, "hostplugin": azure.hostplugin}
        print(json.dumps({**addresses, "media": options.media if media else None}), flush=True)
        _watch(azure, news, options)
    ending = azure.verdict + (f": {printable(azure.description)}" if azure.verdict == FAILED else "")
    print(f"verdict: {ending}", flush=True)
    return EXIT_STATUS[azure.verdict]


def _tell(news: _News, request: Request, verdict: str) -> None:
    with suppress(queue.Full):
        news.put_nowait((replace(request, headers=[], body=b""), verdict))


def _end_on_signals(over: Callable[[], None]) -> None:
    """Call `over` at SIGINT and SIGTERM, also in a background job, which starts with SIGINT ignored.

    A thread waits for them: a handler would run late if the signal came just before the main thread blocks.
    """
    signals = (signal.SIGINT, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)

    def end() -> None:
        signal.sigwait(signals)
        over()

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
        # The one that brought the verdict may have found no room.
        if options.exit_on_verdict and (azure.verdict if news.empty() else verdict) != CREATING:
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
