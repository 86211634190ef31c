"""What a person could write into a tenant's file by mistake, or on purpose: entries and overlays, each on one line."""

import json
from dataclasses import dataclass
from random import Random
from typing import Any

RULES = {
    "allowlists.yaml": """\
categories:
  servers:
    title: Servers
    description: Servers that are allowed.
    kinds: [ip]
    direction: outbound
    ports: [6667, 6697]
    kibana: {ip: destination.ip, host: host.name, process: process.name, port: destination.port}
    sentinel: {ipv4: Servers, ipv6: ServersIPv6, ports: ServerPorts, scoped: ScopedServers}
  vendors:
    title: Vendors
    description: Addresses and domains.
    kinds: [ip, domain]
    direction: outbound
    kibana: {ip: destination.ip, domain: destination.domain, host: host.name, process: process.name}
    sentinel: {ipv4: Vendors, ipv6: VendorsIPv6, domain: VendorDomains, scoped: ScopedVendors}
  programs:
    title: Programs
    description: Names of programs.
    kinds: [process]
    direction: outbound
    kibana: {process: process.name, host: host.name, port: destination.port}
    sentinel: {process: Programs, scoped: ScopedPrograms}
""",
    "example/rule.yaml": """\
id: example
name: Example
description: What it finds.
severity: high
confidence: low
attack:
  - tactic: {id: TA0042, name: Resource Development}
    technique: {id: T1584, name: Compromise Infrastructure}
references: [https://attack.mitre.org/techniques/T1584/]
allowlists: [servers, vendors, programs]
data_sources: [Network Traffic]
false_positives: [{cause: An agent., tuning: Allow it.}]
deviations: []
kibana: {data: [endpoint.events.network], type: query, language: kuery, index: ["logs-*"], interval: 1h, from: now-24h}
sentinel:
  data: [DeviceNetworkEvents]
  kind: Scheduled
  queryFrequency: PT1H
  queryPeriod: P1D
  triggerOperator: GreaterThan
  triggerThreshold: 0
  entityMappings: [{entityType: Host, fieldMappings: [{identifier: FullName, columnName: DeviceName}]}]
""",
    "example/kibana.kuery": "destination.port : 6667\n",
    "example/sentinel.kql": """\
let Least = 20;
let Share = 0.5;
let Window = 24h;
let Strict = false;
let Suffix = "example";
let Names = dynamic(["a.exe"]);
let Servers = dynamic([]);
let ServersIPv6 = dynamic([]);
let ServerPorts = dynamic([]);
let ScopedServers = (Host:string, Process:string, Address:string, Port:int) { false };
let Vendors = dynamic([]);
let VendorsIPv6 = dynamic([]);
let VendorDomains = dynamic([]);
let ScopedVendors = (Host:string, Process:string, Address:string, Port:int) { false };
let Programs = dynamic([]);
let ScopedPrograms = (Host:string, Process:string, Address:string, Port:int) { false };
DeviceNetworkEvents
| where TimeGenerated > ago(Window) and (not(Strict) or DeviceName endswith Suffix)
| where DeviceName !in (Names) and DeviceName !in (Programs) and RemoteUrl !in (VendorDomains)
| where not(RemotePort in (ServerPorts) and ipv4_is_in_any_range(RemoteIP, Servers))
| where not(RemotePort in (ServerPorts) and ipv6_is_in_any_range(RemoteIP, ServersIPv6))
| where not(ipv4_is_in_any_range(RemoteIP, Vendors) or ipv6_is_in_any_range(RemoteIP, VendorsIPv6))
| where not(ScopedServers(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort))
| where not(ScopedVendors(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort))
| where not(ScopedPrograms(DeviceName, InitiatingProcessFileName, RemoteIP, RemotePort))
| summarize Count = count() by DeviceName
| where Count >= Least * Share
""",
}
PARAMETERS = (
    "Least",
    "Share",
    "Window",
    "Strict",
    *(("Suffix", "Names") * 4),
    "Servers",
    "ScopedServers",
    "least",
    "Nothing",
)

