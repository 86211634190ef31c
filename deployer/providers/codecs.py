"""The codec of each platform, for work that needs no connection."""

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.model import Assignment
from deployer.model import Category
from deployer.model import Json
from deployer.model import Platform
from deployer.model import Rule
from deployer.plan import Update
from deployer.providers.kibana import canonical
from deployer.providers.kibana import codec as kibana
from deployer.providers.kibana import tuning as kibana_tuning
from deployer.providers.sentinel import codec as sentinel
from deployer.providers.sentinel import tuning as sentinel_tuning
from deployer.state import DesiredState
from deployer.state import Key


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
