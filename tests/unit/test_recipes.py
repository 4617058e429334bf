"""The recipes of units/recipes: each makes the same package of a release, as far as this machine can tell.

A packager's functions (vbin, doman ..) are written here as their distribution documents them, and the recipe runs with
them on the archives of a real release. What reads a recipe and is in Debian or PyPI reads it, too.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import tarfile
import xml.etree.ElementTree
from pathlib import Path

import bundle
import pytest
from release.assemble import release_files
from release.recipes import checksums
from support import ROOT, need

RECIPES = ROOT / "units" / "recipes"
VERSION = bundle.project_version(ROOT)
FILES = sorted(path for path in RECIPES.rglob("*") if path.is_file())
SCRIPTS = [path for path in FILES if path.read_text().startswith("#!/bin/sh")]
# What every package has, beside program, man page and service.
COMPLETIONS = {
    "dist/completions/azready.bash": ("usr/share/bash-completion/completions/azready", 0o644),
    "dist/completions/_azready": ("usr/share/zsh/site-functions/_azready", 0o644),
    "dist/completions/azready.fish": ("usr/share/fish/vendor_completions.d/azready.fish", 0o644),
}

# The tools of each distribution, as its handbook says what they do.
VOID = r"""
DESTDIR=$D
vinstall() { install -Dm"$2" "$1" "$DESTDIR/$3/${4-${1##*/}}"; }
vmkdir() { mkdir -p "$DESTDIR/$1"; }
vbin() { install -Dm755 "$1" "$DESTDIR/usr/bin/${2-${1##*/}}"; }
vman() { install -Dm644 "$1" "$DESTDIR/usr/share/man/man${1##*.}/${1##*/}"; }
vcompletion() {
	case $2 in
	bash) install -Dm644 "$1" "$DESTDIR/usr/share/bash-completion/completions/${3-$pkgname}" ;;
	zsh) install -Dm644 "$1" "$DESTDIR/usr/share/zsh/site-functions/_${3-$pkgname}" ;;
	fish) install -Dm644 "$1" "$DESTDIR/usr/share/fish/vendor_completions.d/${3-$pkgname}.fish" ;;
	esac
}
. "$RECIPE"; do_install
"""
GENTOO = r"""
PN=azready PV=0.1.0 P=azready-0.1.0
inherit() { [ "$*" = 'shell-completion systemd' ]; }
dosbin() { install -Dm755 -t "$D/usr/sbin" "$@"; }
newinitd() { install -Dm755 "$1" "$D/etc/init.d/$2"; }
systemd_dounit() { install -Dm644 -t "$D/usr/lib/systemd/system" "$@"; }
doman() { install -Dm644 "$1" "$D/usr/share/man/man${1##*.}/${1##*/}"; }
newbashcomp() { install -Dm644 "$1" "$D/usr/share/bash-completion/completions/$2"; }
dozshcomp() { install -Dm644 -t "$D/usr/share/zsh/site-functions" "$@"; }
dofishcomp() { install -Dm644 -t "$D/usr/share/fish/vendor_completions.d" "$@"; }
. "$RECIPE"; src_install
"""
ALPINE = 'pkgdir=$D; . "$RECIPE"; package'
ARCH = 'pkgdir=$D; . "$RECIPE"; cd ..; package'
# recipe -> what runs it, the shell, where the program lands, and the files of its service.
PACKAGES = {
    "alpine/APKBUILD": (ALPINE, "sh", "usr/sbin", {"units/openrc/azready": ("etc/init.d/azready", 0o755)}),
    "arch/PKGBUILD": (ARCH, "bash", "usr/bin", {}),
    "void/template": (
        VOID,
        "bash",
        "usr/bin",
        {
            "units/runit/run": ("etc/sv/azready/run", 0o755),
            "units/runit/finish": ("etc/sv/azready/finish", 0o755),
        },
    ),
    f"gentoo/azready-{VERSION}.ebuild": (
        GENTOO,
        "bash",
        "usr/sbin",
        {
            "units/openrc/azready": ("etc/init.d/azready", 0o755),
            "units/systemd/azready.service": ("usr/lib/systemd/system/azready.service", 0o644),
        },
    ),
}


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source and the recipes of a release, unpacked."""
    folder = tmp_path_factory.mktemp("archives")
    files = release_files(ROOT, ROOT / "build" / "wheels", {})
    for name in (f"azready-{VERSION}.tar.gz", f"azready-recipes-{VERSION}.tar.gz"):
        (folder / name).write_bytes(files[name])
        with tarfile.open(fileobj=io.BytesIO(files[name])) as archive:
            archive.extractall(folder, filter="tar")
    return folder


