"""What README.md tells people to type works as it stands there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from support import DIST, ROOT, leave_out, need

README = (ROOT / "README.md").read_text()


def example(heading: str) -> str:
    """The first block of commands below a heading."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(?:(?!^#)[^\0])*?```sh\n(.*?)```", README, re.MULTILINE | re.DOTALL)
    assert found, f"README.md has no example below '{heading}'"
    return found[1]


def test_example_without_azure_provisions_a_new_tree(tmp_path: Path) -> None:
    """Line by line in an empty folder; in a network of its own, because others may hold its ports."""
    need("unshare", "makes the network")
    shutil.copytree(DIST, tmp_path / "dist")
    typed = example("Try an image without Azure")
    script = f"ip link set lo up\ncd {tmp_path}\n{typed}\nstatus=$?\nwait\nexit $status\n"
    command = ["unshare", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", script]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    except PermissionError:
        leave_out("root makes namespaces")
    assert done.returncode == 0, done.stdout
    assert "Succeeded" in done.stdout
    assert "azureuser:" in (tmp_path / "tree" / "etc" / "passwd").read_text()
