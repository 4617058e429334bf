"""The emulator's servers, faults and verdicts from outside: real sockets, the bytes on the wire."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from lab.emulator import Emulator, Request, load_vm
from unit.emulator_client import (
    FAILED,
    GOAL_STATE,
    HEALTH,
    INSTANCE,
    METADATA,
    READY,
    VERSION,
    WIRE,
    Answer,
    ask,
    get_bytes,
    send_raw,
)

POST = b"POST /machine?comp=health HTTP/1.1\r\nHost: x\r\n"


def emulator(**tables: Any) -> Emulator:
    """An emulator for the VM file with these tables; there is no IMDS rate limit unless asked for."""
    return Emulator(load_vm({"platform": {"rate": 0}, **tables}))


def report(azure: Emulator, document: str) -> int:
    """The status that WireServer answers to a health document."""
    return ask(azure.wireserver, HEALTH, WIRE, document)[0]


def metadata(azure: Emulator, path: str) -> Answer:
    """IMDS' answer to a well-mannered request."""
    return ask(azure.imds, path, METADATA)


@pytest.fixture(name="azure")
def plain_azure() -> Iterator[Emulator]:
    with emulator() as azure:
        yield azure


class TestWireServer:
    @pytest.mark.parametrize("headers", [{}, {"x-ms-version": "1999-01-01"}])
    @pytest.mark.parametrize(("path", "body"), [(GOAL_STATE, None), (HEALTH, READY)])
    def test_version_header_is_needed(
        self, azure: Emulator, path: str, body: str | None, headers: dict[str, str]
    ) -> None:
        assert ask(azure.wireserver, path, headers, body)[0] == 400
        assert azure.verdict == "Creating"

    @pytest.mark.parametrize("path", [GOAL_STATE, "/machine?comp=goalstate", "http://168.63.129.16" + GOAL_STATE])
    def test_goal_state_has_what_the_report_needs(self, azure: Emulator, path: str) -> None:
        status, headers, body = ask(azure.wireserver, path, WIRE)
        goal = ElementTree.fromstring(body)
        assert (status, headers["content-type"]) == (200, "text/xml; charset=utf-8")
        assert goal.findtext("Incarnation") == "1"
        assert goal.findtext("Container/ContainerId") == azure.vm.goalstate.container_id
        assert goal.findtext(".//RoleInstance/InstanceId") == azure.vm.goalstate.instance_id
        assert b"incarnation=1<" not in body, "the addresses in it must be decoys"

    def test_instance_id_is_escaped(self) -> None:
        with emulator(goalstate={"instance_id": "a<&>'\"._b"}) as azure:
            goal = ElementTree.fromstring(ask(azure.wireserver, GOAL_STATE, WIRE)[2])
            assert goal.findtext(".//RoleInstance/InstanceId") == "a<&>'\"._b"

    def test_incarnation_moves_after_every_nth_goal_state(self) -> None:
        with emulator(goalstate={"moves_after": 2}) as azure:
            bodies = [ask(azure.wireserver, GOAL_STATE, WIRE)[2] for _ in range(5)]
            incarnations = [ElementTree.fromstring(body).findtext("Incarnation") for body in bodies]
            assert incarnations == ["1", "1", "2", "2", "3"]

    def test_a_refused_goal_state_does_not_move_the_incarnation(self) -> None:
        with emulator(goalstate={"moves_after": 1}, answers={"goalstate": [{"status": 503, "times": 3}]}) as azure:
            bodies = [ask(azure.wireserver, GOAL_STATE, WIRE)[2] for _ in range(4)]
            assert b"<Incarnation>1</Incarnation>" in bodies[-1]

    @pytest.mark.parametrize("path", ["/machine/?comp=nonsense", "/machine", "/", "/metadata/instance"])
    def test_unknown_component_is_not_found(self, azure: Emulator, path: str) -> None:
        assert ask(azure.wireserver, path, WIRE)[0] == 404
        assert azure.requests[0].endpoint == "other"

    def test_versions_need_no_header(self, azure: Emulator) -> None:
        status, _, body = ask(azure.wireserver, "/?comp=versions", {})
        supported = [element.text for element in ElementTree.fromstring(body).findall("Supported/Version")]
        assert status == 200
        assert "2012-11-30" in supported

    def test_a_redirect_followed_as_get_is_no_report(self, azure: Emulator) -> None:
        status, headers, _ = ask(azure.wireserver, HEALTH, WIRE)
        assert (status, headers["allow"], azure.verdict) == (405, "POST", "Creating")

    @pytest.mark.parametrize(
        ("old", "new", "status"),
        [
            ("Incarnation>1<", "Incarnation>2<", 410),
            ("c0ffee00", "c0ffee01", 400),
            ("._web-1", "._web-2", 400),
            (">Ready<", ">Provisioned<", 400),
            ("<State>Ready</State>", "", 400),
            ("Role>", "RoleInstance>", 400),
            ("<Health><Goal", "<Report><Goal", 400),
            ("</Container></Health>", "", 400),
            ("Ready", "\x08", 400),
            (READY, "", 400),
            ('"utf-8"', '"klingon"', 400),
        ],
    )
    def test_a_wrong_report_is_refused(self, azure: Emulator, old: str, new: str, status: int) -> None:
        assert old in READY
        assert report(azure, READY.replace(old, new)) == status
        assert azure.verdict == "Creating"


