"""azready_VERSION_all.deb: the program, its page and completions. It enables nothing: `azready install` does that."""

from __future__ import annotations

import hashlib
import io
import re
import textwrap
import time
import zipfile
from pathlib import Path

import bundle

from release.packing import Entry, ar, gzip, tar
from release.source import notes

MAINTAINER = "azready maintainers <maintainers@azready.invalid>"
DOC = "usr/share/doc/azready"

CONTROL = """\
Package: azready
Version: {version}
Architecture: all
Maintainer: {maintainer}
Installed-Size: {size}
Depends: python3 (>= 3.7) | curl | wget | busybox
Recommends: openssl
Suggests: sudo | opendoas, openssh-server | dropbear
Section: admin
Priority: optional
Description: provision an Azure VM once, and report Ready
 Azure counts a virtual machine as provisioned only when something inside it
 has reported. azready does that without cloud-init and WALinuxAgent: it sets
 hostname, admin user, SSH keys, password and custom data, and then tells the
 platform that the machine is Ready, or why it is not.
 .
 It runs with Python, or with nothing but a shell, awk and an HTTP client. The
 package enables no service. "azready install" does that, in an image or on the
 machine itself, for whatever init system is there.
"""

# What lintian cannot know of the file.
OVERRIDES = """\
# A zip stands behind the line `exit $?`; a shell never reads it, but `sh -n`, which is what this is about, does.
azready: shell-script-fails-syntax-check [usr/sbin/azready]
# It looks whether an agent's list of files is there, in an image whose dpkg it may not run.
azready: uses-dpkg-database-directly [usr/sbin/azready]
"""

# What install enabled and wrote goes with the package, while the program is still there.
PRERM = """\
#!/bin/sh
set -e

if [ "$1" = remove ] && [ -e "$DPKG_ROOT/etc/azready.installed" ]; then
	sh "$DPKG_ROOT/usr/sbin/azready" --root "${DPKG_ROOT:-/}" uninstall
fi
"""

POSTRM = """\
#!/bin/sh
set -e

if [ "$1" = purge ]; then
	rm -f "$DPKG_ROOT/etc/azready.conf"
	rm -rf "$DPKG_ROOT/var/lib/azready"
fi
"""

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: azready

Files: *
Copyright: {year} azready maintainers
License: Apache-2.0
 On Debian systems the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0.

Files: usr/sbin/azready
Copyright: {year} azready maintainers
           2008-2020 Andrey Petrov and contributors
           2010-2020 Benjamin Peterson
License: Apache-2.0 and Expat
Comment: The file holds two versions of urllib3, as their wheels have them, and within one of them six.

{expat}"""


def debian_package(root: Path, version: str, moment: int, program: bytes, completions: dict[str, bytes]) -> bytes:
    """The package: ar of two tars, each with names, times and owners that depend on nothing but the release."""
    year = time.strftime("%Y", time.gmtime(moment))
    page = bundle.read(root / "agent" / "manual" / "azready.8").encode()
    files = [
        Entry("usr/sbin/azready", program, program=True),
        Entry("usr/share/man/man8/azready.8.gz", gzip(page)),
        Entry(f"{DOC}/changelog.gz", gzip(debian_changelog(root, version, moment).encode())),
        Entry(f"{DOC}/copyright", COPYRIGHT.format(year=year, expat=expat(program)).encode()),
        Entry("usr/share/lintian/overrides/azready", OVERRIDES.encode()),
        Entry("usr/share/bash-completion/completions/azready", completions["azready.bash"]),
        Entry("usr/share/zsh/vendor-completions/_azready", completions["_azready"]),
        Entry("usr/share/fish/vendor_completions.d/azready.fish", completions["azready.fish"]),
    ]
    size = sum(-(-len(entry.content) // 1024) for entry in files)
    sums = "".join(f"{hashlib.md5(entry.content).hexdigest()}  {entry.path}\n" for entry in sorted(files))
    control = [
        Entry("control", CONTROL.format(version=version, maintainer=MAINTAINER, size=size).encode()),
        Entry("md5sums", sums.encode()),
        Entry("prerm", PRERM.encode(), program=True),
        Entry("postrm", POSTRM.encode(), program=True),
    ]
    members = [
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", gzip(tar(control, moment, top="./"))),
        ("data.tar.gz", gzip(tar(files, moment, top="./"))),
    ]
    return ar(members, moment)


def debian_changelog(root: Path, version: str, moment: int) -> str:
    """The section of CHANGELOG.md in the form of Debian's, one entry for the version."""
    items = re.split(r"(?m)^- ", notes(root, version))[1:]
    wrapped = (
        textwrap.fill(" ".join(item.split()), 78, initial_indent="  * ", subsequent_indent="    ") for item in items
    )
    text = "\n".join(wrapped)
    day = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime(moment))
    return f"azready ({version}) unstable; urgency=medium\n\n{text}\n\n -- {MAINTAINER}  {day}\n"


def expat(program: bytes) -> str:
    """The licence of urllib3 and six, as the file itself brings it, as a paragraph of a copyright file."""
    with zipfile.ZipFile(io.BytesIO(program)) as archive:
        text = archive.read(f"{bundle.VENDORED[0]}/LICENSE.txt").decode()
    body = text.partition("Permission is hereby granted")
    lines = (body[1] + body[2]).strip().splitlines()
    return "License: Expat\n" + "".join(f" {line}\n" if line else " .\n" for line in lines)
