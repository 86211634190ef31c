"""Every value that a target is to hold has an origin, and the origin's line in the file really says it.

For a longer look: `EXAMPLES=500 pytest --timeout=0 tests/properties/test_origins.py`.
"""

import copy
import os
import tempfile
from collections.abc import Iterator
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import yaml
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.explaining import explain
from deployer.explaining import leaves
from deployer.findings import Location
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Platform
from deployer.origins import Origin
from deployer.origins import Origins
from deployer.origins import Said
from deployer.origins import Voice
from deployer.providers import codecs
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
CATEGORIES = """\
categories:
  servers:
    title: Servers
    description: Servers that are allowed.
    kinds: [ip]
    direction: outbound
    ports: [6667]
    kibana: {ip: destination.ip, host: host.name, process: process.name, port: destination.port}
    sentinel: {ipv4: Allowed, ipv6: AllowedIPv6, ports: Ports, scoped: Scoped}
"""
KQL = """\

// A comment.
let Threshold = 20;
let Window = 24h;
let Ports = dynamic([]);
let Allowed = dynamic([]);
let AllowedIPv6 = dynamic([]);
let Scoped = (Host:string, Process:string, Address:string, Port:int) { false };
let Other = (A:string) {
    A has "x"
};
DeviceNetworkEvents
| where TimeGenerated > ago(Window) and RemotePort in (Ports) and RemotePort > Threshold and Other(DeviceName)
| where not(ipv4_is_in_any_range(RemoteIP, Allowed)) and not(ipv6_is_in_any_range(RemoteIP, AllowedIPv6))
| where not(Scoped(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort))
"""
RULE: dict[str, Any] = {
    "id": "alpha", "name": "Alpha", "description": "What it\nfinds.\n", "severity": "high", "confidence": "low",
    "purpose": "hunting", "tags": ["noisy", "Network"], "references": ["https://example.org/"],
    "attack": [{
        "tactic": {"id": "TA0011", "name": "Command and Control"},
        "technique": {"id": "T1071", "name": "Application Layer Protocol"},
    }],
    "data_sources": [], "false_positives": [{"cause": "An agent.", "tuning": "Allow it."}], "allowlists": ["servers"],
    "kibana": {
        "data": ["events", "others"], "type": "threshold", "index": ["logs-*"], "interval": "5m", "tags": ["Own"],
        "threshold": {"field": ["host.name"], "value": 20}, "note": "Look at it.\nTwice.\n",
        "data_view": {
            "name": "A view", "timeFieldName": "@timestamp",
            "runtimeFieldMap": {"our.hour": {"type": "long", "script": {"source": "emit(1L);"}}},
        },
    },
    "sentinel": {
        "data": ["DeviceNetworkEvents"], "kind": "Scheduled", "queryFrequency": "PT1H", "queryPeriod": "P1D",
        "triggerOperator": "GreaterThan", "triggerThreshold": 0, "customDetails": {"Host": "DeviceName"},
    },
}  # fmt: skip
BLOCKS: dict[str, dict[str, list[Any]]] = {
    "kibana": {
        "severity": ["low"], "interval": ["10m", None], "from": ["now-1h"], "max_signals": [50],
        "note": ["Seen.", None],
        "threshold": [{"value": 3}, {"field": ["user.name"]}], "index": [["here-*"]], "tags": [["quiet"], None],
        "alert_suppression": [{"duration": {"value": 5, "unit": "m"}}], "description": ["One line."],
        "data_view": [{"allowNoIndex": False}, {"runtimeFieldMap": {"our.hour": {"script": {"source": "emit(2L);"}}}}],
        "query": ["host.name : *"],
    },
    "sentinel": {
        "queryFrequency": ["PT2H"], "triggerThreshold": [3], "description": ["One line.", None], "tactics": [None, []],
        "customDetails": [{"Port": "RemotePort"}, {"Host": None}, None], "severity": ["Informational"],
        "parameters": [{"Threshold": 40}, {"Window": "12h", "Threshold": 2}], "suppressionDuration": ["PT1H"],
        "incidentConfiguration": [{"createIncident": False}, {"groupingConfiguration": {"enabled": True}}],
        "query": [KQL.lstrip().replace("RemotePort > Threshold", "RemotePort < Threshold")],
    },
}  # fmt: skip
KEYS = ("alpha", "*", "al*", "tag:noisy", "tag:own", "tag:attack.t1071", "tag:hunting")


