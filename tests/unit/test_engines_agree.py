"""Both engines give the same answer for the same bytes, or both refuse.

The Python engine's functions are called in this process, out of the built zip. The shell engine's functions are those
of dist/azready.sh, called as its modules call them, in one long-lived shell, with each of the awks. Named faults are
checked first; then hypothesis bends realistic documents until something might tell the two apart.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from bundle import quote
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import DIST
from unit.odd_documents import (
    ARGUMENTS,
    AZURE_NS,
    BOM,
    GOAL_STATE,
    INSTANCE,
    LONG,
    MARKUP,
    OVF,
    OVF_NS,
    PRINTABLE,
    SETTINGS,
    SHORT,
    VALUES,
    VM_ID,
    encode,
    joined,
    odd,
    trees,
)
from unit.shell_engine import AWKS, WHEN, ShellEngine, harvest, plant

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready import tables
from azready.azure import identity, imds, media, report, wanted, wireserver
from azready.azure.run import GoalState, Run, Wanted
from azready.machine import config, http, state
from azready.machine.failure import Failure, NoGoodAnswer, UsageError
from azready.machine.system import System
from azready.steps import data, hostname

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


# Goal state


def goal_state(
    number: str = "1", container: str = "c0", instance: str = "i1", before: str = "", after: str = ""
) -> bytes:
    """A good goal state but for the parts that are given."""
    roles = f"<RoleInstanceList><RoleInstance><InstanceId>{instance}</InstanceId></RoleInstance></RoleInstanceList>"
    text = f"<Container><ContainerId>{container}</ContainerId>{roles}</Container>"
    return f"{before}<GoalState><Incarnation>{number}</Incarnation>{text}</GoalState>{after}".encode()


DEEP = b"<a>" * 5000 + b"</a>" * 5000


def nested(depth: int) -> str:
    """Elements inside each other."""
    return "<a>" * depth + "</a>" * depth


def with_attributes(count: int) -> str:
    """One element with so many attributes."""
    return "<a " + " ".join(f"a{number}=''" for number in range(count)) + "/>"


GOAL_STATES = {
    "good": goal_state(),
    "line breaks between the elements": goal_state().replace(b"><", b">\n<"),
    "line break inside an id": goal_state(container="a\nb"),
    "tab inside an id": goal_state(instance="a\tb"),
    "carriage return by reference": goal_state(container="a&#13;b"),
    "reference with leading zeros": goal_state(container="&#0065;"),
    "digit that is not ASCII": goal_state(number="\u0661"),
    "superscript digit": goal_state(number="\u00b2"),
    "reference to white space behind the root": goal_state(after="&#32;"),
    "reference to white space before the root": goal_state(before="<!-- -->&#10;"),
    "instruction whose name is not ASCII": goal_state(before="<?\u00e9?>"),
    "blank in the version": goal_state(before='<?xml version="1 0"?>'),
    "standalone is neither yes nor no": goal_state(before='<?xml version="1.0" standalone="maybe"?>'),
    "blank in the encoding": goal_state(before='<?xml version="1.0" encoding="utf-8 "?>'),
    "empty": b"",
    "nothing but a byte order mark": BOM.encode(),
    "NUL": goal_state(after="\0"),
    # Behind the root element, which is the first level.
    "63 levels": goal_state().replace(b"<Container>", f"{nested(62)}<Container>".encode()),
    "64 levels": goal_state().replace(b"<Container>", f"{nested(63)}<Container>".encode()),
    "65 levels": goal_state().replace(b"<Container>", f"{nested(64)}<Container>".encode()),
    "256 attributes": goal_state().replace(b"<Container>", f"{with_attributes(256)}<Container>".encode()),
    "257 attributes": goal_state().replace(b"<Container>", f"{with_attributes(257)}<Container>".encode()),
    "less-than at the very end": goal_state(after="<"),
    "less-than in a comment": goal_state(before="<!-- < <a> <!- -->"),
    "less-than in an id": goal_state(container="<![CDATA[a<b<]]>"),
    "instruction with a less-than": goal_state(before="<?a <b?>"),
    "declaration with a less-than": goal_state(before="<?xml version='1.0' encoding='<'?>"),
    "id in many pieces": goal_state(container="<![CDATA[a]]><!-- -->b<?c?>&#99;&amp;"),
    "reference with a thousand zeros": goal_state(container=f"&#x{'0' * 5000}41;&#{'0' * 5000}66;"),
    "reference with too many digits": goal_state(container=f"&#x{'1' * 5000};"),
    "characters at the borders of the pieces": goal_state(
        after="<!--" + "\u20ac" * 3000 + "x" + "\U0001f600" * 2000 + "-->"
    ),
    "half a character at a border": goal_state(after="<!--" + "\u20ac" * 171).replace(
        b"\xac" + b"\xe2\x82\xac" * 2, b""
    )
    + b"-->",
    "line ends at the borders of the pieces": goal_state(after="\r\n" * 3000, before=" " + "\r\n" * 2000),
    "nested 5000 levels deep": goal_state().replace(b"<Container>", DEEP + b"<Container>"),
}


def python_goal_state(data: bytes) -> list[bytes] | None:
    try:
        return [value.encode() for value in wireserver.parse_goal_state(data)]
    except NoGoodAnswer:
        return None


def shell_goal_state(shell: ShellEngine, data: bytes) -> list[bytes] | None:
    if shell.run('parse_goal_state "$work/body"', {"body": data}):
        return None
    return shell.kept("INCARNATION", "CONTAINER_ID", "INSTANCE_ID")


@pytest.mark.parametrize("fault", GOAL_STATES)
def test_goal_state_is_read_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_goal_state(shell, GOAL_STATES[fault]) == python_goal_state(GOAL_STATES[fault])


@bounded
@given(data=odd(GOAL_STATE, MARKUP))
def test_odd_goal_state_is_read_alike(shell: ShellEngine, data: bytes) -> None:
    assert shell_goal_state(shell, data) == python_goal_state(data)


# Provisioning media


def python_media(data: bytes) -> list[bytes] | None:
    try:
        found = media.parse_media(data)
    except Failure:
        return None
    texts = [
        found.hostname,
        found.admin_user,
        found.password,
        found.custom_data,
        str(found.password_login),
        *(key for key in found.keys if key.strip(" \t\r\n")),
    ]
    return [text.encode() for text in texts]


def shell_media(shell: ShellEngine, data: bytes) -> list[bytes] | None:
    """Through merge_wanted, with an IMDS that says nothing."""
    code = """
        : >"$work/DESCRIPTION"
        parse_media || exit
        case $(told_word ovf.DisableSshPasswordAuthentication | tr -d ' \\t\\r\\n') in
        true | 1 | yes | on) printf False ;;
        false | 0 | no | off) printf True ;;
        *) printf None ;;
        esac >"$work/login"
    """
    if shell.run(code, {"ovf-env.xml": data}):
        return None
    texts = shell.kept("ovf.HostName", "ovf.UserName", "ovf.UserPassword", "ovf.CustomData", "login")
    return [*texts, *shell_keys(shell, "ovf.keys")]


def shell_keys(shell: ShellEngine, name: str) -> list[bytes]:
    """The keys in a file of the work directory: each begins behind =, its further lines behind +."""
    text = b"\n" + shell.kept(name)[0]
    return [key.removesuffix(b"\n").replace(b"\n+", b"\n") for key in text.split(b"\n=")[1:]]


@bounded
@given(data=odd(OVF, MARKUP))
def test_odd_media_is_read_alike(shell: ShellEngine, data: bytes) -> None:
    assert shell_media(shell, data) == python_media(data)


# IMDS and the media in one

KEYS = ["", " ", "ssh-rsa A", "ssh-rsa B\r\n"]
SAID = st.sampled_from([None, "", " ", "a", "b \n", 5, True])
TOLD = st.fixed_dictionaries(
    {},
    optional={
        "name": SAID,
        "userData": SAID,
        "osProfile": st.fixed_dictionaries(
            {},
            optional={
                "computerName": SAID,
                "adminUsername": SAID,
                "disablePasswordAuthentication": st.sampled_from(
                    ["true", "TRUE", "false", "", "no", True, False, None, 1]
                ),
            },
        ),
        "publicKeys": st.lists(
            st.sampled_from([{}, None, {"keyData": 5}, *({"keyData": key} for key in KEYS)]), max_size=12
        ),
    },
)
ON_MEDIA = st.fixed_dictionaries(
    {name: st.sampled_from(["", " \n", "m"]) for name in ("HostName", "UserName", "UserPassword", "CustomData")}
    | {"DisableSshPasswordAuthentication": st.sampled_from(["", "True", " no "])}
)


@bounded
@given(compute=TOLD, on_media=ON_MEDIA, media_keys=st.lists(st.sampled_from(KEYS), max_size=3))
def test_sources_are_merged_alike(
    shell: ShellEngine, compute: dict[str, object], on_media: dict[str, str], media_keys: list[str]
) -> None:
    document = {"compute": compute}
    elements = [f"<{name}>{text}</{name}>" for name, text in on_media.items()]
    elements += [
        f"<SSH><PublicKeys><PublicKey><Value>{key}</Value></PublicKey></PublicKeys></SSH>" for key in media_keys
    ]
    inner = f"<LinuxProvisioningConfigurationSet>{''.join(elements)}</LinuxProvisioningConfigurationSet>"
    section = f'<ProvisioningSection xmlns="{AZURE_NS}">{inner}</ProvisioningSection>'
    ovf = f'<e:Environment xmlns:e="{OVF_NS}">{section}</e:Environment>'.encode()
    merged = wanted.merged(document, media.parse_media(ovf))
    code = """
        parse_metadata "$work/body" && parse_media && merge_wanted || exit
        printf %s "$wanted_password_login" >"$work/login"
    """
    assert shell.run(code, {"body": json.dumps(document).encode(), "ovf-env.xml": ovf}) == 0
    assert shell_keys(shell, "wanted.keys") == [key.encode() for key in merged.keys]
    names = ["hostname", "admin-user", "password", "custom-data", "user-data"]
    texts = [merged.hostname, merged.admin_user, merged.password, merged.custom_data, merged.user_data]
    assert shell.kept(*(f"wanted.{name}" for name in names), "login") == [
        *(text.encode() for text in texts),
        {None: b"", True: b"yes", False: b"no"}[merged.password_login],
    ]


# Data in base64

BASE64 = joined(["QQ==", "QUI=", "QUJD", "=", "A", "\n", " ", "+/+/", "*", "\u00e9", "-_-_", "AAAA", "\r\n", "\x0b"])


@bounded
@given(text=BASE64)
def test_base64_is_read_alike(shell: ShellEngine, text: str) -> None:
    try:
        decoded: bytes | None = data._decoded("user-data", text)
    except Failure:
        decoded = None
    work = {"wanted.user-data": encode(text)}
    for tools in ("", "program_has() { return 1; }"):
        code = f': >"$work/DESCRIPTION"\n{tools}\ndecode_data user-data'
        assert (shell.kept("data")[0] if shell.run(code, work) == 0 else None) == decoded


# Instance document

PATHS = ("compute.name", "compute.osProfile.computerName", "compute.vmId")


def instance(name: str = '"web-1"', before: str = "", after: str = "") -> bytes:
    """A good instance document but for the parts that are given."""
    return f'{before}{{"compute": {{"name": {name}, "vmId": "{VM_ID}"}}{after}}}'.encode()


INSTANCES = {
    "good": instance(),
    "line breaks between the parts": json.dumps(json.loads(instance()), indent=2).encode(),
    "dot in a key": instance(after=', "compute.name": "x"'),
    "empty key": instance(after=', "": {"compute": {"name": "x"}}'),
    "key twice, at last not a text": instance(name='"a", "name": 5'),
    "quote at the very end": instance() + b'"',
    "string that does not end": instance(after=', "a": "b').removesuffix(b"}"),
    "backslashes at the end of a string": instance(name='"a' + "\\\\" * 300 + '"'),
    "backslash too many at the end of a string": instance(name='"a' + "\\" * 601 + '"'),
    "quotes": instance(name='"' + '\\"' * 600 + '"'),
    "escapes at the borders of the pieces": instance(name='"' + "x\\ud83d\\ude00\\u20ac\\n" * 300 + '"'),
    "long number": instance(after=f', "a": [{"1" * 600}, -{"2" * 700}.{"3" * 600}E+{"4" * 700}, {"0" * 600}]'),
    "long numbers": instance(after=f', "a": [{"1" * 600}, -{"2" * 700}.{"3" * 600}E+{"4" * 700}]'),
    "blanks at the borders of the pieces": instance(after=" " * 511 + ', "a":' + " \r\n\t" * 300 + "[1 , true]"),
    "array for the whole": b'[{"compute": {"name": "a"}}]',
    "star for a key": instance(
        after=', "compute": {"name": "x", "*": {"name": "b"}, "publicKeys": {"*": {"keyData": "k"}}}'
    ),
    "hidden value too deep": instance(
        after=', "a": ' + '{"a":' * 30 + '{"b": ' + "[" * 40 + "1" + "]" * 40 + ', "b": 1}' + "}" * 30
    ),
    "empty arrays as deep as may be": instance(after=', "a": ' + "[" * 64 + "]" * 64),
    "empty arrays one deeper": instance(after=', "a": ' + "[" * 65 + "]" * 65),
    "brackets in a string": instance(after=f', "a": "{"[" * 100}\\\\"'),
    "key twice, at first with a NUL": instance(name='"\\u0000", "name": "a"'),
    "object twice, at last without a name": instance(after=', "compute": {}'),
    "object, then a text": instance(after=', "compute": "x"'),
    "number of 5000 digits": instance(after=f', "a": {"9" * 5000}'),
    "line break inside a text": instance(name='"a\nb"'),
    "NUL": instance(name='"a\0b"'),
    "NUL by escape in a text that nobody reads": instance(after=', "a": "\\u0000"'),
    "byte order mark": instance(before=BOM),
    "two byte order marks": instance(before=BOM + BOM),
    "empty": b"",
    "nothing but a text": b'"compute"',
}


def python_instance(data: bytes) -> list[bytes] | None:
    try:
        document = imds.parse_document(data)
    except NoGoodAnswer:
        return None
    return [imds.text(document, path).encode() for path in PATHS]


def shell_instance(shell: ShellEngine, data: bytes) -> list[bytes] | None:
    return None if shell.run('parse_metadata "$work/body"', {"body": data}) else shell.kept(*PATHS)


@pytest.mark.parametrize("fault", INSTANCES)
def test_instance_document_is_read_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_instance(shell, INSTANCES[fault]) == python_instance(INSTANCES[fault])


@bounded
@given(data=odd(INSTANCE, VALUES))
def test_odd_instance_document_is_read_alike(shell: ShellEngine, data: bytes) -> None:
    assert shell_instance(shell, data) == python_instance(data)


# The step hostname, from the metadata's texts to the machine's files

NAMES = {
    "good": ("web-1", "other"),
    "vertical tab for a name": ("\x0b", "other"),
    "ideographic space for a name": ("\u3000", "other"),
    "blanks around a name that is refused": (" <html> \n", ""),
    "line break within blanks": ("\n\n", "a\n"),
    "nothing but hyphens": ("--", "other"),
    "letters that become nothing": ("\u00e9", "other"),
}
TREES = {
    "setting behind a tab": {"etc/config/system": b"config system\n\toption hostname 'old'\n"},
    "last line without its end": {"etc/rc.conf": b"A=1\nHOSTNAME=old"},
    "last line, not the setting, without its end": {"etc/conf.d/hostname": b"hostname=old\nA=1"},
    "empty file": {"etc/config/system": b""},
    "line end of Windows": {"opt/bootsync.sh": b"/usr/bin/sethostname box\r\n"},
    "rubbish behind the setting": {"etc/conf.d/hostname": b"hostname=old\x0c\x85\xff\n"},
}


class Outcome(NamedTuple):
    """What a step says of itself, the row of its failure report, and the machine's files after it."""

    result: str
    row: bytes
    tree: Tree