class TestWhatTheGoalStatePointsTo:
    """Without these WALinuxAgent tries for ever, and reports nothing."""

    def document(self, azure: Emulator, name: str, headers: dict[str, str] | None = None) -> Answer:
        """The document whose address stands in the goal state's element of this name, asked for where it says."""
        goal = ElementTree.fromstring(ask(azure.wireserver, GOAL_STATE, WIRE)[2])
        address = goal.findtext(f".//Configuration/{name}", "")
        assert address.startswith("http://168.63.129.16:80/machine/c0ffee00-")
        path = address.removeprefix("http://168.63.129.16:80")
        return ask(azure.wireserver, path, {**WIRE, **(headers or {})})

    def test_the_hosting_environment_names_the_vm(self, azure: Emulator) -> None:
        status, _, body = self.document(azure, "HostingEnvironmentConfig")
        root = ElementTree.fromstring(body)
        names = [element.get(key) for element in root for key in ("instance", "name")]
        assert status == 200
        assert azure.vm.goalstate.instance_id in names
        assert "web-1" in names

    def test_the_shared_configuration_has_the_address(self, azure: Emulator) -> None:
        """As Afterburn looks for it: the instance that the incarnation names."""
        root = ElementTree.fromstring(self.document(azure, "SharedConfig")[2])
        incarnation, instance = root.find("Incarnation"), root.find("Instances/Instance")
        assert incarnation is not None
        assert instance is not None
        assert (instance.get("id"), instance.get("address")) == (incarnation.get("instance"), "10.0.0.4")

    @pytest.mark.parametrize("name", ["ExtensionsConfig", "FullConfig"])
    def test_there_are_no_extensions(self, azure: Emulator, name: str) -> None:
        status, _, body = self.document(azure, name)
        assert status == 200
        assert [
            element for element in ElementTree.fromstring(body).iter() if element.text and element.text.strip()
        ] == []

    def test_certificates_need_the_agents_own(self, azure: Emulator) -> None:
        assert self.document(azure, "Certificates")[0] == 400
        status, _, body = self.document(azure, "Certificates", {"x-ms-guest-agent-public-x509-cert": "MIIC"})
        assert (status, ElementTree.fromstring(body).findtext("Format")) == (200, "CertificatesNonPfxPackage")

    def test_an_instance_with_specials_has_them_too(self) -> None:
        with emulator(goalstate={"instance_id": "a<&>'\"/{0}._b"}) as azure:
            root = ElementTree.fromstring(self.document(azure, "SharedConfig")[2])
            instance = root.find("Instances/Instance")
            assert instance is not None
            assert instance.get("id") == "a<&>'\"/{0}._b"

    @pytest.mark.parametrize(
        "path", ["/machine/a/b?comp=config&type=sharedConfig", "/machine/a/b?comp=certificates", "/machine/a/b"]
    )
    def test_another_vm_has_none(self, azure: Emulator, path: str) -> None:
        assert ask(azure.wireserver, path, {**WIRE, "x-ms-guest-agent-public-x509-cert": "MIIC"})[0] == 404

    @pytest.mark.parametrize(
        ("path", "endpoint", "status"),
        [
            ("/machine?comp=telemetrydata", "telemetry", 200),
            ("/machine?comp=roleProperties", "role-properties", 200),
            ("/HealthService", "health-store", 200),
        ],
    )
    def test_what_else_an_agent_tells_is_taken(self, azure: Emulator, path: str, endpoint: str, status: int) -> None:
        assert ask(azure.wireserver, path, WIRE, "<x/>")[0] == status
        assert (azure.requests[0].endpoint, azure.verdict) == (endpoint, "Creating")

    @pytest.mark.parametrize(("path", "status"), [("/versions", 200), ("/health", 200), ("/vmSettings", 404)])
    def test_the_extension_plugin_is_there_and_has_nothing(self, azure: Emulator, path: str, status: int) -> None:
        assert ask(azure.hostplugin, path, {})[0] == status
        assert (azure.requests[0].server, azure.requests[0].endpoint) == ("hostplugin", "hostplugin")

    def test_faults_bend_these_answers_too(self) -> None:
        with emulator(answers={"hostplugin": [{"status": 503}], "config": [{"status": 410}]}) as azure:
            assert ask(azure.hostplugin, "/versions", {})[0] == 503
            assert self.document(azure, "SharedConfig")[0] == 410
            assert self.document(azure, "SharedConfig")[0] == 200


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


