"""`lab serve` from outside, as a process: what it prints, when it ends, and how it is misused."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from lab.emulator import Emulator, load_vm
from unit.emulator_client import FAILED, GOAL_STATE, HEALTH, INSTANCE, METADATA, READY, WIRE, ask, send_raw

TESTS = Path(__file__).resolve().parents[1]


COMMAND = [sys.executable, "-m", "lab"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The finished command, with what it printed."""
    return subprocess.run([*COMMAND, *arguments], cwd=TESTS, capture_output=True, text=True, check=False, timeout=10)


class Served:
    """A running `lab serve` and its first line."""

    def __init__(self, *options: str) -> None:
        self.process = subprocess.Popen([*COMMAND, "serve", *options], cwd=TESTS, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self.addresses: dict[str, Any] = json.loads(self.output.readline())

    def end(self, number: int = 0) -> tuple[int, list[str]]:
        """Exit status and the other lines, once it has ended (by this signal, if any)."""
        if number:
            self.process.send_signal(number)
        # Not communicate(): it would miss what readline() has read ahead.
        with self.output:
            lines = self.output.read().splitlines()
        return self.process.wait(10), lines


class TestCommandLine:
    @pytest.mark.parametrize(
        ("document", "status", "ending"),
        [(READY, 0, "Succeeded"), (FAILED, 1, "Failed: result=error|reason=no disk & no hope")],
    )
    def test_it_exits_on_the_verdict(self, tmp_path: Path, document: str, status: int, ending: str) -> None:
        record, media = tmp_path / "requests.jsonl", tmp_path / "dvd"
        served = Served("--exit-on-verdict", "--record", str(record), "--media", str(media))
        assert served.addresses["media"] == str(media)
        ask(served.addresses["wireserver"], GOAL_STATE, WIRE)
        assert ask(served.addresses["wireserver"], HEALTH, WIRE, document)[0] == 200
        exit_status, lines = served.end()
        assert (exit_status, lines[-1]) == (status, f"verdict: {ending}")
        assert [line.split()[1:] for line in lines[1:3]] == [
            ["goalstate", "GET", GOAL_STATE, "200", "incarnation", "1"],
            ["health", "POST", HEALTH, "200", *("Ready" if status == 0 else "NotReady ProvisioningFailed").split()],
        ]
        assert lines[3].split()[1:5] == ["verdict", "Creating", "->", ending.split(":")[0]]
        assert len(record.read_text().splitlines()) == 2
        assert (media / "ovf-env.xml").exists()

    def test_the_answer_is_sent_before_it_exits(self, tmp_path: Path) -> None:
        (tmp_path / "vm.toml").write_text("[[answers.health]]\ndelay = 0.3")
        served = Served("--exit-on-verdict", "-q", "--vm", str(tmp_path / "vm.toml"))
        assert ask(served.addresses["wireserver"], HEALTH, WIRE, READY)[0] == 200
        assert served.end() == (0, ["verdict: Succeeded"])

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_stops_at_a_signal(self, number: int) -> None:
        assert Served("-q").end(number) == (4, ["verdict: Creating"])

    def test_what_came_before_the_signal_is_shown(self) -> None:
        served = Served()
        ask(served.addresses["imds"], INSTANCE, METADATA)
        assert INSTANCE in served.end(signal.SIGTERM)[1][1]

    def test_it_ends_with_the_reader_of_its_output(self) -> None:
        served = Served()
        served.output.close()
        with contextlib.suppress(OSError):  # it may have met the closed pipe already
            ask(served.addresses["imds"], INSTANCE, METADATA)
        assert served.process.wait(10) == 4

    def test_it_serves_on_after_the_verdict(self) -> None:
        served = Served("-q", "--timeout", "1")
        assert [ask(served.addresses["wireserver"], HEALTH, WIRE, READY)[0] for _ in range(2)] == [200, 200]
        time.sleep(1.1)
        assert served.process.poll() is None
        assert served.end(signal.SIGTERM) == (0, ["verdict: Succeeded"])

    def test_it_ends_when_time_is_up(self) -> None:
        status, lines = Served("--timeout", "0.1").end()
        assert (status, lines[-1]) == (3, "verdict: TimedOut")
        assert lines[-2].endswith("Creating -> TimedOut")

    def test_a_request_cannot_drive_the_terminal(self) -> None:
        served = Served("--exit-on-verdict")
        send_raw(served.addresses["wireserver"], b"GET /\x1b[31m HTTP/1.1\r\n\r\n")
        ask(served.addresses["wireserver"], HEALTH, WIRE, FAILED.replace("no disk", "no\ndisk"))
        lines = served.end()[1]
        assert "GET  /\\x1b[31m" in lines[1]
        assert lines[-1] == "verdict: Failed: result=error|reason=no\\ndisk & no hope"

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["serve", "--vm", "missing.toml"], "lab: missing.toml: cannot be read"),
            (["serve", "--wireserver", "here"], "'here' is not HOST:PORT, as in 127.0.0.1:8080"),
            (["serve", "--fleet", "0"], "'0' is not a number of machines, 1 to 20000"),
            (["serve", "--fleet", "2", "--imds", "localhost:0"], "a fleet cannot begin at localhost"),
            (["serve", "--timeout", "-3"], "'-3' is not a number of seconds above 0"),
            (["serve", "--record", "/dev/null/file"], "/dev/null/file: Not a directory"),
            ([], "lab: a command is missing"),
            (["serv"], "lab: no such command: serv"),
        ],
    )
    def test_wrong_usage_is_told(self, options: list[str], message: str) -> None:
        result = run(*options)
        assert (result.returncode, result.stdout) == (2, "")
        assert message in result.stderr

    def test_a_taken_address_is_named(self) -> None:
        with Emulator(load_vm({})) as azure:
            result = run("serve", "--imds", azure.imds)
        assert result.returncode == 2
        assert f"imds cannot listen on {azure.imds}: Address already in use" in result.stderr

    @pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
    def test_colours_are_for_terminals(self, no_colour: str, coloured: bool) -> None:
        ours, theirs = pty.openpty()
        environment = {**os.environ, "NO_COLOR": no_colour, "TERM": "xterm"}
        command = [*COMMAND, "serve", "--timeout", "0.05"]
        subprocess.run(command, cwd=TESTS, stdout=theirs, env=environment, check=False, timeout=10)
        assert (b"\x1b[" in os.read(ours, 65536)) == coloured
        os.close(ours)
        os.close(theirs)


