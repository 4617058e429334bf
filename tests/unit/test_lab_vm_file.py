"""A VM file and the provisioning media that it makes: what is taken, what is refused, and with which words."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lab.emulator import Emulator, VMError, load_vm
from lab.emulator.example import EXAMPLE


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
