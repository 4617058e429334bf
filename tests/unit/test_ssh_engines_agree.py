"""Both engines take the same keys, find the same place for them, and write the same sshd_config, byte for byte."""

from __future__ import annotations

import base64
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from support import DIST, leave_out
from unit.engines import Tree, one_awk
from unit.engines import bounded as many
from unit.odd_documents import VM_ID, encode
from unit.shell_engine import WHEN, ShellEngine, harvest, plant
from unit.shell_engine import given_keys as given_keys_in

sys.path.append(str(DIST / "azready.pyz"))
from azready.azure import report
from azready.azure.run import Run, Wanted
from azready.machine import config, log, sshd_password
from azready.machine.failure import Failure
from azready.machine.system import System
from azready.steps import keys, ssh_keys

# A whole step a time: fewer of them, and no hunt for a smaller example, which takes minutes.
bounded = settings(many, max_examples=40, phases=(Phase.explicit, Phase.generate))


# Keys


def key(kind: str, *fields: bytes) -> str:
    """A key of these fields behind its type."""
    blob = b"".join(len(field).to_bytes(4, "big") + field for field in (kind.encode(), *fields))
    return f"{kind} {base64.b64encode(blob).decode()}"


GOOD = [
    key("ssh-ed25519", bytes(32)),
    key("ssh-rsa", b"\1\0\1", bytes(range(1, 129))),
    key("ecdsa-sha2-nistp256", b"nistp256", bytes(65)),
    key("ecdsa-sha2-nistp384", b"nistp384", bytes(97)),
    key("ecdsa-sha2-nistp521", b"nistp521", bytes(133)),
    key("sk-ssh-ed25519@openssh.com", bytes(32), b"ssh:"),
    key("sk-ecdsa-sha2-nistp256@openssh.com", b"nistp256", bytes(65), b"ssh:"),
]
BLOB = GOOD[0].split()[1]
BAD = [
    "ssh-ed25519", f"ssh-ed25519\x0b{BLOB}", f"ssh-rsa {BLOB}", GOOD[0][:-1], GOOD[0][:-4], GOOD[1][:-40],
    f"{GOOD[0]}AAAA", f"{GOOD[0]}=", f"{GOOD[0]}====", f"ssh-ed25519 {BLOB[:-4]}AA==", f"ssh-ed25519 {BLOB[:-4]}=AAA",
    f"ssh-ed25519 ={BLOB}", f"ssh-ed25519 {BLOB}\u00e9", f"\u00e9{GOOD[0]}",
    "# a comment", f"# a comment\n#{GOOD[0]}",
    f"{GOOD[0]} a\rb", f"{GOOD[0]} \x7f", f"SSH-ED25519 {BLOB}", f'from="10.0.0.0/8" {GOOD[0]}', f"restrict {GOOD[0]}",
    key("ssh-dss", bytes(128), bytes(20), bytes(128), bytes(128)),
    key("ssh-ed25519-cert-v01@openssh.com", bytes(32), bytes(32)), key("ssh-ed25519"), key("ssh-ed448", bytes(57)),
    "-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----", "-----BEGIN CERTIFICATE-----",
    '---- BEGIN SSH2 PUBLIC KEY ----\nComment: "x"\nAAAA', "$(id) `id` %s \\n",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5/////w==",
    key("ssh-rsa", b"\1\0\1"), key("ssh-rsa", b"\1\0\1", bytes(128), b"x"), key("ssh-ed25519", bytes(32), b"x"),
    "ssh-ed25519 A", "ssh-ed25519 AAAA", "ssh-ed25519 AAAAAAAA", "ssh-ed25519 AAAAAAAAAAAAAAAA",
]  # fmt: skip
COMMENTS = ["", " ", " me@home", "\tme", " \u00e9 \udcff", "  two words ", " '\"\\ $(id)", "\r\n", " #"]
commented = st.tuples(st.sampled_from(["", "", " ", "\t", "\n"]), st.sampled_from(GOOD), st.sampled_from(COMMENTS)).map(
    "".join
)


