"""One error type: a fixed lower-case reason, key/value details for the report, a hint for who reads the log."""

from __future__ import annotations

from azready.tables import REASONS


class Failure(Exception):
    """Provisioning cannot go on. `reason` and `details` go into the failure report as they are."""

    exit_status = 1

    def __init__(self, reason: str, details: dict[str, str] | None = None, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        # Who raises it may know a better one.
        self.hint = hint or REASONS.get(reason, [""])[-1]
        self.details = details or {}

    def what(self) -> str:
        """The details as `key=value` words."""
        return " ".join(f"{key}={value}" for key, value in self.details.items())

    def __str__(self) -> str:
        return f"{self.reason} {self.what()}".rstrip()


class UsageError(Failure):
    """Wrong command line or configuration; nothing was changed. `reason` is the whole sentence."""

    exit_status = 2


class NotTold(Failure):
    """The platform could not be told by the deadline; the next boot tries again."""

    exit_status = 3


class NoGoodAnswer(Failure):
    """One HTTP try failed: no answer, a status that is not 2xx, or a body that makes no sense.

    `why` is what the HTTP client said (it differs from client to client, so it is logged and never reported),
    `error` a fixed word for what the HTTP status does not say, `status` the HTTP status (0: none), `retry_after` the
    seconds that the server asked for (0: none).
    """

    def __init__(self, why: str, error: str = "", status: int = 0, retry_after: int = 0) -> None:
        super().__init__("no_good_answer", {"error": error} if error else {"http_status": str(status)})
        self.why = why
        self.status = status
        self.retry_after = retry_after
