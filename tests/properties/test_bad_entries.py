"""A thousand bad entries and overlays: each is refused with its place and a reason, or is provably harmless.

Harmless means: it is loaded, and what comes of it is what comes of an ordinary entry of the same form. In the query it
is the content of string literals that read back to exactly it, and nothing else of the query differs; in Kibana it is a
value in the same place of the same document.
"""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from deployer.errors import CannotEncode
from deployer.findings import Severity
from deployer.manifest.load import load
from deployer.manifest.overlay import assign
from deployer.model import Platform
from deployer.providers.codecs import encode
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from tests.properties import bad_values

ENTRIES, RAW, OVERLAYS = 570, 130, 300
FOLDER = "environments/test/tenants"
TARGETS = """targets:
  kibana: {{platform: kibana, emulator: true, space: "{0}"}}
  sentinel: {{platform: sentinel, emulator: true, subscription_id: 00000000-0000-0000-0000-000000000001, resource_group: soc, workspace: "ws-{0}"}}
data_sources: {{kibana: {{endpoint.events.network: []}}, sentinel: [DeviceNetworkEvents]}}
"""  # noqa: E501
SENTINEL = (
    "platform: sentinel, emulator: true, subscription_id: 00000000-0000-0000-0000-000000000001, resource_group: soc"
)
LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"')
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Path:
    """A repository with one rule and every kind of category."""
    root = tmp_path_factory.mktemp("bad")
    for name, content in bad_values.RULES.items():
        (root / "rules" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "rules" / name).write_text(content)
    (root / FOLDER).mkdir(parents=True)
    (root / "environments/test/environment.yaml").write_text("owner: tests\n")
    return root


def test_they_are_a_thousand():
    assert ENTRIES + RAW + OVERLAYS == 1000


def test_a_bad_entry_is_refused_or_is_the_content_of_a_literal(book):
    bad = bad_values.entries(ENTRIES, Random(7))  # noqa: S311
    name = "entries.yaml"
    lines = [*TARGETS.format("entries").splitlines(), "allowlists:"]
    place = {}
    for category in ("servers", "vendors", "programs"):
        lines.append(f"  {category}:")
        for one in bad:
            if one.category == category:
                lines.append(f"    - {one.text}")
                place[len(lines)] = one
    _write(book, {name: "\n".join(lines) + "\n"})

    manifest = load(book, "test")

    errors = _errors(manifest, name)
    assert set(errors) <= set(place)
    told: Counter[str] = Counter()
    (tenant,) = manifest.readable
    loaded = {entry.location.line: entry for entries in tenant.allowlists.values() for entry in entries}
    for line, one in place.items():
        if line in errors:
            told["refused"] += 1
        else:
            _is_harmless(manifest, tenant, loaded[line], one)
            told["harmless"] += 1
    _each_is_told(told, ENTRIES)
    assert "entries" in manifest.broken_tenants
    assert manifest.tenants == ()


def test_what_yaml_reads_in_its_own_way_is_refused_or_harmless_too(book):
    bad = bad_values.raw_entries(RAW, Random(8))  # noqa: S311
    files = {}
    for one in bad:
        head = TARGETS.format(f"raw-{one.number}") + "allowlists:\n  servers:\n    - "
        files[f"raw-{one.number}.yaml"] = head + one.text + "\n"
    _write(book, files)

    manifest = load(book, "test")

    told: Counter[str] = Counter()
    first = TARGETS.count("\n") + 3
    tenants = {tenant.name: tenant for tenant in manifest.readable}
    for one in bad:
        name = f"raw-{one.number}"
        errors = _errors(manifest, f"{name}.yaml")
        if errors:
            assert min(errors) >= first
            assert name in manifest.broken_tenants
            told["refused"] += 1
        else:
            (entry,) = tenants[name].allowlists["servers"]
            _is_harmless(manifest, tenants[name], entry, one)
            told["harmless"] += 1
    _each_is_told(told, RAW)


def test_a_bad_overlay_is_refused_or_changes_no_more_than_it_names(book):
    bad = bad_values.overlays(OVERLAYS, Random(9))  # noqa: S311
    lines = ["targets:", f"  plain: {{{SENTINEL}, workspace: plain}}"]
    place = {}
    for one in bad:
        lines.append(f"  t{one.number}: {{{SENTINEL}, workspace: ws-{one.number}, overlay: {{example: {one.text}}}}}")
        place[len(lines)] = one
    lines += ["data_sources: {sentinel: [DeviceNetworkEvents]}"]
    _write(book, {"overlays.yaml": "\n".join(lines) + "\n"})

    manifest = load(book, "test")

    errors = _errors(manifest, "overlays.yaml")
    assert set(errors) <= set(place)
    (tenant,) = manifest.readable
    told: Counter[str] = Counter()
    targets = {target.name: target for target in tenant.targets}
    plain = _lets(_query(assign(manifest, tenant, targets["plain"])))
    for line, one in place.items():
        verdict = "refused" if line in errors else _told_apart(manifest, tenant, targets[f"t{one.number}"], line, plain)
        told[verdict] += 1
    _each_is_told(told, OVERLAYS)


def _each_is_told(told, count) -> None:
    """Every one has a verdict, and there are both."""
    assert sum(told.values()) == count
    assert set(told) == {"refused", "harmless"}


def _write(book, files) -> None:
    for old in (book / FOLDER).iterdir():
        old.unlink()
    for name, content in files.items():
        (book / FOLDER / name).write_text(content)


