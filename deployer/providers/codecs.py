"""The codec of each platform, for work that needs no connection."""

from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from deployer.model import Assignment
from deployer.model import Category
from deployer.model import Entry
from deployer.model import Json
from deployer.model import Platform
from deployer.model import Rule
from deployer.origins import Filled
from deployer.origins import Made
from deployer.plan import Update
from deployer.providers.kibana import canonical
from deployer.providers.kibana import codec as kibana
from deployer.providers.kibana import sources as kibana_sources
from deployer.providers.kibana import tuning as kibana_tuning
from deployer.providers.sentinel import codec as sentinel
from deployer.providers.sentinel import sources as sentinel_sources
from deployer.providers.sentinel import tuning as sentinel_tuning
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind


def encode(assignment: Assignment) -> DesiredState:
    """The objects that the assignment's target is to hold; raises `CannotEncode` with every fault, located."""
    keyed = assignment.target.platform is Platform.KIBANA
    desired = kibana.encode(assignment) if keyed else sentinel.encode(assignment)
    return replace(desired, accepted=assignment.accepted, grace_days=assignment.grace_days, keyed=keyed)


def needs(platform: Platform, key: Key, body: Mapping[str, Any]) -> tuple[Key, ...]:
    """What an object of this canonical body stands on: it must be in place before the object is written."""
    return canonical.needs(key, body) if platform is Platform.KIBANA else sentinel.needs(body)


def fixed(platform: Platform, rule: Rule, key: Key, name: str) -> str | None:
    """Why a field of a live object is none that an overlay can say; None where it may be."""
    return kibana_tuning.fixed(rule, key, name) if platform is Platform.KIBANA else sentinel_tuning.fixed(name)


def blocks(
    platform: Platform, rule: Rule, change: Update, name: str, categories: Mapping[str, Category]
) -> Iterable[Mapping[str, Json]]:
    """The ways to say a live field in an overlay's block, the best first; each has yet to be proven.

    Raises `ValueError` where there is none.
    """
    if platform is Platform.KIBANA:
        return kibana_tuning.blocks(change, name)
    return sentinel_tuning.blocks(rule, change, name, categories)


def made(platform: Platform, rule: Rule, kind: Kind, path: tuple[str, ...]) -> Made:
    """What a value of the canonical body of a rule, or of its own data view, is made of."""
    if platform is Platform.SENTINEL:
        return sentinel_sources.of_rule(rule, path)
    return kibana_sources.of_view(path) if kind is Kind.DATA_VIEW else kibana_sources.of_rule(rule, path)


def filled(platform: Platform, category: Category, entries: Sequence[Entry]) -> Mapping[str, Filled]:
    """By its name, each `let` of a query that the entries of a category are put into: none in Kibana."""
    return sentinel_sources.filled(category, entries) if platform is Platform.SENTINEL else {}
