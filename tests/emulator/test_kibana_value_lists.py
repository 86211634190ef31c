"""Value lists: what is refused, what an import adds, how pages follow each other, and what a run makes of them."""

from collections.abc import Callable
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from tests.descriptions import Description
from tests.emulator.make import INDEX
from tests.emulator.make import Client
from tests.emulator.make import documents
from tests.emulator.make import exception_item
from tests.emulator.make import exception_list
from tests.emulator.make import kibana_client
from tests.emulator.make import threshold_rule

LISTS = "/api/lists"
ITEMS = f"{LISTS}/items"
FIND = f"{ITEMS}/_find"
IMPORT = f"{ITEMS}/_import"
INDEX_ROUTE = f"{LISTS}/index"


def value_list(**changes: Any) -> dict[str, Any]:
    """A list of ranges."""
    return {"id": "ranges", "name": "Ranges", "description": "Known.", "type": "ip_range", **changes}


def send(kibana: Client, text: str, name: str = "ranges.txt", path: str = IMPORT, **query: Any) -> requests.Response:
    """Import a file."""
    return kibana.session.post(
        kibana.address + path, files={"file": (name, text, "text/plain")}, params=query, timeout=10
    )


def held(kibana: Client, id: str = "ranges") -> list[str]:
    return sorted(item["value"] for item in kibana("GET", FIND, list_id=id, per_page=1000).json()["data"])


@pytest.fixture
def lists(kibana: Client) -> Client:
    """Kibana with one empty value list."""
    assert kibana("POST", INDEX_ROUTE).json() == {"acknowledged": True}
    assert kibana("POST", LISTS, value_list()).status_code == 200
    return kibana


@pytest.fixture
def asked(kibana: Client, description: Description) -> Callable[..., Any]:
    """Asks the emulator and holds every answer against the description."""

    def ask(method: str, path: str, body: Any = None, **query: Any) -> Any:
        answer = kibana(method, path, body, **query)
        description.check(answer, method, path)
        return answer.json()

    return ask


def test_value_lists_through_their_life_are_as_described(
    asked: Callable[..., Any], kibana: Client, description: Description
) -> None:
    asked("GET", INDEX_ROUTE)
    asked("POST", LISTS, value_list())
    asked("POST", INDEX_ROUTE)
    asked("POST", INDEX_ROUTE)
    asked("GET", INDEX_ROUTE)
    lists = [
        asked("POST", LISTS, value_list(meta={"m": 1})),
        asked("GET", LISTS, id="ranges"),
        asked("PUT", LISTS, {"id": "ranges", "name": "Renamed", "description": "Other."}),
        *asked("GET", f"{LISTS}/_find")["data"],
    ]
    imported = send(kibana, "192.0.2.0/24\n", list_id="ranges", refresh="true")
    description.check(imported, "POST", IMPORT)
    made = asked("POST", ITEMS, {"list_id": "ranges", "value": "198.51.100.0/24"})
    items = [made, *asked("GET", FIND, list_id="ranges")["data"], asked("DELETE", ITEMS, id=made["id"])]
    items += asked("DELETE", ITEMS, list_id="ranges", value="192.0.2.7")
    lists.append(asked("DELETE", LISTS, id="ranges"))

    assert all(set(item) <= description.properties("Security_Lists_API_List") for item in lists)
    assert all(set(item) <= description.properties("Security_Lists_API_ListItem") for item in items)
    assert "meta" not in lists[2]
    assert (lists[2]["version"], lists[2]["type"]) == (2, "ip_range")


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "status"),
    [
        ("GET", LISTS, None, {}, 400),
        ("GET", LISTS, None, {"id": "gone"}, 404),
        ("POST", LISTS, value_list(type="ranges"), {}, 400),
        ("POST", LISTS, value_list(description=""), {}, 400),
        ("POST", LISTS, value_list(), {}, 409),
        ("PUT", LISTS, {"id": "ranges", "name": "x"}, {}, 400),
        ("PUT", LISTS, {"id": "gone", "name": "x", "description": "x"}, {}, 404),
        ("DELETE", LISTS, None, {"id": "gone"}, 404),
        ("DELETE", ITEMS, None, {}, 400),
        ("DELETE", ITEMS, None, {"id": "gone"}, 404),
        ("DELETE", ITEMS, None, {"list_id": "gone", "value": "192.0.2.1"}, 404),
        ("DELETE", ITEMS, None, {"list_id": "ranges", "value": "192.0.2.1"}, 404),
        ("POST", ITEMS, {"list_id": "ranges", "value": "nonsense"}, {}, 400),
    ],
)
def test_refusals_are_as_described(
    lists: Client, asked: Callable[..., Any], method: str, path: str, body: Any, query: dict[str, str], status: int
) -> None:
    asked(method, path, body, **query)

    assert lists(method, path, body, **query).status_code == status


def test_a_list_of_a_version_that_is_gone_is_not_replaced(lists: Client) -> None:
    old = lists("GET", LISTS, id="ranges").json()["_version"]
    body = {"id": "ranges", "name": "x", "description": "x", "_version": old}

    assert [lists("PUT", LISTS, body).status_code for _ in range(2)] == [200, 409]


def test_without_data_streams_nothing_is_written_and_nothing_is_there(kibana: Client) -> None:
    made = kibana("POST", LISTS, value_list())
    imported = send(kibana, "192.0.2.0/24", list_id="ranges")

    assert (made.status_code, imported.status_code) == (400, 400)
    assert "data stream must exist first" in made.json()["message"]
    assert kibana("GET", LISTS, id="ranges").status_code == 404


