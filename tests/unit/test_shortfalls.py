"""Why tenants are not seen to be as they should be."""

from deployer.outcome import Place
from deployer.shortfalls import shortfalls


def test_a_place_that_nobody_tells_of_falls_short_and_says_why():
    assert shortfalls([Place("acme", "kibana")], []) == {"acme": ("kibana: nothing is known of it",)}
