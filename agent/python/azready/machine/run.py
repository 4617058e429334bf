"""What one run of `provision` or `report` knows of itself: settings, machine, deadline, what became of its steps."""

from __future__ import annotations

import os

from azready.machine import alive
from azready.machine.clock import timestamp, uptime
from azready.machine.system import System

# What a step says of itself.
DONE, SKIPPED, FAILED = "done", "skipped", "failed"


class Run:
    """One run. Times are seconds of the monotonic clock."""

    def __init__(self, system: System, settings: dict[str, str], steps: list[str]) -> None:
        self.system = system
        self.settings = settings
        self.steps = steps
        self.started = uptime()
        self.started_at = timestamp()
        # When each was there for the first time, for the status file: name -> seconds since the kernel's start.
        self.times: dict[str, str] = {}
        began = alive.began(os.getpid())
        if began is not None:
            self.times["AGENT"] = f"{began:.2f}"
        self.saw("ENGINE")
        # When the platform had been told, and how long that took.
        self.finished_at = ""
        self.seconds = 0.0
        self.deadline = system.deadline = self.started + int(settings["DEADLINE"])
        self.vm_id = ""
        # The name that the step `hostname` set.
        self.hostname = ""
        # The account that the step `user` made, or found.
        self.admin_user = ""
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

    def saw(self, name: str) -> None:
        """Note when this was there, if it is for the first time."""
        self.times.setdefault(name, f"{uptime():.2f}")

    def seconds_left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - uptime()
