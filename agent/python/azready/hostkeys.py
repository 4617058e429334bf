"""SSH host keys for a machine whose image has none.

Debian makes them when the package is installed and never again, so after `generalize` its sshd would not start.
"""

from __future__ import annotations

from . import log
from .system import System


def make_host_keys(system: System) -> None:
    """Only for OpenSSH's server and only where there is no key at all; dropbear -R makes its own. Never raises."""
    keygen = system.which("ssh-keygen")
    if not keygen or not system.which("sshd"):
        return
    if any(system.read(f"/etc/ssh/ssh_host_{kind}_key") for kind in ("rsa", "ecdsa", "ed25519", "dsa")):
        return
    ended = system.command([keygen, "-A"])
    if ended.status == 0:
        log.info("ssh: host keys made")
    else:
        log.warning(f"ssh: host keys not made: {(ended.errors.splitlines() or [''])[-1]}")
