"""azready.cdx.json: what is in the two programs, in CycloneDX 1.6, and what is known of it (VEX).

Deterministic: the serial number is made of the program's hash, the time is the release's.
"""

from __future__ import annotations

import datetime
import json
import re
import uuid
import zipfile
from collections.abc import Iterable
from pathlib import Path

import bundle
import bundle_zip
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType, Pedigree
from cyclonedx.model.dependency import Dependency
from cyclonedx.model.impact_analysis import ImpactAnalysisJustification, ImpactAnalysisState
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.model.vulnerability import (
    BomTarget,
    Vulnerability,
    VulnerabilityAnalysis,
    VulnerabilityReference,
    VulnerabilitySource,
)
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from release.advisories import advisories

PROGRAM, LAB = "azready", "azready-lab.pyz"


def bill_of_materials(root: Path, wheels: Path, version: str, moment: int, built: dict[str, bytes]) -> bytes:
    """The document, as JSON with a final newline."""
    agent = own(PROGRAM, "azready", version, built[PROGRAM])
    lab = own(LAB, "azready-lab", version, built[LAB])
    vendored = [from_wheel(root, wheels, name) for name in bundle.VENDORED]
    parser = from_wheel(root, wheels, bundle.LAB_VENDORED)
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"sha256:{bundle.sha256(built[PROGRAM])}"),
        metadata=BomMetaData(component=agent, timestamp=datetime.datetime.fromtimestamp(moment, datetime.UTC)),
        components=[*vendored, lab, parser],
        dependencies=[
            *depending(agent, vendored),
            *depending(lab, [parser]),
        ],
        vulnerabilities=[known for component in vendored for known in vulnerabilities(component)],
    )
    document = json.loads(JsonV1Dot6(bom).output_as_string())
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()


def own(file: str, name: str, version: str, content: bytes) -> Component:
    """A program of ours, by the hash of its file."""
    return Component(
        name=name, version=version, type=ComponentType.APPLICATION, bom_ref=file,
        purl=PackageURL("generic", None, name, version),
        licenses=[DisjunctiveLicense(id="Apache-2.0")], hashes=[sha256(bundle.sha256(content))],
    )  # fmt: skip


def from_wheel(root: Path, wheels: Path, name: str) -> Component:
    """What agent/NAME.lock pins: its name, version and licence as the wheel itself says them, and the wheel's hash."""
    wheel = bundle.require_wheel(root / "agent" / f"{name}.lock", wheels)
    with zipfile.ZipFile(wheel) as archive:
        metadata = next(path for path in archive.namelist() if path.endswith(".dist-info/METADATA"))
        text = archive.read(metadata).decode()
        inside = list(six(archive)) if "urllib3/packages/six.py" in archive.namelist() else []
    said = {key: re.search(rf"(?m)^{key}: (.*)$", text) for key in ("Name", "Version", "License", "License-Expression")}
    values = {key: found[1].strip() for key, found in said.items() if found}
    left_out = sorted({path for folder, path, _ in bundle.DROPPED if folder == name})
    said_of = (
        f"left out: {' '.join(left_out)}; in place of others stand stubs: {' '.join(sorted(bundle_zip.STAND_INS))}"
    )
    notes = f"the files are those of the wheel; {said_of}" if left_out else ""
    return Component(
        name=values["Name"], version=values["Version"], bom_ref=name,
        purl=PackageURL("pypi", None, values["Name"], values["Version"]),
        licenses=[DisjunctiveLicense(id=values.get("License-Expression") or values["License"])],
        hashes=[sha256(bundle.sha256(wheel.read_bytes()))], components=inside,
        pedigree=Pedigree(notes=notes) if notes else None,
    )  # fmt: skip


def six(archive: zipfile.ZipFile) -> Iterable[Component]:
    """What the old urllib3 has vendored by itself."""
    content = archive.read("urllib3/packages/six.py")
    found = re.search(r'(?m)^__version__ = "([^"]+)"', content.decode())
    if found:
        yield Component(
            name="six", version=found[1], bom_ref="urllib3-1/six", purl=PackageURL("pypi", None, "six", found[1]),
            licenses=[DisjunctiveLicense(id="MIT")], hashes=[sha256(bundle.sha256(content))],
        )  # fmt: skip


def sha256(digest: str) -> HashType:
    """A hash of the document."""
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def depending(component: Component, on: list[Component]) -> list[Dependency]:
    """What a program needs, and that those need nothing."""
    return [
        Dependency(component.bom_ref, [Dependency(each.bom_ref) for each in on]),
        *(Dependency(each.bom_ref) for each in on),
    ]


def vulnerabilities(component: Component) -> Iterable[Vulnerability]:
    """The advisories that name the version, each with the reason why it cannot be reached."""
    for row in advisories():
        if row.names(str(component.version)):
            github = VulnerabilityReference(id=row.ghsa, source=VulnerabilitySource(name="GitHub"))
            absent = "not in the file" in row.why
            yield Vulnerability(
                bom_ref=f"{component.bom_ref}/{row.cve}", id=row.cve, source=VulnerabilitySource(name="NVD"),
                references=[github], description=row.what, affects=[BomTarget(ref=str(component.bom_ref))],
                analysis=VulnerabilityAnalysis(
                    state=ImpactAnalysisState.NOT_AFFECTED,
                    justification=(
                        ImpactAnalysisJustification.CODE_NOT_PRESENT if absent
                        else ImpactAnalysisJustification.CODE_NOT_REACHABLE
                    ),
                    detail=f"{row.why}; tests/unit/test_advisories.py: test_{row.test}",
                ),
            )  # fmt: skip
