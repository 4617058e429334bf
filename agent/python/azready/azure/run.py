"""What one run has learnt of Azure: who it is, how the WireServer addresses it, what is wanted of it."""

from __future__ import annotations

from typing import Any, NamedTuple

from azready.machine import run as machine
from azready.machine.system import System
from azready.machine.tries import Tries


class GoalState(NamedTuple):
    """The three values of the WireServer's goal state that a health report must repeat."""

    incarnation: str
    container_id: str
    instance_id: str


class Wanted(NamedTuple):
    """What is asked for, read and merged once and for all; an empty text was not given, or was blank.

    `keys` are public keys, whatever they hold; `password_login` is whether SSH is to take passwords (None: nobody
    said); `custom_data` and `user_data` are base64.
    """

    hostname: str = ""
    # Trimmed; `names_user`: IMDS names one, be it with nothing but blanks, which is a mistake and not a missing name.
    admin_user: str = ""
    names_user: bool = False
    password: str = ""
    keys: tuple[str, ...] = ()
    password_login: bool | None = None
    custom_data: str = ""
    user_data: str = ""
    # The content of CustomData.bin: bytes, not base64; counts where custom_data is empty.
    custom_data_file: bytes = b""
    # What kind of machine it is that gets its real identity later; empty for any other.
    preprovisioned: str = ""

    @property
    def has_password(self) -> bool:
        """Whether the password is one: REDACTED stands where it was taken away."""
        return self.password not in ("", "REDACTED")


class Run(machine.Run):
    """One run, with what Azure has told it."""

    def __init__(self, system: System, settings: dict[str, str], steps: list[str]) -> None:
        super().__init__(system, settings, steps)
        # None until it was read, and where the report needs none.
        self.goal_state: GoalState | None = None
        self.goal_state_read = False
        self.metadata: dict[str, Any] | None = None
        # What IMDS and the provisioning media ask for.
        self.wanted = Wanted()
        # The row of the failure that the platform was told of, or should have been.
        self.row = ""
        # The drive that azready mounted to read the media; empty where it did not.
        self.media_device = ""

    def tries(self, what: str, deadline: float) -> Tries:
        """The tries of one request."""
        return Tries(what, float(self.settings["REQUEST_TIMEOUT"]), deadline)