def python_step(root: Path, computer: str, name: str, tree: Mapping[str, bytes]) -> Outcome:
    plant(root, tree)
    run = Run(System(str(root)), config.defaults(), ["hostname"])
    run.wanted = wanted.merged({"compute": {"name": name, "osProfile": {"computerName": computer}}}, Wanted())
    try:
        return Outcome(hostname.step_hostname(run), b"", harvest(root))
    except Failure as failure:
        row = report.description(failure.reason, {"step": "hostname", **failure.details}, VM_ID, WHEN)
        return Outcome("failed", row.encode(), harvest(root))


def shell_step(shell: ShellEngine, computer: str, name: str, tree: Mapping[str, bytes]) -> Outcome:
    code = """
        metadata=known current_step=hostname
        : >"$work/DESCRIPTION"
        read_wanted && step_hostname
        case $? in 0) printf done ;; 3) printf skipped ;; *) printf failed ;; esac >"$work/result"
    """
    shell.run(code, {"compute.name": name.encode(), "compute.osProfile.computerName": computer.encode()}, tree)
    result, row = shell.kept("result", "DESCRIPTION")
    return Outcome(result.decode(), row, harvest(shell.root))


@pytest.mark.parametrize("fault", NAMES)
def test_name_is_mended_alike(fault: str, shell: ShellEngine, root: Path) -> None:
    assert shell_step(shell, *NAMES[fault], {}) == python_step(root, *NAMES[fault], {})


