"""The Debian package: lintian has nothing against it, and dpkg takes it in, up and out of a real root without a trace.

The root is this machine's own, below an overlay that nobody but the test sees.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import bundle
import pytest
from lab.namespace import run_script
from release.completions import completions
from release.deb import debian_package
from support import DIST, ROOT, need

VERSION = bundle.project_version(ROOT)
NEWER = "99.0.0"
MOMENT = 1798070400
# $root is this machine's root, as it is before; whatever changes there lands in $up. No service starts here.
SCENE = """
mount -t tmpfs scratch "$SCRATCH"
up=$SCRATCH/up root=$SCRATCH/root
mkdir "$up" "$SCRATCH/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$up,workdir=$SCRATCH/work" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount --bind /dev "$root/dev"
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
dpkg_quietly() { inside dpkg --no-triggers "$@" >&2; }
package() { cp "$1" "$root/tmp/it.deb"; dpkg_quietly -i /tmp/it.deb; }
listed() { inside dpkg -L azready | while read -r path; do [ -d "$root$path" ] || echo "$path"; done | sort; }
# The files that are others now than before, and those that are no more (`-`); dpkg's own and its log are not counted.
changed() {
	(cd "$up" && find . ! -type d ! -path './var/lib/dpkg/*' ! -path './var/log/*' ! -path './var/cache/*' | cut -c2- |
		while read -r path; do if [ -c "$up$path" ]; then echo "-$path"; else echo "$path"; fi; done | sort)
}
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The package of this version and of one to come."""
    folder = tmp_path_factory.mktemp("packages")
    shutil.copytree(ROOT / "agent" / "manual", folder / "agent" / "manual")
    text = (ROOT / "CHANGELOG.md").read_text()
    (folder / "CHANGELOG.md").write_text(text.replace("# Changelog\n", f"# Changelog\n\n## {NEWER}\n\n- Newer.\n", 1))
    found = {}
    for version in (VERSION, NEWER):
        program = (DIST / "azready").read_bytes().replace(
            f"\nazready_version='{VERSION}'\n".encode(), f"\nazready_version='{version}'\n".encode(), 1
        )  # fmt: skip
        path = folder / f"azready_{version}_all.deb"
        path.write_bytes(debian_package(folder, version, MOMENT, program, completions(ROOT)))
        found[version] = path
    return found


def story(script: str, packages: dict[str, Path], tmp_path: Path) -> dict[str, list[str]]:
    """Run it; the lines between `== TITLE` and the next one, by title."""
    need("dpkg", "takes the package in")
    variables = {"OLD": str(packages[VERSION]), "NEW": str(packages[NEWER]), "SCRATCH": str(tmp_path)}
    done = run_script(SCENE + script, variables)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    said: dict[str, list[str]] = {"": []}
    title = ""
    for line in done.stdout.splitlines():
        title = line[3:] if line.startswith("== ") else title
        said.setdefault(title, []).extend([] if line.startswith("== ") else [line])
    return said


def test_lintian_finds_nothing(packages: dict[str, Path]) -> None:
    command = [need("lintian", "checks the package"), "--allow-root", "--pedantic", str(packages[VERSION])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_override_has_its_reason(packages: dict[str, Path]) -> None:
    command = ["dpkg-deb", "--fsys-tarfile", str(packages[VERSION])]
    archive = subprocess.run(command, capture_output=True, check=True).stdout
    name = "./usr/share/lintian/overrides/azready"
    text = subprocess.run(["tar", "-xO", name], input=archive, capture_output=True, check=True).stdout.decode()
    lines = text.splitlines()
    assert [line[0] for line in lines] == ["#", "a"] * (len(lines) // 2)


def test_it_enables_nothing_and_leaves_nothing(packages: dict[str, Path], tmp_path: Path) -> None:
    said = story(
        """
        package "$OLD"
        echo '== installed'; changed; echo '== listed'; listed
        echo '== state'; inside dpkg-query -W -f '${Status} ${Version}' azready; echo
        echo '== version'; inside azready version
        echo '== whole'; inside dpkg -V azready
        dpkg_quietly -r azready; dpkg_quietly -P azready
        echo '== left'; changed
        """,
        packages,
        tmp_path,
    )
    assert said["installed"] == said["listed"]
    assert "/usr/sbin/azready" in said["listed"]
    assert [path for path in said["listed"] if path.startswith(("/etc", "/lib", "/usr/lib"))] == []
    assert said["state"] == [f"install ok installed {VERSION}"]
    assert said["version"] == [f"azready {VERSION}"]
    assert (said["whole"], said["left"]) == ([], [])


def test_what_install_enabled_survives_an_upgrade_and_goes_with_the_package(
    packages: dict[str, Path], tmp_path: Path
) -> None:
    said = story(
        """
        package "$OLD"
        inside azready --root / install --init systemd
        echo 'LOG_CONSOLE=no' >>"$root/etc/azready.conf"
        mkdir -p "$root/var/lib/azready" && echo state >"$root/var/lib/azready/provisioned"
        echo '== enabled'; changed
        package "$NEW"
        echo '== upgraded'; changed; echo '== version'; inside azready version; inside azready status || :
        dpkg_quietly -r azready
        echo '== removed'; changed
        dpkg_quietly -P azready
        echo '== purged'; changed
        """,
        packages,
        tmp_path,
    )
    link = "/etc/systemd/system/multi-user.target.wants/azready.service"
    assert {link, "/etc/azready.conf", "/etc/azready.installed"} <= set(said["enabled"])
    assert said["upgraded"] == said["enabled"]
    assert said["version"][0] == f"azready {NEWER}"
    # An edited configuration and the state are the administrator's, until they are purged.
    assert said["removed"] == ["/etc/azready.conf", "/var/lib/azready/provisioned"]
    assert said["purged"] == []


def test_dpkg_does_not_mind_what_was_uninstalled_by_hand(packages: dict[str, Path], tmp_path: Path) -> None:
    said = story(
        """
        package "$OLD"
        inside azready install --init systemd
        inside azready uninstall
        echo '== whole'; inside dpkg -V azready
        dpkg_quietly -P azready
        echo '== left'; changed
        """,
        packages,
        tmp_path,
    )
    assert (said["whole"], said["left"]) == ([], [])


def test_an_image_that_cannot_be_entered_is_served_from_outside(packages: dict[str, Path], tmp_path: Path) -> None:
    """dpkg --root, with scripts that run out here and find the image in $DPKG_ROOT: no program of the image runs."""
    image, admin = tmp_path / "image", tmp_path / "image" / "var" / "lib" / "dpkg"
    for folder in ("info", "updates", "triggers"):
        (admin / folder).mkdir(parents=True)
    for file in ("status", "available"):
        (admin / file).write_text("")
    for folder in ("sbin", "etc/runlevels/default", "usr/sbin"):
        (image / folder).mkdir(parents=True)
    (image / "sbin" / "openrc").write_text("ELF")
    dpkg = [need("dpkg"), f"--root={image}", "--force-script-chrootless", "--log=/dev/null"]
    lacking = subprocess.run([*dpkg, "-i", str(packages[VERSION])], capture_output=True, text=True)
    assert "azready depends on python3 (>= 3.7) | curl | wget | busybox" in lacking.stderr
    dpkg.append("--force-depends")
    program = image / "usr" / "sbin" / "azready"
    for command in (
        [*dpkg, "-i", str(packages[VERSION])],
        ["sh", str(program), "--root", str(image), "install"],
        [*dpkg, "-i", str(packages[NEWER])],
    ):
        subprocess.run(command, check=True, capture_output=True)
    assert (image / "etc" / "runlevels" / "default" / "azready").is_symlink()
    subprocess.run([*dpkg, "-P", "azready"], check=True, capture_output=True)
    left = [path for path in image.rglob("*azready*") if "dpkg" not in path.parts]
    assert left == []
