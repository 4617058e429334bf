"""Stands for the interpreter of a sandbox: runs azready as `python3 -I -S AZREADY ARGUMENT ..` would, under coverage.

usage: PYTHON -I -S measured_python.py SITE_PACKAGES DATA [-I -S] AZREADY [ARGUMENT ..]
"""

from __future__ import annotations

import atexit
import os
import runpy
import sys
from typing import Any, NoReturn


def main() -> None:
    """Measure, then become azready."""
    site, data, *words = sys.argv[1:]
    while words[0] in ("-I", "-S"):
        del words[0]
    sys.argv = words
    _measure(site, data, words[0])
    # It finds the zip behind the shell text, as the interpreter itself would.
    runpy.run_path(words[0], run_name="__main__")


def _measure(site: str, data: str, agent: str) -> None:
    before = list(sys.path)
    sys.path.append(site)
    import coverage

    sys.path[:] = before
    measuring = coverage.Coverage(
        data_file=data,
        data_suffix=True,
        branch=True,
        config_file=False,
        include=[f"{agent}/azready/*", f"{agent}/__main__.py"],
    )
    leave = os._exit

    def save() -> None:
        measuring.stop()
        measuring.save()

    def save_and_leave(status: int) -> NoReturn:
        save()
        leave(status)

    # The child that watches ends so.
    os._exit = save_and_leave
    _save_before_exec(measuring)
    atexit.register(save)
    measuring.start()


def _save_before_exec(measuring: Any) -> None:
    """What a child does between fork and exec counts too."""
    import subprocess

    class Popen(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            first: Any = options.get("preexec_fn")

            def both() -> None:
                first()
                measuring.stop()
                measuring.save()

            super().__init__(*arguments, **{**options, **({"preexec_fn": both} if first else {})})

    subprocess.Popen = Popen  # type: ignore[assignment,misc]


main()
