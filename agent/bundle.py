"""Assembles dist/ from the source tree: one shell text, one zip, and the two joined to the file that runs everywhere.

Standard library only, so that a packager needs nothing but the wheels named in the locks. The output depends on
the content of the inputs alone: not on the clock, the umask, the folder, the order of a directory or the Python.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import hashlib
import io
import os
import re
import stat
import struct
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent

# The folders of the zip that hold urllib3; each is pinned by agent/NAME.lock.
VENDORED = ("urllib3-2", "urllib3-1")
# What the lab's zip takes whole, into its top folder: it runs on a Python that is new, so one version will do.
LAB_VENDORED = "h11"
LOCKED = (*VENDORED, LAB_VENDORED)

# What stays out of the zip: folder, path in the wheel, why nothing that the agent uses misses it.
# Files go or stay whole, none is edited. Kept on purpose: six (all of 1.26 stands on it), contrib/_appengine_environ
# of 1.26 and http2/probe of 2.x (the core imports both).
DROPPED = (
    ("urllib3-2", "urllib3/poolmanager.py", "for many hosts, proxies, redirects; azready takes one connection pool"),
    ("urllib3-1", "urllib3/poolmanager.py", "for many hosts, proxies, redirects; azready takes one connection pool"),
    ("urllib3-2", "urllib3/py.typed", "a marker for type checkers"),
    ("urllib3-2", "urllib3/contrib/*", "pyOpenSSL, SOCKS, WebAssembly: imported on request only"),
    ("urllib3-2", "urllib3/http2/connection.py", "HTTP/2 needs a package of its own and an explicit call"),
    (
        "urllib3-2",
        "urllib3/util/ssltransport.py",
        "TLS in TLS; without it urllib3 does without ssl",
    ),
    (
        "urllib3-1",
        "urllib3/util/ssltransport.py",
        "TLS in TLS; without it urllib3 does without ssl",
    ),
    ("urllib3-1", "urllib3/contrib/appengine.py", "Google App Engine"),
    ("urllib3-1", "urllib3/contrib/ntlmpool.py", "NTLM logins"),
    ("urllib3-1", "urllib3/contrib/pyopenssl.py", "TLS through pyOpenSSL"),
    ("urllib3-1", "urllib3/contrib/securetransport.py", "TLS of macOS"),
    ("urllib3-1", "urllib3/contrib/_securetransport/*", "TLS of macOS"),
    ("urllib3-1", "urllib3/contrib/socks.py", "SOCKS proxies"),
    ("urllib3-1", "urllib3/packages/backports/*", "stand-ins for what Python 2 lacks"),
)

# Files of urllib3 that an empty one stands in for: all that they do is to import the pool manager, or to offer HTTP/2.
FRONT_DOORS = ("urllib3/__init__.py", "urllib3/http2/__init__.py")

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest moment that a zip can name
UNIX = 3  # "made on" in a zip entry; otherwise it would tell the system of the build
LOCAL_HEADER = struct.Struct("<26xHH")  # of an entry in a zip: the lengths of name and extra field, which follow it
FACT_TABLES = ("machine.conf", "ssh.conf", "accounts.conf")
# Those that the shell engine gets as texts without blanks around the cells, as $NAME_table.
NARROW_TABLES = ("reasons", "generalize")
# What units/INIT/install.conf says, and how the engines' table of init systems has it: a column for each first word,
# with a sign in front of what is enabled and disabled.
INSTALL_CONF = "install.conf"
UNIT_WORDS = {"found": ",", "place": " ", "file": ">", "link": ">", "empty": "", "line": "~", "startpar": "%"}
UNIT_COLUMNS = (("found",), ("place",), ("file",), ("link", "empty", "line", "startpar"), ("disable",))
DISABLE_SIGNS = {"remove": "-", "down": "+", "line": "~"}
PYTHON_TABLES = (
    *("protocol.conf", "health.xml", "steps.conf", "settings.conf", "reasons.conf"),
    *FACT_TABLES,
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


class BundleError(Exception):
    """An input that no good file can be made of; the message names it and says what to do."""


def assemble(root: Path, wheels: Path) -> dict[str, bytes]:
    """Everything that belongs into dist/: file name -> content."""
    version = project_version(root)
    engine = python_members(root, version)
    for name in VENDORED:
        engine |= vendored_members(name, require_wheel(root / "agent" / f"{name}.lock", wheels))
    files = {
        "azready": zip_behind(shell_text(root, version, with_zip=True), engine),
        "azready.sh": shell_text(root, version, with_zip=False),
        "azready.pyz": zip_behind(b"#!/usr/bin/env python3\n", engine),
        "azready-lab.pyz": zip_behind(b"#!/usr/bin/env python3\n", lab_members(root, wheels)),
    }
    return files | {"SHA256SUMS": checksums(files)}


def project_version(root: Path) -> str:
    """The version; pyproject.toml is the only place that states it."""
    return str(tomllib.loads(read(root / "pyproject.toml"))["project"]["version"])


def read(path: Path) -> str:
    """Text of an input file with plain line ends."""
    try:
        return path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"cannot read {path}: {error}") from error


# The shell half


def shell_text(root: Path, version: str, *, with_zip: bool, for_linter: bool = False) -> bytes:
    """The shell engine as one script, the same for both files. It ends in `exit`: some shells read on into the zip.

    `for_linter`: with what only shellcheck reads, its directives and the names of the settings.
    """
    modules = [read(path) for path in shell_modules(root)]
    code = "".join(modules if for_linter else map(without_comments, modules))
    text = header(version, with_zip) + assignments(root, for_linter) + code
    if not text.endswith("\nexit $?\n"):
        raise BundleError("agent/shell/launcher.sh must end in a line `exit $?`, because the zip follows it")
    return ascii_only(text)


def without_comments(text: str) -> str:
    """The text without the lines that are comments alone: all that is done to shell, awk and tables."""
    return re.sub(r"(?m)^[ \t]*#.*\n", "", text)


def header(version: str, with_zip: bool) -> str:
    """First lines of the script: what this file is, where to change it, and whether a zip follows it."""
    return (
        (
            "#!/bin/sh\n"
            f"# azready {version}: gives a Linux virtual machine its identity and reports Ready to Azure.\n"
            "# SPDX-License-Identifier: Apache-2.0\n"
            "# Generated by build.py from agent/, without the comments: read and change it there.\n"
        )
        + assignment("azready_version", version)
        + assignment("azready_zip", "yes" if with_zip else "no")
    )


def assignments(root: Path, for_linter: bool) -> str:
    """The shared tables as shell variables, in braces so that one lint directive covers them all and nothing else."""
    values = {f"proto_{key}": value for key, value in protocol(root).items()}
    # config.sh gives them their values: so a misspelt setting is an unassigned variable to the linter.
    values |= {f"set_{key}": "" for key in setting_keys(root)} if for_linter else {}
    values |= shell_tables(root) | unit_texts(root)
    awks = sorted((root / "agent" / "shell").rglob("*.awk"), key=lambda path: path.name)
    values |= {f"awk_{path.stem}": with_facts(root, without_comments(read(path))) for path in awks}
    tables = "".join(assignment(name, value) for name, value in values.items())
    # SC2034: the Python engine may be the only one that needs a fact. SC2016: `$1` in awk text is not the shell's.
    # As the first command of the file the braces would spread the directive to all of it: the header has one before.
    return f"# shellcheck disable=SC2016,SC2034\n{{\n{tables}}}\n" if for_linter else tables


def shell_tables(root: Path) -> dict[str, str]:
    """The tables that the shell engine gets as texts: name of the variable -> text."""
    tables = root / "agent" / "tables"
    return {
        **{f"fact_{key}": value for key, value in facts(root).items()},
        "health_template": read(tables / "health.xml"),
        "steps_table": without_comments(read(tables / "steps.conf")),
        "step_words": step_words(read(tables / "steps.conf")),
        "settings_table": without_comments(read(tables / "settings.conf")),
        "help_text": read(tables / "help.txt") + read(tables / "help-image.txt"),
        "units_table": units_table(root),
        **{f"{name}_table": narrow(read(tables / f"{name}.conf")) for name in NARROW_TABLES},
    }


def step_words(table: str) -> str:
    """The steps as words ` NAME:NAME_OF_A_FUNCTION:NAME_OF_A_KEY`, which the shell would need programs to make."""
    names = [line.split("|")[0].strip() for line in without_comments(table).splitlines()]
    functions = [(name, name.replace("-", "_")) for name in names]
    return "".join(f" {name}:{function}:{function.upper()}" for name, function in functions)


def narrow(table: str) -> str:
    """A table of columns without comments, and without the blanks that are there for who reads the source."""
    return re.sub(r" *\| *", "|", without_comments(table))


def units_table(root: Path) -> str:
    """The init systems, by rank: name | found by | places | files | enabled by | disabled by."""
    inits = {path.parent.name: unit_lines(path) for path in (root / "units").glob(f"*/{INSTALL_CONF}")}
    ranks = {name: next(int(words[1]) for words in lines if words[0] == "rank") for name, lines in inits.items()}
    columns = {name: [unit_column(lines, words) for words in UNIT_COLUMNS] for name, lines in inits.items()}
    return "".join("|".join([name, *columns[name]]) + "\n" for name in sorted(inits, key=lambda name: ranks[name]))


def unit_lines(path: Path) -> list[list[str]]:
    """The lines of an install.conf as words. Raises for a word that is none."""
    lines = [line.split() for line in without_comments(read(path)).splitlines() if line]
    for words in lines:
        known = words[0] in ("rank", *UNIT_WORDS) or (words[0] == "disable" and words[1] in DISABLE_SIGNS)
        if not known or not 2 <= len(words) <= 3:
            raise BundleError(f"{path}: not understood: {' '.join(words)}: see units/README.md")
    return lines


def unit_column(lines: list[list[str]], words: tuple[str, ...]) -> str:
    """The cell for the lines that begin with one of these words."""
    cells = []
    for word, *values in lines:
        if word == "disable" and word in words:
            cells.append(DISABLE_SIGNS[values[0]] + values[1])
        elif word in words:
            sign = UNIT_WORDS[word]
            cells.append(sign.join(values) if len(values) > 1 else (sign if sign in "~%" else "") + values[0])
    return " ".join(cells)


def unit_texts(root: Path) -> dict[str, str]:
    """Every file of units/INIT as `unit_INIT_FILE`, for `install`."""
    files = sorted(path for path in (root / "units").glob("*/*") if path.name != INSTALL_CONF)
    return {re.sub(r"[^A-Za-z0-9]", "_", f"unit_{path.parent.name}_{path.name}"): read(path) for path in files}


def assignment(name: str, value: str) -> str:
    """One line `name='value'`, without the final newline of a text that was a file."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise BundleError(f"{name!r} is no name for a shell variable: rename the key or the awk file")
    return f"{name}={quote(value.removesuffix(chr(10)))}\n"


