"""Both engines find the same ways in for the same files, and mend the same; real servers, sudo and doas agree.

What is judged from the files alone is given to both engines; what only a running machine can say is asked of it, in
namespaces of the test's own.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DIST, leave_out
from unit.engines import bounded, one_awk
from unit.odd_documents import VM_ID, encode
from unit.shell_engine import WHEN, ShellEngine, plant

sys.path.append(str(DIST / "azready.pyz"))
from azready.azure import report
from azready.azure.run import Run, Wanted
from azready.machine import config, ssh_rules, sshd_config
from azready.machine.account_files import Account
from azready.machine.failure import Failure
from azready.machine.groups import Groups
from azready.machine.system import System
from azready.steps import becoming, login

USER = "ada"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me"
PATTERNS = [
    USER,
    "a*",
    "?d?",
    "*",
    "ops",
    "!ada",
    "ada@*",
    "ada@10.*",
    "*@host",
    "ADA",
    "ada?",
    "wheel",
    "w*l",
    "@",
    "a@b@c",
    "",
]
GROUPS = Groups(["ada", "wheel"], [1000, 10])
# As accounts.awk puts them.
GROUPS_TEXT = "ada:1000,wheel:10"
METHODS = ["any", "publickey", "publickey,password", "password", "keyboard-interactive:pam", "publickey,publickey"]
METHODS += ["gssapi-with-mic", "password,hostbased"]
ACCEPTED = ["ssh-ed25519", "+ssh-dss", "-ssh-*", "^ssh-rsa", "ssh-rsa,ecdsa-*", "rsa-sha2-512", "-rsa*,ssh-rsa", "*"]
SWITCHES = ("PubkeyAuthentication", "PasswordAuthentication", "KbdInteractiveAuthentication", "UsePAM")
KEYWORDS = {
    **dict.fromkeys(("AllowUsers", "DenyUsers", "AllowGroups", "DenyGroups"), PATTERNS),
    **dict.fromkeys((*SWITCHES, "ChallengeResponseAuthentication"), ["yes", "no", "maybe"]),
    **dict.fromkeys(("PubkeyAcceptedAlgorithms", "PubkeyAcceptedKeyTypes"), ACCEPTED),
    "AuthenticationMethods": METHODS,
}


@st.composite
def settings_lines(draw: st.DrawFn) -> str:
    """A line of an sshd_config as it is kept, with a TAB between the words."""
    keyword = draw(st.sampled_from(sorted(KEYWORDS)))
    words = draw(st.lists(st.sampled_from(KEYWORDS[keyword]).filter(bool), min_size=1, max_size=3))
    return "\t".join([keyword, *words])


def _python_judgement(lines: list[str], types: list[str], key: bool, locked: bool, usable: bool) -> set[str]:
    rows = [line.split("\t") for line in lines]
    settings = [sshd_config.Line(1, row[0].lower(), row[1:]) for row in rows]

    def words(keyword: str) -> list[str]:
        return sshd_config.words_of(settings, keyword)

    user = ssh_rules.User(USER, GROUPS, types, locked)
    out = ssh_rules.keeps_out(words, user)
    keys = ([] if key else [ssh_rules.Against("key", "mode", "/home/ada")]) + ssh_rules.against_keys(words, user)
    unusable = [] if usable else [ssh_rules.Against("password", "no_password", "/etc/shadow")]
    passwords = [*unusable, *ssh_rules.against_passwords(words)]
    is_out = any(each.way == "ssh" for each in out)
    ways, more = ssh_rules.by_methods(words, not keys and not is_out, not passwords and not is_out)
    return {"\t".join(each) for each in (*out, *keys, *passwords, *more)} | {f"way\t{way}" for way in ways}


@bounded
@given(
    lines=st.lists(settings_lines(), max_size=5),
    types=st.lists(st.sampled_from(["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"]), max_size=2, unique=True),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_rules_of_sshd_leave_the_same_ways_in_both_engines(
    shell: ShellEngine, lines: list[str], types: list[str], flags: tuple[bool, bool, bool]
) -> None:
    key, locked, usable = flags
    files = {
        "sshd": encode("".join(f"{line}\n" for line in lines)),
        "types": encode("".join(f"{kind}\n" for kind in types)),
        "key": b"" if key else b"mode\t/home/ada\n",
    }
    texts = f'"$(cat sshd)" {USER} {GROUPS_TEXT} "$(cat types)" "$(cat key)"'
    words = f"{texts} {'yes' if locked else 'no'} {'yes' if usable else 'no'}"
    code = f'cd "$work"; edit_derive x "$work/out" "$awk_groups$awk_sshd$awk_ssh_rules" sshd {words}'
    assert shell.run(code, files) == 0
    assert set(shell.kept("out")[0].decode().splitlines()) == _python_judgement(lines, types, key, locked, usable)


CRITERIA = [["all"], ["User"], ["Group"], ["user"], ["Address"], ["ALL"]]
LISTS = ["ada", "a*,!ada", "!ada", "!x,*", "wheel", "w*,!wheel", "x", "ada,x", "*", ""]


@bounded
@given(words=st.lists(st.sampled_from([*(word[0] for word in CRITERIA), *LISTS]).filter(bool), min_size=1, max_size=4))
def test_match_line_is_about_the_same_user_in_both_engines(shell: ShellEngine, words: list[str]) -> None:
    joined = "\t".join(words)
    code = f'edit_ask x "$awk_groups$awk_sshd$awk_ssh_rules" holds "$(cat "$work/words")" {USER} {GROUPS_TEXT}'
    status = shell.run(f"{code} && [ $_verdict = yes ]", {"words": encode(joined)})
    assert (status == 0) == ssh_rules.holds(words, USER, lambda: GROUPS.names)


DOAS = [
    "permit ada", "permit nopass ada as root", "deny ada", "permit :wheel", "permit nopass :10", "permit 1000",
    'permit nopass "ada"', "permit nopass keepenv setenv { A=b -C } ada", "permit persist :wheel as root",
    "permit ada cmd ls", "permit nopass ada as bob", "permit ada as 0", "# permit nopass ada", "permit nopass ada # x",
    "permit", "", "permit nopass", "permit nopass \\\n ada", "permit bob", 'permit "nopass"', "  deny  :wheel ",
    "permit nopass ada as", "permit nopass :nobody", "permit setenv ada",
]  # fmt: skip


@bounded
@given(lines=st.lists(st.sampled_from(DOAS), max_size=4))
def test_rules_of_doas_say_the_same_in_both_engines(shell: ShellEngine, root: Path, lines: list[str]) -> None:
    text = encode("".join(f"{line}\n" for line in lines))
    plant(root, {"etc/doas.conf": text})
    account = Account(USER, 1000, 1000, "/home/ada", "/bin/sh")
    said = becoming.doas_says(System(str(root)), account, GROUPS)
    code = f'edit_derive x "$work/out" "$awk_groups$awk_becoming" doas {USER} 1000 {GROUPS_TEXT} "$work/rules"'
    assert shell.run(code, {"rules": text}) == 0
    answer, _, rule = shell.kept("out")[0].decode().rstrip("\n").partition("\t")
    assert (answer, rule.split()) == (said[0], said[1].split())


HEAD = "User ada may run the following commands on web-1:\n"
SUDO = {
    "nopasswd last": (HEAD + "    (ALL) ALL\n    (ALL : ALL) NOPASSWD: ALL\n", "free"),
    "a group's rule last": (HEAD + "    (ALL : ALL) NOPASSWD: ALL\n    (ALL) ALL\n", "asks"),
    "one command last": (HEAD + "    (ALL : ALL) NOPASSWD: ALL\n    (root) /bin/ls\n", "free"),
    "password back in the same rule": (HEAD + "    (root) NOPASSWD: /bin/ls, PASSWD: ALL\n", "asks"),
    "as somebody else": (HEAD + "    (bob) NOPASSWD: ALL\n", "no"),
    "nothing": ("User ada is not allowed to run sudo on web-1.\n", "no"),
    "no answer": ("", ""),
}


@one_awk
@pytest.mark.parametrize("name", SUDO)
def test_answer_of_sudo_is_read_in_both_engines(name: str, shell: ShellEngine) -> None:
    text, answer = SUDO[name]
    said = becoming.sudo_answer(text)
    assert said[0] == answer
    assert (
        shell.run('edit_derive x "$work/out" "$awk_groups$awk_becoming" sudo "$work/text"', {"text": text.encode()})
        == 0
    )
    assert shell.kept("out")[0].decode().rstrip("\n").partition("\t")[::2] == said


AGES = {
    "nothing": (":::::::", []),
    "far ahead": ("20000:0:99999:7:::", []),
    "must be changed": ("0:0:99999:7:::", ["the password must be changed at the first login"]),
    "too old": ("100:0:90:7:::", ["the password has expired"]),
    "expired": ("20000:0:99999:7::1:", ["the account has expired"]),
    "expires later": ("20000:0:99999:7::99999:", []),
    "nonsense": ("x:y:z:7::-1:", []),
}


@one_awk
@pytest.mark.parametrize("name", AGES)
def test_dates_of_shadow_are_read_in_both_engines(name: str, shell: ShellEngine) -> None:
    fields, expected = AGES[name]
    line = f"ada::{fields}"
    assert login._ages(line.split(":")) == expected
    assert shell.run(f'edit_derive x "$work/out" "$awk_login" :{fields} "$(date +%s)"') == 0
    assert shell.kept("out")[0].decode().splitlines() == expected


# Trees with owners and modes, which no case can have


PASSWD = b"root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n"
GROUP = b"root:x:0:\nada:x:1000:\nstaff:x:50:ada\n"
HASH = b"$6$salt$" + b"x" * 86
KEYS, MAIN = "home/ada/.ssh/authorized_keys", "etc/ssh/sshd_config"
PLAIN = {
    "etc/passwd": PASSWD, "etc/group": GROUP, "etc/shadow": b"ada:*:20000::::::\n", MAIN: b"\n",
    KEYS: KEY.encode() + b"\n",
}  # fmt: skip
OWNERS = {"home/ada": (1000, 1000), "home/ada/.ssh": (1000, 1000), KEYS: (1000, 1000)}
MODES = {"home/ada": 0o755, "home/ada/.ssh": 0o700, KEYS: 0o600}


class Scene:
    """A tree, what it becomes, and what is said: `failure` is the end of the row's details, empty where it is Ready."""

    def __init__(
        self,
        *,
        files: dict[str, bytes] | None = None,
        owners: dict[str, tuple[int, int]] | None = None,
        modes: dict[str, int] | None = None,
        failure: str = "",
        ways: str = "ssh-key",
        after: dict[str, tuple[int, int]] | None = None,
        log: list[str] | None = None,
        settings: dict[str, str] | None = None,
        password: str = "",
        keys: int = 1,
    ) -> None:
        self.files = PLAIN | (files or {})
        self.owners, self.modes = OWNERS | (owners or {}), MODES | (modes or {})
        self.failure, self.ways, self.after, self.log = failure, ways, after or {}, log or []
        self.settings, self.password, self.keys = settings or {}, password, keys

    def plant(self, root: Path) -> None:
        plant(root, self.files)
        for name, (uid, gid) in self.owners.items():
            if (root / name).exists():
                os.chown(root / name, uid, gid)
        for name, mode in self.modes.items():
            if (root / name).exists():
                (root / name).chmod(mode)


