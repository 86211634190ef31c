"""The emulator says the same in other words, on request and to readers only."""

from collections.abc import Iterator
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.emulator import reshaping
from tests.emulator import make

RULES = "/api/detection_engine/rules"


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def reshaped(emulator: Emulator, *ways: str) -> Any:
    answer = make.control_client(emulator.url)("POST", "/settings", {"reshape": list(ways)})
    return answer.status_code


def test_a_way_that_is_not_known_is_refused_by_name(emulator: Emulator) -> None:
    answer = make.control_client(emulator.url)("POST", "/settings", {"reshape": ["sideways"]})

    assert answer.status_code == 400
    assert "sideways" in answer.json()["message"]
    assert all(way in answer.json()["message"] for way in reshaping.WAYS)


@pytest.mark.parametrize("value", ["sets", None, [1], {"sets": True}])
def test_the_setting_is_a_list_of_names(emulator: Emulator, value: Any) -> None:
    assert make.control_client(emulator.url)("POST", "/settings", {"reshape": value}).status_code == 400


def test_readers_are_told_in_other_words_and_what_is_stored_stays(emulator: Emulator) -> None:
    kibana = make.kibana_client(emulator.url)
    rule = make.threshold_rule(rule_id="a", interval="1h", **{"from": "now-24h"}, tags=["x", "y"])
    written = kibana("POST", RULES, rule).json()

    assert reshaped(emulator, "seconds", "sets", "newlines") == 200
    told = kibana("GET", RULES, rule_id="a").json()
    page = kibana("GET", f"{RULES}/_find").json()["data"]
    answered = kibana("PATCH", RULES, {"rule_id": "a", "max_signals": 7}).json()
    assert reshaped(emulator) == 200

    assert (told["interval"], told["from"], told["tags"]) == ("3600s", "now-86400s", ["y", "x"])
    assert told["query"] == written["query"] + "\n"
    assert page == [told]
    assert (answered["interval"], answered["tags"]) == ("1h", ["x", "y"])
    assert kibana("GET", RULES, rule_id="a").json() == answered


def test_durations_of_arm_in_two_more_spellings(emulator: Emulator) -> None:
    arm = make.arm_client(emulator.url)
    arm("PUT", "/a", make.scheduled_rule(queryPeriod="P1D", queryFrequency="PT1H"))

    reshaped(emulator, "seconds")
    seconds = arm("GET", "/a").json()["properties"]
    reshaped(emulator, "hours")
    hours = arm("GET", "/a").json()["properties"]
    reshaped(emulator, "hours", "hours")
    twice = arm("GET", "/a").json()["properties"]

    names = ("queryPeriod", "queryFrequency")
    assert [seconds[name] for name in names] == ["P1DT00H00M00S", "PT01H00M00S"]
    assert [hours[name] for name in names] == ["PT24H", "PT1H"]
    assert twice["queryPeriod"] == "P1DT0H"


def test_the_setting_survives_in_the_world_it_was_made_in_only(emulator: Emulator) -> None:
    reshaped(emulator, "nulls")

    with Emulator() as another:
        kibana = make.kibana_client(another.url)
        kibana("POST", RULES, make.threshold_rule(rule_id="a"))
        assert "note" not in kibana("GET", RULES, rule_id="a").json()