FRAGMENTS = (
    '"', "'", "\\", '\\"', "//", "/*", "*/", "#", ";", "|", "\n", "\r\n", "\t", "\0", "\x1b[2J", "\x7f", "\u2028",
    "\u202e", "\ufeff", "\u00a0", "*", "?", "%", "`", "```", "~~~", "{", "}", "{{x}}", "$", "--", "@\"", "h\"", ")",
    "])", "null", " or true", '"]); take 0', '") or (true', "'; drop", "| union *",
    "let Servers = dynamic(['0.0.0.0/1']);", "\n| take 0", "\u0661\u0669\u0662", "\uff11", "\u0430pp.exe",
    "\U0001f600", "%2e", "..", "/", "C:\\irc.exe", "a b", " ", "",
)  # fmt: skip
"""Pieces of texts that mean something to somebody on the way: YAML, KQL, JSON, kuery, a terminal, a reader."""

ADDRESSES = (
    "::/0", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1", "2000::/3", "0.0.0.0",  # noqa: S104
    "::",
    "255.255.255.255", "::ffff:198.51.100.7", "::ffff:c633:6407", "::ffff:0:0/96", "::ffff:198.51.100.0/120",
    "fe80::1%eth0", "fe80::1%25eth0", "198.51.100.7/33", "198.51.100.7/-1", "198.51.100.7/", "198.51.100.7/024",
    "198.51.100.7/24", "198.51.100.0/255.255.255.0", "198.51.100.0-198.51.100.9", "198.51.100.0,198.51.100.1",
    "198.51.100", "198.51.100.256", "198.051.100.7", "0x7f.1", "1", "3325256711", "0xC6336407", "198.51.100.7:6667",
    "[2001:db8::1]", "[2001:db8::1]:6667", "2001:db8::1::2", "2001:db8:::1", "2001:db8::/129", "2001:db8::g",
    "\u0661\u0669\u0668.51.100.7", "\uff11\uff19\uff18.51.100.7", "198\u300251.100.7", "198.51.100.7 ",
    " 198.51.100.7", "198.51.100.7\n", "198.51.100.7\t", "198.51.100.7//x", "198.51.100.7#x", "*.51.100.7",
    "198.51.100.*", "*", "?", "any", "localhost", "irc.acme.example", "*.example", "example", "http://198.51.100.7/",
    "198.51.100.0/2\u0664", "1e3", "198.51.100.7/24/24", "a.exe", "2001:DB8::1", "64:ff9b::c633:6407",
    "2002:c633:6407::1",
)  # fmt: skip
"""What might be taken for an address, or for more addresses than it seems to be."""

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 65535, 65536, 2**31, 2**63, -(2**63) - 1, 6667.0, 0.5, 1e300, [], {}, [[]], [None], "",
    "6667", "-6667", "1e9", ["*"], {"value": "198.51.100.7"}, [1, 1], ["a", "a"], "yes", "on", "~", "null", "true",
)  # fmt: skip
"""Values of another type than is meant."""

TRAPS = (
    "010.1.1.1", "1_0", "!!str 198.51.100.7", "!!python/object:os.system x", "!x 198.51.100.7", "&a 198.51.100.7",
    "*a", "<<", "198.51.100.7 # x", "198.51.100.7#x", "|", ">-", "? a", ": a", "- a", "@a", "`a`", "%a", "{a", "[a",
    "]", "}", "'198.51.100.7", '"198.51.100.7', '"\\x"', '"\\ud800"', '"\\0"', "a: b", "a,b", "2001:db8::1", "::1",
    "::/0", "\x7f", '"\\ud83d\\ude00"',
    "0x1F", "0o17", ".inf", ".nan", "1e999", "12345678901234567890", "2026-01-01", "~", "no", "\t", "\u2028",
    "--- a", "...",
)  # fmt: skip
"""What YAML reads in a way of its own, as it stands there."""

DATES = (
    "2026-02-30", "2026-13-01", "26-01-01", "2026-1-1", "20260101", "2026-01-01T12:00:00", "2026-01-01T25:00:00Z",
    "2026-01-01T12:00:00+99:00", "2026-01-01 12:00:00Z", "2026-W01-1", "9999-12-31", "0001-01-01", "1999-12-31",
    "never", "2026-01-01T12:00:00Z)", "2026-01-01\n", "\u0662026-01-01", "now()", "2026-01-01T12:00:60Z",
    "-2026-01-01", "2026-01-01T12:00:00.5Z", "2026-01-01T00:00:00+00:00", "2026-06-31", "+2026-01-01",
    "2026-01-01T24:00:00Z",
)  # fmt: skip


