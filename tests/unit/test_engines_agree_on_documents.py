"""Both engines read the media, the instance document and data in base64 alike, and merge them alike."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import DIST
from unit.odd_documents import (
    AZURE_NS,
    BOM,
    INSTANCE,
    MARKUP,
    OVF,
    OVF_NS,
    VALUES,
    VM_ID,
    encode,
    joined,
    odd,
)
from unit.shell_engine import ShellEngine

sys.path.append(str(DIST / "azready.pyz"))
# The engine reads its tables from the zip that it lies in: the source tree alone does not have them.
from azready.azure import imds, media, wanted
from azready.machine.failure import Failure, NoGoodAnswer
from azready.steps import data
from unit.engines import bounded


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
    """Through wanted_merge, with an IMDS that says nothing."""
    code = """
        : >"$work/DESCRIPTION"
        media_parse || exit
        case $(tr A-Z a-z <"$work/ovf.DisableSshPasswordAuthentication" | tr -d ' \\t\\r\\n') in
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
        imds_parse "$work/body" && media_parse && wanted_merge || exit
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
        code = f': >"$work/DESCRIPTION"\n{tools}\ndata_decode user-data'
        assert (shell.kept("data")[0] if shell.run(code, work) == 0 else None) == decoded


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
    return None if shell.run('imds_parse "$work/body"', {"body": data}) else shell.kept(*PATHS)


@pytest.mark.parametrize("fault", INSTANCES)
def test_instance_document_is_read_alike(fault: str, shell: ShellEngine) -> None:
    assert shell_instance(shell, INSTANCES[fault]) == python_instance(INSTANCES[fault])


@bounded
@given(data=odd(INSTANCE, VALUES))
def test_odd_instance_document_is_read_alike(shell: ShellEngine, data: bytes) -> None:
    assert shell_instance(shell, data) == python_instance(data)