@st.composite
def odd_keys(draw: st.DrawFn) -> str:
    """A key, a bad one, or one that was bent somewhere."""
    text = draw(commented | st.sampled_from(BAD))
    if draw(st.booleans()):
        return text
    at = draw(st.integers(0, len(text)))
    piece = draw(st.sampled_from(["", " ", "\t", "=", "A", "\n", "\x01", "\u00e9", "/", "-", '"', "%"]))
    return text[:at] + piece + text[at + draw(st.integers(0, 4)) :]


def python_keys(given_keys: list[str]) -> tuple[bytes, bytes]:
    # Blank ones are not among what is wanted.
    good, why = ssh_keys._good_keys(tuple(text for text in given_keys if text.strip(" \t\r\n")))
    return "".join(f"{text}\n" for text in good).encode("latin-1"), why.encode()


def shell_keys(shell: ShellEngine, given_keys: list[str]) -> tuple[bytes, bytes]:
    assert shell.run('parse_document "$awk_keys" "$work/wanted.keys" check', given_keys_in(given_keys)) == 0
    good, why = shell.kept("keys.good", "keys.why")
    return good, why


@pytest.mark.parametrize("number", range(len(GOOD)))
def test_good_key_is_taken_alike(number: int, shell: ShellEngine) -> None:
    expected = (f"{GOOD[number]}\n".encode(), b"")
    assert python_keys([GOOD[number]]) == expected == shell_keys(shell, [GOOD[number]])


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_key_is_refused_alike(number: int, shell: ShellEngine) -> None:
    good, why = python_keys([BAD[number]])
    assert (good, bool(why)) == (b"", True)
    assert shell_keys(shell, [BAD[number]]) == (good, why)


def wrapped(text: str, end: str, width: int = 64) -> str:
    """A key whose base64 is in lines, as some key generators give it."""
    kind, blob, *comment = text.split(" ", 2)
    lines = [blob[at : at + width] for at in range(0, len(blob), width)]
    return f"{kind} {end.join(lines)}" + "".join(f" {word}" for word in comment)


LONG_KEY = key("ssh-rsa", b"\1\0\1", bytes(range(256)))
# What was given as one key, and the keys in it.
GIVEN: dict[str, tuple[str, list[str]]] = {
    "wrapped with LF": (wrapped(LONG_KEY, "\n"), [LONG_KEY]),
    "wrapped with CRLF and a comment": (wrapped(f"{LONG_KEY} by azure", "\r\n") + "\r\n", [f"{LONG_KEY} by azure"]),
    "wrapped at every character": (wrapped(LONG_KEY, "\n", 1), [LONG_KEY]),
    "wrapped before the end of base64": (wrapped(GOOD[4], "\n", len(GOOD[4].split()[1]) - 1), [GOOD[4]]),
    "wrapped before the padding": (wrapped(GOOD[4], "\n", len(GOOD[4].split()[1]) - 2), [GOOD[4]]),
    "one = too many": (f"{GOOD[4]}\n=", [GOOD[4]]),
    "wrapped behind the type": (LONG_KEY.replace(" ", " \n"), [LONG_KEY]),
    "wrapped with blank lines between": (wrapped(LONG_KEY, "\r\n\r\n"), [LONG_KEY]),
    "wrapped, then another": (f"{wrapped(LONG_KEY, chr(10))}\n{GOOD[0]}", [LONG_KEY, GOOD[0]]),
    "two wrapped": (f"{wrapped(LONG_KEY, chr(10))} a\n{wrapped(GOOD[3], chr(10))}", [f"{LONG_KEY} a", GOOD[3]]),
    "cut off, then another": (f"{LONG_KEY[:100]}\n{GOOD[0]}", [GOOD[0]]),
    "two": (f"{GOOD[0]}\n{GOOD[1]}", GOOD[:2]),
    "somebody's authorized_keys": (
        f"# a\n\n{GOOD[0]} a@b\r\n \r\nrestrict {GOOD[1]}\n#{GOOD[1]}\nx\n{GOOD[2]}\n",
        [f"{GOOD[0]} a@b", GOOD[2]],
    ),
    "whole, then a word of base64": (f"{GOOD[0]}\nAAAA", [GOOD[0]]),
    "comment, then base64": (f"{LONG_KEY[:72]} c\n{LONG_KEY[72:]}", []),
    "end of base64, then base64": (f"ssh-rsa AAAA==\n{GOOD[0]}", [GOOD[0]]),
    "PEM file, then a key": (f"-----BEGIN X-----\nAAAA\n-----END X-----\n{GOOD[0]}", [GOOD[0]]),
    "PEM file that does not end, then a key": (f"-----BEGIN X-----\nAAAA\n{GOOD[0]}", [GOOD[0]]),
    "of 16384 bytes": (f"{GOOD[0]} ".ljust(16384, "c"), [f"{GOOD[0]} ".ljust(16384, "c")]),
    "of 16385 bytes": (f"{GOOD[0]} ".ljust(16385, "c"), []),
    "too long in lines, then another": (wrapped("ssh-rsa " + "A" * 40000, "\n") + f"\n{GOOD[0]}", [GOOD[0]]),
    "in 1025 lines": (wrapped(key("ssh-rsa", b"\1\0\1", bytes(750)), "\n", 1)[: 2 * 1025 + 7], []),
    "in too many lines": (wrapped(key("ssh-rsa", b"\1\0\1", bytes(800)), "\n", 1) + f"\n{GOOD[0]}", [GOOD[0]]),
    "empty": ("", []),
    "blank": (" \r\n\t\n", []),
}