@bounded
@given(computer=SHORT | LONG, name=SHORT | st.just("web-1"))
def test_odd_name_is_mended_alike(shell: ShellEngine, root: Path, computer: str, name: str) -> None:
    assert shell_step(shell, computer, name, {}) == python_step(root, computer, name, {})


@pytest.mark.parametrize("fault", TREES)
def test_hostname_is_kept_alike(fault: str, shell: ShellEngine, root: Path) -> None:
    assert shell_step(shell, "web-1", "", TREES[fault]) == python_step(root, "web-1", "", TREES[fault])


@bounded
@given(tree=trees())
def test_hostname_in_an_odd_tree_is_kept_alike(shell: ShellEngine, root: Path, tree: Tree) -> None:
    assert shell_step(shell, "web-1", "", tree) == python_step(root, "web-1", "", tree)


# The failure report

# Reason, details, VM id.
ROWS: dict[str, tuple[str, dict[str, str], str]] = {
    "no VM id": ("disk_full", {}, ""),
    "option for a reason": ("-f", {"need": "-v"}, VM_ID),
    "backslashes": ("a\\nb", {"path": "C:\\new", "x": "\\"}, VM_ID),
    "quotes at the cut": ("x", {"a": "'" * 500, "b": "c"}, VM_ID),
    "character at the cut": ("x", {"a": "\u20ac" * 200}, VM_ID),
    "half a character": ("x", {"a": "\udce2\udc82", "b": "\udcff"}, VM_ID),
}
keys = st.from_regex("[A-Za-z_][A-Za-z0-9_]{0,5}", fullmatch=True)