def _shadow(field: bytes, rest: bytes = b":20000::::::\n") -> dict[str, bytes]:
    return {"etc/shadow": b"ada:" + field + rest}


def _sshd(*lines: str) -> dict[str, bytes]:
    return {MAIN: "".join(f"{line}\n" for line in lines).encode()}


SCENES = {
    "as it should be": Scene(log=["login: ada can come in by SSH key"]),
    "home that everybody may write to": Scene(
        modes={"home/ada": 0o777}, after={"home/ada": (1000, 0o755)}, log=["/home/ada was drwxrwxrwx: go-w"]
    ),
    "home of a group": Scene(modes={"home/ada": 0o2775}, after={"home/ada": (1000, 0o2755)}),
    "home of another uid": Scene(
        owners={"home/ada": (1234, 1234)}, after={"home/ada": (1000, 0o755)}, log=["/home/ada belonged to uid 1234"]
    ),
    "home of root that lets its user through": Scene(owners={"home/ada": (0, 0)}, after={"home/ada": (0, 0o755)}),
    "home of root that keeps its user out": Scene(
        owners={"home/ada": (0, 0)}, modes={"home/ada": 0o700}, after={"home/ada": (1000, 0o700)}
    ),
    "home that is another account's too": Scene(
        files={"etc/passwd": PASSWD.replace(b"/home/bob", b"/home/ada")},
        owners={"home/ada": (1001, 1001)},
        after={"home/ada": (1001, 0o755)},
        failure="error=owner|value=/home/ada",
        ways="none",
    ),
    "folder that others may write to": Scene(
        modes={"home/ada/.ssh": 0o770}, after={"home/ada/.ssh": (1000, 0o750)}, log=["/home/ada/.ssh was drwxrwx---"]
    ),
    "folder that nobody can enter": Scene(modes={"home/ada/.ssh": 0o600}, after={"home/ada/.ssh": (1000, 0o700)}),
    "folder of root": Scene(
        owners={"home/ada/.ssh": (0, 0)}, modes={"home/ada/.ssh": 0o700}, after={"home/ada/.ssh": (1000, 0o700)}
    ),
    "file that others may write to": Scene(
        modes={KEYS: 0o666}, failure=f"error=mode|value=/{KEYS}", ways="none", log=["others may write to"]
    ),
    "file that its user cannot read": Scene(
        owners={KEYS: (0, 0)}, failure=f"error=read|value=/{KEYS}", ways="none"
    ),
    "no StrictModes": Scene(
        files=_sshd("StrictModes no"), modes={"home/ada": 0o777, KEYS: 0o666}, after={"home/ada": (1000, 0o777)}
    ),
    "/home lets nobody through": Scene(
        modes={"home": 0o700}, after={"home": (0, 0o701)}, log=["/home let nobody through: now it does"]
    ),
    "/home lets a group through": Scene(owners={"home": (0, 50)}, modes={"home": 0o710}, after={"home": (0, 0o710)}),
    "/home keeps a group of the user out": Scene(
        owners={"home": (0, 50)}, modes={"home": 0o705}, failure="error=search|value=/home", ways="none"
    ),
    "keys in a directory of root": Scene(
        files=_sshd("AuthorizedKeysFile /etc/ssh/keys/%u") | {"etc/ssh/keys/ada": KEY.encode()}
    ),
    "keys in a directory of a group": Scene(
        files=_sshd("AuthorizedKeysFile /etc/ssh/keys/%u") | {"etc/ssh/keys/ada": KEY.encode()},
        modes={"etc/ssh/keys": 0o775},
        failure="error=mode|value=/etc/ssh/keys",
        after={"etc/ssh/keys": (0, 0o775)},
        ways="none",
    ),
    "no keys there, a password all the same": Scene(
        files={KEYS: b"# none\n"} | _shadow(HASH), password="secret", ways="ssh-password console-password", keys=0
    ),
    "AllowUsers for others": Scene(
        files=_sshd("AllowUsers ops packer"), failure="error=AllowUsers|value=ops packer", ways="none",
        log=["sshd keeps ada out: AllowUsers ops packer"],
    ),
    "AllowUsers for others, a password for the console": Scene(
        files=_sshd("AllowUsers ops") | _shadow(HASH), password="secret", ways="console-password",
        log=["sshd keeps ada out: AllowUsers ops", "ada can come in by password at the console"],
    ),
    "AllowUsers from some places": Scene(
        files=_sshd("AllowUsers ops ada@10.*"), log=["from some places alone: AllowUsers ada@10.*"]
    ),
    "AllowGroups of the user": Scene(files=_sshd("AllowGroups wheel staff")),
    "AllowGroups of his primary group": Scene(files=_sshd("AllowGroups ad?")),
    "AllowGroups of others": Scene(
        files=_sshd("AllowGroups wheel"), failure="error=AllowGroups|value=wheel", ways="none"
    ),
    "AllowGroups of the image": Scene(
        files=_sshd("AllowGroups wheel") | {"usr/lib/group": b"wheel:x:10:ada\n"}
    ),
    "DenyUsers": Scene(files=_sshd("DenyUsers a*"), failure="error=DenyUsers|value=a*", ways="none"),
    "DenyGroups": Scene(files=_sshd("DenyGroups staff"), failure="error=DenyGroups|value=staff", ways="none"),
    "no keys by Match User": Scene(
        files=_sshd("PubkeyAuthentication yes", "Match User ada", "PubkeyAuthentication no"),
        failure="error=PubkeyAuthentication|value=no", ways="none",
    ),
    "Match of another user": Scene(files=_sshd("Match User bob", "PubkeyAuthentication no")),
    "Match of a group": Scene(
        files=_sshd("Match Group x,staff", "AllowUsers bob"), failure="error=AllowUsers|value=bob", ways="none"
    ),
    "Match wins over AllowUsers": Scene(files=_sshd("AllowUsers bob", "Match User ada", "AllowUsers ada")),
    "both methods, and only a key": Scene(
        files=_sshd("AuthenticationMethods publickey,password"),
        failure="error=AuthenticationMethods|value=publickey,password", ways="none",
    ),
    "both methods, and both": Scene(
        files=_sshd("AuthenticationMethods publickey,password") | _shadow(HASH), password="secret",
        ways="ssh-key-and-password console-password",
    ),
    "key of a type that is not taken": Scene(
        files=_sshd("PubkeyAcceptedAlgorithms rsa-sha2-512"),
        failure="error=PubkeyAcceptedAlgorithms|value=ssh-ed25519", ways="none",
    ),
    "password alone that SSH refuses": Scene(
        files=_sshd("PasswordAuthentication no") | _shadow(HASH), password="secret", keys=0,
        modes={KEYS: 0o666},
        failure="error=PasswordAuthentication|value=no", ways="console-password",
    ),
    "password that could not be set": Scene(
        password="secret", log=["sshd takes no password from ada: no password is set"]
    ),
    "locked, without PAM": Scene(
        files=_shadow(b"!" + HASH), failure="error=locked|value=/etc/shadow", ways="none"
    ),
    "locked, with PAM": Scene(files=_sshd("UsePAM yes") | _shadow(b"!" + HASH)),
    "expired": Scene(files=_shadow(b"*", b":20000:0:99999:7::1:\n"), log=["the account has expired (/etc/shadow)"]),
    "nologin of the machine": Scene(files={"etc/nologin": b""}, log=["/etc/nologin lets nobody in but root"]),
    "shell of nobody": Scene(
        files={"etc/passwd": PASSWD.replace(b"ada:/bin/sh", b"ada:/usr/sbin/nologin")},
        log=["the shell /usr/sbin/nologin lets nobody in: ada now has /bin/sh"],
    ),
    "shell as it was asked for": Scene(
        files={"etc/passwd": PASSWD.replace(b"ada:/bin/sh", b"ada:/usr/sbin/nologin"), "usr/sbin/nologin": b""},
        modes={"usr/sbin/nologin": 0o755},
        settings={"USER_SHELL": "/usr/sbin/nologin"},
        failure="error=shell|value=/usr/sbin/nologin", ways="none",
    ),
    "dropbear that nothing starts": Scene(
        files={"usr/sbin/dropbear": b""} | _sshd("AllowUsers bob"),
        failure="error=AllowUsers|value=bob",
        ways="none",
    ),
    "dropbear": Scene(
        files={"usr/sbin/dropbear": b"", "etc/init.d/dropbear": b""} | _sshd("AllowUsers bob"), ways="ssh-key"
    ),
    "dropbear and a shell that it does not know": Scene(
        files={"usr/sbin/dropbear": b"", "etc/sv/dropbear/run": b"", "etc/shells": b"/bin/ash # busybox\n"}
        | _sshd("AllowUsers bob"),
        failure="error=AllowUsers|value=bob", ways="none", log=["dropbear keeps ada out: /etc/shells lacks /bin/sh"],
    ),
    "doas asks all the same": Scene(
        files={"etc/doas.conf": b"permit nopass ada as root # azready\npermit :staff\n"},
        log=["doas asks ada for a password all the same: permit :staff", "becomes root with doas"],
    ),
    "a password for sudo that he has not": Scene(
        files={"etc/sudoers.d/zz-azready": b""}, settings={"ADMIN_RIGHTS": "password"},
        log=["is asked for a password by sudo, and has none"],
    ),
    "no user": Scene(files={"etc/passwd": b"root:x:0:0::/:/bin/sh\n"}, ways=""),
}  # fmt: skip


