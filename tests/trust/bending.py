"""Inputs for the fuzz tests: realistic documents, bent at random where their structure has joints.

A seed makes the same inputs on every machine and with every Python: nothing here depends on hashes or on the clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from random import Random

from unit.odd_documents import MARKUP, NOT_UTF_8, ODD, VALUES, Slot, encode

# Where a document can be taken apart: in front of and behind what its grammar knows.
MARKUP_JOINTS = re.compile(rb"<[^<>]*>|&[^;<]*;|[^<>&]+|[<>&]")
JSON_JOINTS = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^"{}\[\],:]+|"')
LINE_JOINTS = re.compile(rb"[^\n:=, \t]+|[\n:=, \t]")
# What every kind of text may meet.
_RUBBISH = [encode(text) for text in (*ODD, *NOT_UTF_8, "", " ", "\t", "\r", "\r\n", "\n", "\0", "\ufeff", "%s", "\\")]
_LONG = [b"a" * 300, b"9" * 400, b"-" * 70, b"A" * 20000, b"\n" * 300, b"(" * 80, b"[" * 80, b"<a>" * 70]
PIECES = {
    MARKUP_JOINTS: [*map(encode, MARKUP), *_RUBBISH, *_LONG],
    JSON_JOINTS: [*map(encode, VALUES), *_RUBBISH, *_LONG],
    LINE_JOINTS: [
        *_RUBBISH,
        *_LONG,
        *b": = , # + - ! * / . .. ' \" $ ~ ( ) x:x: 0 1 -1 65534 4294967295 4294967296 99999".split(),
    ],
}


def filled(random: Random, slots: Sequence[Slot]) -> bytes:
    """A document made of slots, one or two of them with something odd in it; see unit/odd_documents.py."""
    odd = {random.randrange(len(slots)) for _ in range(random.choice((1, 1, 2)))}
    return encode("".join(random.choice(slot[1]) if at in odd else slot[0] for at, slot in enumerate(slots)))


def bent(random: Random, data: bytes, joints: re.Pattern[bytes]) -> bytes:
    """The document with one to three parts that were taken out, doubled, exchanged, cut or replaced."""
    parts = joints.findall(data)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        at = random.randrange(len(parts)) if parts else 0
        random.choice(_BENDS)(random, parts, at, PIECES[joints])
    return b"".join(parts)


def _put_in(random: Random, parts: list[bytes], at: int, pieces: Sequence[bytes]) -> None:
    parts.insert(at, random.choice(pieces))


def _replace(random: Random, parts: list[bytes], at: int, pieces: Sequence[bytes]) -> None:
    parts[at : at + 1] = [random.choice(pieces)]


def _take_out(random: Random, parts: list[bytes], at: int, _pieces: Sequence[bytes]) -> None:
    del parts[at : at + random.choice((1, 1, 1, 2, 5))]


def _double(random: Random, parts: list[bytes], at: int, _pieces: Sequence[bytes]) -> None:
    some = parts[at : at + random.choice((1, 1, 3, 10))]
    parts[at:at] = some * random.choice((1, 1, 2, 40))


def _exchange(random: Random, parts: list[bytes], at: int, _pieces: Sequence[bytes]) -> None:
    other = random.randrange(len(parts)) if parts else 0
    if parts:
        parts[at], parts[other] = parts[other], parts[at]


def _cut(random: Random, parts: list[bytes], at: int, _pieces: Sequence[bytes]) -> None:
    del parts[slice(at, None) if random.random() < 0.5 else slice(at)]


def _flip(random: Random, parts: list[bytes], at: int, _pieces: Sequence[bytes]) -> None:
    for part in parts[at : at + 1]:
        where = random.randrange(len(part)) if part else 0
        parts[at] = part[:where] + bytes((random.randrange(256),)) + part[where + random.randrange(2) :]


def _inside(random: Random, parts: list[bytes], at: int, pieces: Sequence[bytes]) -> None:
    for part in parts[at : at + 1]:
        where = random.randrange(len(part) + 1)
        parts[at] = part[:where] + random.choice(pieces) + part[where:]


_Bend = Callable[[Random, "list[bytes]", int, Sequence[bytes]], None]
_BENDS: tuple[_Bend, ...] = (_put_in, _replace, _take_out, _double, _exchange, _cut, _flip, _inside)
