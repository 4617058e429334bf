"""Texts of chosen elements of an XML document: the goal state and the provisioning media's ovf-env.xml.

Refused, although expat could read it, is what the shell engine cannot: other encodings than UTF-8, a DOCTYPE, names
that are not ASCII. Both engines give the same answer for the same bytes.
"""

from __future__ import annotations

from typing import Mapping
from xml.parsers import expat

_NAMESPACE_OF_XML = "http://www.w3.org/XML/1998/namespace"


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
        self._namespaces = namespaces
        self._path: list[str] = []
        # Of the elements that are nobody's text.
        self.paths: set[str] = set()
        # Prefix -> namespace, as each open element sees it.
        self._scopes: list[dict[str, str]] = [{"": "", "xml": _NAMESPACE_OF_XML}]
        self._found: dict[str, list[str]] = {}
        self._inside = ""
        self._parser = expat.ParserCreate("utf-8")
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
        if not "".join([tag, *attributes]).isascii():
            raise NotReadable("a name that is not ASCII")
        self._path.append(self._name(tag, attributes))
        path = "/".join(self._path)
        self.paths.add(path)
        if path in self._wanted:
            self._inside = path
            self._found.setdefault(path, []).append("")

    def _name(self, tag: str, attributes: Mapping[str, str]) -> str:
        """The local name, with a mark in front where its namespace is none of ours."""
        prefix, _, name = tag.rpartition(":")
        if not self._namespaces:
            return name
        here = {key[6:]: value for key, value in attributes.items() if key.startswith("xmlns:")}
        if "xmlns" in attributes:
            here[""] = attributes["xmlns"]
        self._scopes.append({**self._scopes[-1], **here})
        return name if self._scopes[-1].get(prefix) in self._namespaces else f"?{name}"

    def _end(self, _tag: str) -> None:
        self._path.pop()
        self._inside = ""
        if self._namespaces:
            self._scopes.pop()

    def _text(self, text: str) -> None:
        if self._inside:
            self._found[self._inside][-1] += text
