"""The Instance Metadata Service: manners, versions, documents and leaves."""

from __future__ import annotations

import json
import time

import pytest
from lab.emulator import Emulator, load_vm
from unit.emulator_client import (
    INSTANCE,
    METADATA,
    VERSION,
    ask,
    emulator,
    metadata,
)


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