def python_row(reason: str, details: dict[str, str], vm_id: str) -> bytes:
    return report.description(reason, details, vm_id, WHEN).encode()


def shell_row(shell: ShellEngine, reason: str, details: dict[str, str], vm_id: str) -> bytes:
    words = [reason, "the hint", *(f"{key}={value}" for key, value in details.items())]
    shell.run(f"vm_id={vm_id}; fail {' '.join(map(quote, words))}")
    return shell.kept("DESCRIPTION")[0]


@pytest.mark.parametrize("fault", ROWS)
def test_row_is_written_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_row(shell, *ROWS[fault]) == python_row(*ROWS[fault])


@bounded
@given(reason=ARGUMENTS, details=st.dictionaries(keys, ARGUMENTS, max_size=4))
def test_odd_row_is_written_alike(shell: ShellEngine, reason: str, details: dict[str, str]) -> None:
    assert shell_row(shell, reason, details, VM_ID) == python_row(reason, details, VM_ID)


@bounded
@given(container=PRINTABLE.map("c".__add__), instance=PRINTABLE.map("i".__add__), row=PRINTABLE)
def test_template_is_filled_alike(shell: ShellEngine, container: str, instance: str, row: str) -> None:
    values = {**GoalState("7", container, instance)._asdict(), "state": "NotReady", "description": row}
    upper = {key.upper(): value for key, value in values.items()}
    shell.run("report_document", {key: value.encode() for key, value in upper.items()})
    assert shell.kept("report") == [report.fill(upper)]


