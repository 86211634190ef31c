"""A provider's repository of any size: rules in the shapes of our own, one file a tenant, targets on the stubs."""

import argparse
import json
import re
import sys
from collections.abc import Iterator
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = "bench"
KEY, TOKEN = "BENCH_KIBANA", "BENCH_ARM"
CYCLE = (
    "t1584.005-botnet-node",
    "t1583.005-mass-external-connection",
    "t1583.005-orb-relay",
    "t1584.005-connection-burst",
    "t1584.005-dns-burst",
)
"""The rules that are copied, in turn. One in five has a data view of its own, as long as there are few."""
VIEWS = 10
"""From the second turn on, every tenth rule has a data view of its own."""
SECRETS = {KEY: "YmVuY2g6b25seS1mb3ItYmVuY2htYXJrcw==", TOKEN: "only-for-benchmarks"}
"""What the environment variables of the two credentials hold. They open nothing."""


def write(
    folder: Path, tenants: int, rules: int, places: Sequence[dict[str, str]], *, platforms: Sequence[str] = ()
) -> None:
    """Write `rules/` and `environments/bench/`. `places[i]` has the urls of tenant i by platform (kibana, sentinel)."""
    for number in range(rules):
        _rule(folder, number)
    (folder / "rules/allowlists.yaml").write_text((ROOT / "rules/allowlists.yaml").read_text())
    hosts = sorted({re.split(r"[/:]+", url)[1] for place in places for url in place.values()})
    home = folder / "environments" / ENVIRONMENT
    (home / "tenants").mkdir(parents=True)
    environment = {
        "owner": "bench-soc",
        "trusted_hosts": hosts,
        "credentials": {
            "kibana": {"type": "api_key", "env": KEY, "hosts": hosts},
            "arm": {"type": "bearer", "env": TOKEN, "hosts": hosts},
        },
        "overlay": {"bench-0001": {"severity": "medium"}} if rules > 1 else {},
    }
    _put(home / "environment.yaml", environment)
    for number in range(tenants):
        tenant = _tenant(number, places[number], platforms or ("kibana", "sentinel"))
        _put(home / "tenants" / f"{name_of(number)}.yaml", tenant)


def name_of(number: int) -> str:
    """A tenant's name; the space has it, too."""
    return f"tenant-{number:04d}"


def _rule(folder: Path, number: int) -> None:
    """A copy of one of our rules under another id, its numbers changed a little."""
    id = f"bench-{number:04d}"
    source = ROOT / "rules" / CYCLE[number % len(CYCLE)]
    if number >= len(CYCLE) and number % VIEWS and source.name == CYCLE[0]:
        source = ROOT / "rules" / CYCLE[1]
    place = folder / "rules" / id
    place.mkdir(parents=True)
    rule = yaml.load((source / "rule.yaml").read_text(), Loader=yaml.CSafeLoader)
    rule |= {"id": id, "name": f"{rule['name']} ({number})"}
    if "threshold" in rule["kibana"]:
        rule["kibana"]["threshold"]["value"] += number % 17
    if "data_view" in rule["kibana"]:
        rule["kibana"]["data_view"]["name"] = f"deployer: {id}"
    _put(place / "rule.yaml", rule)
    for query in (*source.glob("kibana.*"), source / "sentinel.kql"):
        text = query.read_text()
        if query.suffix == ".kql":
            text = re.sub(r"(?m)^(let Min\w+ = )(\d+);", lambda found: f"{found[1]}{int(found[2]) + number % 7};", text)
        (place / query.name).write_text(text)


def _tenant(number: int, place: dict[str, str], platforms: Sequence[str]) -> dict[str, Any]:
    name = name_of(number)
    targets: dict[str, Any] = {
        "kibana": {"platform": "kibana", "url": place["kibana"], "space": name, "credential": "kibana"},
        "sentinel": {
            "platform": "sentinel", "endpoint": place["sentinel"], "credential": "arm",
            # A customer has a subscription of his own, and Azure's budgets are per subscription.
            "subscription_id": f"11111111-1111-4111-8111-{number:012d}", "resource_group": "soc", "workspace": name,
        },
    }  # fmt: skip
    tenant: dict[str, Any] = {
        "targets": {platform: targets[platform] for platform in platforms},
        "data_sources": {
            "kibana": {
                "endpoint.events.network": [f"logs-endpoint.events.network-{name}"] if number % 10 == 7 else [],
                "network.dns": [],
            },
            "sentinel": ["DeviceNetworkEvents", "_Im_Dns"],
        },
        "allowlists": dict(_allowlists(number)),
    }
    if number % 10 == 3:
        tenant["overlay"] = {"bench-0000": {"kibana": {"threshold": {"value": 40}}}}
    return tenant


def _allowlists(number: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A handful of entries, some the same everywhere and some of the tenant's own."""
    said = {"owner": "soc@bench.example", "reason": f"Known and wanted at {name_of(number)}"}
    own = f"198.51.100.{number % 200 + 1}"
    yield (
        "irc_servers",
        [
            {
                "value": "192.0.2.10",
                "hosts": [f"dev-{number:04d}"],
                "processes": ["hexchat.exe"],
                "ports": [6697],
                **said,
            }
        ],
    )
    yield "proxies", [{"value": "203.0.113.8/29", **said}, {"value": own, **said}]
    yield "apm_vendors", [{"value": "203.0.113.128/26", "processes": ["apm-agent.exe"], **said}][: number % 4]


class _Plain(yaml.CSafeDumper):
    """Writes a value out wherever it stands: deployer reads no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _put(path: Path, document: object) -> None:
    path.write_text(yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=200))


def main(arguments: Sequence[str] | None = None) -> int:
    """In a process of its own, so that whoever measures stays small."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.estate", description="Write an estate.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tenants", type=int, required=True)
    parser.add_argument("--rules", type=int, required=True)
    parser.add_argument("--platforms", nargs="+", default=["kibana", "sentinel"])
    options = parser.parse_args(arguments)
    places = json.load(sys.stdin)
    write(options.folder, options.tenants, options.rules, places, platforms=options.platforms)
    return 0


if __name__ == "__main__":
    sys.exit(main())
