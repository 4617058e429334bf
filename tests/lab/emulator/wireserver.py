"""WireServer (168.63.129.16): protocol versions, the goal state, and the health report in XML and in JSON.

And what WALinuxAgent asks for on its way to a report: the documents that the goal state points to, a place for its
telemetry and for what it thinks of the host.
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote
from xml.sax.saxutils import escape

from .configuration import CERTIFICATES, configuration
from .http import Incoming, Response
from .judge import Refused, Report, read_health, read_health_json
from .vm import VirtualMachine

_XML = {"Content-Type": "text/xml; charset=utf-8"}

# As a live host lists them, the odd date of the last included; the preferred one need not be among them.
_PREFERRED = "2015-04-05"
_SUPPORTED = (
    *("2015-04-05", "2012-11-30", "2012-09-15", "2012-05-15", "2011-12-31"),
    *("2011-10-15", "2011-08-31", "2011-04-07", "2010-12-15", "2010-28-10"),
)

# The configuration's addresses hold `incarnation=` and the two ids: what a careless parser would find there is wrong.
_GOAL_STATE = """\
<?xml version="1.0" encoding="utf-8"?>
<GoalState xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="goalstate10.xsd">
  <Version>2012-11-30</Version>
  <Incarnation>{incarnation}</Incarnation>
  <Machine>
    <ExpectedState>Started</ExpectedState>
    <StopRolesDeadlineHint>300000</StopRolesDeadlineHint>
    <LBProbePorts>
      <Port>16001</Port>
    </LBProbePorts>
    <ExpectHealthReport>FALSE</ExpectHealthReport>
  </Machine>
  <Container>
    <ContainerId>{container_id}</ContainerId>
    <RoleInstanceList>
      <RoleInstance>
        <InstanceId>{instance_id}</InstanceId>
        <State>Started</State>
        <Configuration>
          <HostingEnvironmentConfig>{url}config&amp;type=hostingEnvironmentConfig&amp;incarnation={decoy}</HostingEnvironmentConfig>
          <SharedConfig>{url}config&amp;type=sharedConfig&amp;incarnation={decoy}</SharedConfig>
          <ExtensionsConfig>{url}config&amp;type=extensionsConfig&amp;incarnation={decoy}</ExtensionsConfig>
          <FullConfig>{url}config&amp;type=fullConfig&amp;incarnation={decoy}</FullConfig>
          <Certificates>{url}certificates&amp;incarnation={decoy}</Certificates>
          <ConfigName>{config_name}.{decoy}.xml</ConfigName>
        </Configuration>
      </RoleInstance>
    </RoleInstanceList>
  </Container>