class TestImds:
    @pytest.mark.parametrize(
        "headers", [{}, {"Metadata": "yes"}, {"Metadata": ""}, {"Metadata": "true", "X-Forwarded-For": "10.0.0.9"}]
    )
    def test_manners_are_needed(self, azure: Emulator, headers: dict[str, str]) -> None:
        status, _, body = ask(azure.imds, INSTANCE, headers)
        assert status == 400
        assert "Bad request" in json.loads(body)["error"]

    @pytest.mark.parametrize("value", ["true", "True", "TRUE", " true "])
    def test_the_header_counts_in_any_case(self, azure: Emulator, value: str) -> None:
        """WALinuxAgent sends Python's True."""
        assert ask(azure.imds, INSTANCE, {"Metadata": value})[0] == 200

    @pytest.mark.parametrize(
        ("agent", "version"),
        [
            ("Afterburn", "2017-08-01"),
            ("WALinuxAgent", "2018-02-01"),
            ("cloud-init, an old host", "2019-06-01"),
            ("Talos", "2021-05-01"),
            ("cloud-init", "2021-08-01"),
            ("azure-init", "2023-11-15"),
        ],
    )
    def test_the_versions_that_agents_ask_for_are_known(self, azure: Emulator, agent: str, version: str) -> None:
        assert metadata(azure, f"/metadata/instance?api-version={version}&extended=true")[0] == 200, agent

    @pytest.mark.parametrize(
        "path",
        [
            "scheduledevents?api-version=2020-07-01",
            "attested/document?api-version=2020-09-01",
            "reprovisiondata?api-version=2019-06-01",
        ],
    )
    def test_what_the_vm_has_not_is_not_found(self, azure: Emulator, path: str) -> None:
        assert metadata(azure, f"/metadata/{path}")[0] == 404
        assert azure.requests[0].endpoint == "imds"

    @pytest.mark.parametrize("query", ["", "?api-version=", "?api-version=2030-01-01", "?format=json"])
    def test_a_known_api_version_is_needed(self, azure: Emulator, query: str) -> None:
        status, headers, body = metadata(azure, f"/metadata/instance{query}")
        assert (status, headers["content-type"]) == (400, "application/json; charset=utf-8")
        assert json.loads(body)["newest-versions"][0] == "2023-11-15"

    def test_the_whole_document_names_the_vm(self) -> None:
        vm = {"id": "01234567-89AB-4cde-8f01-23456789abcd", "name": "big vm", "hostname": "host-7"}
        with emulator(vm=vm) as azure:
            status, _, body = metadata(azure, f"{INSTANCE}&extended=true")
            compute = json.loads(body)["compute"]
            assert (status, compute["vmId"], compute["name"]) == (200, vm["id"].lower(), vm["name"])
            assert compute["osProfile"]["computerName"] == vm["hostname"]

    def test_extended_is_shown_when_asked_for(self, azure: Emulator) -> None:
        assert "extended" not in json.loads(metadata(azure, INSTANCE)[2])
        assert "extended" in json.loads(metadata(azure, f"{INSTANCE}&extended=true")[2])

    @pytest.mark.parametrize(
        ("path", "text"),
        [
            ("compute/name", "web-1"),
            ("compute/publicKeys/0/path", "/home/azureuser/.ssh/authorized_keys"),
            ("network/interface/0/ipv4/ipAddress/0/privateIpAddress/", "10.0.0.4"),
            ("compute/userData", ""),
            ("", "compute/\nnetwork/"),
            ("compute/publicKeys", "0/"),
        ],
    )
    def test_a_leaf_as_text(self, azure: Emulator, path: str, text: str) -> None:
        status, headers, body = metadata(azure, f"/metadata/instance/{path}?{VERSION}&format=text")
        assert (status, headers["content-type"], body.decode()) == (200, "text/plain; charset=utf-8", text)

    @pytest.mark.parametrize("form", ["", "&format=json"])
    def test_a_leaf_as_json(self, azure: Emulator, form: str) -> None:
        assert json.loads(metadata(azure, f"/metadata/instance/compute/name?{VERSION}{form}")[2]) == "web-1"

    @pytest.mark.parametrize(
        "path", ["compute/nothing", "compute/publicKeys/9", "compute/publicKeys/x", "compute/name/x", "../versions"]
    )
    def test_a_missing_leaf_is_not_found(self, azure: Emulator, path: str) -> None:
        assert metadata(azure, f"/metadata/instance/{path}?{VERSION}&format=text")[0] == 404

    def test_paths_beside_the_instance_are_not_found(self, azure: Emulator) -> None:
        statuses = [metadata(azure, f"{path}?{VERSION}")[0] for path in ("/metadata/instances", "/metadata/x", "/")]
        assert statuses == [404, 404, 404]

    def test_unknown_format_and_method_are_refused(self, azure: Emulator) -> None:
        assert metadata(azure, f"{INSTANCE}&format=yaml")[0] == 400
        assert ask(azure.imds, INSTANCE, METADATA, "x")[0] == 405

    def test_more_than_the_rate_is_too_many(self) -> None:
        with emulator(platform={"rate": 3}) as azure:
            assert [metadata(azure, INSTANCE)[0] for _ in range(5)] == [200, 200, 200, 429, 429]
            time.sleep(1.01)
            assert metadata(azure, INSTANCE)[0] == 200

    def test_metadata_changes_the_document(self) -> None:
        compute = {
            "osProfile": {"computerName": "__absent__", "adminUsername": "ann"},
            "publicKeys": [],
            "new": {"a": 1},
        }
        with emulator(metadata={"compute": compute, "network": "__absent__"}) as azure:
            document = json.loads(metadata(azure, INSTANCE)[2])
            assert document["compute"]["osProfile"] == {"adminUsername": "ann", "disablePasswordAuthentication": "true"}
            assert (document["compute"]["publicKeys"], document["compute"]["new"]) == ([], {"a": 1})
            assert (document["compute"]["location"], "network" in document) == ("westeurope", False)

    def test_the_card_that_a_machine_needs_is_the_one_that_is_told(self) -> None:
        assert load_vm({}).mac == "00:0d:3a:12:34:56"
        assert load_vm({"metadata": {"network": "__absent__"}}).mac == ""
        card = {"macAddress": "000D3A654321", "ipv4": {"ipAddress": []}}
        vm = load_vm({"metadata": {"network": {"interface": [card]}}})
        assert (vm.mac, vm.address) == ("00:0d:3a:65:43:21", "")

    def test_no_hostname_is_no_computer_name(self) -> None:
        with emulator(vm={"hostname": ""}) as azure:
            assert metadata(azure, f"/metadata/instance/compute/osProfile/computerName?{VERSION}")[0] == 404

    def test_api_versions_are_listed(self, azure: Emulator) -> None:
        assert "2021-08-01" in json.loads(metadata(azure, "/metadata/versions")[2])["apiVersions"]


