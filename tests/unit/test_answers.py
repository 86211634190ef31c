"""Answers that are kept are given out again for equal questions, and for no others."""

from types import MappingProxyType

import pytest

from deployer.answers import kept
from deployer.providers.kibana import canonical


def counting():
    asked = []

    @kept
    def make(name, value):
        asked.append((name, value))
        return {"of": name, "is": value}

    return make, asked


def test_what_is_equal_is_made_once_and_is_the_very_same():
    make, asked = counting()

    first, second = make("threat", [{"id": "TA0011"}]), make("threat", [{"id": "TA0011"}])

    assert first is second
    assert len(asked) == 1


@pytest.mark.parametrize("other", [[True], [1.0], ["1"], (1,), [1, None], {"1": 1}])
def test_what_json_tells_apart_is_told_apart(other):
    make, asked = counting()

    assert make("threat", [1]) == {"of": "threat", "is": [1]}
    assert make("threat", other) == {"of": "threat", "is": other}
    assert make("index", [1]) == {"of": "index", "is": [1]}
    assert len(asked) == 3


def test_a_mapping_that_cannot_be_written_down_is_answered_all_the_same():
    make, _ = counting()
    value = MappingProxyType({"id": "TA0011"})

    assert make("threat", value) == {"of": "threat", "is": value}


def test_the_numbers_of_two_rules_stay_what_they_are():
    whole, true = (canonical.rule({"threshold": {"field": ["a"], "value": value}}) for value in (1, True))

    assert type(whole["threshold"]["value"]) is int
    assert type(true["threshold"]["value"]) is bool