@pytest.mark.parametrize("name", GIVEN)
def test_lines_are_taken_for_keys_alike(name: str, shell: ShellEngine) -> None:
    text, expected = GIVEN[name]
    good, why = python_keys([text])
    assert good.decode("latin-1").split("\n")[:-1] == expected
    assert shell_keys(shell, [text]) == (good, why)


def test_blank_keys_do_not_count_and_warnings_have_an_end(
    shell: ShellEngine, capfd: pytest.CaptureFixture[str]
) -> None:
    given_keys = ["", "bad", " \n", *["bad"] * 25, GOOD[0]]
    shell_keys(shell, given_keys)
    warnings = shell.kept("keys.bad")[0].decode().splitlines()
    fault = "(bad) is left out: it does not begin with a known type; options are not taken"
    assert warnings == [
        *(f"ssh-keys: key {number} {fault}" for number in range(1, 21)),
        "ssh-keys: 6 more are left out",
    ]
    capfd.readouterr()
    log.level, before = log.NORMAL, log.level
    python_keys(given_keys)
    log.level = before
    assert capfd.readouterr().err.splitlines() == [f"azready: warning: {warning}" for warning in warnings]


lines_of_keys = st.lists(
    st.tuples(
        st.sampled_from([*GOOD, *BAD, *(wrapped(good, "\n") for good in GOOD), "", "AAAA", "# c", BLOB]),
        st.sampled_from(["\n", "\r\n", "\n\n", " c\n", ""]),
    ).map("".join),
    min_size=1,
    max_size=4,
).map("".join)


@bounded
@given(text=lines_of_keys)
def test_odd_lines_are_taken_for_keys_alike(shell: ShellEngine, text: str) -> None:
    assert shell_keys(shell, [text]) == python_keys([text])


@bounded
@given(given_keys=st.lists(odd_keys(), min_size=1, max_size=3))
def test_odd_keys_are_judged_alike(shell: ShellEngine, given_keys: list[str]) -> None:
    assert shell_keys(shell, given_keys) == python_keys(given_keys)


# Lines of authorized_keys