@pytest.fixture
def source(archives: Path) -> Path:
    return archives / f"azready-{VERSION}"


@pytest.fixture
def recipes(archives: Path) -> Path:
    return archives / f"azready-recipes-{VERSION}"


def below(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Each file: its bytes and its mode."""
    return {
        path.relative_to(folder).as_posix(): (path.read_bytes(), path.stat().st_mode & 0o777)
        for path in folder.rglob("*")
        if path.is_file()
    }


def run(shell: str, script: str, source: Path, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    command = [shell, "-euc", script]
    environment = {"PATH": os.environ["PATH"], **{name: str(value) for name, value in variables.items()}}
    return subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("recipe", PACKAGES)
def test_a_recipe_puts_program_page_completions_and_service_where_the_system_looks(
    recipe: str, source: Path, recipes: Path, tmp_path: Path
) -> None:
    script, shell, programs, service = PACKAGES[recipe]
    done = run(shell, script, source, RECIPE=recipes / recipe, D=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    wanted = {
        "dist/azready": (f"{programs}/azready", 0o755),
        "agent/manual/azready.8": ("usr/share/man/man8/azready.8", 0o644),
        **COMPLETIONS,
        **service,
    }
    found = below(tmp_path)
    unit = found.pop("usr/lib/systemd/system/azready.service", None) if not service else None
    assert found == {there: ((source / name).read_bytes(), mode) for name, (there, mode) in wanted.items()}
    if unit:  # Arch: no sbin
        assert b"ExecStart=/usr/bin/azready provision\n" in unit[0]
        assert unit[0].replace(b"/usr/bin/", b"/usr/sbin/") == (source / "units/systemd/azready.service").read_bytes()


def test_yocto_installs_the_same(source: Path, recipes: Path, tmp_path: Path) -> None:
    recipe = (recipes / f"yocto/azready_{VERSION}.bb").read_text()
    body = re.search(r"(?ms)^do_install\(\) \{\n(.*?)^\}", recipe)
    assert body
    names = {"S": ".", "sbindir": "/usr/sbin", "sysconfdir": "/etc", "mandir": "/usr/share/man"}
    names |= {"systemd_system_unitdir": "/usr/lib/systemd/system", "D": str(tmp_path)}
    done = run("sh", body[1], source, **names)
    assert (done.returncode, done.stderr) == (0, "")
    assert {name: mode for name, (_, mode) in below(tmp_path).items()} == {
        "usr/sbin/azready": 0o755,
        "etc/init.d/azready": 0o755,
        "usr/lib/systemd/system/azready.service": 0o644,
        "usr/share/man/man8/azready.8": 0o644,
    }


@pytest.mark.parametrize(
    ("target", "file"),
    [
        ("SYSV", "etc/init.d/S41azready"),
        ("OPENRC", "etc/init.d/azready"),
        ("SYSTEMD", "usr/lib/systemd/system/azready.service"),
    ],
)
def test_buildroot_installs_the_service_of_each_init(
    target: str, file: str, source: Path, recipes: Path, tmp_path: Path
) -> None:
    makefile = tmp_path / "Makefile"
    # $(eval $(generic-package)) is Buildroot's: here it is empty, and the commands are run as it would run them.
    lines = ["INSTALL = install", f"TARGET_DIR = {tmp_path / 'target'}", f"D = {source}", "generic-package ="]
    included = (recipes / "buildroot/azready.mk").read_text().replace("$(@D)", "$(D)")
    makefile.write_text(
        "\n".join([*lines, included, "all:", "\t$(AZREADY_INSTALL_TARGET_CMDS)", f"\t$(AZREADY_INSTALL_INIT_{target})"])
    )
    subprocess.run(["make", "-s", "-f", makefile, "all"], check=True, capture_output=True, timeout=60)
    assert sorted(below(tmp_path / "target")) == sorted(["usr/sbin/azready", file])


def test_every_recipe_is_of_this_version() -> None:
    wrong = []
    for path in FILES:
        for said in re.findall(r"(?<![\d.])\d+\.\d+\.\d+(?![\d.])", f"{path.name} {path.read_text()}"):
            if said != VERSION and "azure.pkr" not in path.name:
                wrong.append(f"{path.relative_to(RECIPES)}: {said}")
    assert wrong == []


def test_the_release_fills_every_checksum_in(recipes: Path, archives: Path) -> None:
    assert sorted(below(recipes)) == sorted(path.relative_to(RECIPES).as_posix() for path in FILES)
    assert [name for name, (content, _) in below(recipes).items() if re.search(rb"@[A-Z0-9_]+@", content)] == []
    archive = archives / f"azready-{VERSION}.tar.gz"
    sums = dict(line.split()[::-1] for line in _output("sha256sum", archive.name, cwd=archives).splitlines())
    assert sums[archive.name] in (recipes / "arch/PKGBUILD").read_text()
    assert _output("sha512sum", archive.name, cwd=archives).split()[0] in (recipes / "alpine/APKBUILD").read_text()
    assert _output("md5sum", "LICENSE", cwd=ROOT).split()[0] in (recipes / f"yocto/azready_{VERSION}.bb").read_text()


def test_every_word_for_a_checksum_is_used() -> None:
    texts = b"".join(path.read_bytes() for path in FILES)
    assert [word.decode() for word in checksums(ROOT, b"") if word not in texts] == []


def test_alpine_has_the_fields_that_abuild_demands() -> None:
    script = '. ./APKBUILD; printf "%s\\n" "$pkgname|$pkgver|$pkgrel|$pkgdesc|$url|$arch|$license"'
    fields = _output("sh", "-euc", script, cwd=RECIPES / "alpine").strip().split("|")
    assert all(fields)
    assert len(fields[3]) < 128, "abuild wants a description of less than 128 characters"
    assert not re.search(r"(?m)^ +\S", (RECIPES / "alpine/APKBUILD").read_text()), "Alpine indents with tabs"


def test_void_has_the_fields_that_xbps_src_demands() -> None:
    wanted = (
        "pkgname",
        "version",
        "revision",
        "short_desc",
        "maintainer",
        "license",
        "homepage",
        "distfiles",
        "checksum",
    )
    text = (RECIPES / "void/template").read_text()
    assert text.startswith("# Template file for 'azready'\n")
    assert [name for name in wanted if not re.search(rf"(?m)^{name}=.", text)] == []
    (short,) = re.findall(r'(?m)^short_desc="(.*)"', text)
    assert len(short) <= 72
    assert not short.endswith(".")


def test_gentoo_metadata_can_be_read() -> None:
    root = xml.etree.ElementTree.parse(RECIPES / "gentoo/metadata.xml").getroot()
    assert (root.tag, [child.tag for child in root]) == ("pkgmetadata", ["maintainer", "longdescription"])


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".nix"], ids=lambda path: path.name)
def test_nix_reads_it(path: Path, tmp_path: Path) -> None:
    stores = {name: str(tmp_path / name) for name in ("NIX_STORE_DIR", "NIX_STATE_DIR", "NIX_LOG_DIR")}
    _output(need("nix-instantiate"), "--parse", str(path), environment={**stores, "HOME": str(tmp_path)})


@pytest.mark.parametrize("name", ["azure", "qemu"])
def test_packer_finds_it_valid(name: str, tmp_path: Path) -> None:
    """Debian's packer, which brings its plug-ins along."""
    (tmp_path / "azready").touch()
    _output(need("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
    values = {
        "azure": {"subscription_id": "0", "resource_group": "images", "gallery": "gallery", "azready": "azready"},
        "qemu": {"disk": "disk.qcow2", "key": "key", "azready": "azready"},
    }[name]
    variables = [f"-var={key}={value}" for key, value in values.items()]
    home = {"HOME": str(tmp_path), "PACKER_CONFIG_DIR": str(tmp_path), "CHECKPOINT_DISABLE": "1"}
    _output(
        need("packer"), "validate", *variables, str(RECIPES / f"packer/{name}.pkr.hcl"), cwd=tmp_path, environment=home
    )


def test_oelint_finds_nothing_in_the_recipe_for_yocto(recipes: Path) -> None:
    command = [sys.executable, "-m", "oelint_adv", "--quiet", "--release", "scarthgap"]
    # It looks whether the page answers; and nothing of azready runs on the builder.
    left_out = ("oelint.vars.homepageping", "oelint.var.bbclassextend")
    command += [f"--suppress={rule}" for rule in left_out]
    done = subprocess.run(
        [*command, recipes / f"yocto/azready_{VERSION}.bb"], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(RECIPES)))
def test_shellcheck_finds_nothing(path: Path) -> None:
    _output(need("shellcheck"), "--severity=style", "--exclude=SC1091,SC2034", str(path))


def test_readme_has_a_row_for_each_folder() -> None:
    rows = re.findall(r"(?m)^\| \[[^]]+\]\(([^)/]+)", (RECIPES / "README.md").read_text())
    assert sorted(rows) == sorted(path.name for path in RECIPES.iterdir() if path.is_dir())


def _output(*command: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> str:
    variables = {"PATH": os.environ["PATH"], **(environment or {})}
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout
