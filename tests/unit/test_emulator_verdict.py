"""What the platform thinks of a machine, by the reports that it took."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from typing import Any

import pytest
from lab.emulator import Emulator
from unit.emulator_client import (
    FAILED,
    GOAL_STATE,
    READY,
    WIRE,
    ask,
    emulator,
    report,
)


class TestVerdict:
    def test_ready(self, azure: Emulator) -> None:
        status, _, body = ask(azure.wireserver, "/machine?comp=health", WIRE, READY)
        assert (status, body, azure.verdict, azure.description) == (200, b"", "Succeeded", "")

    def test_failure_shows_its_description(self, azure: Emulator) -> None:
        assert report(azure, FAILED) == 200
        assert (azure.verdict, azure.description) == ("Failed", "result=error|reason=no disk & no hope")

    @pytest.mark.parametrize("details", ["", "<Details><SubStatus>Provisioning</SubStatus></Details>"])
    def test_not_ready_alone_is_a_sign_of_life(self, azure: Emulator, details: str) -> None:
        assert report(azure, READY.replace("<State>Ready</State>", f"<State>NotReady</State>{details}")) == 200
        assert azure.verdict == "Creating"
        assert report(azure, READY) == 200
        assert azure.verdict == "Succeeded"

    @pytest.mark.parametrize(("first", "second", "verdict"), [(READY, FAILED, "Succeeded"), (FAILED, READY, "Failed")])
    def test_the_first_verdict_is_final(self, azure: Emulator, first: str, second: str, verdict: str) -> None:
        assert [report(azure, first), report(azure, second)] == [200, 200]
        assert azure.verdict == verdict

    def test_a_report_after_the_time_out_is_too_late(self) -> None:
        with emulator(platform={"timeout": 0.05}) as azure:
            assert azure.wait_for_verdict() == "TimedOut"
            assert report(azure, READY) == 200
            assert azure.verdict == "TimedOut"

    def test_the_verdict_is_frozen_when_the_emulator_stops(self) -> None:
        with emulator(platform={"timeout": 0.05}) as azure:
            pass
        time.sleep(0.06)
        assert azure.verdict == "Creating"

    @pytest.mark.parametrize(
        "fault",
        [{"status": 503}, {"status": 302}, {"drop": "request"}, {"drop": "reset"}, {"raw_base64": "cnViYmlzaA=="}],
    )
    def test_a_report_that_was_not_accepted_does_not_count(self, fault: dict[str, Any]) -> None:
        with emulator(answers={"health": [fault]}) as azure:
            with contextlib.suppress(OSError, http.client.HTTPException):
                report(azure, READY)
            assert azure.verdict == "Creating"
            assert report(azure, READY) == 200
            assert azure.verdict == "Succeeded"

    def test_any_2xx_accepts_a_good_report_only(self) -> None:
        with emulator(answers={"health": [{"status": 204, "times": 2}]}) as azure:
            assert report(azure, READY.replace("c0ffee00", "stranger")) == 204
            assert azure.verdict == "Creating"
            assert report(azure, READY) == 204
            assert azure.verdict == "Succeeded"


class TestHealthJson:
    def test_is_taken_without_a_goal_state(self) -> None:
        with emulator(platform={"require_json": True}) as azure:
            assert ask(azure.wireserver, GOAL_STATE, WIRE)[0] == 404
            assert report(azure, READY) == 404
            assert ask(azure.wireserver, "/provisioning/health", {}, '{"state":"Ready"}')[0] == 201
            assert azure.verdict == "Succeeded"
            assert azure.requests[-1].endpoint == "health-json"

    def test_failure_shows_its_description(self, azure: Emulator) -> None:
        details = {"subStatus": "ProvisioningFailed", "description": "no disk"}
        body = json.dumps({"state": "NotReady", "details": details})
        assert ask(azure.wireserver, "/provisioning/health", {}, body)[0] == 201
        assert (azure.verdict, azure.description) == ("Failed", "no disk")

    @pytest.mark.parametrize("body", ["", "{", "[]", "{}", '{"state":"Fine"}', '{"state":"Ready","details":"x"}'])
    def test_a_wrong_report_is_refused(self, azure: Emulator, body: str) -> None:
        assert ask(azure.wireserver, "/provisioning/health", {}, body)[0] == 400
        assert azure.verdict == "Creating"
