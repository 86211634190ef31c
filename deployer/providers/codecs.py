"""The codec of each platform, for work that needs no connection."""

from dataclasses import replace

from deployer.model import Assignment
from deployer.model import Platform
from deployer.providers.kibana import codec as kibana
from deployer.providers.sentinel import codec as sentinel
from deployer.state import DesiredState


def encode(assignment: Assignment) -> DesiredState:
    """The objects that the assignment's target is to hold; raises `CannotEncode` with every fault, located."""
    keyed = assignment.target.platform is Platform.KIBANA
    desired = kibana.encode(assignment) if keyed else sentinel.encode(assignment)
    return replace(desired, accepted=assignment.accepted, grace_days=assignment.grace_days, keyed=keyed)
