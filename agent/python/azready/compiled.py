"""The engine, compiled: the file AZREADY.pyc, which `install` puts beside AZREADY for the Python that it finds there.

Python runs such a file as it is. This module is its code, and behind that lies what the zip has for this Python. `run`
looks whether it is whole and belongs to the program, and else ends: nothing is done by then, and the launcher starts
the program itself. A file of another Python is refused by Python.
"""

from __future__ import annotations

import _imp
import marshal
import os
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_SUFFIX, _ENTRY = ".pyc", "__main__.py"
# Magic number, flags, hash of the source (PEP 552); Python itself looks at the first alone.
_MAGIC, _HEAD, _HASH = 4, 16, 8
_BY_HASH = b"\1\0\0\0"


class Importer:
    """Has modules and tables by their path: azready/cli.py, compiled; azready/steps.conf, as it is."""

    def __init__(self, program: str, files: dict[str, bytes]) -> None:
        self.program, self.files = program, files

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        """What Python asks each of its importers."""
        path = name.replace(".", "/")
        for file, is_package in ((f"{path}.py", False), (f"{path}/__init__.py", True)):
            if file in self.files:
                origin = f"{self.program}/{file}"
                spec = ModuleSpec(name, self, origin=origin, is_package=is_package)  # type: ignore[arg-type]
                spec.has_location = True
                return spec
        return None

    def create_module(self, _spec: ModuleSpec) -> None:
        """None: a module as any other."""

    def exec_module(self, module: ModuleType) -> None:
        """Fill a new module."""
        exec(marshal.loads(self.get_data(str(module.__file__))), module.__dict__)

    def get_data(self, path: str) -> bytes:
        """The content of a file; `path` begins with the program's."""
        return self.files[path[len(self.program) + 1 :]]


def run() -> None:
    """What Python starts as AZREADY.pyc: become AZREADY."""
    own, program = sys.argv[0], sys.argv[0][: -len(_SUFFIX)]
    with open(own, "rb") as file:
        head = file.read(_HEAD)
        marshal.load(file)
        said, content = file.read(_HASH), file.read()
    with open(program, "rb") as file:
        is_right = head[-_HASH:] == _hash(head, file.read()) and said == _hash(head, content)
    if not is_right:
        sys.exit(f"azready: error: {own} is damaged, or of another azready")
    sys.argv[0] = program
    importer = Importer(program, marshal.loads(content))
    sys.meta_path.insert(0, importer)
    # The entry of the zip, by a name that leaves sys.path as it is.
    entry: dict[str, Any] = {"__name__": "entry"}
    exec(marshal.loads(importer.files[_ENTRY]), entry)
    entry["main"]()


def make(program: str, name: str) -> bytes:
    """The whole file, for this Python and this program, which is going to be called by that name."""
    from importlib.util import MAGIC_NUMBER
    from zipfile import ZipFile

    generation = os.path.basename(sys.path[1])
    files: dict[str, bytes] = {}
    with ZipFile(program) as archive:
        for entry in sorted(archive.namelist()):
            folder, _, below = entry.partition("/")
            path = below if folder == generation else entry
            if path.startswith((_ENTRY, "azready/", "urllib3/")):
                files[path] = archive.read(entry)
                if path.endswith(".py"):
                    files[path] = marshal.dumps(compile(files[path], f"{name}/{entry}", "exec", dont_inherit=True))
    own = files.pop("azready/compiled.py")
    with open(program, "rb") as file:
        head = MAGIC_NUMBER + _BY_HASH + _hash(MAGIC_NUMBER, file.read())
    content = marshal.dumps(files)
    return head + own + _hash(head, content) + content


def _hash(head: bytes, content: bytes) -> bytes:
    """Fast, and the only one that needs no module; it has to find damage, and not an attacker."""
    return _imp.source_hash(int.from_bytes(head[:_MAGIC], "little"), content)


if __name__ == "__main__":
    run()
