"""The emulator's answers against the published description of Kibana's API, which lies beside the checkout or not."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from tests.descriptions import Description
from tests.emulator.make import Client
from tests.emulator.make import data_view
from tests.emulator.make import entry
from tests.emulator.make import exception_item
from tests.emulator.make import exception_list
from tests.emulator.make import threshold_rule

RULES = "/api/detection_engine/rules"
LISTS = "/api/exception_lists"
ITEMS = f"{LISTS}/items"
VIEWS = "/api/data_views/data_view"
ENTRIES = [
    entry(),
    entry(type="match_any", value=["192.0.2.1", "192.0.2.0/24"]),
    entry(type="exists", value=None),
    entry(type="wildcard", value="a*"),
    {"field": "x", "operator": "excluded", "type": "list", "list": {"id": "l", "type": "ip"}},
    {"field": "x", "type": "nested", "entries": [entry(), entry(type="match_any", value=["a"])]},
]


@pytest.fixture
def asked(kibana: Client, description: Description) -> Callable[..., Any]:
    """Asks the emulator and holds every answer against the description."""

    def ask(method: str, path: str, body: Any = None, *, at: str | None = None, **query: Any) -> Any:
        answer = kibana(method, at or path, body, **query)
        description.check(answer, method, path)
        return answer.json() if answer.content else None

    return ask


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"threshold": {"field": "host.name", "value": 1, "cardinality": [{"field": "x", "value": 3}]}},
        {"alert_suppression": {"duration": {"value": 5, "unit": "m"}}, "filters": [{"query": {}}], "index": ["a"]},
        {"required_fields": [{"name": "host.name", "type": "keyword"}], "meta": {"from": "1h"}, "note": "n"},
        {"actions": [{"action_type_id": ".slack", "id": "c", "params": {"message": "m"}}], "version": 4},
    ],
)
def test_rules_through_their_life(asked: Callable[..., Any], description: Description, changes: dict[str, Any]) -> None:
    created = asked("POST", RULES, threshold_rule(**changes))
    read = asked("GET", RULES, rule_id="beacon")
    updated = asked("PUT", RULES, threshold_rule(**changes, tags=["a"]))
    patched = asked("PATCH", RULES, {"rule_id": "beacon", "tags": ["b"]})
    found = asked("GET", f"{RULES}/_find", per_page=1)["data"]
    deleted = asked("DELETE", RULES, rule_id="beacon")

    known = description.properties("Security_Detections_API_ThresholdRule")
    for rule in (created, read, updated, patched, *found, deleted):
        description.check_schema(rule, "Security_Detections_API_ThresholdRule")
        assert set(rule) <= known


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("query", {}),
        ("saved_query", {"saved_id": "s"}),
        ("eql", {"language": "eql"}),
        ("esql", {"language": "esql", "query": "FROM a METADATA _id"}),
        ("new_terms", {"new_terms_fields": ["a"], "history_window_start": "now-7d"}),
        ("machine_learning", {"machine_learning_job_id": "j", "anomaly_threshold": 50, "query": None}),
        (
            "threat_match",
            {
                "threat_query": "*:*",
                "threat_index": ["t"],
                "threat_mapping": [{"entries": [{"field": "a", "type": "mapping", "value": "b"}]}],
            },
        ),
    ],
)
def test_rules_of_other_types(asked: Callable[..., Any], type: str, fields: dict[str, Any]) -> None:
    assert asked("POST", RULES, threshold_rule(type=type, threshold=None, **fields))["type"] == type


def test_a_run_rule_a_prebuilt_rule_and_a_copy(asked: Callable[..., Any], control: Client) -> None:
    rule = asked("POST", RULES, threshold_rule())
    for status in ("running", "succeeded", "partial failure", "failed"):
        control("POST", "/kibana/acme/run", {"rule_id": "beacon", "status": status})
        assert asked("GET", RULES, rule_id="beacon")["execution_summary"]["last_execution"]["status"] == status
    control("POST", "/kibana/acme/prebuilt", {"count": 2})
    for action in ("duplicate", "enable", "disable", "delete"):
        answer = asked("POST", f"{RULES}/_bulk_action", {"action": action, "ids": [rule["id"]]})
        assert answer["attributes"]["summary"]["succeeded"] == 1
    assert asked("GET", f"{RULES}/_find")["total"] == 3


@pytest.mark.parametrize(
    ("method", "body", "query"),
    [
        ("POST", {"type": "threshold"}, {}),
        ("POST", threshold_rule(interval="x"), {}),
        ("PUT", threshold_rule(), {}),
        ("GET", None, {"rule_id": "x"}),
        ("DELETE", None, {"id": "x"}),
    ],
)
def test_refusals_of_rules(asked: Callable[..., Any], method: str, body: Any, query: dict[str, str]) -> None:
    asked(method, RULES, body, **query)


def test_exception_lists_and_items_through_their_life(asked: Callable[..., Any], description: Description) -> None:
    lists = [
        asked("POST", LISTS, exception_list(meta={"m": 1})),
        asked("GET", LISTS, list_id="proxies"),
        asked("PUT", LISTS, exception_list(tags=["a"])),
        *asked("GET", f"{LISTS}/_find")["data"],
    ]
    body = exception_item(entries=ENTRIES, expire_time="2027-01-01T00:00:00.000Z", comments=[{"comment": "c"}])
    made = asked("POST", ITEMS, body)
    comments = [{"id": made["comments"][0]["id"], "comment": "c"}, {"comment": "d"}]
    items = [
        made,
        asked("GET", ITEMS, item_id="proxy-1"),
        asked("PUT", ITEMS, exception_item(comments=comments)),
        *asked("GET", f"{ITEMS}/_find", list_id="proxies")["data"],
        asked("DELETE", ITEMS, id=made["id"]),
    ]
    lists.append(asked("DELETE", LISTS, list_id="proxies"))

    assert all(set(item) <= description.properties("Security_Exceptions_API_ExceptionList") for item in lists)
    assert all(set(item) <= description.properties("Security_Exceptions_API_ExceptionListItem") for item in items)


@pytest.mark.parametrize(
    ("method", "path", "body", "query"),
    [
        ("POST", LISTS, {}, {}),
        ("GET", LISTS, None, {}),
        ("GET", LISTS, None, {"list_id": "x"}),
        ("PUT", LISTS, exception_list(), {}),
        ("POST", ITEMS, {}, {}),
        ("GET", ITEMS, None, {"item_id": "x"}),
        ("PUT", ITEMS, exception_item(list_id=None), {}),
        ("GET", f"{ITEMS}/_find", None, {"list_id": "x"}),
        ("GET", f"{ITEMS}/_find", None, {"list_id": "x,y"}),
        ("GET", f"{LISTS}/_find", None, {"filter": "nonsense"}),
    ],
)
def test_refusals_of_exceptions(
    asked: Callable[..., Any], method: str, path: str, body: Any, query: dict[str, str]
) -> None:
    asked(method, path, body, **query)


def test_conflicts_of_exceptions(asked: Callable[..., Any], kibana: Client) -> None:
    for _ in range(2):
        asked("POST", LISTS, exception_list())
        asked("POST", ITEMS, exception_item())


def test_data_views_through_their_life(asked: Callable[..., Any], description: Description) -> None:
    one = f"{VIEWS}/{{viewId}}"
    at = f"{VIEWS}/network"
    shape = description.document["components"]["schemas"]["Data_views_data_view_response_object"]
    views = [
        asked("POST", VIEWS, data_view())["data_view"],
        asked("GET", one, at=at)["data_view"],
        asked("POST", one, {"data_view": {"title": "x-*"}}, at=at)["data_view"],
    ]
    asked("POST", VIEWS, data_view())
    assert len(asked("GET", "/api/data_views")["data_view"]) == 1
    field = {"name": "day", "runtimeField": {"type": "keyword", "script": {"source": ""}}}
    asked("PUT", f"{one}/runtime_field", field, at=f"{at}/runtime_field")
    asked("GET", f"{one}/runtime_field/{{fieldName}}", at=f"{at}/runtime_field/day")
    asked("DELETE", one, at=at)
    asked("DELETE", one, at=at)
    asked("GET", one, at=at)

    assert all(set(view) <= set(shape["properties"]["data_view"]["properties"]) for view in views)


def test_the_status_with_and_without_credentials(
    emulator: Emulator, asked: Callable[..., Any], description: Description
) -> None:
    asked("GET", "/api/status")
    description.check(requests.get(f"{emulator.url}/kibana/api/status", timeout=10), "GET", "/api/status")


def test_privileges_and_index(asked: Callable[..., Any]) -> None:
    asked("GET", "/api/detection_engine/privileges")
    for method in ("GET", "POST", "GET"):
        asked(method, "/api/detection_engine/index")


def test_the_published_request_examples_are_accepted(kibana: Client, description: Description) -> None:
    content = description.document["paths"][RULES]["post"]["requestBody"]["content"]["application/json"]
    bodies = [example["value"] for example in content["examples"].values()]
    answers = [kibana("POST", RULES, {**body, "rule_id": str(number)}) for number, body in enumerate(bodies)]
    refused = [answer.json()["message"] for answer in answers if answer.status_code != 200]

    assert len(bodies) > 3
    # One of the published bodies breaks its own schema.
    assert refused == ["[request body]: exceptions_list.0.list_id: Required"]
