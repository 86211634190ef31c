"""Rules of type eql: what their bodies may hold."""

from typing import Any

import pytest

from tests.emulator.make import Client
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
QUERY = "sequence by host.name with maxspan=5m [network where true] [network where true]"


def eql_rule(**changes: Any) -> dict[str, Any]:
    return threshold_rule(**{"type": "eql", "language": "eql", "query": QUERY, "threshold": None, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"language": None}, "language: Required"),
        ({"language": "kuery"}, "language: Invalid enum value. Expected 'eql', received 'kuery'"),
        ({"query": None}, "query: Required"),
        ({"tiebreaker_field": 1}, "tiebreaker_field: Expected string, received number"),
    ],
)
def test_a_body_that_breaks_the_schema_is_refused(kibana: Client, changes: dict[str, Any], message: str) -> None:
    answer = kibana("POST", RULES, eql_rule(**changes))

    assert (answer.status_code, answer.json()["message"]) == (400, f"[request body]: {message}")


def test_the_fields_of_its_own_are_kept_and_those_of_other_types_are_not(kibana: Client) -> None:
    own = {
        "tiebreaker_field": "event.sequence",
        "timestamp_field": "@timestamp",
        "event_category_override": "event.kind",
    }
    foreign = {"threshold": {"field": [], "value": 1}, "saved_id": "s", "new_terms_fields": ["a"]}
    rule = kibana("POST", RULES, eql_rule(**own, **foreign)).json()

    assert {name: rule.get(name) for name in (*own, *foreign)} == {**own, **dict.fromkeys(foreign)}
    assert (rule["type"], rule["language"], rule["query"]) == ("eql", "eql", QUERY)