LINES = [
    *GOOD, *(f"{good} else@where" for good in GOOD[:2]), f"# {GOOD[0]}", f"#{GOOD[1]}", f' from="a b" {GOOD[0]}',
    f'command="echo \\" {GOOD[0]}" {GOOD[1]}', f'command="{GOOD[0]}', f"restrict,pty {GOOD[1]}",
    f"restrict  {GOOD[2]} x",
    f"{GOOD[0]}\r", f"\t{GOOD[1]}\t", f"ssh-rsa  {GOOD[1].split()[1]}", "", "\r", "\x0b", "\udcff\u00e9", "ssh-rsa",
    "x",
]  # fmt: skip
files = st.tuples(st.lists(st.sampled_from(LINES), max_size=4), st.booleans()).map(
    lambda parts: encode("\n".join(parts[0]) + "\n" * parts[1])
)


@bounded
@given(data=files, given_keys=st.lists(commented, min_size=1, max_size=3))
def test_keys_are_added_alike_and_once(shell: ShellEngine, data: bytes, given_keys: list[str]) -> None:
    good, _ = python_keys(given_keys)
    shell.run("keys_with", {"user.old": data, "keys.good": good})
    added = keys.with_keys(data, good.decode("latin-1").split("\n")[:-1])
    assert shell.kept("user.new") == [added]
    assert added.startswith(data)
    shell.run("keys_with", {"user.old": added, "keys.good": good})
    assert shell.kept("user.new") == [added] == [keys.with_keys(added, good.decode("latin-1").split("\n")[:-1])]


# sshd_config

KEY_FILES = [
    ".ssh/authorized_keys", "%h/.ssh/authorized_keys", "/etc/ssh/keys/%u", "/etc/ssh/keys/%U/%%", "none", "NONE",
    "%k/x",
    "%", "a%", "../x", "/etc/../x", ".ssh//authorized_keys", "./.ssh/./k", '"/etc/ssh/with blank"', '""', "# x", "a#b",
    "/etc/ssh/", "/", "k", '"open', "a=b", "=k", "none .ssh/k", "%k %u/k", "\u00e9", "/keys",
]  # fmt: skip
YES_NO = ["yes", "no", "YES", "No", '"no"', "no # x", "no yes", "", "maybe", "= no", "no\r", "\tno"]
INCLUDES = [
    "/etc/ssh/sshd_config.d/*.conf", "sshd_config.d/*.conf", "sshd_config.d/?0-*", "sshd_config.d/*.conf x", "x",
    '"sshd_config.d/*.conf"', "sshd_config.d/a.conf", "sshd_config.d/*", "/missing/*", "sshd_config", "*", "", "/",
    "x sshd_config.d/*.conf", "sshd_config.d/.*",
]  # fmt: skip


@st.composite
def config_lines(draw: st.DrawFn) -> str:
    """A line of an sshd_config, mostly one that counts."""
    kinds = {
        "AuthorizedKeysFile": KEY_FILES,
        "PasswordAuthentication": YES_NO,
        "passwordauthentication": YES_NO,
        "KbdInteractiveAuthentication": YES_NO,
        "ChallengeResponseAuthentication": YES_NO,
        "Include": INCLUDES,
        "Match": ["all", "ALL", "User azureuser", "all User x", "", "Address *"],
        "#PasswordAuthentication": YES_NO,
        "UsePAM": ["yes"],
        "Include2": ["x"],
    }
    keyword = draw(st.sampled_from(sorted(kinds)))
    gap = draw(st.sampled_from([" ", " ", " ", "\t", "=", " = ", "  ", "", "\x0b", "=="]))
    return draw(st.sampled_from(["", "", " ", "\t", "\r"])) + keyword + gap + draw(st.sampled_from(kinds[keyword]))


