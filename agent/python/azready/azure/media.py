"""The provisioning media: find the DVD, mount it where it is not mounted, and read what its ovf-env.xml asks for."""

from __future__ import annotations

import contextlib
from typing import Iterator, NamedTuple

from azready.azure.run import Run, Wanted
from azready.machine import log, mounts, signals
from azready.machine.clock import uptime
from azready.machine.failure import Failure
from azready.machine.xml import NotReadable, read_elements
from azready.tables import FACTS, PROTOCOL, number

_OVF = "ovf-env.xml"
_CUSTOM_DATA = "CustomData.bin"
_LOOK_AGAIN_SECONDS = 0.25
# What takes longer is made to do so.
_PARSE_SECONDS = 10.0
_SET = "Environment/ProvisioningSection/LinuxProvisioningConfigurationSet"
_KEYS = f"{_SET}/SSH/PublicKeys/PublicKey/Value"
_PREPROVISIONED = "Environment/PlatformSettingsSection/PlatformSettings/PreprovisionedVm"
_NAMES = ("HostName", "UserName", "UserPassword", "DisableSshPasswordAuthentication", "CustomData")
_YES, _NO = FACTS["WORDS_YES"], FACTS["WORDS_NO"]


class _Found(NamedTuple):
    """What a media holds, as it is; `custom_data` is empty where there is no such file."""

    ovf: bytes
    custom_data: bytes


def read_media(run: Run, *, expected: bool) -> Wanted | None:
    """What the provisioning media asks for, or None where there is none. Raises Failure for one that makes no sense.

    One that is `expected`, or named by MEDIA, is waited for: udev may be slower than azready.
    """
    where = run.settings["MEDIA"]
    if where == "none":
        return None
    places = PROTOCOL["MEDIA_DEVICES"].split() if where == "auto" else [where]
    wait = min(float(number("MEDIA_WAIT")), run.seconds_left() / 10) if expected or where != "auto" else 0.0
    search = _Search(run, places)
    until = uptime() + wait
    found = search.look()
    while not found and uptime() < until:
        signals.sleep(_LOOK_AGAIN_SECONDS)
        found = search.look()
    if found:
        run.saw("MEDIA")
        seconds = min(float(run.settings["REQUEST_TIMEOUT"]), run.seconds_left())
        return parse_media(found.ovf, found.custom_data, seconds)
    if wait:
        log.warning(f"provisioning media: {search.why}; password and custom data are out of reach")
    return None


def parse_media(ovf: bytes, custom_data: bytes = b"", seconds: float = _PARSE_SECONDS) -> Wanted:
    """What ovf-env.xml asks for; CustomData.bin counts where it holds no custom data. Raises Failure."""
    namespaces = (PROTOCOL["OVF_NAMESPACE"], PROTOCOL["AZURE_NAMESPACE"])
    wanted = {_KEYS, _PREPROVISIONED, *(f"{_SET}/{name}" for name in _NAMES)}
    try:
        if len(ovf) > number("RESPONSE_CAP"):
            raise NotReadable(f"it is over {number('RESPONSE_CAP')} bytes")
        with signals.limit(seconds):
            found = read_elements(ovf, wanted, namespaces, _SET)
    except (NotReadable, signals.Expired) as error:
        log.debug(f"{_OVF}: {error if isinstance(error, NotReadable) else 'it takes too long to read'}")
        raise Failure("media_malformed", {"file": _OVF}) from error
    host, user, password, disable, data = (found.get(f"{_SET}/{name}", [""])[0] for name in _NAMES)
    disable = _word(disable)
    return Wanted(
        hostname=host,
        admin_user=user,
        password=password,
        keys=tuple(found.get(_KEYS, [])),
        password_login=False if disable in _YES else True if disable in _NO else None,
        custom_data=data,
        custom_data_file=custom_data,
        preprovisioned="PreprovisionedVm" if _word(found.get(_PREPROVISIONED, [""])[0]) in _YES else "",
    )


def _word(text: str) -> str:
    return text.strip(" \t\r\n").lower()


def eject(run: Run) -> None:
    """Let go of the drive that the media was in. Only after Ready was accepted: a next try would need the media."""
    program = run.system.which("eject") if run.media_device else ""
    if program:
        ended = run.system.command([program, run.media_device], seconds=mounts.MOUNT_SECONDS)
        log.debug(f"eject {run.media_device}: status {ended.status}")


class _Search:
    """Looks into every place that may hold the media; `why` is what stood in the way last."""

    def __init__(self, run: Run, places: list[str]) -> None:
        self._run = run
        self._system = run.system
        self._places = places
        self.why = f"none at {' '.join(places)}"

    def look(self) -> _Found | None:
        return next(filter(None, map(self._look_into, self._places)), None)

    def _look_into(self, place: str) -> _Found | None:
        if self._system.is_directory(place):
            return self._read(place)
        mounted = mounts.mounted_at(self._system, place)
        if mounted:
            return self._read(mounted)
        if not self._system.exists(place):
            return None
        if not self._system.live:
            self.why = f"{place} is not mounted with a root other than /: give a directory"
            return None
        try:
            with self._mounted(place) as done:
                found = self._read(mounts.place(self._system)) if done else None
        except Failure as error:  # no room for the folder to mount it at, maybe only now
            self.why = str(error)
            return None
        if found and place.startswith("/dev/"):
            self._run.media_device = place
        return found

    def _read(self, directory: str) -> _Found | None:
        cap = number("RESPONSE_CAP")
        ovf = self._system.read(f"{directory}/{_OVF}", cap + 1)
        if ovf is None:
            self.why = f"{directory} holds no {_OVF}"
            return None
        log.info(f"provisioning media: {directory}/{_OVF}")
        custom_data = self._system.read(f"{directory}/{_CUSTOM_DATA}", cap + 1) or b""
        if len(custom_data) > cap:
            log.warning(f"provisioning media: {_CUSTOM_DATA} is left out, it is over {cap} bytes")
            custom_data = b""
        return _Found(ovf, custom_data)

    @contextlib.contextmanager
    def _mounted(self, place: str) -> Iterator[bool]:
        """Mount it for as long as it is read; says whether that went well."""
        done = False
        try:
            for folder in (self._system.run_directory, mounts.place(self._system)):
                self._system.make_directory(folder, 0o700)
            done = any(self._mount(place, kind) for kind in ("udf", "iso9660"))
            yield done
        finally:
            # A mount that a signal interrupted may have been done all the same.
            if done or mounts.is_mounted(self._system):
                mounts.unmount(self._system)
            self._system.remove_directory(mounts.place(self._system))

    def _mount(self, place: str, kind: str) -> bool:
        options = "ro,nosuid,nodev,noexec" + ("" if place.startswith("/dev/") else ",loop")
        words = ["mount", "-t", kind, "-o", options, place, mounts.place(self._system)]
        ended = self._system.command(words, seconds=mounts.MOUNT_SECONDS)
        if ended.status:
            # The last line of util-linux's mount only points to dmesg.
            self.why = f"{place} cannot be mounted as {kind}: {ended.errors.partition(chr(10))[0]}"
        return ended.status == 0
