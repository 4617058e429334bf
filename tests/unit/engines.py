"""What the tests share that compare the two engines.

The Python engine's functions are called in this process, out of the built zip. The shell engine's functions are those
of dist/azready.sh, called as its modules call them, in one long-lived shell, with each of the awks. Named faults are
checked first; then hypothesis bends realistic documents until something might tell the two apart.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, settings
from support import DIST
from unit.shell_engine import AWKS

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready.machine.failure import UsageError

Tree = dict[str, bytes]
# The same examples in every run: a build must not fail by chance.
bounded = settings(
    max_examples=80,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
# For functions that start no awk.
one_awk = pytest.mark.parametrize("shell", AWKS[:1], indirect=True)


def accepts(check: Callable[..., object], *values: str) -> bool:
    """Whether a check of the Python engine takes these values."""
    try:
        check(*values)
    except UsageError:
        return False
    return True