config_files = st.tuples(
    st.lists(config_lines(), max_size=5), st.sampled_from(["\n", "\n", "\r\n"]), st.booleans()
).map(lambda f: encode(f[1].join(f[0]) + f[1] * f[2]))
NAMES = [
    "sshd_config.d/a.conf",
    "sshd_config.d/00-azready.conf",
    "sshd_config.d/60-b.conf",
    "sshd_config.d/.c.conf",
    "x",
]
PASSWD = b"root:x:0:0:root:/root:/bin/sh\nazureuser:x:1000:1000::/home/azureuser:/bin/sh\n"


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """An sshd_config with files that it may include."""
    names = draw(st.sets(st.sampled_from(NAMES), max_size=2))
    tree = {f"etc/ssh/{name}": draw(config_files) for name in sorted(names)}
    main = draw(st.sampled_from(["etc/ssh/sshd_config", "etc/ssh/sshd_config", "usr/etc/ssh/sshd_config"]))
    return {**tree, main: draw(config_files), "etc/passwd": PASSWD}


def modes(folder: Path) -> dict[str, int]:
    """Mode of everything below the folder."""
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) for path in folder.rglob("*")}


def python_outcome(root: Path, tree: Tree, what: Any) -> tuple[bytes, Tree, dict[str, int]]:
    plant(root, tree)
    run = Run(System(str(root)), config.defaults(), [])
    run.wanted = Wanted(admin_user="azureuser", keys=(GOOD[0],))
    try:
        what(run)
        row = b""
    except Failure as failure:
        row = report.description(failure.reason, failure.details, VM_ID, WHEN).encode()
    return row, harvest(root), modes(root)


def shell_outcome(shell: ShellEngine, tree: Tree, what: str) -> tuple[bytes, Tree, dict[str, int]]:
    work = {
        "wanted.admin-user": b"azureuser",
        **given_keys_in([GOOD[0]]),
        "DESCRIPTION": b"",
        "wanted.password": b"",
    }
    shell.run(f"wanted_keys=1; {what}", work, tree)
    return shell.kept("DESCRIPTION")[0], harvest(shell.root), modes(shell.root)


@bounded
@given(tree=trees())
def test_keys_find_their_place_alike(shell: ShellEngine, root: Path, tree: Tree) -> None:
    expected = python_outcome(root, tree, ssh_keys.step_ssh_keys)
    assert shell_outcome(shell, tree, "step_ssh_keys") == expected


@bounded
@given(tree=trees(), wanted=st.booleans())
def test_password_login_is_set_alike(shell: ShellEngine, root: Path, tree: Tree, wanted: bool) -> None:
    word = "yes" if wanted else "no"

    def tell(run: Run) -> None:
        sshd_password.set_password_login(run.system, "azureuser", wanted)

    first = python_outcome(root, tree, tell)
    assert shell_outcome(shell, tree, f"sshd_set_password_login {word}") == first
    again = python_outcome(root, first[1], tell)
    assert again[1] == first[1]
    assert shell_outcome(shell, first[1], f"sshd_set_password_login {word}") == again


# What sshd_config becomes

MAIN, DROP_IN = "etc/ssh/sshd_config", "etc/ssh/sshd_config.d/00-azready.conf"
NO = b"PasswordAuthentication no\nKbdInteractiveAuthentication no\nChallengeResponseAuthentication no\n"
COMMENT = b"# Written by azready, as the platform asked for.\n"
INCLUDE = b"Include /etc/ssh/sshd_config.d/*.conf\n"
MATCH = b"Match User x\n PasswordAuthentication yes\n"
# Whether passwords are wanted, the main file before, the main file after, the drop-in after.
POLICIES: dict[str, tuple[bool, bytes, bytes, bytes | None]] = {
    "default is yes": (True, b"UsePAM yes\n", b"UsePAM yes\n", None),
    "has it already": (False, NO, NO, None),
    "old name of the keyword": (False, NO[:26] + NO[58:], NO[:26] + NO[58:], None),
    "PAM would ask for a password": (False, NO[:26], NO, None),
    "drop-in": (False, INCLUDE + MATCH, INCLUDE + MATCH, COMMENT + NO),
    "relative include": (False, INCLUDE.replace(b"/etc/ssh/", b""), INCLUDE.replace(b"/etc/ssh/", b""), COMMENT + NO),
    "include behind an opposite line": (
        True,
        b"passwordauthentication=NO\n" + INCLUDE,
        b"PasswordAuthentication yes\npasswordauthentication=NO\n" + INCLUDE,
        None,
    ),
    "include behind a Match block": (False, b"# a\n" + MATCH + INCLUDE, b"# a\n" + NO + MATCH + INCLUDE, None),
    "include of other files": (False, b"Include /etc/ssh/x\n", NO + b"Include /etc/ssh/x\n", None),
    "no final newline": (False, b"UsePAM yes", b"UsePAM yes\n" + NO, None),
    "empty": (False, b"", NO, None),
}