def resident(process: subprocess.Popen[str]) -> int:
    """Megabytes of memory that a process has now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


@pytest.mark.parametrize("options", [(), ("--fleet", "3")], ids=["one", "fleet"])
def test_its_memory_does_not_grow_with_what_it_is_asked(options: tuple[str, ...], tmp_path: Path) -> None:
    """Hundreds of megabytes of requests, and nobody reads what it prints: it keeps the last few."""
    record = tmp_path / "record"
    served = Served(*options, "--record", str(record))
    wireserver = served.addresses["fleet"][1]["wireserver"] if options else served.addresses["wireserver"]
    body = "x" * 1_000_000
    asked = 200
    for _ in range(asked):
        assert ask(wireserver, HEALTH, WIRE, body)[0] == 400
    assert resident(served.process) < 120
    served.process.terminate()
    served.end()
    with record.open() as file:
        assert sum(1 for _ in file) == asked


class TestFleet:
    @staticmethod
    def provision(machine: dict[str, Any], document: str = READY) -> None:
        """What an agent of this machine asks for; the report is that of the goal state."""
        goal = ask(machine["wireserver"], GOAL_STATE, WIRE)[2].decode()
        usual = load_vm({}).goalstate
        name = json.loads(ask(machine["imds"], INSTANCE, METADATA)[2])["compute"]["osProfile"]["computerName"]
        assert name == machine["hostname"]
        for tag, text in (("ContainerId", usual.container_id), ("InstanceId", usual.instance_id)):
            document = document.replace(text, goal.partition(f"<{tag}>")[2].partition("<")[0])
        assert ask(machine["wireserver"], HEALTH, WIRE, document)[0] == 200

    def test_each_machine_has_an_identity_addresses_and_a_verdict_of_its_own(self, tmp_path: Path) -> None:
        record, media = tmp_path / "record", tmp_path / "dvd"
        served = Served("--fleet", "3", "--exit-on-verdict", "--record", str(record), "--media", str(media))
        fleet = served.addresses["fleet"]
        for key in ("name", "hostname", "product_uuid", "wireserver", "imds", "hostplugin", "media"):
            assert len({machine[key] for machine in fleet}) == 3, key
        assert [machine["imds"].partition(":")[0] for machine in fleet] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        # The report of one is not taken for that of another.
        assert ask(fleet[0]["wireserver"], HEALTH, WIRE, READY)[0] == 400
        self.provision(fleet[1])
        self.provision(fleet[2], FAILED)
        self.provision(fleet[0])
        status, lines = served.end()
        assert (status, lines[-1]) == (1, "verdict: 2 Succeeded, 1 Failed")
        assert [line.split()[1:5] for line in lines[1:-1]] == [
            [fleet[1]["name"], "Creating", "->", "Succeeded"],
            [fleet[2]["name"], "Creating", "->", "Failed"],
            [fleet[0]["name"], "Creating", "->", "Succeeded"],
        ]
        asked = [json.loads(line)["vm"] for line in record.read_text().splitlines()]
        assert [asked.count(machine["name"]) for machine in fleet] == [4, 3, 3]
        assert "web-1-2" in (media / "web-1-2" / "ovf-env.xml").read_text()

    def test_the_faults_of_the_file_meet_each_machine(self, tmp_path: Path) -> None:
        (tmp_path / "vm.toml").write_text("[[answers.goalstate]]\nstatus = 503")
        served = Served("--fleet", "2", "-q", "--vm", str(tmp_path / "vm.toml"))
        for machine in served.addresses["fleet"]:
            answers = [ask(machine["wireserver"], GOAL_STATE, WIRE)[0] for _ in range(2)]
            assert answers == [503, 200]
        assert served.end(signal.SIGTERM) == (4, ["verdict: 2 Creating"])

    def test_those_without_a_report_are_timed_out(self) -> None:
        served = Served("--fleet", "2", "--timeout", "3")
        self.provision(served.addresses["fleet"][1])
        status, lines = served.end()
        assert (status, lines[-1]) == (3, "verdict: 1 Succeeded, 1 TimedOut")

    def test_more_than_it_may_open_is_told(self) -> None:
        command = ["sh", "-c", 'ulimit -n 1000; exec "$@"', "it", *COMMAND, "serve", "--fleet", "500"]
        result = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=False, timeout=10)
        assert result.returncode == 2
        assert "opens 2000 files, and this process may open 1000" in result.stderr
