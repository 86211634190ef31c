"""Allowlist entries as right-hand sides of let statements: exact, sorted, and never wider than written."""

import json

import pytest

from deployer import queries
from deployer.errors import CannotEncode
from deployer.model import Attack
from deployer.model import Named
from deployer.model import Platform
from deployer.model import ValueKind
from deployer.providers.codecs import encode
from deployer.providers.sentinel import allowlist
from deployer.state import Key
from deployer.state import Kind
from tests import make


def compiled(*entries):
    return allowlist.compile(make.category(), entries)


def test_without_entries_every_let_is_empty_and_valid():
    assert compiled() == {
        "AllowedServers": "dynamic([])",
        "AllowedServersIPv6": "dynamic([])",
        "ServerPorts": "dynamic([6667])",
        "ScopedServers": "(Host:string, Process:string, Address:string, Port:int) { false }",
    }


def test_entries_without_scope_and_expiry_are_sorted_deduplicated_and_told_apart_by_family():
    lets = compiled(
        make.entry("198.51.100.7"), make.entry("192.0.2.0/24"), make.entry("192.0.2.0/24"), make.entry("2001:db8::1")
    )

    assert lets["AllowedServers"] == 'dynamic(["192.0.2.0/24", "198.51.100.7"])'
    assert lets["AllowedServersIPv6"] == 'dynamic(["2001:db8::1"])'


def test_where_something_expires_every_value_carries_its_end():
    lets = compiled(make.entry("192.0.2.0/24", expires="2026-12-31"), make.entry("198.51.100.7"))

    assert lets["AllowedServers"] == (
        "toscalar(datatable(value: string, until: datetime)["
        '"192.0.2.0/24", datetime(2027-01-01T00:00:00Z), "198.51.100.7", datetime(9999-12-31)] '
        "| where until > now() | summarize make_list(value))"
    )


def test_of_two_ends_of_one_value_the_later_one_counts():
    lets = compiled(make.entry(expires="2026-12-31"), make.entry(expires="2027-06-30T12:00:00+02:00"))

    assert "datetime(2027-06-30T10:00:00Z)" in lets["AllowedServers"]
    assert "2027-01-01" not in lets["AllowedServers"]


def test_a_scope_becomes_a_clause_that_holds_the_categorys_ports_too():
    """A host without a dot is a computer's own name: Defender reports full ones."""
    scoped = make.entry(hosts=("b", "a"), processes=("x.exe",), expires="2026-12-31")

    body = compiled(scoped)["ScopedServers"]

    clause = " and ".join(
        [
            'coalesce(ipv4_is_in_any_range(Address, dynamic(["192.0.2.0/24"])), false)',
            '(Host in~ ("a", "b") or tostring(split(Host, ".")[0]) in~ ("a", "b"))',
            'Process in~ ("x.exe")',
            "Port in (6667)",
            "now() < datetime(2027-01-01T00:00:00Z)",
        ]
    )
    assert body == f"(Host:string, Process:string, Address:string, Port:int) {{ ({clause}) }}"
    assert compiled(scoped)["AllowedServers"] == "dynamic([])"


def test_entries_of_one_scope_share_a_clause_and_the_order_of_entries_means_nothing():
    entries = [
        make.entry("192.0.2.0/24", hosts=("a",)),
        make.entry("198.51.100.7", hosts=("a",)),
        make.entry("2001:db8::1", hosts=("a",)),
    ]

    assert compiled(*entries) == compiled(*reversed(entries))
    assert compiled(*entries)["ScopedServers"].count("(Host in~") == 2


def test_a_full_host_name_is_compared_whole():
    body = compiled(make.entry(hosts=("a.acme.example",)))["ScopedServers"]

    assert 'Host in~ ("a.acme.example") and' in body
    assert "split" not in body


@pytest.mark.parametrize(
    ("category", "entry", "said"),
    [
        (make.category(sentinel={"ipv4": "A"}), make.entry("2001:db8::1"), "names no Sentinel let for 'ipv6'"),
        (make.category(sentinel={"ipv4": "A"}), make.entry(hosts=("a",)), "names no Sentinel let for 'scoped'"),
        (
            make.category(sentinel={"domain": "D", "scoped": "S"}),
            make.entry("a.example", kind=ValueKind.DOMAIN, hosts=("a",)),
            "a domain cannot be limited to hosts",
        ),
    ],
    ids=["no let for the family", "no let for scopes", "a scoped domain"],
)
def test_what_cannot_be_expressed_exactly_is_refused(category, entry, said):
    with pytest.raises(allowlist.Inexpressible, match=said) as raised:
        allowlist.compile(category, [entry])
    assert raised.value.entry is entry


def encoded(*rules, entries=(), **change):
    return (
        encode(make.assignment(Platform.SENTINEL, rules, entries, **change)).resources[Key(Kind.RULE, "example")].body
    )