@one_awk
@pytest.mark.parametrize("name", POLICIES)
def test_policy_becomes_lines_of_the_configuration(name: str, shell: ShellEngine, root: Path) -> None:
    wanted, before, main, drop_in = POLICIES[name]
    tree = {MAIN: before, "etc/passwd": PASSWD}
    expected = {MAIN: main, "etc/passwd": PASSWD, **({DROP_IN: drop_in} if drop_in else {})}
    assert python_outcome(root, tree, lambda run: sshd_password.set_password_login(run.system, "azureuser", wanted))[
        :2
    ] == (b"", expected)
    assert shell_outcome(shell, tree, f"sshd_set_password_login {'yes' if wanted else 'no'}")[:2] == (b"", expected)


@one_awk
def test_files_of_the_user_belong_to_him(shell: ShellEngine, root: Path) -> None:
    if os.geteuid() != 0:
        leave_out("root gives files away")
    tree = {MAIN: b"", "etc/passwd": PASSWD, "home/azureuser/.ssh/authorized_keys": b"x\n"}
    python_outcome(root, tree, ssh_keys.step_ssh_keys)
    shell_outcome(shell, tree, "step_ssh_keys")
    for place in (root, shell.root):
        for name in (".ssh", ".ssh/authorized_keys"):
            found = (place / "home/azureuser" / name).stat()
            assert (found.st_uid, found.st_gid) == (1000, 1000)


# The link is not root's, or the file has another name outside of the home.
PLANTED = {
    "home is the link of a user": "/home/azureuser is a symlink that is not root's",
    "hard link": "/home/azureuser/.ssh/authorized_keys is a hard link",
}


@one_awk
@pytest.mark.parametrize("fault", PLANTED)
def test_what_the_user_planted_is_refused(fault: str, shell: ShellEngine, root: Path) -> None:
    if os.geteuid() != 0:
        leave_out("root gives files away")
    for place in (root, shell.root):
        plant(place, {"etc/passwd": PASSWD, "etc/secret": b"secret\n", "data/.ssh/x": b"", MAIN: b""})
        (place / "home").mkdir()
        if fault == "hard link":
            (place / "home/azureuser/.ssh").mkdir(parents=True)
            os.link(place / "etc/secret", place / "home/azureuser/.ssh/authorized_keys")
        else:
            (place / "home/azureuser").symlink_to("/data")
            os.chown(place / "home/azureuser", 1000, 1000, follow_symlinks=False)
    run = Run(System(str(root)), config.defaults(), [])
    run.wanted = Wanted(admin_user="azureuser", keys=(GOOD[0],))
    with pytest.raises(Failure) as raised:
        ssh_keys.step_ssh_keys(run)
    assert raised.value.details["error"] == PLANTED[fault]
    work = {"wanted.admin-user": b"azureuser", **given_keys_in([GOOD[0]]), "wanted.password": b""}
    assert shell.run("wanted_keys=1; step_ssh_keys", work)
    assert shell.kept("failure")[0].decode() == f"keys_not_added {raised.value.what()}"
    assert (shell.root / "etc/secret").read_bytes() == (root / "etc/secret").read_bytes() == b"secret\n"