def _errors(manifest, name) -> dict[int, str]:
    """The reason that is given for each line of a file."""
    found = {}
    for finding in manifest.findings:
        if finding.severity is Severity.ERROR and finding.location and finding.location.path == f"{FOLDER}/{name}":
            assert finding.message
            assert finding.message.isprintable()
            found[finding.location.line] = finding.message
    return found


def _is_harmless(manifest, tenant, entry, one) -> None:
    """Against an ordinary entry of the same form: the same scopes, the same kind and size of value."""
    names = {name: f"name{number}{'.x' if '.' in name else ''}" for number, name in enumerate(_names(entry))}
    ordinary = replace(
        entry,
        value=names[entry.value],
        hosts=tuple(names[name] for name in entry.hosts),
        processes=tuple(names[name] for name in entry.processes),
        reason="r",
        owner="o",
        ticket=None,
    )
    if entry.kind == "ip":
        names[entry.value] = "2001:db8::1" if ":" in entry.value else "192.0.2.1"
        ordinary = replace(ordinary, value=names[entry.value])
    for platform, same in ((Platform.SENTINEL, _same_query), (Platform.KIBANA, _same_items)):
        target = next(each for each in tenant.targets if each.platform is platform)
        desired = assign(manifest, replace(tenant, allowlists={}), target)
        states: list[DesiredState | None] = []
        places = set()
        for each in (entry, ordinary):
            try:
                states.append(encode(replace(desired, entries={**_nobody(desired), each.category: (each,)})))
            except CannotEncode as error:
                states.append(None)
                places |= {finding.location for finding in error.findings}
        assert places <= {entry.location}, one
        assert (states[0] is None) is (states[1] is None), one
        if states[0] is not None and states[1] is not None:
            same(states[0], states[1], {name: text for text, name in names.items()}, one)


def _names(entry):
    return dict.fromkeys((entry.value, *entry.hosts, *entry.processes))


def _nobody(desired):
    return dict.fromkeys(desired.entries, ())


def _same_query(state, ordinary, meant, one) -> None:
    query, twin = (each.resources[Key(Kind.RULE, "example")].body["query"] for each in (state, ordinary))
    assert LITERAL.sub("", query) == LITERAL.sub("", twin), one
    assert not re.search(r"[^\x20-\x7e\n]", LITERAL.sub("", query)), one
    read = [[_content(literal) for literal in LITERAL.findall(each)] for each in (query, twin)]
    assert sorted(read[0]) == sorted(meant.get(text, text) for text in read[1]), one


def _content(literal: str) -> str:
    """What a KQL string literal means (Kusto's rules for strings in double quotes)."""
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), literal[1:-1])


def _same_items(state, ordinary, meant, one) -> None:
    items, twins = (
        [each.resources[key].body for key in each.resources if key.kind is Kind.ITEM] for each in (state, ordinary)
    )
    assert (len(items), len(twins)) == (1, 1), one
    _same_document({**items[0], "name": "", "description": ""}, {**twins[0], "name": "", "description": ""}, meant, one)
    assert isinstance(items[0]["name"], str)
    assert isinstance(items[0]["description"], str)


def _same_document(value, twin, meant, one) -> None:
    assert type(value) is type(twin), one
    if isinstance(value, dict):
        assert value.keys() == twin.keys(), one
        for key in value:
            _same_document(value[key], twin[key], meant, one)
    elif isinstance(value, list) and all(isinstance(each, str) for each in value):
        assert sorted(value) == sorted(meant.get(each, each) for each in twin), one
    elif isinstance(value, list):
        assert len(value) == len(twin), one
        for each, other in zip(value, twin, strict=True):
            _same_document(each, other, meant, one)
    else:
        assert value == meant.get(twin, twin), one


def _told_apart(manifest, tenant, target, line, plain) -> str:
    """Refused when what the target would be told is made; else nothing of its query differs but one literal."""
    try:
        lets = _lets(_query(assign(manifest, tenant, target)))
    except CannotEncode as error:
        places, lets = {each.location and (each.location.path, each.location.line) for each in error.findings}, {}
    if not lets:
        assert places == {(f"{FOLDER}/overlays.yaml", line)}
        return "refused"
    assert lets.keys() == plain.keys()
    for name, text in lets.items():
        if text != plain[name]:
            assert re.fullmatch(PLAIN[name], text), (line, name, text)
    return "harmless"


def _query(assignment) -> str:
    return str(encode(assignment).resources[Key(Kind.RULE, "example")].body["query"])


def _lets(query: str) -> dict[str, str]:
    """The text of each line, by the name of its `let` or by its number."""
    named = [(re.match(r"let (\w+) = (.*);$", line), line) for line in query.splitlines()]
    return {
        found[1] if found else str(number): found[2] if found else line for number, (found, line) in enumerate(named)
    }


PLAIN = {
    "Least": r"-?[0-9]+",
    "Share": r"-?[0-9]+\.[0-9]+|-?[0-9.]+e\+[0-9]+",
    "Window": r"[0-9]+(\.[0-9]+)?(d|h|m|s|ms)",
    "Strict": "true|false",
    "Suffix": LITERAL.pattern,
    "Names": rf"dynamic\(\[(({LITERAL.pattern})(, ({LITERAL.pattern}))*)?\]\)",
}
"""All that the value of a parameter may be."""
