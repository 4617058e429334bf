"""All files of a release: name -> content. What depends on a run of the suite comes in as bytes."""

from __future__ import annotations

from pathlib import Path

import bundle

from release.completions import completions
from release.deb import debian_package
from release.lab_page import lab_page
from release.recipes import for_packagers, recipes_archive
from release.sbom import bill_of_materials
from release.source import notes, release_moment, source_archive

SUMS = "SHA256SUMS"


def release_files(root: Path, wheels: Path, reports: dict[str, bytes]) -> dict[str, bytes]:
    """Every file of dist/release but the signature; `reports` are the files that a run of the tests gave."""
    version = bundle.project_version(root)
    moment = release_moment(root, version)
    built = {name: content for name, content in bundle.assemble(root, wheels).items() if name != SUMS}
    completed = completions(root)
    archive = source_archive(root, version, moment, for_packagers(built, completed))
    files = {
        **built,
        **completed,
        "azready-lab.1": lab_page(version, moment).encode(),
        "azready.8": bundle.read(root / "agent" / "manual" / "azready.8").encode(),
        f"azready-{version}.tar.gz": archive,
        f"azready-recipes-{version}.tar.gz": recipes_archive(root, version, moment, archive),
        f"azready_{version}_all.deb": debian_package(root, version, moment, built["azready"], completed),
        "azready.cdx.json": bill_of_materials(root, wheels, version, moment, built),
        "release-notes.md": notes(root, version).encode(),
        **reports,
    }
    return files | {SUMS: bundle.checksums(files)}
