"""A document of a megabyte that somebody has made to be expensive is read or refused all the same.

By every awk and by Python. What an engine may use is far above what it needs, and far below what a text that is
copied, searched or walked through again for each of its parts would cost: there are no other limits of time here.
"""

from __future__ import annotations

import base64
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from bundle import quote
from support import DIST, need, shell_functions
from unit.odd_documents import AZURE_NS, OVF_NS
from unit.shell_engine import AWKS

# Of the processor, and of memory; a Python needs about 60 MB to start.
SECONDS = 30
BYTES = 300 << 20

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


def goal_state(inside: str, container: str = "c") -> str:
    """A goal state with something inside its root, or for an id."""
    role = "<RoleInstanceList><RoleInstance><InstanceId>i</InstanceId></RoleInstance></RoleInstanceList>"
    ids = f"<Container><ContainerId>{container}</ContainerId>{role}</Container>"
    return f"<GoalState><Incarnation>1</Incarnation>{inside}{ids}</GoalState>"


def media(inside: str = "", attributes: str = "", before: str = "") -> str:
    """An ovf-env.xml with something in it."""
    of_linux = "wa:LinuxProvisioningConfigurationSet"
    section = f"<wa:ProvisioningSection><{of_linux}>{inside}</{of_linux}></wa:ProvisioningSection>"
    return f'<Environment xmlns="{OVF_NS}" xmlns:wa="{AZURE_NS}"{attributes}>{before}{section}</Environment>'


def keys_of_media(keys: Sequence[str]) -> str:
    values = "".join(f"<wa:PublicKey><wa:Value>{key}</wa:Value></wa:PublicKey>" for key in keys)
    return media(f"<wa:SSH><wa:PublicKeys>{values}</wa:PublicKeys></wa:SSH>")


def instance(inside: str) -> str:
    """An instance document with more members."""
    return f'{{"compute": {{"name": "a", {inside} "vmId": "v"}}}}'


def keys_of_imds(keys: Sequence[str]) -> str:
    entries = ",".join(f'{{"keyData": "{key}", "path": "/home/a"}}' for key in keys)
    return instance(f'"publicKeys": [{entries}],')


