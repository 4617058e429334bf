"""Public keys: what is one, which of them a text holds, a file of them with more. As keys.awk has it."""

from __future__ import annotations

import base64
import re

from azready.tables import FACTS

_BLANKS = " \t\r\n"
# How many fields a key of each type has.
_TYPES = {kind: int(fields) for kind, _, fields in (word.partition(":") for word in FACTS["SSH_KEY_TYPES"])}
_FILES = ("-----BEGIN", "---- BEGIN")
_BASE64 = re.compile("[A-Za-z0-9+/]+={0,2}")
# More than a server reads of a line (16 KiB); and a bound for what a key costs.
_MAX_LENGTH = 16384
_MAX_LINES = 1024


def keys_in(data: str) -> list[str]:
    """The keys of what was given as one: as a rule that is one line. keys.awk has the same rules.

    A line that begins with a known type begins a key. Base64 goes on in further lines as long as it is not whole, the
    last of which may have a comment. Every other line is a key of its own; blank ones and comments are none.
    """
    lines = [line for line in (line.strip(_BLANKS) for line in data.split("\n")) if line]
    keys: list[_Key] = []
    in_file, remark = False, ""
    for line in lines:
        known = _words(line)[0] in _TYPES
        if in_file and not known:
            # A PEM or SSH2 file.
            in_file = not line.startswith(("-----END", "---- END"))
        elif line.startswith("#"):
            remark = line
        elif known or not keys or not keys[-1].takes(line):
            in_file = line.startswith(_FILES)
            keys.append(_Key(line))
    return [key.text() for key in keys] or [remark]


def _words(line: str) -> tuple[str, str]:
    """The first word, and what follows it."""
    first = line.partition("\t")[0].partition(" ")[0]
    return first, line[len(first) :].lstrip(" \t")


class _Key:
    """A key whose base64 may come in several lines."""

    def __init__(self, line: str) -> None:
        self._kind, rest = _words(line)
        self._blob = _Blob(self._kind)
        self._parts = [line] if rest else [line, " "]
        self._length, self._lines = sum(map(len, self._parts)), 0
        word = _words(rest)[0]
        self._takes_more = self._kind in _TYPES and word == rest and (not word or bool(_BASE64.fullmatch(word)))
        if self._takes_more and word:
            self._add(word)

    def takes(self, line: str) -> bool:
        """Whether a line that begins with no type goes on with the base64; then it is part of this key."""
        word, _ = _words(line)
        if not self._takes_more or not self._blob.may_get(word):
            return False
        self._takes_more = word == line
        self._lines += 1
        # Too much already: the rest is no key of its own.
        if self._lines <= _MAX_LINES and self._length <= _MAX_LENGTH:
            self._parts.append(line)
            self._length += len(line)
            self._add(word)
        return True

    def _add(self, word: str) -> None:
        self._blob.add(word)
        self._takes_more = self._takes_more and self._blob.is_open(judge=self._length <= _MAX_LENGTH)

    def text(self) -> str:
        return "".join(self._parts).strip(_BLANKS)


def key_fault(text: str) -> str:
    """Why a trimmed line is no public key, or an empty text. keys.awk has the same rules."""
    kind, rest = _words(text)
    word = _words(rest)[0]
    if text.startswith(_FILES):
        return "it is a PEM or SSH2 file; give one line as in a .pub file"
    if text.startswith("#"):
        return "it is a comment"
    if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
        return "it has control characters"
    if kind.endswith("-cert-v01@openssh.com"):
        return "it is a certificate"
    if kind == "ssh-dss":
        return "SSH servers take no DSA keys any more"
    if kind not in _TYPES:
        return "it does not begin with a known type; options are not taken"
    if len(text) > _MAX_LENGTH:
        return "it is too long"
    if not _BASE64.fullmatch(word) or len(word) % 4:
        return "it is not base64"
    return "" if _is_whole(kind, word) else "its base64 is cut off or of another type"


def _is_whole(kind: str, word: str) -> bool:
    blob = _Blob(kind)
    blob.add(word)
    return blob.is_whole()


