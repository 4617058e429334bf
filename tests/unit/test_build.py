"""What build.py and agent/bundle.py promise: the same bytes everywhere, small, complete, verified."""

from __future__ import annotations

import ast
import fnmatch
import hashlib
import http.server
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import bundle
import bundle_shell
import bundle_zip
import pytest
from support import DIST, PYTHONS, ROOT, interpreters, leave_out, need

WHEELS = ROOT / "build" / "wheels"
VENDORED_FOLDERS = ("urllib3-", "h11/")
ZIPS = ("azready", "azready.pyz", "azready-lab.pyz")
INPUTS = ("agent", "units", "tests/lab", "tests/conformance", "tests/support.py", "pyproject.toml", "LICENSE")
ENGINE_PYTHONS = [version for version in PYTHONS if version not in ("2.7", "3.6")]
SHELLS = ("dash", "bash", "busybox", "mksh", "yash", "ksh", "zsh", "posh")


def copy_of_the_tree(folder: Path) -> Path:
    """The inputs of the bundle, to build from or to spoil."""
    for name in INPUTS:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def zip_part(name: str) -> zipfile.ZipFile:
    """A file of dist/, opened as a zip."""
    return zipfile.ZipFile(DIST / name)


# The same bytes


def built_elsewhere(tree: Path, python: str, umask: int) -> dict[str, tuple[int, bytes]]:
    """Build in a tree whose file times are rubbish, with other settings; name -> mode and content."""
    chance = random.Random(str(tree))
    for path in tree.rglob("*"):
        moment = chance.uniform(0, 2e9)
        os.utime(path, (moment, moment))
    # The C locale, and one whose Python reads and writes UTF-8 by itself.
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"} if umask == 0o022 else {"LC_ALL": "C.UTF-8"}
    environment = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": str(umask), "TZ": f"XYZ{umask % 12}", **locale}
    command = [python, "-B", str(tree / "agent/bundle.py"), "--wheels", str(WHEELS)]
    subprocess.run(command, check=True, env=environment, umask=umask, cwd=tree.parent)
    return {path.name: (path.stat().st_mode & 0o777, path.read_bytes()) for path in (tree / "dist").iterdir()}


def test_two_pythons_in_two_folders_build_the_same_bytes(tmp_path: Path) -> None:
    able = [path for version, path in interpreters().items() if version in ("3.11", "3.12", "3.13", "3.14")]
    if len(able) < 2:
        leave_out("only one Python 3.11 or newer is installed: cannot compare the builds of two")
    one = built_elsewhere(copy_of_the_tree(tmp_path / "one"), able[0], 0o022)
    two = built_elsewhere(copy_of_the_tree(tmp_path / "a longer name"), able[-1], 0o077)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name] != two[name]] == []


def test_modes_are_those_of_the_contract() -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in DIST.iterdir() if path.is_file()}
    assert modes == {**dict.fromkeys([*ZIPS, "azready.sh"], 0o755), "SHA256SUMS": 0o644}


def test_checksums_name_every_file() -> None:
    rows = [line.split("  ") for line in (DIST / "SHA256SUMS").read_text().splitlines()]
    assert [name for _, name in rows] == sorted([*ZIPS, "azready.sh"])
    assert all(hashlib.sha256((DIST / name).read_bytes()).hexdigest() == digest for digest, name in rows)


# Small and readable everywhere


@pytest.mark.parametrize(("name", "limit"), [("azready", 800 * 1024), ("azready.sh", 320 * 1024)])
def test_size_stays_within_the_contract(name: str, limit: int) -> None:
    assert (DIST / name).stat().st_size <= limit


@pytest.mark.parametrize("name", ZIPS)
def test_zip_says_nothing_about_the_build(name: str) -> None:
    entries = zip_part(name).infolist()
    names = [entry.filename for entry in entries]
    facts = {(entry.create_system, entry.flag_bits, entry.extra, entry.comment) for entry in entries}
    assert names == sorted(set(names))
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    assert facts == {(3, 0, b"", b"")}


@pytest.mark.parametrize("name", ZIPS)
def test_what_is_ours_is_stored_and_needs_no_zlib(name: str) -> None:
    """A Python without it is told what it lacks; what is vendored comes packed, whatever is done here."""
    ours = [entry for entry in zip_part(name).infolist() if not entry.filename.startswith(VENDORED_FOLDERS)]
    assert {entry.compress_type for entry in ours} == {zipfile.ZIP_STORED}


@pytest.mark.parametrize("name", ZIPS)
def test_zip_ends_with_its_end_record(name: str) -> None:
    """Python 3.7 refuses a comment or anything else behind the end record."""
    end = (DIST / name).read_bytes()[-22:]
    assert end.startswith(b"PK\x05\x06")
    assert end.endswith(b"\0\0")


