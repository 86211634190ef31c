"""The policy of an environment for what its tenants allow: `allowlists.policy` of environment.yaml, and judging by it.

The clock plays no part: an entry that meets the policy today meets it on every day.
"""

import ipaddress
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from datetime import date
from datetime import timedelta
from typing import Any
from typing import TypeAlias

from deployer.findings import Finding
from deployer.findings import Location
from deployer.hosts import Unfit
from deployer.manifest import values
from deployer.manifest.document import Node
from deployer.manifest.wording import guess
from deployer.manifest.wording import label
from deployer.manifest.wording import listed
from deployer.manifest.wording import shown
from deployer.manifest.wording import shown_key
from deployer.model import Allowance
from deployer.model import Category
from deployer.model import Policy
from deployer.model import ValueKind

FAMILIES = {4: "ipv4", 6: "ipv6"}
_LONGEST = {"ipv4": 32, "ipv6": 128}
_EVERYTHING = ("0.0.0.0/0", "::/0")
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Breach:
    """One thing that a policy does not allow."""

    field: str
    """The key that is at fault: reason, owner, ticket, expires, reviewed or value."""
    message: str
    """What is wrong and the way out; to be put behind the name of what is judged."""
    missing: bool = False
    """The key is not there, or says nothing."""


def breaches(allowance: Allowance, policy: Policy, addresses: str | None = None) -> tuple[Breach, ...]:
    """Everything in which `allowance` does not meet the policy; nothing where it does.

    `addresses` is its value where that is an address or a CIDR range, in canonical form. Dates are canonical, too.
    """
    return (*_words(allowance, policy), *_life(allowance, policy), *_reach(addresses, policy))


def read(
    node: Node, categories: Mapping[str, Category] | None
) -> tuple[Policy, dict[str, Policy], tuple[Finding, ...]]:
    """The policy for all, those of single categories (complete), and what is wrong with them beyond their form.

    `node` is `allowlists.policy`. Without `categories`, which could not be read, nothing is said about their names.
    """
    findings: list[Finding] = []
    general = _policy(node, Policy(), findings)
    own: dict[str, Policy] = {}
    for name, inner in node.get("categories").entries():
        own[name] = _policy(inner, general, findings)
        if categories is not None:
            findings += _misnamed(name, inner, categories)
    return general, own, tuple(findings)


def _policy(node: Node, base: Policy, findings: list[Finding]) -> Policy:
    """`base` with what is named in its place; forbidden ranges add."""
    origins, forbidden = dict(base.origins), []
    for item in node.get("forbidden").items():
        if (written := item.text()) is not None:
            try:
                forbidden.append(written if written in _EVERYTHING else values.address(written))
                origins.setdefault(forbidden[-1], item.location)
            except Unfit as unfit:
                findings.append(item.error("bad-value", f"{label(item.path)}: {shown(written)} {unfit}"))
    changes: dict[str, int] = {}
    for key in ("longest_life_days", "review_every_days"):
        if (days := node.get(key).number() or 0) > 0:
            changes[key] = days
            origins[key] = node.get(key).location
    prefixes = {key: inner.number() or 0 for key, inner in node.get("widest").entries()}
    widest = {key: prefix for key, prefix in prefixes.items() if 0 < prefix <= _LONGEST.get(key, 0)}
    origins |= {f"widest.{key}": node.get("widest").get(key).location for key in widest}
    require = node.get("require")
    if require.value is not None:
        origins["require"] = require.location
    found = replace(
        base,
        require=base.require if require.value is None else require.texts(),
        widest={**base.widest, **widest},
        forbidden=tuple(dict.fromkeys((*base.forbidden, *forbidden))),
        origins=origins,
        **changes,
    )
    if forbidden and _is_everything(found.forbidden) and not _is_everything(base.forbidden):
        message = f"{label(node.get('forbidden').path)} leaves no address: no entry could meet the policy"
        findings.append(node.get("forbidden").key_error("policy-unmeetable", message))
    return found


def _is_everything(forbidden: Iterable[str]) -> bool:
    networks: list[Any] = [ipaddress.ip_network(text) for text in forbidden]
    count = 0
    for version in FAMILIES:
        known = [network for network in networks if network.version == version]
        count += sum(network.num_addresses for network in ipaddress.collapse_addresses(known))
    return count == 2**32 + 2**128


def _misnamed(name: str, node: Node, categories: Mapping[str, Category]) -> Iterator[Finding]:
    """Errors for a policy that binds nothing: what is written and has no effect is a mistake."""
    if name not in categories:
        others = guess(name, categories) or f"; known: {listed(map(shown_key, sorted(categories)))}"
        message = f"no category {shown_key(name)} in rules/allowlists.yaml"
        yield node.key_error("unknown-category", message + others)
    elif ValueKind.IP not in categories[name].kinds:
        for key in ("widest", "forbidden"):
            if key in node.mapping():
                message = f"{label(node.get(key).path)} binds nothing: {shown_key(name)} takes no addresses"
                yield node.get(key).key_error("nothing-to-bind", message)


def _words(allowance: Allowance, policy: Policy) -> Iterator[Breach]:
    for name in ("reason", "owner"):
        if not str(getattr(allowance, name) or "").strip():
            yield Breach(name, f"lacks {shown_key(name)}", missing=True)
    asked = {name: policy.origins.get("require") for name in policy.require}
    if policy.longest_life_days is not None:
        asked = {name: policy.origins.get("longest_life_days") for name in ("expires", "reviewed")} | asked
    for name in ("ticket", "expires", "reviewed"):
        if name in asked and not (getattr(allowance, name) or "").strip():
            yield Breach(name, f"lacks {shown_key(name)}, which the policy asks for{_at(asked[name])}", missing=True)


def _life(allowance: Allowance, policy: Policy) -> Iterator[Breach]:
    longest = policy.longest_life_days
    if longest is None or not allowance.expires or not allowance.reviewed:
        return
    reviewed, expires = date.fromisoformat(allowance.reviewed), date.fromisoformat(allowance.expires[:10])
    if (days := (expires - reviewed).days) > longest:
        origin = _at(policy.origins.get("longest_life_days"))
        message = f"is to hold for {days} days after its review on {reviewed}, the policy allows {longest}{origin}"
        way_out = f"let it expire by {reviewed + timedelta(days=longest)}, or review it anew"
        yield Breach("expires", f"{message}: {way_out}")


def _reach(addresses: str | None, policy: Policy) -> Iterator[Breach]:
    if addresses is None:
        return
    network = ipaddress.ip_network(addresses)
    family = FAMILIES[network.version]
    widest = policy.widest.get(family)
    if widest is not None and network.prefixlen < widest:
        origin = _at(policy.origins.get(f"widest.{family}"))
        message = f"is wider than /{widest}, the widest that the policy allows{origin}"
        yield Breach("value", f"{message}: name the networks that are meant")
    for text in policy.forbidden:
        if _touch(ipaddress.ip_network(text), network):
            origin = _at(policy.origins.get(text))
            yield Breach("value", f"touches {text}, which the policy forbids{origin}: leave those addresses out")


def _touch(one: _Network, other: _Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _at(location: Location | None) -> str:
    return f" ({location})" if location else ""
