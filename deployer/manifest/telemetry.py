"""environments/<environment>/telemetry.yaml: a made-up day, for the emulator. Nothing of it is deployed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from deployer.cases import EventSeries
from deployer.findings import Finding
from deployer.findings import Location
from deployer.manifest import environments
from deployer.manifest import events
from deployer.manifest import files
from deployer.manifest.document import Node
from deployer.model import Json
from deployer.model import Platform
from deployer.model import PlatformRule

FILE = "telemetry.yaml"


@dataclass(frozen=True, slots=True)
class Story:
    """Something that happens to some tenants, with the events that it leaves on each platform."""

    name: str
    tenants: tuple[str, ...]
    """Globs."""
    events: Mapping[Platform, tuple[EventSeries, ...]]
    location: Location


def read(root: Path, environment: str, now: datetime) -> tuple[tuple[Story, ...], tuple[Finding, ...]]:
    """The stories of an environment as they end at `now` (UTC), and everything that is wrong with the file."""
    document, faults = files.document(root, f"{environments.FOLDER}/{environment}/{FILE}", "telemetry")
    if document is None:
        return (), faults
    findings = list(faults)
    base = document.root.get("base")
    bases: dict[Platform, Mapping[str, Mapping[str, Json]]] = {}
    for platform in Platform:
        bases[platform], found = events.base(base.get(platform), platform, _anything(document.root))
        findings += found
    stories = [_story(node, now, bases, findings) for node in document.root.get("stories").items()]
    return tuple(stories), tuple(dict.fromkeys(findings))


def _story(
    node: Node, now: datetime, bases: Mapping[Platform, Mapping[str, Mapping[str, Json]]], findings: list[Finding]
) -> Story:
    found: dict[Platform, tuple[EventSeries, ...]] = {}
    for platform in Platform:
        place = events.Place(platform, _anything(node), bases[platform])
        read = [events.series(item, now, place) for item in node.get(platform).items()]
        findings += [fault for _, faults in read for fault in faults]
        found[platform] = tuple(series for series, _ in read if series)
    return Story(
        name=(node.get("name").text() or "").strip(),
        tenants=node.get("tenants").texts() or ("*",),
        events=found,
        location=node.location,
    )


def _anything(node: Node) -> PlatformRule:
    """Telemetry is for no one rule: every table and every dataset that is described may stand in it."""
    return PlatformRule("", {}, (), node.location)