MANY_BINDINGS = " ".join(f'xmlns:p{number}="u"' for number in range(250))
# Fields whose ends are never the end of a group of base64, so that the key is looked at again and again.
FIELDS = base64.b64encode((7).to_bytes(4, "big") + b"ssh-rsa" + b"\0\0\0\2xx" * 2038).decode()
# Kind, whether it is a good document, and the document.
DOCUMENTS: dict[str, tuple[str, bool, str]] = {
    "elements inside each other": ("goal_state", False, goal_state("<a>" * 140000 + "</a>" * 140000)),
    "elements one after the other": ("goal_state", True, goal_state("<a/>" * 240000)),
    "long names inside each other": (
        "goal_state",
        False,
        f"<{'n' * 7000}>" * 60 + "<a/>" * 60000 + f"</{'n' * 7000}>" * 60,
    ),
    "less-than in CDATA": ("goal_state", True, goal_state(f"<![CDATA[{'<' * 1000000}]]>")),
    "references": ("goal_state", False, goal_state("<b>&lt;</b>", "&amp;" * 200000)),
    "carriage returns": ("goal_state", True, goal_state("\r" * 1000000)),
    "blanks": ("goal_state", False, goal_state("", f"a{' ' * 1000000}b")),
    "attributes": ("goal_state", False, goal_state("<a " + " ".join(f"a{n}=''" for n in range(90000)) + "/>")),
    "letters of two bytes": ("goal_state", True, goal_state("<b>" + "\u00e9a" * 330000 + "</b>")),
    "namespaces on one element": ("media", False, media("", "".join(f' xmlns:p{n}="u"' for n in range(50000)))),
    "many namespaces in force": (
        "media",
        True,
        media("", before=f"<a {MANY_BINDINGS}>" * 60 + "<q:b/>" * 100000 + "</a>" * 60),
    ),
    "keys of the media": ("media", True, keys_of_media([ED25519] * 7000)),
    "9000 keys": ("instance", True, keys_of_imds([ED25519] * 9000)),
    "quotes": ("instance", True, instance(f'"userData": "{chr(92) + chr(34)}",'.replace('\\"', '\\"' * 400000))),
    "string that does not end": ("instance", False, instance('"a": "' + '\\"' * 480000)),
    "one object again and again": (
        "instance",
        True,
        "{" + '"compute":{"name":"b"},' * 45000 + '"compute":{"name":"a"}}',
    ),
    "items": ("instance", True, instance(f'"a": [{"1," * 500000}1],')),
    "arrays inside each other": ("instance", False, instance(f'"a": {"[" * 500000}{"]" * 500000},')),
    "hidden values inside each other": (
        "instance",
        True,
        instance('"a":1,"a":{' * 60 + f'"z":[{"1," * 450000}1]' + "}" * 60 + ","),
    ),
    "digits": ("instance", True, instance(f'"a": {"1" * 1000000},')),
    "key in 500000 lines": ("keys", True, "=ssh-rsa A\n" + "+A\n" * 330000),
    "keys in lines, of odd fields": ("keys", True, ("=ssh-rsa \n" + "".join(f"+{c}\n" for c in FIELDS)) * 20),
}
SHELL = {
    "goal_state": 'wire_parse "$work/document"',
    "media": 'cp "$work/document" "$work/ovf-env.xml"; media_parse',
    "instance": 'imds_parse "$work/document"',
    "keys": 'parse_document "$awk_keys" "$work/document" check',
}
PYTHON = """
import sys
sys.path.insert(0, sys.argv[1])
from azready.azure import imds, media, wireserver
from azready.machine import log
from azready.steps import ssh_keys
log.level = 0
with open(sys.argv[3], "rb") as file:
    data = file.read()
def keys(data):
    given = ("\\n" + data.decode()).split("\\n=")[1:]
    ssh_keys._good_keys(tuple(key.rstrip("\\n").replace("\\n+", "\\n") for key in given))
parse = {
    "goal_state": wireserver.parse_goal_state, "media": media.parse_media, "instance": imds.parse_document, "keys": keys
}
try:
    parse[sys.argv[2]](data)
except Exception as error:
    if type(error).__name__ not in ("NoGoodAnswer", "Failure"):
        raise
    sys.exit(1)
"""


def limits() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The functions of the built shell engine."""
    functions = shell_functions()
    path = tmp_path_factory.mktemp("functions") / "engine"
    path.write_text(functions)
    return str(path)


def document(name: str, folder: Path) -> tuple[str, bool]:
    kind, good, text = DOCUMENTS[name]
    assert len(text.encode()) < 1_100_000
    (folder / "document").write_bytes(text.encode())
    return kind, good


@pytest.mark.parametrize("awk", AWKS)
@pytest.mark.parametrize("name", DOCUMENTS)
def test_shell_engine_is_done_in_time_with(name: str, awk: str, engine: str, tmp_path: Path) -> None:
    kind, good = document(name, tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "awk").symlink_to(need(awk, "runs the shell engine's programs"))
    begin = "log_level=0 root='' fail_value='' current_step='' vm_id=x metadata='' deadline=0"
    script = f". {quote(engine)}\n{begin} work={quote(str(tmp_path))}\n{SHELL[kind]}\n"
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    done = subprocess.run(
        [need("dash"), "-c", script], env=environment, preexec_fn=limits, capture_output=True, text=True, check=False
    )
    refused = {"media": 2}.get(kind, 1)
    assert (done.returncode, done.stderr) == (0 if good else refused, "")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_python_engine_is_done_in_time_with(name: str, tmp_path: Path) -> None:
    kind, good = document(name, tmp_path)
    command = [sys.executable, "-c", PYTHON, str(DIST / "azready.pyz"), kind, str(tmp_path / "document")]
    done = subprocess.run(command, preexec_fn=limits, capture_output=True, text=True, check=False)
    # A key that is left out is a warning.
    said = [line for line in done.stderr.splitlines() if not line.startswith("azready: warning: ssh-keys: ")]
    assert (done.returncode, said) == (0 if good else 1, [])