@st.composite
def tunings(draw: st.DrawFn) -> dict[str, Any]:
    """What stands under one key of an overlay."""
    tuning: dict[str, Any] = {}
    if draw(st.booleans()):
        tuning["severity"] = draw(st.sampled_from(["low", "medium", "critical"]))
    if draw(st.booleans()):
        tuning["enabled"] = draw(st.booleans())
    for platform, fields in BLOCKS.items():
        names = draw(st.lists(st.sampled_from(sorted(fields)), max_size=3, unique=True))
        if names:
            tuning[platform] = {name: copy.deepcopy(draw(st.sampled_from(fields[name]))) for name in names}
    return tuning or {"enabled": False}


OVERLAYS = st.dictionaries(st.sampled_from(KEYS), tunings(), max_size=3)


LAYERS = (Voice.ENVIRONMENT, Voice.TENANT, Voice.TARGET)


class Repository:
    """A rule on both platforms, and one tenant with overlays of three levels."""

    def __init__(
        self, root: Path, flow: bool, environment: Any, tenant: Any, own: Mapping[str, Any], data: Any
    ) -> None:
        self.root, self._flow = root, flow
        (root / "rules/alpha").mkdir(parents=True)
        (root / "rules/allowlists.yaml").write_text(CATEGORIES)
        self.write("rules/alpha/rule.yaml", RULE)
        (root / "rules/alpha/kibana.kuery").write_text("\nhost.name : *\n")
        (root / "rules/alpha/sentinel.kql").write_text(KQL)
        self.files = {
            "environments/test/environment.yaml": {"owner": "o", "overlay": environment},
            "environments/test/tenants/acme.yaml": {
                "targets": {
                    "kibana": {"platform": "kibana", "emulator": True, "overlay": own["kibana"]},
                    "sentinel": {
                        "platform": "sentinel", "emulator": True, "subscription_id": SUBSCRIPTION,
                        "resource_group": "rg", "workspace": "law-1", "overlay": own["sentinel"],
                    },
                },
                "data_sources": {"kibana": {"events": data, "others": []}, "sentinel": ["DeviceNetworkEvents"]},
                "allowlists": {"servers": [
                    {"value": "192.0.2.1", "reason": "Known.", "owner": "soc"},
                    {"value": "192.0.2.9", "hosts": ["a"], "reason": "Known.", "owner": "soc"},
                ]},
                "overlay": tenant,
            },
        }  # fmt: skip
        for path, document in self.files.items():
            self.write(path, document)

    def write(self, path: str, document: Any) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        text = yaml.dump(document, Dumper=yaml.CSafeDumper, sort_keys=False, default_flow_style=self._flow, width=60)
        file.write_text(text)

    def explained(self) -> Iterator[tuple[Platform, DesiredState, Origins]]:
        manifest = load(self.root, "test")
        assert manifest.broken_tenants == {}
        [tenant] = manifest.tenants
        for target in tenant.targets:
            assignment = assign(manifest, tenant, target)
            state = codecs.encode(assignment)
            yield target.platform, state, explain(manifest, assignment, state)

    def line(self, where: Location) -> str:
        """The text from a place to the end of its line."""
        return (self.root / where.path).read_text().split("\n")[where.line - 1][where.column - 1 :]


def others(overlay: Mapping[str, Any], platform: str) -> dict[str, Any]:
    """The same without the other platform's part, which has no business at the target."""
    kept = {
        key: {name: value for name, value in tuning.items() if name in (platform, "severity", "enabled")}
        for key, tuning in overlay.items()
    }
    return {key: tuning for key, tuning in kept.items() if tuning}