class _Blob:
    """A key's base64, which may grow: what is known of its fields (four bytes of length, then so many) stays known."""

    def __init__(self, kind: str) -> None:
        self._kind = kind.encode("latin-1")
        self._wanted = _TYPES.get(kind, 0)
        self._waiting = self._ending = ""
        self._bytes = bytearray()
        self._fields = self._at = 0

    def add(self, text: str) -> None:
        """More of it, which is made of its characters; nothing comes behind a `=`."""
        self._ending = (self._ending + text)[-2:]
        text = self._waiting + text
        cut = len(text) - len(text) % 4
        self._bytes += base64.b64decode(text[:cut])
        self._waiting = text[cut:]

    def may_get(self, text: str) -> bool:
        """Whether this may be more of it: behind a `=` only another one."""
        return text == "=" if self._ending[-1:] == "=" else bool(re.fullmatch("[A-Za-z0-9+/]*={0,2}", text))

    def is_open(self, *, judge: bool) -> bool:
        """Whether it lacks something that may still come. One that is too long is never whole: not to `judge`."""
        if self._waiting:
            return self._ending != "=="
        return self._ending[-1:] != "=" and not (judge and self.is_whole())

    def is_whole(self) -> bool:
        """Whether it is made of the fields of its type, which is the first of them."""
        while not self._waiting and self._fields < self._wanted and self._at + 4 <= len(self._bytes):
            end = self._at + 4 + int.from_bytes(self._bytes[self._at : self._at + 4], "big")
            if not self._fields and self._bytes[4:end] != self._kind:
                return False
            self._fields += 1
            self._at = end
        return not self._waiting and self._at == len(self._bytes) and self._fields == self._wanted


def key_of(line: str) -> str:
    """Type and base64 of a line of authorized_keys, or what stands in their place."""
    line = line.strip(" \t\r")
    if line.split(" ")[0].split("\t")[0] not in _TYPES:
        line = line[_options(line) :].lstrip(" \t")
    return " ".join(re.split("[ \t]+", line)[:2])


def types_of(data: bytes) -> list[str]:
    """Of which types the keys in authorized_keys are."""
    found: dict[str, None] = {}
    for line in data.decode("latin-1").split("\n"):
        if not line.lstrip(" \t\r").startswith("#"):
            kind, _, blob = key_of(line).partition(" ")
            if kind in _TYPES and blob:
                found[kind] = None
    return list(found)


def _options(line: str) -> int:
    """How long the options in front are: up to the first blank outside of quotes, as sshd has it."""
    at, quoted = 0, False
    while at < len(line) and (quoted or line[at] not in " \t"):
        if line[at : at + 2] == '\\"':
            at += 1
        elif line[at] == '"':
            quoted = not quoted
        at += 1
    return at


def with_keys(data: bytes, keys: list[str]) -> bytes:
    """The content of authorized_keys with those keys that are not in it. What is there stays byte for byte."""
    text = data.decode("latin-1")
    there, added = {key_of(line) for line in text.split("\n") if not line.lstrip(" \t\r").startswith("#")}, ""
    for key in keys:
        if key_of(key) not in there:
            there.add(key_of(key))
            added += f"{key}\n"
    gap = "\n" if added and text and not text.endswith("\n") else ""
    return (text + gap + added).encode("latin-1")


def holds_keys(data: bytes) -> bool:
    """Whether there is nothing in it but keys, comments and blank lines."""
    lines = (line.strip(_BLANKS) for line in data.decode("latin-1").split("\n"))
    return all(_is_key(line) for line in lines if line and not line.startswith("#"))


def _is_key(line: str) -> bool:
    """Whether it begins with a known type, or is a key of any other one: the base64 says so itself."""
    for text in (line, line[_options(line) :].lstrip(" \t")):
        kind, blob = [*re.split("[ \t]+", text), ""][:2]
        if kind in _TYPES:
            return True
        if _BASE64.fullmatch(blob) and len(blob) % 4 == 0 and _is_whole(kind, blob):
            return True
    return False