</GoalState>
"""


# What lies at /machine: `comp` -> endpoint.
_MACHINE = {
    "goalstate": "goalstate",
    "health": "health",
    "telemetrydata": "telemetry",
    "roleProperties": "role-properties",
}

# Agents ask for the versions, and use these others, without x-ms-version; the rest needs it.
_WITHOUT_VERSION = ("versions", "health-json", "health-store")
_CERTIFICATE_HEADER = "x-ms-guest-agent-public-x509-cert"


class WireServer:
    """The server's rules and its one changing fact, the incarnation. Not thread-safe: the emulator holds its lock."""

    def __init__(self, vm: VirtualMachine) -> None:
        self._vm = vm
        self._incarnation = vm.goalstate.incarnation
        self._answered = 0
        self._handlers = {
            "versions": ("GET", self._versions),
            "goalstate": ("GET", self._goal_state),
            "health": ("POST", self._health),
            "health-json": ("POST", self._health_json),
            "config": ("GET", self._config),
            "certificates": ("GET", self._certificates),
            "telemetry": ("POST", self._taken),
            "role-properties": ("POST", self._taken),
            "health-store": ("POST", self._taken),
        }

    def endpoint(self, incoming: Incoming) -> str:
        """The endpoint's name, by path and `comp` alone; "other" for what does not exist."""
        path, component = incoming.route, incoming.query.get("comp")
        if path == "/provisioning/health":
            return "health-json"
        if path == "/HealthService":
            return "health-store"
        if path == "/" and component == "versions":
            return "versions"
        if path in ("/machine", "/machine/"):
            return _MACHINE.get(component or "", "other")
        if path.startswith("/machine/") and component in ("config", "certificates"):
            return component
        return "other"

    def answer(self, incoming: Incoming) -> Response:
        """The normal answer, by the rules of the real server."""
        endpoint = self.endpoint(incoming)
        if endpoint not in _WITHOUT_VERSION:
            versions = incoming.values("x-ms-version")
            if not versions:
                return _refusal(400, "no x-ms-version header")
            if versions[0] not in _SUPPORTED:
                return _refusal(400, f"x-ms-version {versions[0]} is not supported")
        if endpoint == "other":
            return _refusal(404, "no such component")
        method, handler = self._handlers[endpoint]
        if incoming.method != method:
            return replace(_refusal(405, f"needs {method}"), headers={"Allow": method})
        return handler(incoming)

    def _versions(self, _: Incoming) -> Response:
        supported = "".join(f"    <Version>{version}</Version>\n" for version in _SUPPORTED)
        document = (
            f'<?xml version="1.0" encoding="utf-8"?>\n<Versions>\n  <Preferred>\n    <Version>{_PREFERRED}</Version>\n'
            f"  </Preferred>\n  <Supported>\n{supported}  </Supported>\n</Versions>\n"
        )
        return Response(200, document.encode(), _XML)

    def _goal_state(self, _: Incoming) -> Response:
        if self._vm.platform.require_json:
            return _refusal(404, "this host serves no goal state")
        answered, goal = self._incarnation, self._vm.goalstate
        self._answered += 1
        if goal.moves_after and self._answered % goal.moves_after == 0:
            self._incarnation += 1
        return Response(200, self._document(answered).encode(), _XML, f"incarnation {answered}")

    def _document(self, incarnation: int) -> str:
        goal = self._vm.goalstate
        return _GOAL_STATE.format(
            incarnation=incarnation,
            container_id=escape(goal.container_id),
            instance_id=escape(goal.instance_id),
            url=f"http://168.63.129.16:80{self._place}?comp=",
            decoy=incarnation + 7,
            config_name=quote(goal.instance_id, safe=""),
        )

    @property
    def _place(self) -> str:
        """Where the role instance's documents are."""
        goal = self._vm.goalstate
        return f"/machine/{quote(goal.container_id, safe='')}/{quote(goal.instance_id, safe='')}"

    def _config(self, incoming: Incoming) -> Response:
        kind, instance = incoming.query.get("type", ""), self._vm.goalstate.instance_id
        name = instance.partition("_")[2] or self._vm.name
        document = configuration(kind, self._incarnation, instance, name, self._vm.address)
        if document is None or incoming.route != self._place:
            return _refusal(404, "no such configuration")
        return Response(200, document.encode(), _XML, kind)

    def _certificates(self, incoming: Incoming) -> Response:
        if incoming.route != self._place:
            return _refusal(404, "no such certificates")
        if not incoming.values(_CERTIFICATE_HEADER):
            return _refusal(400, f"no {_CERTIFICATE_HEADER} header")
        return Response(200, CERTIFICATES.format(incarnation=self._incarnation).encode(), _XML, "none")

    def _taken(self, _: Incoming) -> Response:
        return Response(200)

    def _health(self, incoming: Incoming) -> Response:
        if self._vm.platform.require_json:
            return _refusal(404, "this host takes its report at /provisioning/health")
        goal = self._vm.goalstate
        try:
            report = read_health(incoming.body, self._incarnation, goal.container_id, goal.instance_id)
        except Refused as refused:
            return _refusal(refused.status, str(refused))
        return _accepted(200, report)

    def _health_json(self, incoming: Incoming) -> Response:
        try:
            return _accepted(201, read_health_json(incoming.body))
        except Refused as refused:
            return _refusal(refused.status, str(refused))


def _accepted(status: int, report: Report) -> Response:
    return Response(status, note=str(report), report=report)


def _refusal(status: int, reason: str) -> Response:
    document = f'<?xml version="1.0" encoding="utf-8"?>\n<Error>\n  <Message>{escape(reason)}</Message>\n</Error>\n'
    return Response(status, document.encode(), _XML, reason)