# Settings

CONFIGURATIONS = {
    "two values of a choice at once": b"LOG_CONSOLE=auto,yes\n",
    "blanks inside the quotes": b"RUN=' once '\n",
    "blank inside the quotes of an address": b'IMDS=" 127.0.0.1"\n',
    "all, and a comma": b"STEPS=all,\n",
    "pattern for a step": b"STEPS='hostnam?'\n",
    "vertical tab in a list": b"STEPS='hostname\x0bhostname'\n",
    "two carriage returns": b"RUN=once\r\r\n",
    "carriage return inside the quotes": b"RUN='once\r'\n",
    "backslash": b"STEPS='a\\'\n",
    "NUL": b"RUN=once\0\n",
    "NUL in a comment": b"# \0\nRUN=once\n",
    "byte order mark": b"\xef\xbb\xbfRUN=once\n",
    "comment that is not UTF-8": b"# \xff\nRUN=once # \xfe\n",
    "no-break space before a comment": "RUN=once\u00a0# x\n".encode(),
}
OTHER_LINES = ("", "#", " # c", "\udcff", "# \udcff", "=", "[a]", "export RUN=once", "\ufeff", "\r", "\x0b")


@st.composite
def lines(draw: st.DrawFn) -> str:
    """KEY=VALUE with odd blanks, quotes and comments."""
    key = draw(st.sampled_from([*tables.SETTINGS, *tables.SETTINGS, "UNKNOWN", "run", "1RUN", "RUN RUN", ""]))
    value = draw(st.sampled_from(SETTINGS[kind_of(key) if key in tables.SETTINGS else "seconds"]))
    quoted = draw(st.sampled_from(["{}", "{}", "'{}'", '"{}"', "'{}", "{}'", "'{}\"", "{}x", "\\{}", "$({})"]))
    gap = st.sampled_from(["", "", "", " ", "\t", "\x0b", "\xa0", "\r"])
    tail = draw(st.sampled_from(["", "", " # c", "# c", " x", " #", "\r", "\r\r", ";"]))
    return draw(gap) + key + draw(gap) + "=" + draw(gap) + quoted.format(value) + tail