def protocol(root: Path) -> dict[str, str]:
    """The facts of the wire: key -> value."""
    lines = read(root / "agent" / "tables" / "protocol.conf").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def facts(root: Path) -> dict[str, str]:
    """The facts of machines, SSH servers and accounts: key -> words."""
    lines = (line for name in FACT_TABLES for line in read(root / "agent" / "tables" / name).splitlines())
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def with_facts(root: Path, program: str) -> str:
    """An awk program with the words of facts in the place of `@KEY@`."""
    known = facts(root)
    return re.sub("@([A-Z_]+)@", lambda match: known.get(match[1], match[0]), program)


def setting_keys(root: Path) -> list[str]:
    """The settings, from the first column of their table."""
    lines = read(root / "agent" / "tables" / "settings.conf").splitlines()
    return [line.split("|")[0].strip() for line in lines if line and not line.startswith("#")]


def quote(text: str) -> str:
    """A shell word that stands for exactly this text: inside single quotes only a single quote is special."""
    return "'" + text.replace("'", "'\\''") + "'"


def shell_modules(root: Path) -> list[Path]:
    """The modules by name; the launcher last, because it is the one that runs."""
    return sorted((root / "agent" / "shell").rglob("*.sh"), key=lambda path: (path.name == "launcher.sh", path.name))


