"""What one run of `provision` or `report` knows: settings, machine, deadline, and what it has learnt so far."""

from __future__ import annotations

from typing import Any, Callable, NamedTuple, Optional

from azready.machine import log, signals
from azready.machine.failure import NoGoodAnswer
from azready.machine.system import System, timestamp, uptime
from azready.tables import PROTOCOL

# A try that fails as the one before it is logged again only after so many seconds.
_QUIET_SECONDS = 30.0
# As long as other agents wait for one answer.
_MOST_SECONDS = 60.0
# What a step says of itself.
DONE, SKIPPED, FAILED = "done", "skipped", "failed"


class GoalState(NamedTuple):
    """The three values of the WireServer's goal state that a health report must repeat."""

    incarnation: str
    container_id: str
    instance_id: str


class Wanted(NamedTuple):
    """Everything as the platform gave it, unchecked; an empty text is one that was not given.

    `keys` are public keys, whatever they hold; `password_login` is whether SSH is to take passwords (None: nobody
    said); `custom_data` and `user_data` are base64.
    """

    hostname: str = ""
    admin_user: str = ""
    password: str = ""
    keys: tuple[str, ...] = ()
    password_login: bool | None = None
    custom_data: str = ""
    user_data: str = ""
    # The content of CustomData.bin: bytes, not base64; counts where custom_data is empty.
    custom_data_file: bytes = b""
    # What kind of machine it is that gets its real identity later; empty for any other.
    preprovisioned: str = ""


# A health report that still lacks its addressee: the XML document for a goal state, the JSON one without.
HealthDocument = Callable[[Optional[GoalState]], bytes]


class Run:
    """One run. Times are seconds of the monotonic clock."""

    def __init__(self, system: System, settings: dict[str, str], steps: list[str]) -> None:
        self.system = system
        self.settings = settings
        self.steps = steps
        self.started = uptime()
        self.started_at = timestamp()
        # When the platform had been told, and how long that took.
        self.finished_at = ""
        self.seconds = 0.0
        self.deadline = system.deadline = self.started + int(settings["DEADLINE"])
        self.vm_id = ""
        # The name that the step `hostname` set.
        self.hostname = ""
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
        # The ways in that the step `login` found, for the status file.
        self.login = ""
        # What becomes of each step, for the status file: name -> "RESULT SECONDS".
        self.results: dict[str, str] = {}
        # Steps whose data makes no sense; they are skipped, and have said so.
        self.unusable: set[str] = set()
        # Whether the status file tells of this run; whether Ready was accepted.
        self.begun = self.told = False
        # What the status file holds where this run only does what an earlier one has left.
        self.earlier: dict[str, str] = {}
        # What became of the user's scripts, for the status file: name of the step -> `done`, or `failed status=N`.
        self.scripts: dict[str, str] = {}

    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - uptime()


class Tries:
    """The tries of one thing: how long each may take, the pauses between them, and the deadline that none outlives.

    A server that is slow and not dead must get an answer out at some time, so each try may take twice as long as the
    one before: from REQUEST_TIMEOUT up to a minute, or to REQUEST_TIMEOUT where that is more.
    """

    def __init__(self, what: str, run: Run, deadline: float) -> None:
        self._what = what
        self._deadline = deadline
        self._limit = float(run.settings["REQUEST_TIMEOUT"])
        self._most = max(_MOST_SECONDS, self._limit)
        self._pauses = [int(pause) / 1000 for pause in PROTOCOL["BACKOFF_MS"].split()]
        self._said = ""
        self._said_at = 0.0

    def limit(self) -> float:
        """Seconds that a request started now may take."""
        return max(0.1, min(self._limit, self._deadline - uptime()))

    def another(self, problem: NoGoodAnswer) -> bool:
        """Say what went wrong and pause. False where the pause would outlive the deadline: there is no other try."""
        pause = float(problem.retry_after) or self._pauses[0]
        if len(self._pauses) > 1:
            del self._pauses[0]
        left = self._deadline - uptime()
        self._say(problem, pause, left)
        if pause >= left:
            return False
        self._limit = min(self._limit * 2, self._most)
        signals.sleep(pause)
        return True

    def _say(self, problem: NoGoodAnswer, pause: float, left: float) -> None:
        text = f"{self._what}: {problem.what()}"
        log.debug(f"{text} {problem.why}".rstrip())
        if text == self._said and uptime() - self._said_at < _QUIET_SECONDS:
            return
        self._said, self._said_at = text, uptime()
        plan = f"next try in {pause:g} s, {left:.0f} s left" if pause < left else "no time left for another try"
        log.info(f"{text}; {plan}")