class TestFaults:
    def test_answers_are_used_up_in_order(self) -> None:
        faults = [{"status": 503, "times": 2, "headers": {"Retry-After": "7"}, "body": "busy"}, {"status": 410}]
        with emulator(answers={"goalstate": faults}) as azure:
            answers = [ask(azure.wireserver, GOAL_STATE, {}) for _ in range(3)]
            assert [status for status, _, _ in answers] == [503, 503, 410]
            assert (answers[0][1]["retry-after"], answers[0][2]) == ("7", b"busy")
            assert ask(azure.wireserver, GOAL_STATE, WIRE)[0] == 200

    def test_times_0_is_for_ever_and_for_one_endpoint(self) -> None:
        with emulator(answers={"goalstate": [{"status": 500, "times": 0}]}) as azure:
            assert [ask(azure.wireserver, GOAL_STATE, WIRE)[0] for _ in range(4)] == [500] * 4
            assert report(azure, READY) == 200

    def test_body_and_headers_bend_the_normal_answer(self) -> None:
        body = base64.b64encode(b"\xff\xfe").decode()
        fault = {"body_base64": body, "headers": {"content-type": "text/plain"}}
        with emulator(answers={"versions": [fault]}) as azure:
            status, headers, received = ask(azure.wireserver, "/?comp=versions", {})
            assert (status, headers["content-type"], received) == (200, "text/plain", b"\xff\xfe")

    @pytest.mark.parametrize("fault", [{"delay": 0.15}, {"drip": 0.05, "status": 200, "body": "1234"}])
    def test_time_passes(self, fault: dict[str, Any]) -> None:
        with emulator(answers={"goalstate": [fault]}) as azure:
            start = time.monotonic()
            assert ask(azure.wireserver, GOAL_STATE, WIRE)[0] == 200
            assert 0.15 <= time.monotonic() - start < 1

    @pytest.mark.parametrize(("fault", "length"), [({"truncate": 3}, b"6"), ({"truncate": 3, "length": 99}, b"99")])
    def test_a_short_body_keeps_its_length(self, fault: dict[str, Any], length: bytes) -> None:
        with emulator(answers={"imds": [{**fault, "body": "abcdef"}]}) as azure:
            head, _, body = send_raw(azure.imds, get_bytes(INSTANCE, "Metadata: true")).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert b"\r\nContent-Length: " + length in head
            assert body == b"abc"

    def test_rubbish_is_sent_as_it_is(self) -> None:
        with emulator(answers={"imds": [{"raw_base64": base64.b64encode(b"\0rub\r").decode()}]}) as azure:
            assert send_raw(azure.imds, get_bytes(INSTANCE)) == b"\0rub\r"
            assert azure.requests[0].answer == "raw"

    def test_a_drop_after_the_request_is_an_end_without_an_answer(self) -> None:
        with emulator(answers={"imds": [{"drop": "request"}]}) as azure:
            assert send_raw(azure.imds, get_bytes(INSTANCE)) == b""
            assert [(request.method, request.answer) for request in azure.requests] == [("GET", "drop")]

    def test_a_reset_is_a_reset(self) -> None:
        with emulator(answers={"imds": [{"drop": "reset"}]}) as azure:
            with pytest.raises(ConnectionResetError):
                send_raw(azure.imds, get_bytes(INSTANCE))
            assert azure.requests[0].answer == "reset"

    def test_a_connection_is_dropped_before_its_request_is_read(self) -> None:
        with emulator(answers={"health": [{"drop": "connect"}]}) as azure:
            assert metadata(azure, INSTANCE)[0] == 200, "the fault is WireServer's"
            with pytest.raises((OSError, http.client.HTTPException)):
                ask(azure.wireserver, GOAL_STATE, WIRE)
            assert ask(azure.wireserver, GOAL_STATE, WIRE)[0] == 200
            seen = [(request.endpoint, request.method, request.answer) for request in azure.requests]
            assert seen == [("imds", "GET", "200"), ("health", "", "drop"), ("goalstate", "GET", "200")]

    @pytest.mark.parametrize("fault", [{"hang": True}, {"delay": 60}, {"drip": 60, "status": 200, "body": "12"}])
    def test_a_silent_connection_does_not_hold_up_the_stop(self, fault: dict[str, Any]) -> None:
        with emulator(answers={"imds": [fault]}) as azure:
            received: list[bytes] = []
            client = threading.Thread(target=lambda: received.append(send_raw(azure.imds, get_bytes(INSTANCE))))
            client.start()
            while not azure.requests:
                time.sleep(0.001)
            start = time.monotonic()
            azure.stop()
            assert time.monotonic() - start < 0.05
        client.join()
        assert received[0].partition(b"\r\n\r\n")[2] in (b"", b"1")

    def test_an_idle_connection_does_not_hold_up_the_stop(self, azure: Emulator) -> None:
        host, port = azure.imds.split(":")
        with socket.create_connection((host, int(port))):
            start = time.monotonic()
            azure.stop()
            assert time.monotonic() - start < 0.05
        assert azure.requests == []