@pytest.mark.parametrize("name", ZIPS)
def test_other_programs_accept_the_zip(name: str) -> None:
    subprocess.run([sys.executable, "-m", "zipfile", "-t", DIST / name], check=True, capture_output=True)
    unzip = [need("unzip", "a second opinion on the zip"), "-tq", str(DIST / name)]
    assert subprocess.run(unzip, capture_output=True, text=True).stderr == ""


def test_zip_holds_source_only() -> None:
    suffixes = {Path(name).suffix for file in ZIPS for name in zip_part(file).namelist()}
    suite = {".toml", ".json", ".md", ".sh", ".expected"}
    assert suffixes <= {".py", ".conf", ".xml", ".txt", "", *suite}


def test_launcher_and_shell_engine_are_the_same_text() -> None:
    """But for the line that says whether the zip is there."""
    shell = (DIST / "azready.sh").read_bytes()
    assert shell.endswith(b"\nexit $?\n")
    launcher = bundle.shell_text(ROOT, bundle.project_version(ROOT), with_zip=True)
    assert (DIST / "azready").read_bytes().startswith(launcher + b"PK\x03\x04")
    assert shell == launcher.replace(b"\nazready_zip='yes'\n", b"\nazready_zip='no'\n")


def test_version_has_one_source() -> None:
    version = bundle.project_version(ROOT)
    assert zip_part("azready").read("azready/VERSION").decode() == f"{version}\n"
    assert f"\nazready_version='{version}'\n" in (DIST / "azready.sh").read_text()


# Vendored urllib3


def test_licences_are_complete() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text()
    for name in bundle.VENDORED:
        assert zip_part("azready").read(f"{name}/LICENSE.txt").startswith(b"MIT License")
    assert b"MIT License" in zip_part("azready-lab.pyz").read("h11/LICENSE.txt")


@pytest.mark.parametrize("folder", bundle.VENDORED)
def test_vendored_file_is_that_of_the_wheel(folder: str) -> None:
    """Neither its content nor the bytes that hold it: only then does every zlib build the same file."""
    ours = zip_part("azready")
    with zipfile.ZipFile(bundle.require_wheel(ROOT / "agent" / f"{folder}.lock", WHEELS)) as wheel:
        for name in ours.namelist():
            path = name.removeprefix(f"{folder}/")
            if path != name and path.startswith("urllib3/") and path not in bundle.STAND_INS:
                assert ours.read(name) == wheel.read(path)
                assert ours.getinfo(name).compress_size == wheel.getinfo(path).compress_size