def ascii_only(text: str) -> bytes:
    """The text as bytes. yash stops at any other byte when no locale is set, and at boot none is."""
    for line in text.splitlines():
        if not line.isascii():
            raise BundleError(f"the shell engine must be plain ASCII, this line is not: {line!r}")
    return text.encode("ascii")


# The zip half


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
                members[f"{name}/{path}"] = b"" if path in FRONT_DOORS else packed(archive, entry)
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


def require_wheel(lock: Path, wheels: Path) -> Path:
    """The wheel that the lock names. Raises when it is missing or its bytes are others."""
    wheel = locked_wheel(lock, wheels)
    if wheel is None:
        raise BundleError(f"no wheel in {wheels} has a SHA-256 of {lock}: `python3 build.py build` fetches it")
    return wheel


def locked_wheel(lock: Path, wheels: Path) -> Path | None:
    """The wheel whose SHA-256 stands in the lock: the name does not count, the bytes do."""
    hashes = set(re.findall(r"--hash=sha256:([0-9a-f]{64})", read(lock)))
    found = (path for path in sorted(wheels.glob("*.whl")) if sha256(path.read_bytes()) in hashes)
    return next(found, None)


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


# The output


def sha256(content: bytes) -> str:
    """Hexadecimal digest."""
    return hashlib.sha256(content).hexdigest()


def checksums(files: dict[str, bytes]) -> bytes:
    """The list that `sha256sum -c` reads."""
    return "".join(f"{sha256(content)}  {name}\n" for name, content in sorted(files.items())).encode()


def write(folder: Path, files: dict[str, bytes]) -> None:
    """Put the files in place, each in one move, so that nobody who runs the old one sees half of the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        handle, temporary = tempfile.mkstemp(dir=folder)
        with open(handle, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o755 if content.startswith(b"#!") else 0o644)
        os.replace(temporary, folder / name)


def main() -> int:
    """Assemble dist/ from the tree that this file lies in and from wheels that are there already."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--wheels", type=Path, default=ROOT / "build" / "wheels", help="folder with the locked wheels")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder to write to")
    options = parser.parse_args()
    try:
        write(options.out, assemble(ROOT, options.wheels))
    except BundleError as error:
        print(f"bundle.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
