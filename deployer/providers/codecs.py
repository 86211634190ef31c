"""The codec of each platform, for work that needs no connection."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from deployer.model import Assignment
from deployer.model import Platform
from deployer.providers.kibana import canonical
from deployer.providers.kibana import codec as kibana
from deployer.providers.sentinel import codec as sentinel
from deployer.state import DesiredState
from deployer.state import Key


def encode(assignment: Assignment) -> DesiredState:
    """The objects that the assignment's target is to hold; raises `CannotEncode` with every fault, located."""
    keyed = assignment.target.platform is Platform.KIBANA
    desired = kibana.encode(assignment) if keyed else sentinel.encode(assignment)
    return replace(desired, accepted=assignment.accepted, grace_days=assignment.grace_days, keyed=keyed)


def needs(platform: Platform, key: Key, body: Mapping[str, Any]) -> tuple[Key, ...]:
    """What an object of this canonical body stands on: it must be in place before the object is written."""
    return canonical.needs(key, body) if platform is Platform.KIBANA else ()
