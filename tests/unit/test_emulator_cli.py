"""The emulator's command line, VM file and provisioning media, from outside: real files, real processes."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lab.emulator import Emulator, VMError, load_vm
from lab.emulator.example import EXAMPLE
from unit.emulator_client import FAILED, GOAL_STATE, HEALTH, INSTANCE, METADATA, READY, WIRE, ask, send_raw

TESTS = Path(__file__).resolve().parents[1]
COMMAND = [sys.executable, "-m", "lab"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The finished command, with what it printed."""
    return subprocess.run([*COMMAND, *arguments], cwd=TESTS, capture_output=True, text=True, check=False, timeout=10)


class TestMedia:
    @pytest.mark.parametrize("prefix", ["wa", "ns1", ""])
    def test_the_document_is_what_the_platform_writes(self, tmp_path: Path, prefix: str) -> None:
        media = {"prefix": prefix, "password": "p<&>'\"", "custom_data": "#!/bin/sh\n", "username": "ann"}
        path = Emulator(load_vm({"media": media})).write_media(tmp_path / "dvd")
        assert path == tmp_path / "dvd" / "ovf-env.xml"
        azure = "{http://schemas.microsoft.com/windowsazure}"
        root = ElementTree.parse(path).getroot()
        assert root.tag == "{http://schemas.dmtf.org/ovf/environment/1}Environment"
        texts = {element.tag.removeprefix(azure): element.text for element in root.iter()}
        assert (texts["UserPassword"], texts["HostName"], texts["UserName"]) == (media["password"], "web-1", "ann")
        assert base64.b64decode(texts["CustomData"] or "") == b"#!/bin/sh\n"
        assert (texts["DisableSshPasswordAuthentication"], texts["PreprovisionedVMType"]) == ("true", "None")
        assert (texts["Value"] or "").startswith("ssh-ed25519 ")

    @pytest.mark.parametrize("prefix", ["wa", "ns1", ""])
    def test_only_the_root_is_of_ovf(self, tmp_path: Path, prefix: str) -> None:
        """cloud-init and WALinuxAgent look for both sections in Azure's namespace, and refuse a document without."""
        path = Emulator(load_vm({"media": {"prefix": prefix}})).write_media(tmp_path)
        assert path
        root, *below = ElementTree.parse(path).getroot().iter()
        assert root.tag == "{http://schemas.dmtf.org/ovf/environment/1}Environment"
        assert {element.tag.partition("}")[0] for element in below} == {"{http://schemas.microsoft.com/windowsazure"}
        assert [element.tag.partition("}")[2] for element in root] == ["ProvisioningSection", "PlatformSettingsSection"]

    def test_the_platform_settings_can_be_chosen(self, tmp_path: Path) -> None:
        media = {"guest_agent": "true", "preprovisioned": "true", "preprovisioned_type": "Savable"}
        path = Emulator(load_vm({"media": media})).write_media(tmp_path)
        assert path
        settings = {element.tag.partition("}")[2]: element.text for element in ElementTree.parse(path).getroot().iter()}
        assert settings["ProvisionGuestAgent"] == settings["PreprovisionedVm"] == "true"
        assert settings["PreprovisionedVMType"] == "Savable"

    def test_empty_texts_leave_their_elements_out(self, tmp_path: Path) -> None:
        media = {"hostname": "", "username": "", "disable_password": "", "public_keys": []}
        path = Emulator(load_vm({"media": media})).write_media(tmp_path)
        assert path is not None
        for name in ("HostName", "UserName", "UserPassword", "DisableSsh", "CustomData", "SSH"):
            assert f"wa:{name}" not in path.read_text()

    def test_a_document_of_ones_own_and_none(self, tmp_path: Path) -> None:
        Emulator(load_vm({"media": {"document": "<x>\r\n"}})).write_media(tmp_path)
        assert (tmp_path / "ovf-env.xml").read_bytes() == b"<x>\r\n"
        assert Emulator(load_vm({"media": {"absent": True}})).write_media(tmp_path / "none") is None
        assert not (tmp_path / "none").exists()


class TestVmFile:
    @pytest.mark.parametrize("generation, uuid", [(1, "67452301-AB89-DE4C-8F01-23456789ABCD"), (2, None)])
    def test_generation_1_shows_its_id_swapped(self, generation: int, uuid: str | None) -> None:
        vm_id = "01234567-89ab-4cde-8f01-23456789abcd"
        assert load_vm({"vm": {"id": vm_id, "generation": generation}}).dmi_uuid == (uuid or vm_id)

    def test_the_example_is_a_good_file_with_every_key(self, tmp_path: Path) -> None:
        path = tmp_path / "vm.toml"
        path.write_text(EXAMPLE)
        vm = load_vm(path)
        default = load_vm({})
        assert vm.goalstate == default.goalstate
        assert vm.platform == default.platform
        assert replace(vm.media, hostname=None) == default.media
        for section in (vm.goalstate, vm.media, vm.media.public_keys[0], vm.platform, vm.answers["imds"][0]):
            assert [key for key in vars(section) if not re.search(rf"\b{key}\b", EXAMPLE)] == []

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                "[goalstate]\nincarnaton = 2",
                "goalstate.incarnaton = 2: unknown key (hint: did you mean goalstate.incarnation?",
            ),
            ("[vmm]", "vmm = {}: unknown key (hint: did you mean vm? known: answers, goalstate, media,"),
            ("vm = 3", "vm = 3 is not a table (hint: write [vm]"),
            ("[vm]\ngeneration = 3", "vm.generation = 3 is no generation (hint: 1 has a BIOS, 2 has UEFI)"),
            ("[vm]\nid = 'abc'", 'vm.id = "abc" is not a UUID'),
            (
                "[media]\ndisable_password = true",
                'media.disable_password = true is not a text in quotes (hint: write it in quotes: "true")',
            ),
            ("[media]\npublic_keys = [3]", "media.public_keys[0] = 3 is not a table"),
            ("[platform]\nrate = true", "platform.rate = true is not a whole number"),
            ("[platform]\ntimeout = inf", "platform.timeout = Infinity is no time to wait"),
            ("[answers]\nhealt = []", "answers.healt = []: unknown key (hint: did you mean answers.health?"),
            (
                "[answers.imds]\nstatus = 1",
                'answers.imds = {"status": 1} is not a list of tables (hint: write [[answers.imds]]',
            ),
            ("[[answers.imds]]\n[[answers.imds]]\ndrop = 'late'", 'answers.imds[1].drop = "late" is no way to drop'),
            ("[[answers.imds]]\nstatus = 42", "answers.imds[0].status = 42 is no HTTP status"),
            ("[[answers.imds]]\nraw_base64 = '!'", 'answers.imds[0].raw_base64 = "!" is not base64'),
            ("[[answers.imds]]\nhang = true\nstatus = 503", "answers.imds[0] has both hang and status"),
            ("[metadata]\nday = 2024-01-01", "metadata has a value that JSON has not"),
            ("[vm", "is not TOML"),
            ("\xff", "is not UTF-8"),
            (None, "cannot be read: No such file or directory (hint: `lab example`"),
        ],
    )
    def test_a_bad_file_is_named_with_key_and_value(self, tmp_path: Path, text: str | None, message: str) -> None:
        path = tmp_path / "vm.toml"
        if text is not None:
            path.write_text(text, encoding="latin-1")
        with pytest.raises(VMError) as caught:
            load_vm(path)
        assert str(caught.value).startswith(f"{path}: {message}")


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