def test_parameters_and_allowlists_change_the_lets_they_name_and_nothing_else():
    half = make.sentinel_half(parameters={"Threshold": 40, "Window": "36h"})

    query = encoded(make.rule(sentinel=half), entries=[make.entry()])["query"]

    expected = make.KQL.strip()
    for let, before, after in (
        ("Threshold", "20", "40"),
        ("Window", "24h", "36h"),
        ("AllowedServers", "dynamic([])", 'dynamic(["192.0.2.0/24"])'),
        ("ServerPorts", "dynamic([])", "dynamic([6667])"),
    ):
        expected = expected.replace(f"let {let} = {before};", f"let {let} = {after};")
    assert query == expected


def test_a_parameter_that_an_allowlist_fills_is_said_to_be_one():
    half = make.sentinel_half(parameters={"AllowedServers": ["192.0.2.1"], "Treshold": 1})

    with pytest.raises(CannotEncode) as raised:
        encoded(make.rule(sentinel=half))

    assert [finding.message for finding in raised.value.findings] == [
        "AllowedServers is filled from an allowlist; its parameters are Threshold, Window",
        "example has no parameter Treshold; did you mean Threshold?",
    ]


@pytest.mark.parametrize(
    ("half", "code"),
    [
        (make.sentinel_half(parameters={"Treshold": 40}), "unknown-parameter"),
        (make.sentinel_half(parameters={"Threshold": "40"}), "parameter-type"),
        (make.sentinel_half(parameters={"ScopedServers": "x"}), "unknown-parameter"),
        (make.sentinel_half(query=make.KQL.replace("let ServerPorts = dynamic([]);\n", "")), "let-missing"),
        (make.sentinel_half(query=make.KQL.replace("Host:string, ", "")), "let-shape"),
        (make.sentinel_half(query=make.KQL.replace("ScopedServers(D", "Other(D")), "let-unused"),
        (make.sentinel_half(query="let Window = 1h;\n" + make.KQL), "let-twice"),
        (make.sentinel_half(parameters={"AllowedServers": ["192.0.2.1"]}), "unknown-parameter"),
        (make.sentinel_half(query="let RunFrequency = 30m;\n" + make.KQL), "schedule-gap"),
        (make.sentinel_half(query="let LookbackPeriod = 36h;\n" + make.KQL), "schedule-gap"),
        (make.sentinel_half(queryFrequency="P2D"), "schedule-gap"),
        (make.sentinel_half(queryFrequency=None), "missing-property"),
        (make.sentinel_half(query=make.KQL + "//" + "x" * 10_000), "query-too-long"),
        (make.sentinel_half(queryFrequancy="PT1H"), "unknown-sentinel-property"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_fault_is_a_finding_with_its_place(half, code):
    with pytest.raises(CannotEncode) as raised:
        encoded(make.rule(sentinel=half))

    (finding,) = raised.value.findings
    assert finding.code == code
    assert finding.location is not None


def test_the_refusal_of_a_long_query_names_the_sizes():
    entries = [make.entry(f"10.{index // 125}.{index % 125 * 2}.0/24") for index in range(600)]

    with pytest.raises(
        CannotEncode, match=r"would be 1\d,\d+ characters, Sentinel takes 10,000: the query itself \d+, allow"
    ):
        encoded(make.rule(), entries=entries)


def test_what_sentinel_has_no_field_for_ends_the_description():
    description = encoded(make.rule())["description"]

    assert description.startswith(
        "What it finds.\n\nConfidence: medium.\n\nFalse positives:\n- An agent. Tuning: Allow it.\n\nReferences:\n- https://"
    )


def test_tactics_are_spelled_as_arm_does_and_unknown_ones_are_named():
    def mapped(name):
        return (Attack(Named("TA0011", name), Named("T1071", "Application Layer Protocol")),)

    assert encoded(make.rule(attack=mapped("Command and Control")))["tactics"] == ["CommandAndControl"]
    with pytest.raises(CannotEncode, match="knows no tactic 'Commando'"):
        encoded(make.rule(attack=mapped("Commando")))


def test_an_nrt_rule_needs_a_version_that_shows_it():
    with pytest.raises(CannotEncode, match="would look absent"):
        encoded(
            make.rule(sentinel=make.sentinel_half(kind="NRT")),
            target=make.sentinel_target(api_version="2025-09-01"),
        )


def test_a_sub_technique_goes_where_preview_versions_keep_it():
    body = encoded(make.rule())
    stable = encoded(make.rule(), target=make.sentinel_target(api_version="2025-09-01"))

    assert (body["tactics"], body["techniques"], body["subTechniques"]) == (
        ["ResourceDevelopment"],
        ["T1584"],
        ["T1584.005"],
    )
    assert "subTechniques" not in stable


@pytest.mark.parametrize("value", ['a"b', "a\\", "a\nb", "a'b", "*/ | take 1", "ä"])
def test_a_text_in_an_array_stays_a_text(value):
    """A KQL string literal with JSON's escapes: what comes out is what went in, and the let ends where it should."""
    literal = queries.array([value])

    assert json.loads(literal.removeprefix("dynamic(").removesuffix(")")) == [value]
    (let, after) = queries.lets(f"let A = {literal}; let B = 1;\nT")
    assert (let.value, after.name) == (literal, "B")