@pytest.mark.parametrize("row", bundle.DROPPED, ids=lambda row: f"{row[0]}:{row[1]}")
def test_no_row_of_the_drop_list_is_idle(row: tuple[str, str, str]) -> None:
    folder, pattern, _ = row
    with zipfile.ZipFile(bundle.require_wheel(ROOT / "agent" / f"{folder}.lock", WHEELS)) as wheel:
        assert fnmatch.filter(wheel.namelist(), pattern)
    assert not fnmatch.filter(zip_part("azready").namelist(), f"{folder}/{pattern}")


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Hello)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("version", ENGINE_PYTHONS)
def test_vendored_urllib3_works_from_the_zip(version: str, port: int, tmp_path: Path) -> None:
    """A request, because some imports happen only then; -I -S, because nothing of the system may help."""
    python = need(f"python{version}", "must run the vendored urllib3")
    generation = "2" if int(version.split(".")[1]) >= 10 else "1"
    program = f"""
import sys
sys.path[:0] = [{str(DIST / "azready")!r} + "/urllib3-{generation}", {str(DIST / "azready")!r}]
from azready.machine import http
print(http.send(http.Request("GET", "127.0.0.1:{port}", "/", {{}}), 10.0, bytes.decode), http.urllib3_version)
import urllib3
print(urllib3.__file__)
"""
    done = subprocess.run([python, "-I", "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    said = re.fullmatch(r"hello ([12])\..*\n(.*)\n", done.stdout)
    assert said, done.stderr
    assert said.groups() == (generation, f"{DIST}/azready/urllib3-{generation}/urllib3/__init__.py")


def lab(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The lab's one file, run without installation; -I -S, because nothing of the system may help."""
    command = [sys.executable, "-I", "-S", str(DIST / "azready-lab.pyz"), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_labs_zip_serves_with_a_parser_of_its_own(tmp_path: Path) -> None:
    done = lab("serve", "--timeout", "0.1", "-q", folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (3, "verdict: TimedOut"), done.stderr


def test_the_labs_zip_puts_an_agent_under_the_suite(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conformance" / "clients" / "provision.sh", tmp_path)
    done = lab("conformance", "--agent", "bash provision.sh", "provision/good", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^provision/good +ok +Succeeded +ok +ok +passed$", done.stdout, re.MULTILINE), done.stdout


@pytest.mark.parametrize("command", [[], ["serve"], ["example"], ["conformance"]], ids=" ".join)
def test_the_labs_zip_explains_its_commands(command: list[str], tmp_path: Path) -> None:
    done = lab(*command, "--help", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(" ".join(["usage: lab", *command]))


def test_emulator_and_tests_have_the_same_parser() -> None:
    """Or the tests of the emulator would be of another one."""
    pin = (ROOT / "agent" / "h11.lock").read_text().split("\n")[1].removesuffix(" \\")
    assert f"\n{pin} " in (ROOT / "tests" / "requirements.lock").read_text()


@pytest.mark.parametrize(
    "lock", ["agent/urllib3-2.lock", "agent/urllib3-1.lock", "agent/h11.lock", "tests/requirements.lock"]
)
def test_lock_has_hashes_and_no_addresses(lock: str) -> None:
    pins = (ROOT / lock).read_text().replace(" \\\n", "").splitlines()[1:]
    assert pins
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9.]+( +--hash=sha256:[0-9a-f]{64})+", pin) for pin in pins)


def test_nothing_is_installed_that_the_lock_does_not_name() -> None:
    """The lock is whole: what makes and tests a release is what it pins, with what each of that needs."""
    lock = (ROOT / "tests" / "requirements.lock").read_text()
    pinned = set(re.findall(r"(?m)^([a-z0-9-]+==[0-9.]+)", lock))
    found = {(each.name.lower().replace("_", "-").replace(".", "-"), each.version) for each in metadata.distributions()}
    # What comes with the environment, and installs the rest.
    assert {f"{name}=={version}" for name, version in found if name not in ("pip", "setuptools")} == pinned


def test_a_wheel_with_other_bytes_is_refused(tmp_path: Path) -> None:
    lock = ROOT / "agent" / "urllib3-2.lock"
    wheel = bundle.require_wheel(lock, WHEELS)
    (tmp_path / wheel.name).write_bytes(wheel.read_bytes() + b"\0")
    with pytest.raises(bundle.BundleError, match="no wheel in .* has a SHA-256 of"):
        bundle.require_wheel(lock, tmp_path)


# The shell text


@pytest.mark.parametrize("shell", SHELLS)
def test_quoting_survives_every_shell(shell: str, tmp_path: Path) -> None:
    text = "it's '' ''' \\' \\n $HOME `id` \" # ! %s\n\tsecond line \\\n'"
    script = tmp_path / "script"
    script.write_text(f'value={bundle.quote(text)}\nprintf %s "$value"\n')
    command = [need(shell, "must read the generated tables"), *(["sh"] if shell == "busybox" else []), str(script)]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == text


def test_awk_program_with_quotes_arrives_whole(tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path)
    (tree / "agent/shell/quoted.awk").write_text("BEGIN { print \"it's\" } # don't\n")
    (tree / "agent/shell/last.sh").write_text('awk "$awk_quoted"\nexit $?\n')
    for module in bundle_shell.shell_modules(tree)[:-1]:
        module.unlink()
    script = tree / "azready.sh"
    script.write_bytes(bundle.shell_text(tree, "1", with_zip=False))
    assert subprocess.run(["sh", script], capture_output=True, check=True).stdout == b"it's\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [("main\n", "must end in a line `exit"), (": caf\u00e9\nexit $?\n", "must be plain ASCII")],
)
def test_a_text_that_some_shell_stumbles_over_is_refused(text: str, message: str, tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path)
    (tree / "agent/shell/last.sh").write_text(text)
    with pytest.raises(bundle.BundleError, match=message):
        bundle.shell_text(tree, "1", with_zip=True)


# Facts of the wire


def wire_literals() -> set[str]:
    """Patterns of what only protocol.conf may say: addresses, dates, header names, paths, media types."""
    facts = bundle_shell.protocol(ROOT)
    values = " ".join(facts.values())
    telling = {value for value in facts.values() if re.search(r"[a-z].*[-/.]|^[0-9]+-[-0-9]{8,}$", value)}
    dates_and_addresses = set(re.findall(r"\d{4}-\d\d-\d\d|\d+\.\d+\.\d+\.\d+", values))
    paths = {value.partition("?")[0].rstrip("/") for key, value in facts.items() if key.endswith("_PATH")}
    headers = {value for key, value in facts.items() if key.endswith("_HEADER")}
    return (
        {re.escape(literal) for literal in telling | dates_and_addresses}
        | {rf"{re.escape(path)}\b(?!-)" for path in paths}
        | {rf"['\"]{re.escape(header)}['\":]|\b{re.escape(header)}: " for header in headers}
    )


def test_facts_of_the_wire_stand_in_one_file() -> None:
    literals = wire_literals()
    assert len(literals) > 5
    files = [path for top in ("agent", "units") for path in (ROOT / top).rglob("*") if path.is_file()]
    repeated = [
        f"{path.relative_to(ROOT)}:{number}: {found[0]}"
        for path in files
        if path.name != "protocol.conf" and path.suffix not in (".pyc", ".md", ".8")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if (found := re.search("|".join(literals), line))
    ]
    assert repeated == []


# Reasons of failures


def raised(engine: str, pattern: str) -> set[str]:
    """The reasons that the sources of an engine name; those of the two steps for data are made from their names."""
    text = "".join(path.read_text() for path in (ROOT / "agent" / engine).rglob("*") if path.suffix in (".py", ".sh"))
    assert "_invalid" in text
    return {*re.findall(pattern, text), "custom_data_invalid", "user_data_invalid"}


def test_every_reason_has_a_row_and_every_row_is_raised() -> None:
    table = bundle_shell.without_comments((ROOT / "agent" / "tables" / "reasons.conf").read_text())
    rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines()]
    assert {len(row) for row in rows} == {4}
    assert all(row[0] and row[2] and row[3] for row in rows)
    says = r"\b(?:fail|program_failed|fail_not_told|log_error)[ \"]+"
    by_shell = raised("shell", says + r"([a-z]+(?:_[a-z]+)+|locked)\b")
    by_python = raised("python", r"\b(?:Failure|NotTold)\(\s*\"([a-z_]+)\"")
    assert sorted(row[0] for row in rows) == sorted(by_shell | by_python)
    assert by_python < by_shell


# The front door


def test_build_py_explains_itself() -> None:
    done = subprocess.run([sys.executable, ROOT / "build.py"], capture_output=True, text=True)
    assert done.returncode == 0
    assert all(f"\n  {command} " in done.stdout for command in ("build", "demo", "test", "lock"))


@pytest.mark.parametrize("arguments", [["biuld"], ["build", "all"]])
def test_build_py_refuses_what_it_does_not_know(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, ROOT / "build.py", *arguments], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert arguments[-1] in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.10"])
def test_build_py_on_an_old_python_says_what_it_needs(version: str, tmp_path: Path) -> None:
    python = need(f"python{version}", "too old for build.py")
    done = subprocess.run([python, ROOT / "build.py"], env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert "no Python 3.11 or newer is on PATH" in done.stderr


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.10"])
def test_build_py_on_an_old_python_finds_a_newer_one(version: str, tmp_path: Path) -> None:
    (tmp_path / "python3.11").symlink_to("/bin/false")
    (tmp_path / "python3").symlink_to(sys.executable)
    command = [need(f"python{version}", "too old for build.py"), str(ROOT / "build.py")]
    assert "usage: " in subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True).stdout


# What is shipped does what its source does


class _NoDocstrings(ast.NodeTransformer):
    """Takes out what `without_docstrings` must take out, and no more."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) and node.body[1:]:
            del node.body[0]
        return node


@pytest.mark.parametrize(
    "path", sorted((ROOT / "agent" / "python" / "azready").rglob("*.py")), ids=lambda path: path.name
)
def test_shipped_python_is_the_same_program_as_its_source(path: Path) -> None:
    source = path.read_text()
    shipped = bundle_zip.without_docstrings(source)
    assert ast.dump(ast.parse(shipped)) == ast.dump(_NoDocstrings().visit(ast.parse(source)))
    assert shipped.count("\n") == source.count("\n"), "the line numbers of a failure report would lie"


@pytest.mark.parametrize("path", sorted((ROOT / "agent" / "shell").rglob("*.sh")), ids=lambda path: path.name)
def test_shipped_shell_text_is_its_source_without_comments(path: Path) -> None:
    """shfmt, which knows the language, takes the comments out of both in its own way."""
    source = path.read_text()
    assert minified(bundle_shell.without_comments(source)) == minified(source)


def minified(shell: str) -> str:
    """Without comments; those of awk programs inside the text go as they go from what is shipped."""
    command = [need("shfmt", "compares shell texts"), "-mn", "-ln", "posix"]
    text = subprocess.run(command, input=shell, capture_output=True, check=True, text=True).stdout
    return bundle_shell.without_comments(text)
