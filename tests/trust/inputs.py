"""What the fuzz tests give to both engines: an input is a few files, as the engine finds them in a run.

`work/NAME` is in the shell engine's work directory, `root/PATH` in the image. Each kind begins with good documents:
slots with odd fillings (unit/odd_documents.py), and whatever the conformance cases hold of that kind.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Sequence
from random import Random

from conformance.case import Case
from conformance.image import accounts
from conformance.loading import load_cases
from support import DIST
from unit.odd_documents import GOAL_STATE, INSTANCE, LINES, OVF, SETTINGS, Slot, encode
from unit.shell_engine import given_keys
from unit.test_ssh_engines_agree import BAD, COMMENTS, GIVEN, GOOD, INCLUDES, KEY_FILES, YES_NO
from unit.test_ssh_engines_agree import LINES as KEY_LINES

sys.path.append(str(DIST / "azready.pyz"))
from azready import tables

from trust.bending import JSON_JOINTS, LINE_JOINTS, MARKUP_JOINTS, bent, filled

Input = dict[str, bytes]
# Who is asked for in an image.
USER = "ann"
_TREE: Input = {
    "root/etc/passwd": accounts("/etc/passwd", full=True).encode()
    + b"www:x:33:33:www:/srv/www:/usr/sbin/nologin\nbob:x:1000:1000:Bob,,,:/home/bob:/bin/sh\n",
    "root/etc/group": b"root:x:0:\ndaemon:x:1:\nwheel:x:10:root\nsudo:x:27:bob\ndocker:x:998:bob,www\nbob:x:1000:\n",
    "root/etc/shadow": accounts("/etc/shadow", full=True).encode() + b"bob:$6$x$y:20000:0:99999:7:::\n",
    "root/etc/gshadow": b"root:*::\nwheel:!::root\nsudo:*::bob\ndocker:!::bob\nbob:!::\n",
    "root/etc/login.defs": b"UID_MIN\t\t 1000\nHOME_MODE 0750\nUMASK 022\n",
    "root/etc/shells": b"# shells\n/bin/sh\n/bin/ash\n",
    "root/etc/default/useradd": b"SHELL=/bin/sh\nHOME=/home\nSKEL=/etc/skel\n",
}
_ANN = {
    "root/etc/passwd": b"ann:x:1001:1001:Ann:/home/ann:/bin/sh\n",
    "root/etc/group": b"ann:x:1001:\n",
    "root/etc/shadow": b"ann:!:20000:0:99999:7:::\n",
    "root/etc/gshadow": b"ann:!::\n",
}
_RIGHTS: Input = {
    "root/etc/sudoers": b"Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n"
    b'@includedir "/etc/sudoers.d"\n',
    "root/etc/sudoers.d/90-x": b"bob ALL=(ALL) NOPASSWD: ALL\n",
    "root/etc/doas.conf": b"permit persist :wheel\npermit nopass bob as root # azready\n",
    "root/etc/sudoers.d/azready": b"old\n",
}
_SSHD: Input = {
    "root/etc/ssh/sshd_config": b"Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nPasswordAuthentication no\n"
    b"AuthorizedKeysFile .ssh/authorized_keys\nMatch User ann,!bob Group wheel\n  PasswordAuthentication yes\n",
    "root/etc/ssh/sshd_config.d/60-x.conf": b"KbdInteractiveAuthentication no\nStrictModes no\n",
}
_SSHD_WORDS = [*KEY_FILES, *YES_NO, *INCLUDES]
_KEYWORDS = (
    "AuthorizedKeysFile", "PasswordAuthentication", "KbdInteractiveAuthentication", "Include", "Match all",
    "Match User", "Match Group", "ChallengeResponseAuthentication", "AllowUsers", "DenyUsers", "AllowGroups",
    "StrictModes",
)  # fmt: skip


@functools.cache
def _cases() -> list[Case]:
    return load_cases()


@functools.cache
def of_cases(path: str) -> list[bytes]:
    """What the conformance cases have at this path of their images."""
    files = [files for case in _cases() for files in (case.image.files, *(run.files for run in case.runs))]
    found = {each[path].content.encode() for each in files if path in each and each[path].content}
    return sorted(text for text in found if len(text) < 5000)


@functools.cache
def _settings_of_cases() -> list[bytes]:
    return sorted({run.config.encode() for case in _cases() for run in case.runs if run.config})


def _document(random: Random, slots: Sequence[Slot], joints: re.Pattern[bytes]) -> bytes:
    """One that has something odd in a slot, or was bent; both is mostly refused."""
    if random.random() < 0.6:
        return filled(random, slots)
    return bent(random, encode("".join(usual for usual, _ in slots)), joints)


def goal_state(random: Random) -> Input:
    """The WireServer's."""
    return {"work/body": _document(random, GOAL_STATE, MARKUP_JOINTS)}


def instance(random: Random) -> Input:
    """The document of IMDS."""
    return {"work/body": _document(random, INSTANCE, JSON_JOINTS)}


def media(random: Random) -> Input:
    """ovf-env.xml."""
    known = of_cases("/media/azure/ovf-env.xml")
    if random.random() < 0.3:
        return {"work/ovf-env.xml": bent(random, random.choice(known), MARKUP_JOINTS)}
    return {"work/ovf-env.xml": _document(random, OVF, MARKUP_JOINTS)}


