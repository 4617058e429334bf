"""The wire's facts in an agent's Python source: read from its syntax tree, nothing of it is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# kind -> sorted facts
Facts = dict[str, list[str]]

# What each agent keeps of the wire, below its package's Python folder.
SOURCES = {
    "cloud-init": (
        "cloudinit/sources/DataSourceAzure.py",
        "cloudinit/sources/azure/*.py",
        "cloudinit/sources/helpers/azure.py",
        "cloudinit/reporting/handlers.py",
    ),
    "waagent": (
        "azurelinuxagent/common/protocol/*.py",
        "azurelinuxagent/common/datacontract.py",
        "azurelinuxagent/common/utils/restutil.py",
        "azurelinuxagent/common/osutil/default.py",
        "azurelinuxagent/pa/provision/*.py",
    ),
}
KINDS = {
    "address": "addresses of the platform",
    "path": "paths of requests",
    "api-version": "versions of the interfaces",
    "header": "names of headers",
    "media-type": "types of content",
    "namespace": "namespaces of XML, and addresses of pages",
    "element": "elements that are read from goal state and ovf-env.xml",
    "report": "keys of a report",
    "reason": "reasons of a failure",
    "health": "words of the health report, and of the key-value pool",
    "asset-tag": "the chassis asset tag",
}
_PATTERNS = {
    "address": re.compile(r"(?:168\.63|169\.254)(?:\.\d{1,3}){2}"),
    "api-version": re.compile(r"\b20\d\d-\d\d-\d\d\b"),
    "header": re.compile(r"(?i)(?:x-ms-[a-z0-9-]*[a-z0-9]|Metadata)"),
    "media-type": re.compile(r"(?:text|application)/(?:xml|json)(?:; ?charset=[\w-]+)?"),
    "namespace": re.compile(r"https?://(?:schemas\.|aka\.ms/)[\w./-]+"),
    "asset-tag": re.compile(r"\d{4}(?:-\d{4}){5}-\d{2}"),
    "health": re.compile(r"[A-Z][A-Z_]+_REPORT"),
}
_WHOLE = ("header", "media-type", "asset-tag", "health")
# A request's path: known roots, or a question for a version or a part. What stands before it is a format's business.
_PATH = re.compile(
    r"(?:^|[}\d]|^https?://[^/]*)(/(?:machine|metadata|provisioning|instance|versions|vmSettings|status|health|"
    r"reprovisiondata|vmAgentLog|extensionArtifact)\b[^\s\"']*)"
)
_READERS = {"find", "findall", "findtext", "find_text", "_find", "_parse_property", "_text_from_xpath", "getattrib"}
_ELEMENT = re.compile(r"[A-Z][A-Za-z]+")
_REPORT_KEY = re.compile(r"([a-z][a-z_]+)=")
_HEALTH_NAME = re.compile(r"PROVISIONING_.*STATUS|HEALTH_.*|KVP_.*|.*_KVP_.*|.*REPORT_KEY.*")


class SourceError(Exception):
    """The source of an agent is not where it was; the text says which file."""


def read(agent: str, folder: Path) -> Facts:
    """The facts of an agent whose package is unpacked in `folder`. Raises SourceError."""
    (root,) = [path for path in (folder / "usr/lib/python3/dist-packages", folder) if path.is_dir()][:1]
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for pattern in SOURCES[agent]:
        files = sorted(root.glob(pattern))
        if not files:
            raise SourceError(f"{agent} has no {pattern} any more: look where it went, and mend SOURCES in {__name__}")
        for file in files:
            for kind, fact in _facts(ast.parse(file.read_text(encoding="utf-8"), str(file))):
                found[kind].add(fact)
    return {kind: sorted(found[kind]) for kind in KINDS}


def path_key(path: str) -> str:
    """A path as it is compared: the slash before a question is written or not, for the same place."""
    return path.replace("/?", "?")


def _facts(tree: ast.Module) -> Iterator[tuple[str, str]]:
    documentation = _docstrings(tree)
    inside_formats = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in documentation and id(node) not in inside_formats:
                yield from _of_text(node.value)
        elif isinstance(node, ast.JoinedStr):
            yield from _of_text(_as_format(node))
        elif isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Assign):
            yield from _of_assignment(node)


def _docstrings(tree: ast.Module) -> set[int]:
    """The texts that stand alone: they explain, nothing sends them."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def _as_format(node: ast.JoinedStr) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def _of_text(text: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in _PATTERNS.items():
        if kind in _WHOLE:
            if pattern.fullmatch(text):
                yield kind, text
        else:
            yield from ((kind, found) for found in pattern.findall(text))
    path = _PATH.search(text)
    if path and not re.search(r"\s", text):
        yield "path", path[1]
    key = _REPORT_KEY.match(text)
    if key and " " not in text and len(text) <= len(key[0]) + len("{self.documentation_url}"):
        yield "report", key[1]


def _of_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    texts = [word.value for word in node.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    if name in _READERS:
        yield from (("element", element) for text in texts for element in _ELEMENT.findall(text))
    # A kind of error that is reported hands its reason to its base.
    if name == "__init__" and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Call):
        yield from (("reason", text) for text in texts[:1])


def _of_assignment(node: ast.Assign) -> Iterator[tuple[str, str]]:
    for target in node.targets:
        value = node.value.value if isinstance(node.value, ast.Constant) else None
        if isinstance(target, ast.Name) and isinstance(value, str) and _HEALTH_NAME.fullmatch(target.id):
            yield "health", value
        if (
            isinstance(target, ast.Subscript)
            and getattr(target.value, "attr", "") == "supporting_data"
            and isinstance(target.slice, ast.Constant)
        ):
            yield "report", str(target.slice.value)
