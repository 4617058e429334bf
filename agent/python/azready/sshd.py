"""The SSH server's settings."""

from __future__ import annotations

from . import log
from .run import Run


def set_password_login(run: Run, wanted: bool) -> None:
    """Have the SSH server take passwords or refuse them."""
    log.debug(f"sshd: password login {run.wanted.admin_user and wanted}")
