"""The zip half of azready: the Python engine and the parts of urllib3 that it needs. And the zip of the lab."""

from __future__ import annotations

import ast
import fnmatch
import io
import os
import re
import stat
import struct
import zipfile
from pathlib import Path
from typing import NamedTuple

from bundle_inputs import read, require_wheel
from bundle_shell import FACT_TABLES, units_table

# The folders of the zip that hold urllib3; each is pinned by agent/NAME.lock.
VENDORED = ("urllib3-2", "urllib3-1")
# What the lab's zip takes whole, into its top folder: it runs on a Python that is new, so one version will do.
LAB_VENDORED = "h11"
LOCKED = (*VENDORED, LAB_VENDORED)

# What stays out of the zip: folder, path in the wheel, why nothing that the agent uses misses it.
# Files go or stay whole, none is edited. azready takes urllib3's connection: what connects, and puts a request on the
# wire. Kept on purpose: six (all of 1.26 stands on it), contrib/_appengine_environ of 1.26 and http2/probe of 2.x (the
# connection imports both).
_BOTH = (
    ("urllib3/poolmanager.py", "for many hosts, proxies, redirects"),
    ("urllib3/connectionpool.py", "keeps connections for the next request; each of ours has its own"),
    ("urllib3/response.py", "decompression, redirects, streams; machine/http.py reads the few answers that there are"),
    ("urllib3/fields.py", "forms"),
    ("urllib3/filepost.py", "forms"),
    ("urllib3/util/retry.py", "machine/tries.py knows when to ask again, in both engines alike"),
    ("urllib3/util/ssltransport.py", "TLS in TLS"),
)
DROPPED = (
    *((folder, path, why) for folder in VENDORED for path, why in _BOTH),
    ("urllib3-2", "urllib3/py.typed", "a marker for type checkers"),
    ("urllib3-2", "urllib3/contrib/*", "pyOpenSSL, SOCKS, WebAssembly: imported on request only"),
    ("urllib3-2", "urllib3/http2/connection.py", "HTTP/2 needs a package of its own and an explicit call"),
    ("urllib3-2", "urllib3/_request_methods.py", "what the pool is made of"),
    ("urllib3-2", "urllib3/util/proxy.py", "for proxies"),
    ("urllib3-1", "urllib3/request.py", "what the pool is made of"),
    ("urllib3-1", "urllib3/util/queue.py", "what the pool is made of"),
    ("urllib3-1", "urllib3/contrib/appengine.py", "Google App Engine"),
    ("urllib3-1", "urllib3/contrib/ntlmpool.py", "NTLM logins"),
    ("urllib3-1", "urllib3/contrib/pyopenssl.py", "TLS through pyOpenSSL"),
    ("urllib3-1", "urllib3/contrib/securetransport.py", "TLS of macOS"),
    ("urllib3-1", "urllib3/contrib/_securetransport/*", "TLS of macOS"),
    ("urllib3-1", "urllib3/contrib/socks.py", "SOCKS proxies"),
    ("urllib3-1", "urllib3/packages/backports/*", "stand-ins for what Python 2 lacks"),
)

# Files of urllib3 in whose place we put one of ours, of either generation. The connection imports them by name, and no
# request of ours gets into them; to compile them would cost a third of the start.
_NO_TLS = """def refuse(*_arguments, **_options):
    raise NotImplementedError("azready speaks plain HTTP")


"""
_TLS = "assert_fingerprint create_urllib3_context is_ipaddress resolve_cert_reqs resolve_ssl_version ssl_wrap_socket"
STAND_INS = {
    # They import everything else, or offer HTTP/2.
    "urllib3/__init__.py": "",
    "urllib3/http2/__init__.py": "",
    "urllib3/util/__init__.py": "from .request import SKIP_HEADER, SKIPPABLE_HEADERS\n",
    "urllib3/util/ssl_.py": f"{_NO_TLS}{' = '.join(_TLS.split())} = refuse\n",
    "urllib3/util/ssl_match_hostname.py": f"{_NO_TLS}match_hostname = refuse\nCertificateError = ValueError\n",
    # Named in annotations alone.
    "urllib3/util/url.py": "class Url:\n    pass\n",
}

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest moment that a zip can name
UNIX = 3  # "made on" in a zip entry; otherwise it would tell the system of the build
LOCAL_HEADER = struct.Struct("<26xHH")  # of an entry in a zip: the lengths of name and extra field, which follow it
PYTHON_TABLES = (
    *("protocol.conf", "health.xml", "steps.conf", "settings.conf", "reasons.conf", "hints.conf"),
    *FACT_TABLES,
    "outside.sh",
)
LAB_ENTRY = b"import sys\n\nfrom lab.cli import main\n\nsys.exit(main())\n"
# Of the conformance suite, what the tests and the demo of azready alone need.
SUITE_SPARED = ("test_*.py", "demo.py", "*.pyc")


class Packed(NamedTuple):
    """A file as its wheel holds it: the entry that describes it, and the bytes as the wheel's maker packed them."""

    entry: zipfile.ZipInfo
    data: bytes


# What the zips are made of: name -> content, to be stored as it is, or what is packed already.
Members = dict[str, bytes | Packed]