@dataclass(frozen=True)
class Bad:
    """One generated line."""

    number: int
    text: str
    """YAML in flow form."""
    category: str = ""


def entries(count: int, chance: Random) -> list[Bad]:
    """Entries with one or two things that they should not hold."""
    return [_entry(number, chance) for number in range(count)]


def raw_entries(count: int, chance: Random) -> list[Bad]:
    """Entries in which something is written that YAML may read in a way of its own; each needs a file of its own."""
    made = []
    for number in range(count):
        trap = TRAPS[number % len(TRAPS)]
        place = ("value", "hosts", "reason", "ports", "expires", "owner")[number // len(TRAPS) % 6]
        fields = {"value": "198.51.100.7", "hosts": "[ws-1]", "reason": "r", "ports": "[6667]", "owner": "o"}
        fields[place] = f"[{trap}]" if place in ("hosts", "ports") and chance.random() < 0.7 else trap
        lines = [f"{key}: {value}" for key, value in fields.items()]
        made.append(Bad(number, "\n      ".join(lines), "servers"))
    return made


def overlays(count: int, chance: Random) -> list[Bad]:
    """What stands under the id of a rule."""
    return [Bad(number, _written(_overlay(chance), chance)) for number in range(count)]


def text(chance: Random) -> str:
    """A name with something in it that does not belong there."""
    pieces = [chance.choice(("ws-1", "irc.exe", "a", "")), *chance.choices(FRAGMENTS, k=chance.choice((1, 1, 2, 3)))]
    chance.shuffle(pieces)
    return "".join(pieces)


def _entry(number: int, chance: Random) -> Bad:
    category = chance.choice(("servers", "servers", "vendors", "programs"))
    entry: dict[str, Any] = {
        "value": f"p{number}.exe" if category == "programs" else f"198.51.{number // 250}.{number % 250}",
        "reason": "r",
        "owner": "o",
    }
    for _ in range(chance.choice((1, 1, 1, 2))):
        field = chance.choice(
            ("value",) * 4 + ("hosts", "hosts", "processes", "ports", "reason", "owner", "expires", "key")
        )
        odd = chance.random() < 0.25
        if field == "value":
            entry["value"] = chance.choice(ODD) if odd else chance.choice((chance.choice(ADDRESSES), text(chance)))
        elif field in ("hosts", "processes"):
            entry[field] = chance.choice(ODD) if odd else [text(chance) for _ in range(chance.choice((1, 1, 2)))]
        elif field == "ports":
            entry[field] = chance.choice(ODD) if odd else [chance.choice(ODD), chance.choice((6667, 443))]
        elif field in ("reason", "owner"):
            entry[field] = chance.choice(ODD) if odd else text(chance) * chance.choice((1, 1, 300))
        elif field == "expires":
            entry[chance.choice(("expires", "reviewed"))] = chance.choice(ODD) if odd else chance.choice(DATES)
        else:
            name = chance.choice(("Value", "host", "port", "list", "enabled", "ticket", "item", text(chance) or "x"))
            entry[name] = chance.choice((text(chance), chance.choice(ODD)))
    return Bad(number, _written(entry, chance), category)


def _written(value: Any, chance: Random) -> str:
    """As YAML on one line. What does not show is escaped, because it would break the file as a whole: see `TRAPS`."""
    plain = chance.random() < 0.5

    def escaped(one: str) -> str:
        shows = one.isprintable() and (plain or one.isascii() or ord(one) > 0xFFFF)
        return one if shows else f"\\u{ord(one):04x}"

    return "".join(map(escaped, json.dumps(value, ensure_ascii=False)))


def _overlay(chance: Random) -> Any:
    anything = chance.choice((text(chance), chance.choice(ODD), [text(chance)]))
    match chance.randrange(6):
        case 0 | 1:
            return {"sentinel": {"parameters": {chance.choice(PARAMETERS): anything}}}
        case 2:
            return {"sentinel": {"parameters": {text(chance) or "x": anything}}}
        case 3:
            return {chance.choice(("enabled", "severity", "threshold", "rules", text(chance) or "x")): anything}
        case 4:
            names = (
                "displayName",
                "queryPeriod",
                "queryFrequency",
                "severity",
                "enabled",
                "kind",
                "tactics",
                "nothing",
            )
            return {"sentinel": {chance.choice((*names, text(chance) or "x")): anything}}
        case _:
            return anything