@settings(max_examples=int(os.environ.get("EXAMPLES", "15")), suppress_health_check=list(HealthCheck), deadline=None)
@given(st.booleans(), OVERLAYS, OVERLAYS, OVERLAYS, st.sampled_from([[], ["acme-*"]]))
def test_every_value_has_an_origin_and_its_line_says_it(
    flow: bool, environment: Any, tenant: Any, own: Any, data: Any
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        at_targets = {platform: others(own, platform) for platform in ("kibana", "sentinel")}
        repository = Repository(Path(folder), flow, environment, tenant, at_targets, data)

        for platform, state, origins in repository.explained():
            for key, resource in state.resources.items():
                found = {one.path: one for one in origins[str(key)]}
                if key.kind in (Kind.RULE, Kind.DATA_VIEW):
                    assert {path for path in found if path[:1] != ("query",) or len(path) == 1} == {
                        path for path, _ in leaves(resource.body)
                    }
                for one in found.values():
                    assert one.said
                    for said in (*one.said, *one.without):
                        says(repository, said, one, key, platform)


def says(repository: Repository, said: Said, one: Origin, key: Key, platform: Platform) -> None:
    """The line at which an origin points begins with the key or the value that it names."""
    if said.voice is Voice.DEFAULT:
        assert said.key in ("Kibana", "Sentinel", "deployer")
        assert said.where is None
        return
    assert said.where is not None
    text = repository.line(said.where).lstrip("'\"")
    if one.path == ():
        assert text
    elif said.voice is Voice.QUERY:
        if len(one.path) == 1:
            assert text in ("host.name : *", "// A comment.")
        else:
            assert text.startswith(one.path[1])
    elif said.voice is Voice.ALLOWLIST:
        assert text.startswith(("value: ", "servers:", "{value: "))
    elif said.voice is Voice.DATA:
        assert text.startswith(f"{said.key}:")
    elif said.voice is Voice.RULE:
        assert text.startswith((f"{said.key.rpartition('.')[2]}", "servers", "hour:"))
    else:
        made = codecs.made(platform, _RULE, key.kind, one.path)
        known = {str(part) for keys in (made.block, *made.neutral) for part in keys[1:] or keys}
        known |= {one.path[-1].removeprefix("let "), "query"}
        assert text.partition(":")[0].strip("'\"") in known, (text, known)


class _Plain:
    """What the codecs ask of a rule to say what a value is made of."""

    kibana = sentinel = None
    severity, purpose = "high", "hunting"
    tags = allowlists = ()
    origins: Mapping[str, Location] = {"kibana.tags": Location("x")}


_RULE: Any = _Plain()


@settings(max_examples=int(os.environ.get("EXAMPLES", "12")), suppress_health_check=list(HealthCheck), deadline=None)
@given(OVERLAYS, OVERLAYS, OVERLAYS, st.randoms())
def test_without_what_has_the_last_word_the_next_one_has_it(
    environment: Any, tenant: Any, own: Any, random: Random
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        at_targets = {platform: others(own, platform) for platform in ("kibana", "sentinel")}
        repository = Repository(Path(folder), False, environment, tenant, at_targets, [])
        found = [
            (platform, key, one)
            for platform, _, origins in repository.explained()
            for key, all_of_it in origins.items()
            for one in all_of_it
            if one.path and one.said[0].voice in LAYERS and one.path[0] != "query"
        ]  # fmt: skip
        if not found:
            return
        platform, object, chosen = random.choice(found)
        take_out(repository, chosen, platform, Kind(object.partition("/")[0]))
        [now] = [origins for other, _, origins in repository.explained() if other is platform]

        left = next((one for one in now.get(object, ()) if one.path == chosen.path), None)
        words = [(one.voice, one.key, one.value) for one in chosen.without[:1]]
        if left is None:
            assert all(one.value in (None, []) or one.voice is Voice.RULE for one in chosen.without)
        elif left.said[0].voice is Voice.DEFAULT or not words or words[0][2] is None:
            assert left.without == () or all(one.value is None or one.voice is Voice.RULE for one in left.without[:1])
        else:
            assert words[0] in [(one.voice, one.key, one.value) for one in left.said]


def take_out(repository: Repository, one: Origin, platform: Platform, kind: Kind) -> None:
    """Take the value that has the last word out of the file where it stands."""
    [said] = one.said
    assert said.where is not None
    document: Any = repository.files[said.where.path]
    overlay = document["targets"][platform]["overlay"] if said.voice is Voice.TARGET else document["overlay"]
    made = codecs.made(platform, _RULE, kind, one.path)
    for keys in (made.block, *made.neutral):
        if keys and removed(overlay[said.key], list(keys)):
            break
    else:
        raise AssertionError(f"{one} is not written there")
    if not overlay[said.key]:
        del overlay[said.key]
    repository.write(said.where.path, document)


def removed(mapping: Any, keys: list[Any]) -> bool:
    """Whether a key was there to be taken out, with what is empty without it."""
    if not isinstance(mapping, dict) or keys[0] not in mapping:
        return False
    if len(keys) > 1:
        if not removed(mapping[keys[0]], keys[1:]):
            return False
        if mapping[keys[0]]:
            return True
    del mapping[keys[0]]
    return True