def settings(random: Random) -> Input:
    """/etc/azready.conf."""
    known = [*_settings_of_cases(), *of_cases("/etc/azready.conf"), _setting(random), _setting(random)]
    text = b"\n".join(random.choice(known) for _ in range(random.choice((1, 1, 2))))
    return {"root/etc/azready.conf": bent(random, text, LINE_JOINTS) if random.random() < 0.4 else text}


def _setting(random: Random) -> bytes:
    key, (default, kind, _) = random.choice(sorted(tables.SETTINGS.items()))
    value = random.choice([default.replace("@", "a"), random.choice(SETTINGS[kind.partition(":")[0]])])
    quote = random.choice("\"' ").strip()
    return encode(f"{key}={quote}{value}{quote}{random.choice(('', '', ' # c', ' '))}")


def keys(random: Random) -> Input:
    """Public keys as the platform gives them."""
    texts = [*GOOD, *BAD, *(text for text, _ in GIVEN.values() if len(text) < 3000)]
    given = [random.choice(texts) + random.choice(COMMENTS) for _ in range(random.choice((1, 1, 2)))]
    given = [_decoded(bent(random, encode(text), LINE_JOINTS)) if random.random() < 0.7 else text for text in given]
    # Neither XML nor JSON can bring a NUL here.
    files = given_keys([text.replace("\0", "") for text in given])
    return {f"work/{name}": data for name, data in files.items()}


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def authorized_keys(random: Random) -> Input:
    """Keys for a file that has some."""
    data = encode("\n".join(random.choice(KEY_LINES) for _ in range(random.randrange(6)))) + b"\n" * random.randrange(2)
    good = "".join(f"{random.choice(GOOD)}{random.choice(('', ' me', ' a b'))}\n" for _ in range(2))
    return {"work/user.old": bent(random, data, LINE_JOINTS), "work/keys.good": good.encode()}


_NAMES = (
    "web-1", "web-1.example.org", "Web_1", "-a-", "a..b", "x" * 64, "x" * 70 + ".y", ".".join("abcdefgh" * 9), "1", "é",
    "localhost", "a b", "<html>", "ann", "root", "Ada.Lovelace", "a" * 33, "_x", "permit", "0day", "12345",
)  # fmt: skip


def names(random: Random) -> Input:
    """A hostname, for a machine that keeps it in one of the known places."""
    given = _decoded(bent(random, random.choice(_NAMES).encode(), LINE_JOINTS)).encode("utf-8", "replace")
    path = random.choice(sorted(LINES))
    text = encode("\n".join(random.choice(LINES[path]) for _ in range(3)) + "\n")
    hosts = b"127.0.0.1 localhost\n127.0.1.1 old.example.org old\n::1 localhost\n"
    tree = {f"root/{path}": bent(random, text, LINE_JOINTS), "root/etc/hosts": bent(random, hosts, LINE_JOINTS)}
    return {"work/wanted.hostname": given.replace(b"\0", b""), **tree}


def account(random: Random) -> Input:
    """The admin user of an image whose account files are odd."""
    tree = {**_TREE, **random.choice(({}, _RIGHTS))}
    if random.random() < 0.5:
        tree = {path: tree[path] + _ANN.get(path, b"") for path in tree}
    for path in random.sample(sorted(tree), random.choice((1, 1, 2))):
        data = random.choice([tree[path], *of_cases(path.removeprefix("root"))])
        tree[path] = bent(random, data, LINE_JOINTS)
    for path in random.sample(sorted(tree), random.choice((0, 0, 1))):
        del tree[path]
    name = bent(random, random.choice(_NAMES).encode(), LINE_JOINTS) if random.random() < 0.2 else USER.encode()
    return {"work/wanted.admin-user": _decoded(name).encode("utf-8", "replace").replace(b"\0", b"").strip(), **tree}


def rights(random: Random) -> Input:
    """sudoers and doas.conf."""
    tree = {path: data for path, data in _RIGHTS.items() if random.random() < 0.7}
    for path in tree:
        data = random.choice([tree[path], *of_cases(path.removeprefix("root"))])
        tree[path] = bent(random, data, LINE_JOINTS) if random.random() < 0.7 else data
    return tree


def sshd(random: Random) -> Input:
    """An sshd_config with its files, and the admin user's account."""
    tree = {path: _sshd_text(random, _SSHD[path]) for path in _SSHD if random.random() < 0.9}
    who = {path: _TREE[path] + _ANN[path] for path in ("root/etc/passwd", "root/etc/group")}
    return {"work/wanted.admin-user": USER.encode(), **who, **tree}


def _sshd_text(random: Random, usual: bytes) -> bytes:
    lines = usual.split(b"\n")
    for _ in range(random.randrange(4)):
        line = random.choice(_KEYWORDS) + random.choice((" ", "\t", "=", " = ")) + random.choice(_SSHD_WORDS)
        lines.insert(random.randrange(len(lines)), encode(line))
    text = b"\n".join(lines)
    return bent(random, text, LINE_JOINTS) if random.random() < 0.6 else text


# How each kind is drawn.
KINDS: dict[str, Callable[[Random], Input]] = {
    function.__name__: function
    for function in (goal_state, instance, media, settings, keys, authorized_keys, names, account, rights, sshd)
}


def drawn(kind: str, number: int) -> Input:
    """The input of this number; the same on every machine.

    An image's files have no NUL here: to busybox awk it ends a line, and the one true awk drops it.
    """
    given = KINDS[kind](Random(f"{kind} {number}"))
    return {
        path: data.replace(b"\0", b"\x01") if path.startswith("root/etc/") and kind != "settings" else data
        for path, data in given.items()
    }