def python_members(root: Path, version: str) -> Members:
    """The Python engine: name in the zip -> content. `__main__.py` stands at the top, where Python looks for it."""
    package = root / "agent" / "python" / "azready"
    files = {path.relative_to(package).as_posix(): path for path in package.rglob("*.py")}
    members = {f"azready/{name}": without_docstrings(read(path)) for name, path in files.items()}
    members["__main__.py"] = members.pop("azready/__main__.py")
    members |= {f"azready/{table}": read(root / "agent" / "tables" / table) for table in PYTHON_TABLES}
    # The overview: the sections for one command each are the shell's.
    members["azready/help.txt"] = read(root / "agent" / "tables" / "help.txt").partition("== ")[0]
    members["azready/units.conf"] = units_table(root)
    members["azready/VERSION"] = f"{version}\n"
    return {name: text.encode() for name, text in members.items()}


def without_docstrings(source: str) -> str:
    """Python without docstrings and comment lines. Empty lines stand for them, so that line numbers stay true."""
    lines, tree = source.splitlines(True), ast.parse(source)
    texts = [node for node in ast.walk(tree) if isinstance(node, (ast.Constant, ast.JoinedStr))]
    inside = {number for text in texts for number in range(text.lineno + 1, (text.end_lineno or text.lineno) + 1)}
    gone = {number for number, line in enumerate(lines, 1) if re.match(" *#(?!!)", line)} - inside
    for node in ast.walk(tree):
        # Where a docstring is all that there is, the block would be empty without it.
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body[1:] and ast.get_docstring(node):
            gone |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return "".join("\n" if number in gone else line for number, line in enumerate(lines, 1))


def lab_members(root: Path, wheels: Path) -> Members:
    """The lab's command line, the emulator, the conformance suite, and the HTTP parser with its licence."""
    tests = root / "tests"
    members: Members = {"__main__.py": LAB_ENTRY}
    for path in (*(tests / "lab").glob("*.py"), *(tests / "lab" / "emulator").rglob("*.py")):
        members[path.relative_to(tests).as_posix()] = read(path).encode()
    # As they lie in the source tree: lab/suite.py unpacks them for a run.
    suite = [path for path in (tests / "conformance").rglob("*") if path.is_file() and not suite_spared(path)]
    for path in (root / "pyproject.toml", tests / "support.py", *suite):
        members[f"suite/{path.relative_to(root).as_posix()}"] = path.read_bytes()
    with zipfile.ZipFile(require_wheel(root / "agent" / f"{LAB_VENDORED}.lock", wheels)) as archive:
        for entry in archive.infolist():
            if entry.filename.startswith(f"{LAB_VENDORED}/") and entry.filename.endswith(".py"):
                members[entry.filename] = packed(archive, entry)
            elif entry.filename.endswith("LICENSE.txt"):
                members[f"{LAB_VENDORED}/LICENSE.txt"] = packed(archive, entry)
    return members


def suite_spared(path: Path) -> bool:
    """Whether a file of the suite is of no use to another agent."""
    return any(fnmatch.fnmatchcase(path.name, pattern) for pattern in SUITE_SPARED)


def vendored_members(name: str, wheel: Path) -> Members:
    """What the zip takes from a wheel: the package without the drop list, and its licence.

    The files stay packed. urllib3 itself imports zlib, so no Python that could run it is lost; and to pack them here
    would give other bytes with every other zlib.
    """
    members: Members = {}
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = entry.filename
            if path.startswith("urllib3/") and not dropped(name, path):
                stands_in = STAND_INS.get(path)
                members[f"{name}/{path}"] = packed(archive, entry) if stands_in is None else stands_in.encode()
            elif path.endswith("LICENSE.txt"):
                members[f"{name}/LICENSE.txt"] = packed(archive, entry)
    return members


def packed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Packed:
    """A file of the archive without unpacking it; checked all the same."""
    archive.read(entry)
    assert archive.fp
    archive.fp.seek(entry.header_offset)
    archive.fp.seek(sum(LOCAL_HEADER.unpack(archive.fp.read(LOCAL_HEADER.size))), os.SEEK_CUR)
    return Packed(entry, archive.fp.read(entry.compress_size))


def dropped(name: str, path: str) -> bool:
    """Whether the drop list leaves this file of a wheel out."""
    return any(
        fnmatch.fnmatchcase(name, folder) and fnmatch.fnmatchcase(path, pattern) for folder, pattern, _ in DROPPED
    )


def zip_behind(prefix: bytes, members: Members) -> bytes:
    """Prefix and zip; offsets count the prefix. What is ours is stored: that can be read, and can speak, everywhere."""
    buffer = io.BytesIO(prefix)
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = UNIX
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            if isinstance(content, Packed):
                append_packed(archive, entry, content)
            else:
                archive.writestr(entry, content)
    return buffer.getvalue()


def append_packed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, content: Packed) -> None:
    """What ZipFile.writestr does, without packing."""
    entry.compress_type, entry.CRC = content.entry.compress_type, content.entry.CRC
    entry.compress_size, entry.file_size = content.entry.compress_size, content.entry.file_size
    assert archive.fp
    archive.fp.seek(archive.start_dir)
    entry.header_offset = archive.fp.tell()
    archive.fp.write(entry.FileHeader(zip64=False) + content.data)
    archive.start_dir = archive.fp.tell()
    archive.filelist.append(entry)
    archive.NameToInfo[entry.filename] = entry
