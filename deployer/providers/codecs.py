"""The codec of each platform, for work that needs no connection."""

from deployer.model import Assignment
from deployer.model import Platform
from deployer.providers.kibana import codec as kibana
from deployer.providers.sentinel import codec as sentinel
from deployer.state import DesiredState


def encode(assignment: Assignment) -> DesiredState:
    """The objects that the assignment's target is to hold; raises `CannotEncode` with every fault, located."""
    if assignment.target.platform is Platform.KIBANA:
        return kibana.encode(assignment)
    return sentinel.encode(assignment)
