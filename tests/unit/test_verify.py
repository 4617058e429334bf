"""`build.py verify` knows every file of a release, and says of any other one where it differs."""

from __future__ import annotations

import io
import random
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import bundle
import pytest
from release.assemble import SUMS, release_files
from release.packing import Entry, ar, gzip, tar
from release.verify import checksums, differences
from support import ROOT

VERSION = bundle.project_version(ROOT)
WHEELS = ROOT / "build" / "wheels"
DEB = f"azready_{VERSION}_all.deb"
ARCHIVE = f"azready-{VERSION}.tar.gz"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """What the source makes."""
    return release_files(ROOT, WHEELS, {})


def asked(*arguments: str) -> tuple[int, str]:
    """`build.py verify`: exit status and what it said."""
    command = [sys.executable, str(ROOT / "build.py"), "verify", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    return done.returncode, done.stdout + done.stderr


def test_exit_status_says_what_became_of_it(files: dict[str, bytes], tmp_path: Path) -> None:
    good, bad, other = tmp_path / "azready", tmp_path / "renamed", tmp_path / "README.md"
    good.write_bytes(files["azready.sh"])
    bad.write_bytes(files["azready"].replace(b"provisioned, the platform", b"pr0visioned, the platform", 1))
    other.write_text("hello")
    status, said = asked(str(good))
    # As `install --engine shell` puts it into an image.
    assert (status, "is azready.sh of this checkout, byte by byte" in said) == (0, True)
    status, said = asked(str(bad), "--as", "azready")
    assert (status, "pr0visioned, the platform accepted" in said) == (1, True)
    status, said = asked(str(other))
    assert (status, "nothing of that name is in a release" in said) == (2, True)
    status, said = asked(str(tmp_path / "nothing"))
    assert (status, "no such file" in said) == (2, True)


def changed_zip(content: bytes, name: str, text: bytes, *, prefix: bytes = b"") -> bytes:
    """A zip with another content of one file, new if there is none of the name, built as another builder would."""
    buffer = io.BytesIO(prefix)
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "a") as new:
        members = {entry.filename: old.read(entry) for entry in old.infolist()} | ({name: text} if name else {})
        for path, body in members.items():
            new.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), body)
    return buffer.getvalue()


def test_it_names_the_line_of_the_shell_text(files: dict[str, bytes]) -> None:
    lines = files["azready"].split(b"\n")
    lines[99] = b"rm -rf /\x1b[2K"
    said = list(differences(files["azready"], b"\n".join(lines)))
    assert said[0].startswith(r"the shell text: line 100: b'rm -rf /\x1b[2K' instead of ")


def test_it_names_the_file_in_the_zip(files: dict[str, bytes]) -> None:
    text, end, _ = files["azready"].partition(b"\nexit $?\n")
    for name, word in (("azready/cli.py", "line 1: b'evil' instead of"), ("evil.py", "is not of this checkout")):
        found = changed_zip(files["azready"], name, b"evil", prefix=text + end)
        [said] = differences(files["azready"], found)
        assert said.startswith(f"the zip: '{name}'")
        assert word in said


def test_it_says_that_only_the_packing_differs(files: dict[str, bytes]) -> None:
    found = changed_zip(files["azready.pyz"], "", b"", prefix=b"#!/usr/bin/env python3\n")
    [said] = differences(files["azready.pyz"], found)
    assert said.startswith("the same files, but archived in another way")


def test_it_sees_what_was_put_behind(files: dict[str, bytes]) -> None:
    assert list(differences(files["azready.sh"], files["azready.sh"] + b"evil")) == ["4 bytes more, behind its end"]


def test_it_names_the_file_in_a_package(files: dict[str, bytes]) -> None:
    control, data = [Entry("prerm", b"evil", program=True)], [Entry("usr/sbin/azready", b"evil")]
    members = [(name, gzip(tar(inside, 0, top="./"))) for name, inside in (("control", control), ("data", data))]
    found = ar([("debian-binary", b"2.0\n"), *((f"{name}.tar.gz", content) for name, content in members)], 0)
    said = list(differences(files[DEB], found))
    assert "'control.tar.gz:./prerm': line 2: b'' instead of" not in said
    assert "'control.tar.gz:./control' is missing" in said
    assert any(line.startswith("'data.tar.gz:./usr/sbin/azready': line 1: b'evil' instead of") for line in said)


def test_it_names_the_file_in_an_archive(files: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo(f"azready-{VERSION}/build.py")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    said = list(differences(files[ARCHIVE], gzip(buffer.getvalue())))
    assert any(line.startswith(f"'azready-{VERSION}/build.py': a b'2'") for line in said)
    assert f"'azready-{VERSION}/README.md' is missing" in said


@pytest.mark.parametrize("name", ["azready", "azready.pyz", DEB, ARCHIVE])
def test_rubbish_is_said_to_be_rubbish(name: str, files: dict[str, bytes]) -> None:
    for rubbish in (b"", b"x" * 100, files[name][: len(files[name]) // 2]):
        assert list(differences(files[name], rubbish))


@pytest.mark.parametrize("name", ["azready", "azready.pyz", DEB, ARCHIVE])
def test_whatever_was_done_to_it_is_seen_and_said(name: str, files: dict[str, bytes]) -> None:
    """A byte anywhere, or in the lists at the beginning or the end of an archive."""
    for seed in range(60):
        chance, content = random.Random(seed), bytearray(files[name])
        ends = (len(content), 4000, -8000)
        at = chance.randrange(abs(ends[seed % 3]))
        content[at if ends[seed % 3] > 0 else -1 - at] ^= 1 << chance.randrange(8)
        assert list(differences(files[name], bytes(content))), seed


def test_a_member_with_a_password_is_said_to_be_unreadable(files: dict[str, bytes]) -> None:
    content = bytearray(files["azready.pyz"])
    # The flags of the first entry in the list at the end.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    [said] = differences(files["azready.pyz"], bytes(content))
    assert said.startswith("it cannot be read: RuntimeError: ")


def test_a_file_that_would_fill_the_memory_is_not_unpacked(files: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", bytes(100 << 20))
    said = list(differences(files["azready.pyz"], buffer.getvalue()))
    assert f"'__main__.py': it has {100 << 20} bytes" in said


def test_checksums_of_reports_do_not_count(files: dict[str, bytes]) -> None:
    sums = files[SUMS].decode()
    assert checksums(sums, f"{sums}{'0' * 64}  conformance.html\n") == (
        0,
        ["the checksums are those of this checkout", "not made of the source, so not compared: 'conformance.html'"],
    )
    status, lines = checksums(sums, sums.replace("  azready\n", "  azready2\n"))
    assert (status, lines[1]) == (1, "'azready' is missing or has another checksum")
