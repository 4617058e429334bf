"""The host's extension plugin (168.63.129.16:32526), which WALinuxAgent asks before it goes on to the goal state.

Nothing about extensions is emulated. But where nobody listens, WALinuxAgent tries for ever, and reports nothing.
"""

from __future__ import annotations

import json

from .http import Incoming, Response

PORT = 32526
_JSON = {"Content-Type": "application/json; charset=utf-8"}
# The one that WALinuxAgent wants to see.
_VERSIONS = ["2015-09-01"]


class HostPlugin:
    """The plugin of a host that has no settings for the VM: the agent then takes what the goal state points to."""

    def endpoint(self, incoming: Incoming) -> str:
        """All of it is one endpoint."""
        return "hostplugin"

    def answer(self, incoming: Incoming) -> Response:
        """It is there and well, and has nothing."""
        if incoming.route == "/versions":
            return Response(200, json.dumps(_VERSIONS).encode(), _JSON)
        if incoming.route == "/health":
            return Response(200)
        return Response(404, note="the host has nothing of that kind")