def _look(root: Path, names: Any) -> dict[str, tuple[int, int]]:
    return {name: ((root / name).stat().st_uid, stat.S_IMODE((root / name).stat().st_mode)) for name in names}


def _python_scene(scene: Scene, root: Path) -> tuple[str, str]:
    scene.plant(root)
    run = Run(System(str(root)), config.defaults() | scene.settings, [])
    run.wanted = Wanted(admin_user=USER, keys=(KEY,) * scene.keys, password=scene.password)
    try:
        login.step_login(run)
    except Failure as failure:
        return report.description(failure.reason, failure.details, VM_ID, WHEN), run.login
    return "", run.login


def _shell_scene(scene: Scene, shell: ShellEngine) -> tuple[str, str]:
    scene.plant(shell.root)
    names = {**config.defaults(), **scene.settings}
    given_settings = " ".join(f"set_{name}='{names[name]}'" for name in ("USER_SHELL", "ADMIN_RIGHTS", "USER_GROUPS"))
    work = {"wanted.admin-user": USER.encode(), "wanted.password": scene.password.encode(), "DESCRIPTION": b""}
    work |= {"wanted.key.1": KEY.encode(), "login": b""}
    given = f"wanted_password={'yes' if scene.password else 'no'} wanted_password_login="
    code = f"log_level=1 {given_settings} wanted_keys={scene.keys} {given} deadline=99999999999; step_login"
    shell.run(code, work)
    row, ways = shell.kept("DESCRIPTION", "login")
    return row.decode(), ways.decode()


@one_awk
@pytest.mark.parametrize("name", SCENES)
def test_ways_in_are_found_and_mended_alike(
    name: str, shell: ShellEngine, root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        leave_out("root gives files away")
    scene = SCENES[name]
    monkeypatch.setattr("azready.machine.log.level", 1)
    row, ways = _python_scene(scene, root)
    logged = capfd.readouterr().err
    assert ways == scene.ways, logged
    assert bool(row) == bool(scene.failure)
    if scene.failure:
        assert "|reason=login_impossible|" in row
        assert f"|user=ada|{scene.failure}|" in row
    for text in scene.log:
        assert text in logged
    assert _look(root, scene.after) == scene.after
    assert _shell_scene(scene, shell) == (row, ways), Path(f"{shell.script}.err").read_text()
    assert Path(f"{shell.script}.err").read_text() == logged
    places = [name for name in (*scene.files, *scene.owners, *scene.modes) if (root / name).exists()]
    assert _look(shell.root, places) == _look(root, places)
    assert (shell.root / "etc/passwd").read_bytes() == (root / "etc/passwd").read_bytes()
