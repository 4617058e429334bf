"""Signs the list of checksums with nothing but OpenSSH, and only with a key that the repository names."""

from __future__ import annotations

import subprocess
from pathlib import Path

from release.source import ReleaseError

# Who signs, and what a signature is for: one that was made for something else is none for a release.
IDENTITY, NAMESPACE = "releases@azready", "azready"
SIGNERS = Path("agent") / "release" / "allowed_signers"


def sign(root: Path, key: Path, sums: Path) -> Path:
    """SUMS.sig, by a private key, or by the public half of one that ssh-agent holds; checked as users check it."""
    signature = Path(f"{sums}.sig")
    signature.unlink(missing_ok=True)
    _keygen("sign", "-n", NAMESPACE, "-f", str(key), str(sums), what=f"{key} does not sign")
    who = ("-f", str(root / SIGNERS), "-I", IDENTITY, "-n", NAMESPACE, "-s", str(signature))
    try:
        _keygen("verify", *who, what=f"{key} is no key of {SIGNERS}, nobody could check its signature", text=sums)
    except ReleaseError:
        signature.unlink(missing_ok=True)
        raise
    return signature


def _keygen(action: str, *arguments: str, what: str, text: Path | None = None) -> None:
    command = ["ssh-keygen", "-Y", action, *arguments]
    try:
        done = subprocess.run(command, input=text.read_bytes() if text else b"", capture_output=True)
    except FileNotFoundError:
        raise ReleaseError("ssh-keygen is not installed: it makes and checks signatures") from None
    if done.returncode:
        raise ReleaseError(f"{what}: {(done.stderr or done.stdout).decode(errors='replace').strip()}")
