"""Texts of chosen elements of an XML document: the goal state and the provisioning media's ovf-env.xml.

Refused, although expat could read it, is what the shell engine cannot: other encodings than UTF-8, a DOCTYPE, names
that are not ASCII. Both engines give the same answer for the same bytes. An element costs the same wherever it stands:
nothing looks at what is above it, or came before.
"""

from __future__ import annotations

from typing import Mapping
from xml.parsers import expat

# Both engines refuse what has more.
_MAX_DEPTH = 64
_MAX_ATTRIBUTES = 256


class NotReadable(Exception):
    """The document is refused; the text says why."""


def read_elements(
    data: bytes, wanted: set[str], namespaces: tuple[str, ...] = (), required: str = ""
) -> dict[str, list[str]]:
    """Texts of the elements at the wanted paths, `GoalState/Incarnation`, in document order: path -> texts.

    A path is made of local names. With `namespaces`, only elements of one of these count as what they are called;
    without, prefixes are cut off and mean nothing. A document without an element at `required` is another one.
    Raises NotReadable.
    """
    reader = _Reader(wanted, namespaces)
    found = reader.read(data)
    if required and required not in reader.paths:
        raise NotReadable(f"it holds no {required}")
    return found


class _Reader:
    def __init__(self, wanted: set[str], namespaces: tuple[str, ...]) -> None:
        self._wanted = wanted
        # Every path that leads to one that is wanted.
        self._leads = {path[:at] for path in wanted for at in range(1, len(path) + 1) if path[at : at + 1] in ("", "/")}
        self._namespaces = namespaces
        # Of each open element: its path, empty where that leads to nothing wanted, and the bindings that end with it.
        self._open: list[tuple[str, dict[str, bool]]] = []
        # Whether a prefix stands for one of the namespaces here.
        self._ours: dict[str, bool] = {}
        # Of the wanted elements and of those that lead to them.
        self.paths: set[str] = set()
        self._found: dict[str, list[str]] = {}
        self._inside = ""
        self._texts: list[str] = []
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.XmlDeclHandler = self._declaration
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.ProcessingInstructionHandler = self._instruction
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, data: bytes) -> dict[str, list[str]]:
        try:
            self._parser.Parse(data, True)
        except expat.ExpatError as error:
            raise NotReadable(f"not XML: {error}") from error
        return self._found

    @staticmethod
    def _declaration(_version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and encoding.lower() not in ("utf-8", "us-ascii"):
            raise NotReadable(f"encoding {encoding}")

    @staticmethod
    def _doctype(*_arguments: object) -> None:
        raise NotReadable("it has a DOCTYPE")

    @staticmethod
    def _instruction(target: str, _data: str) -> None:
        if not target.isascii():
            raise NotReadable("a name that is not ASCII")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._inside:
            raise NotReadable(f"an element inside {self._inside}")
        if len(self._open) >= _MAX_DEPTH:
            raise NotReadable("nested too deeply")
        if len(attributes) > _MAX_ATTRIBUTES:
            raise NotReadable("too many attributes")
        if not "".join([tag, *attributes]).isascii():
            raise NotReadable("a name that is not ASCII")
        bound = self._bind(attributes) if self._namespaces else {}
        path = self._path(tag)
        self._open.append((path, bound))
        self.paths.add(path)
        if path in self._wanted:
            self._inside = path

    def _bind(self, attributes: Mapping[str, str]) -> dict[str, bool]:
        """Bind the prefixes that the element declares; returns what they stood for."""
        here = {key[6:]: value for key, value in attributes.items() if key == "xmlns" or key.startswith("xmlns:")}
        before = {prefix: self._ours.get(prefix, False) for prefix in here}
        self._ours.update((prefix, value in self._namespaces) for prefix, value in here.items())
        return before

    def _path(self, tag: str) -> str:
        """The path of an element, or nothing where it leads to no wanted one."""
        prefix, _, name = tag.rpartition(":")
        above = self._open[-1][0] if self._open else None
        path = name if above is None else f"{above}/{name}" if above else ""
        if self._namespaces and not self._ours.get(prefix, False):
            return ""
        return path if path in self._leads else ""

    def _end(self, _tag: str) -> None:
        self._ours.update(self._open.pop()[1])
        if self._inside:
            self._found.setdefault(self._inside, []).append("".join(self._texts))
            self._texts.clear()
            self._inside = ""

    def _text(self, text: str) -> None:
        if self._inside:
            self._texts.append(text)
