"""What a customer's targets are to hold when the customer leaves: nothing, and nothing is said of how it was made."""

from dataclasses import replace

from deployer.fleet import _emptied
from tests import make


def test_nothing_is_noted_of_lists_that_go():
    list = make.resource()
    state = replace(make.desired(list), notes=((list.key, "451 addresses are held by one value list"),))

    assert _emptied(state) == make.desired()
