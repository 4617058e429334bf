"""WireServer as agents meet it: goal state, what it points to, what a report must be."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from lab.emulator import Emulator
from unit.emulator_client import (
    GOAL_STATE,
    HEALTH,
    READY,
    WIRE,
    Answer,
    ask,
    emulator,
    report,
)


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