def kind_of(key: str) -> str:
    """The kind of a setting: address, seconds, steps or one-of."""
    return tables.SETTINGS[key][1].partition(":")[0]


def python_configuration(data: bytes) -> dict[str, str] | None:
    try:
        return {**config.defaults(), **config.parse_file(data.decode("utf-8", "replace"), "azready.conf")}
    except UsageError:
        return None


def shell_configuration(shell: ShellEngine, data: bytes) -> dict[str, str] | None:
    dump = "".join(f'printf %s "$set_{key}" >"$work/{key}"\n' for key in tables.SETTINGS)
    if shell.run(f"config_read\n{dump}", {}, {"etc/azready.conf": data}):
        return None
    return {key: shell.kept(key)[0].decode() for key in tables.SETTINGS}


@pytest.mark.parametrize("fault", CONFIGURATIONS)
def test_configuration_is_read_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_configuration(shell, CONFIGURATIONS[fault]) == python_configuration(CONFIGURATIONS[fault])


@bounded
@given(texts=st.lists(lines() | st.sampled_from(OTHER_LINES), max_size=3))
def test_odd_configuration_is_read_alike(shell: ShellEngine, texts: list[str]) -> None:
    data = encode("\n".join(texts))
    assert shell_configuration(shell, data) == python_configuration(data)


@one_awk
@pytest.mark.parametrize("key", tables.SETTINGS)
def test_value_of_the_environment_is_checked_alike(key: str, shell: ShellEngine) -> None:
    values = SETTINGS[kind_of(key)]
    taken = [value for value in values if not shell.run(f"config_set {key} {quote(value)} environment")]
    assert taken == [value for value in values if accepts(config.check, key, value, "environment")]