def test_an_import_only_adds_and_leaves_out_what_cannot_be_kept(lists: Client) -> None:
    send(lists, "192.0.2.0/24\r\n\nnonsense\n 2001:db8::/32 \n", list_id="ranges")
    answer = send(lists, "192.0.2.0/24\n198.51.100.7\n203.0.113.1 - 203.0.113.9\n", list_id="ranges")

    assert answer.status_code == 200
    assert held(lists) == [
        "192.0.2.0/24",
        "192.0.2.0/24",
        "198.51.100.7-198.51.100.7",
        "2001:db8::/32",
        "203.0.113.1-203.0.113.9",
    ]


@pytest.mark.parametrize(
    ("name", "query", "status"),
    [
        ("ranges.json", {"list_id": "ranges"}, 415),
        ("ranges.csv", {"list_id": "ranges"}, 200),
        ("ranges.TXT", {"list_id": "ranges"}, 200),
        ("ranges.txt", {"list_id": "gone"}, 409),
        ("ranges.txt", {}, 400),
    ],
)
def test_what_an_import_takes(lists: Client, name: str, query: dict[str, str], status: int) -> None:
    assert send(lists, "192.0.2.0/24", name, **query).status_code == status


def test_an_import_that_is_no_form_or_too_long_is_refused(lists: Client) -> None:
    assert lists("POST", IMPORT, {"file": "x"}, list_id="ranges").status_code == 415
    assert send(lists, "x" * 9_000_001, list_id="ranges").status_code == 413


def test_pages_follow_each_other_by_cursor_and_hold_everything_once(lists: Client) -> None:
    send(lists, "\n".join(f"192.0.2.{number}/32" for number in range(25)), list_id="ranges")
    found: list[str] = []
    cursor: dict[str, str] = {}
    for page in (1, 2, 3):
        answer = lists("GET", FIND, list_id="ranges", page=page, per_page=10, **cursor).json()
        cursor = {"cursor": answer["cursor"]}
        found += [item["value"] for item in answer["data"]]
        assert answer["total"] == 25

    assert sorted(found) == held(lists)
    assert lists("GET", FIND, list_id="ranges", page=1, per_page=10, **cursor).status_code == 400
    assert lists("GET", FIND, list_id="ranges", cursor="x").status_code == 400
    assert lists("GET", FIND, list_id="gone").status_code == 404


def test_a_range_is_deleted_by_its_value_together_with_all_that_it_touches(lists: Client) -> None:
    """Elasticsearch: a `term` query on a range field. So nothing but an id names one item alone."""
    send(lists, "192.0.2.0/24\n192.0.2.7/32\n192.0.3.0/24\n", list_id="ranges")

    gone = lists("DELETE", ITEMS, list_id="ranges", value="192.0.2.7/32").json()

    assert sorted(item["value"] for item in gone) == ["192.0.2.0/24", "192.0.2.7/32"]
    assert held(lists) == ["192.0.3.0/24"]


def test_a_list_is_kept_while_an_item_of_any_list_refers_to_it(lists: Client) -> None:
    lists("POST", "/api/exception_lists", exception_list(namespace_type="agnostic"))
    entry = {"field": "ip", "operator": "included", "type": "list", "list": {"id": "ranges", "type": "ip_range"}}
    lists("POST", "/api/exception_lists/items", exception_item(entries=[entry], namespace_type="agnostic"))

    refused = lists("DELETE", LISTS, id="ranges")
    lists("DELETE", "/api/exception_lists/items", item_id="proxy-1", namespace_type="agnostic")

    assert refused.status_code == 409
    assert refused.json()["message"]["error"]["references"][0]["exception_item"]["item_id"] == "proxy-1"
    assert lists("DELETE", LISTS, id="ranges").status_code == 200
    assert lists("GET", LISTS, id="ranges").status_code == 404


def test_spaces_have_lists_of_their_own(lists: Client, emulator: Emulator) -> None:
    other = kibana_client(emulator.url, "other")

    assert other("GET", LISTS, id="ranges").status_code == 404
    assert other("GET", INDEX_ROUTE).status_code == 404


@pytest.mark.parametrize(
    ("values", "outcome", "alerts"),
    [("198.51.100.0/24", "succeeded", 0), ("203.0.113.0/24", "succeeded", 1), (None, "partial failure", 1)],
)
def test_a_run_leaves_out_what_a_value_list_holds_and_warns_of_one_that_is_gone(
    stopped: Emulator, kibana: Client, values: str | None, outcome: str, alerts: int
) -> None:
    kibana("POST", INDEX_ROUTE)
    if values:
        kibana("POST", LISTS, value_list())
        send(kibana, values, list_id="ranges")
    made = kibana("POST", "/api/exception_lists", exception_list()).json()
    said = {"type": "list", "list": {"id": "ranges", "type": "ip_range"}}
    entries = [{"field": "destination.ip", "operator": "included", **said}]
    kibana("POST", "/api/exception_lists/items", exception_item(entries=entries))
    attached = {"id": made["id"], "list_id": "proxies", "type": "detection", "namespace_type": "single"}
    rule = {"enabled": True, "index": ["logs-*"], "interval": "1h", "from": "now-24h", "exceptions_list": [attached]}
    kibana("POST", "/api/detection_engine/rules", threshold_rule(**rule))
    stopped.load(kibana={"acme": {INDEX: documents(20)}})

    [answer] = stopped.run()["kibana"]["acme"]

    assert (answer["outcome"], answer["alerts"]) == (outcome, alerts)
    assert ("won't be applied to rule execution: Proxy 1" in answer["message"]) == (values is None)
