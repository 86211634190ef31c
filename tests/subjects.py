"""What `check` looks at, made from fields and a query instead of files."""

from typing import Any

from deployer.check.subjects import Subject
from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest.document import Document
from deployer.manifest.document import parts
from deployer.model import Platform
from deployer.model import PlatformRule
from tests import make

FILE = "rules/example/rule.yaml"


def sentinel(
    query: str, *, origins: Any = None, parameters: Any = None, deployed: bool = False, **fields: Any
) -> Subject:
    """The Sentinel half of a rule; each of its fields stands on a line of its own from 10 on."""
    return _subject(Platform.SENTINEL, "sentinel.kql", query, fields, origins, parameters, deployed)


def kibana(
    query: str, *, data: tuple[str, ...] = ("endpoint.events.network",), origins: Any = None, **fields: Any
) -> Subject:
    """The Kibana half of a rule, likewise."""
    return _subject(Platform.KIBANA, "kibana.kuery", query, fields, origins, None, False, data)


def said(findings: Any) -> list[tuple[str, str, str]]:
    """Code, severity and place of findings, in their order."""
    return [(each.code, each.severity.value, _place(each)) for each in findings]


def _place(finding: Finding) -> str:
    return str(finding.location).removeprefix("rules/example/")


def _subject(
    platform: Platform,
    file: str,
    query: str,
    fields: Any,
    origins: Any,
    parameters: Any,
    deployed: bool,
    data: tuple[str, ...] = ("DeviceNetworkEvents",),
) -> Subject:
    half = PlatformRule(query, fields, data, Location(f"rules/example/{file}"), parameters or {})
    halves: dict[str, Any] = {platform.value: half}
    rule = make.rule(**halves, origins=origins or {})
    lines = {name: (10 + index, 3) for index, name in enumerate(fields)}
    value = {platform.value: fields}
    places = [lines[path[1]] if path[1:] else (1, 1) for path, _ in parts(value)]
    return Subject(rule, platform, half, Document(FILE, value, places), "", deployed)