@one_awk
@pytest.mark.parametrize("steps", SETTINGS["steps"])
def test_steps_are_chosen_alike(steps: str, shell: ShellEngine) -> None:
    refused = shell.run(f"""config_split_steps {quote(steps)} --only && printf %s "$_steps" >"$work/steps" """)
    assert refused == 2 * (not accepts(config.config_split_steps, steps, "--only"))
    if not refused:
        assert set(shell.kept("steps")[0].decode().split()) == set(config.config_split_steps(steps, "--only"))


# Who am I

uuids = st.sampled_from([VM_ID, VM_ID.upper(), VM_ID[:-1], VM_ID + "0", VM_ID.replace("-", ""), "1" * 36])
one_digit = st.sampled_from("01fF").map(lambda digit: "-".join(digit * count for count in (8, 4, 4, 4, 12)))
tags = st.sampled_from([tables.PROTOCOL["AZURE_ASSET_TAG"], tables.PROTOCOL["AZURE_ASSET_TAG"][1:], "QEMU", ""])
firmware = st.sampled_from(["sys/firmware/efi/x", "dev/efi", "etc/x"])
ASKED = """
    vm_id_from_dmi; printf %s "$vm_id" >"$work/id"
    is_not_azure; printf %s $? >"$work/azure"
    state_is_done; printf %s $? >"$work/open"
"""


def framed(text: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """A text with something that is hard to see around it."""
    frame = st.sampled_from(["", "", "", "\n", " ", "  ", "\r\n", "\t", "\0", "\x0b", "\x1c", "\x7f", "\udcff", "\xa0"])
    return st.tuples(frame, text, frame).map(lambda parts: encode("".join(parts)))


@one_awk
@bounded
@given(uuid=framed(uuids | one_digit), tag=framed(tags), marker=framed(uuids), efi=firmware)
def test_identity_is_found_alike(
    shell: ShellEngine, root: Path, uuid: bytes, tag: bytes, marker: bytes, efi: str
) -> None:
    dmi = {"sys/class/dmi/id/product_uuid": uuid, "sys/class/dmi/id/chassis_asset_tag": tag, efi: b""}
    tree = {**dmi, "var/lib/azready/provisioned": marker}
    plant(root, tree)
    system = System(str(root))
    vm_id = identity.vm_id_from_dmi(system)
    foreign, done = bool(identity.foreign_asset_tag(system)), bool(vm_id) and state.provisioned_as(system) == vm_id
    shell.run(ASKED, {}, tree)
    assert shell.kept("id", "azure", "open") == [vm_id.encode(), b"%d" % (not foreign), b"%d" % (not done)]


# Paths of an image whose links climb, turn absolute, dangle and loop

nodes = st.sampled_from(["a", "b", "c", "d/e", "d/f"])
targets = st.sampled_from(
    ["a", "b", "c/", "d", "/a", "/d/e", "../a", "../../c", "e", "..", "/", "//d//f", "d/../b", "x"]
)
paths = st.sampled_from(["/a", "/b/c", "/d/e/x", "/d/../a", "//a/./b/", "/c/.."])


@one_awk
@bounded
@given(links=st.dictionaries(nodes, targets), path=paths)
def test_path_is_resolved_alike(shell: ShellEngine, links: dict[str, str], path: str) -> None:
    plant(shell.root, {"d/x": b""})
    for name, target in links.items():
        (shell.root / name).symlink_to(target)
    shell.run(f'place_of {path}; printf %s "$_path" >"$work/path"')
    assert shell.kept("path")[0].decode() == System(str(shell.root)).path(path)


# Retry-After

WAITS = [
    *("", "0", "1", " 5 ", "60", "61", "007", "010", "0000000000005", "9" * 20, "-1", "+1", "1.5", "1e1", "0x10"),
    *("5,6", "5 6", "5\t", "\t5", "\u0661", "soon", "Fri, 31 Dec 1999 23:59:59 GMT"),
]


@pytest.mark.parametrize("value", WAITS)
def test_retry_after_is_read_alike(value: str, shell: ShellEngine) -> None:
    head = f"HTTP/1.1 503 Busy\r\nRetry-After: {value}\r\n\r\n".encode()
    shell.run('http_look "$work/head" told; printf "%s %s\\n" "$_status" "$_retry_after" >"$work/line"', {"head": head})
    assert shell.kept("line") == [b"503 %d\n" % http._retry_after(value)]
