"""Time against the size of what a VM is given: twice as much may cost twice as much, and not four times."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conformance.client import Combination

from .measure import Progress
from .place import Place, place
from .tree import timed
from .works import MeasureError

_PATH = "/home/azureuser/.ssh/authorized_keys"


def _user_data(kilobytes: int) -> dict[str, Any]:
    text = base64.b64encode(bytes(range(256)) * 4 * kilobytes).decode()
    return {"metadata": {"compute": {"userData": text}}}


def _keys(count: int) -> dict[str, Any]:
    # As RFC 8709 has it: type and 32 bytes, each behind its length.
    blobs = (b"\0\0\0\x0bssh-ed25519\0\0\0 " + number.to_bytes(32, "big") for number in range(count))
    keys = [{"keyData": f"ssh-ed25519 {base64.b64encode(blob).decode()} ada@example", "path": _PATH} for blob in blobs]
    return {"metadata": {"compute": {"publicKeys": keys}}}


def _accounts(here: Place, count: int) -> None:
    etc = here.root / "etc"
    rows = {
        "passwd": "user{0}:x:{1}:{1}::/home/user{0}:/bin/sh\n",
        "group": "user{0}:x:{1}:\n",
        "shadow": "user{0}:*:20000:0:99999:7:::\n",
    }
    for name, row in rows.items():
        with (etc / name).open("a") as file:
            file.write("".join(row.format(number, 2000 + number) for number in range(count)))


def _none(_: int) -> dict[str, Any]:
    return {}


def _nothing(_: Place, __: int) -> None:
    return None


@dataclass(frozen=True)
class Input:
    """`vm` is the VM file that has so much of it, `prepare` puts so much of it onto the machine."""

    name: str
    sizes: tuple[int, ...]
    vm: Callable[[int], Mapping[str, Any]] = _none
    prepare: Callable[[Place, int], None] = _nothing


INPUTS = (
    Input("KB of user data", (8, 16, 32, 64), vm=_user_data),
    Input("public keys", (40, 75, 150, 300), vm=_keys),
    Input("accounts in passwd", (125, 250, 500, 1000), prepare=_accounts),
)
ENGINES = ("python", "mawk", "gawk", "busybox awk", "original-awk")


@dataclass(frozen=True)
class Curve:
    """Milliseconds of processor time of `provision` for each size, and for next to nothing (size 1)."""

    input: str
    engine: str
    sizes: tuple[int, ...]
    cpu: tuple[float, ...]

    @property
    def power(self) -> float:
        """1 where what the input adds grows as its size does, 2 where with the square; by the two largest sizes.

        Where it adds little, noise would be all that is seen: then 0.
        """
        base, half, whole = self.cpu[0], self.cpu[-2], self.cpu[-1]
        if whole < 1.25 * base or half <= base:
            return 0.0
        return math.log((whole - base) / (half - base)) / math.log(self.sizes[-1] / self.sizes[-2])

    def json(self) -> dict[str, Any]:
        """For bench.json."""
        return {
            "input": self.input,
            "engine": self.engine,
            "sizes": list(self.sizes),
            "cpu": [round(cpu, 1) for cpu in self.cpu],
            "power": round(self.power, 2),
        }


def measure(rounds: int, progress: Progress) -> list[Curve]:
    """A curve for each input and engine; the least of the rounds, for busy minutes only add. Raises MeasureError."""
    cells = [(given, engine, size) for given in INPUTS for engine in ENGINES for size in (1, *given.sizes)]
    least = dict.fromkeys(cells, math.inf)
    for number in range(rounds):
        for at, (given, engine, size) in enumerate(cells):
            progress("sizes of the input", number * len(cells) + at, rounds * len(cells))
            least[given, engine, size] = min(least[given, engine, size], _clock(given, engine, size))
    progress("sizes of the input", rounds * len(cells), rounds * len(cells))
    return [
        Curve(given.name, engine, (1, *given.sizes), tuple(least[given, engine, size] for size in (1, *given.sizes)))
        for given in INPUTS
        for engine in ENGINES
    ]


def _clock(given: Input, engine: str, size: int) -> float:
    shell = engine != "python"
    with place(Combination("shell", "dash", "curl") if shell else None, given.vm(size)) as here:
        given.prepare(here, size)
        if shell:
            _take_awk(Path(here.path), engine)
        command = here.azready("shell" if shell else "python", "provision")
        done = timed(["/bin/sh", *command], here.environment)
        if done.status or here.azure.verdict != "Succeeded":
            raise MeasureError(f"{size} {given.name}, {engine}: status {done.status}: {done.output[-2000:]}")
        return done.cpu * 1000


def _take_awk(path: Path, name: str) -> None:
    program = name.partition(" ")[0]
    (path / "awk").unlink()
    (path / "awk").symlink_to(Path("/usr/bin", program))