class TestHttp:
    def test_chunked_and_announced_bodies_are_read(self, azure: Emulator) -> None:
        chunks = "".join(f"{len(line):x}\r\n{line}\r\n" for line in (READY[:99], READY[99:], "")).encode()
        head = f"POST {HEALTH} HTTP/1.1\r\nHost: x\r\nx-ms-version: 2012-11-30\r\nTransfer-Encoding: chunked\r\n"
        answer = send_raw(azure.wireserver, head.encode() + b"Expect: 100-continue\r\n\r\n" + chunks)
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
        assert azure.requests[0].body == READY.encode()

    @pytest.mark.parametrize(
        ("request_bytes", "why"),
        [
            (b"rubbish\r\n\r\n", "illegal request line"),
            (b"more rubbish than the server reads" * 10000, "Receive buffer too long"),
            (b"GET / HTTP/1.1 again\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n", "illegal request line"),
            (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/2.0 is not spoken here"),
            (b"GET / HTTP/1.1\r\n\r\n", "Missing mandatory Host: header"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "Found multiple Host: headers"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata : true\r\n\r\n", "illegal header line"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata\r\n\r\n", "illegal header line"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata: tr\0ue\r\n\r\n", "illegal header line"),
            (b"GET / HTTP/1.1\r\nHost: x\r\nMetadata:\r\n true\r\n\r\n", "a header is folded over two lines"),
            (POST + b"Content-Length: many\r\n\r\n", "bad Content-Length"),
            (POST + b"Content-Length: -1\r\n\r\n", "bad Content-Length"),
            (POST + b"Content-Length: 1_0\r\n\r\n0123456789", "bad Content-Length"),
            (POST + b"Content-Length: +1\r\n\r\n0", "bad Content-Length"),
            (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n00", "conflicting Content-Length headers"),
            (POST + b"Content-Length: 99999999\r\n\r\n" + b"0" * 17000000, "a body of more than 16777216 bytes"),
            (
                POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                "both Content-Length and Transfer-Encoding",
            ),
            (POST + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n", "illegal chunk header"),
            (POST + b"Transfer-Encoding: chunked\r\n\r\n1_0\r\n", "illegal chunk header"),
            (POST + b"Transfer-Encoding: gzip\r\n\r\n", "Only Transfer-Encoding: chunked is supported"),
        ],
        ids=lambda value: value if isinstance(value, str) else repr(value[:90]),
    )
    def test_what_is_not_http_is_refused(self, azure: Emulator, request_bytes: bytes, why: str) -> None:
        """As real servers do; a client may not come to rely on one that is kinder."""
        assert send_raw(azure.wireserver, request_bytes).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert (azure.requests[0].answer, azure.requests[0].note) == ("400", why)

    def test_a_body_that_ends_early_is_recorded_as_far_as_it_came(self, azure: Emulator) -> None:
        host, port = azure.wireserver.split(":")
        with socket.create_connection((host, int(port)), timeout=5) as connection:
            connection.sendall(POST + b"Content-Length: 9\r\n\r\nabc")
            connection.shutdown(socket.SHUT_WR)
            assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
        request = azure.requests[0]
        assert (request.endpoint, request.method, request.body) == ("health", "POST", b"abc")

    def test_many_clients_at_once_are_all_recorded(self) -> None:
        with emulator(answers={"goalstate": [{"status": 503, "times": 10}]}) as azure:
            statuses: list[int] = []
            ask_once = lambda: statuses.append(ask(azure.wireserver, GOAL_STATE, WIRE)[0])  # noqa: E731
            clients = [threading.Thread(target=ask_once) for _ in range(40)]
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            assert sorted(statuses) == [200] * 30 + [503] * 10
            assert sorted(request.time for request in azure.requests) == [request.time for request in azure.requests]


class TestRecord:
    def test_the_file_has_every_request(self, tmp_path: Path) -> None:
        path = tmp_path / "requests.jsonl"
        vm = load_vm({"answers": {"imds": [{"drop": "connect"}]}})
        with Emulator(vm, record=path) as azure:
            with contextlib.suppress(OSError, http.client.HTTPException):
                metadata(azure, INSTANCE)
            ask(azure.wireserver, HEALTH, WIRE, READY)
            ask(azure.wireserver, HEALTH, {"X-Mixed-Case": "é"}, b"\xff")
        drop, ready, rubbish = (json.loads(line) for line in path.read_text().splitlines())
        assert drop | {"time": 0} == {
            "time": 0,
            "server": "imds",
            "endpoint": "imds",
            "method": "",
            "path": "",
            "headers": [],
            "body": "",
            "answer": "drop",
        }
        assert (ready["endpoint"], ready["method"], ready["path"]) == ("health", "POST", HEALTH)
        assert (ready["body"], ready["answer"]) == (READY, 200)
        assert ["X-Mixed-Case", "é"] in rubbish["headers"]
        assert (rubbish["body_base64"], rubbish["answer"], "body" in rubbish) == ("/w==", 400, False)

    def test_the_callback_sees_the_verdict(self) -> None:
        seen: list[tuple[Request, str]] = []
        with Emulator(load_vm({}), on_request=lambda request: seen.append((request, azure.verdict))) as azure:
            report(azure, READY)
        assert seen == [(azure.requests[0], "Succeeded")]
