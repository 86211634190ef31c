"""Watchlists as ARM answers them: what it takes, how it adds and removes, and how late log queries see it."""

import json
from pathlib import Path
from typing import Any

import pytest

from deployer.emulator import Emulator
from tests.descriptions import insights_folder
from tests.descriptions import watchlists_check
from tests.emulator.make import NOW
from tests.emulator.make import Client
from tests.emulator.make import arm_client
from tests.emulator.make import logs_client
from tests.emulator.make import scheduled_rule

STABLE, PREVIEW = "stable/2024-03-01", "preview/2024-01-01-preview"
CONTENT = "Address\n192.0.2.1\n192.0.2.2\n"


def watchlist(content: str | None = CONTENT, **changes: Any) -> dict[str, Any]:
    properties = {"displayName": "Servers", "provider": "deployer", "itemsSearchKey": "Address", **changes}
    if content is not None:
        properties |= {"rawContent": content, "contentType": "text/csv"}
    return {"properties": {name: value for name, value in properties.items() if value is not None}}


@pytest.fixture
def lists(arm: Client) -> Client:
    arm.address = arm.address.replace("alertRules", "watchlists")
    return arm


def values(lists: Client, alias: str = "servers") -> list[str]:
    answer = lists("GET", f"/{alias}/watchlistItems").json()
    return [one["properties"]["itemsKeyValue"]["Address"] for one in answer["value"]]


def seen(logs: Client) -> list[str]:
    answer = logs("POST", "", {"query": "_GetWatchlist('servers') | project SearchKey | sort by SearchKey asc"})
    return [row[0] for row in answer.json()["tables"][0]["rows"]] if answer.ok else [answer.json()["error"]["code"]]


@pytest.mark.parametrize("version", [STABLE, PREVIEW])
@pytest.mark.parametrize("name", ["CreateWatchlist", "CreateWatchlistAndWatchlistItems"])
def test_a_published_body_is_taken_and_answered_as_published(
    emulator: Emulator, shared: Path, version: str, name: str
) -> None:
    insights = insights_folder(shared)
    check = watchlists_check(insights)
    examples = insights / version / "examples/watchlists"
    example = json.loads((examples / f"{name}.json").read_text())
    item = json.loads((examples / "CreateWatchlistItem.json").read_text())
    client = arm_client(emulator.url, version=version.split("/")[1])
    client.address = client.address.replace("alertRules", "watchlists")
    document = json.loads((insights / version / "Watchlists.json").read_text())

    one, row = "/highValueAsset", f"/highValueAsset/watchlistItems/{item['parameters']['watchlistItemId']}"
    calls = [
        ("PUT", one, example["parameters"]["watchlist"], 201, "Watchlist"),
        ("PUT", one, example["parameters"]["watchlist"], 200, "Watchlist"),
        ("GET", one, None, 200, "Watchlist"),
        ("GET", "", None, 200, "WatchlistList"),
        ("PUT", row, item["parameters"]["watchlistItem"], 201, "WatchlistItem"),
        ("GET", row, None, 200, "WatchlistItem"),
        ("GET", f"{one}/watchlistItems", None, 200, "WatchlistItemList"),
        ("DELETE", row, None, 200, None),
        ("DELETE", row, None, 204, None),
        ("DELETE", one, None, 200, None),
        ("DELETE", one, None, 204, None),
    ]
    for method, path, body, status, definition in calls:
        answer = client(method, path, body)
        assert (method, path, answer.status_code) == (method, path, status)
        [described] = [known for known in document["paths"] if _template(known) == _shape(path)]
        assert str(status) in document["paths"][described][method.lower()]["responses"]
        if definition:
            check(answer.json(), version, definition)
        if (method, path) == ("PUT", one):
            published = example["responses"]["200"]["body"]
            assert set(published) <= set(answer.json())
            assert set(published["properties"]) <= set(answer.json()["properties"])
    client.session.close()


def _template(path: str) -> str:
    tail = path.rsplit("/watchlists", 1)[1] if "/watchlists" in path else path
    return tail.replace("{watchlistAlias}", "*").replace("{watchlistItemId}", "*")


def _shape(path: str) -> str:
    return "/".join("*" if index in (1, 3) else part for index, part in enumerate(path.split("/")))


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "'properties' not found"),
        (watchlist(displayName=None), 400, "'displayName' not found"),
        (watchlist(provider=None), 400, "'provider' not found"),
        (watchlist(itemsSearchKey=None), 400, "'itemsSearchKey' not found"),
        (watchlist(displayName="-x-"), 400, "3 to 64 characters"),
        (watchlist(displayName="ab"), 400, "3 to 64 characters"),
        (watchlist(description=3), 400, "'description'"),
        (watchlist("Ip\n192.0.2.1\n"), 400, "is no column"),
        (watchlist("Address\n192.0.2.1,more\n"), 400, "as many values"),
        (watchlist(f"Address\n{'x' * 10_241}\n"), 400, "more than 10240"),
        (watchlist("Address\n" + f"{'x' * 9_999}\n" * 381), 413, "3.8 MB"),
        ({"properties": {**watchlist()["properties"], "contentType": "x"}}, 400, "contentType"),
    ],
)
def test_a_body_that_the_service_does_not_take_is_refused(
    lists: Client, body: dict[str, Any], status: int, said: str
) -> None:
    answer = lists("PUT", "/servers", body)

    assert (answer.status_code, said in answer.json()["error"]["message"]) == (status, True)
    assert lists("GET", "").json() == {"value": []}


@pytest.mark.parametrize("alias", ["ab", "-servers", "servers_", "x" * 65])
def test_an_alias_that_is_none_is_refused(lists: Client, alias: str) -> None:
    assert lists("PUT", f"/{alias}", watchlist()).status_code == 400


def test_content_is_added_and_what_is_there_already_is_not_added_again(lists: Client) -> None:
    first = lists("PUT", "/servers", watchlist())
    again = lists("PUT", "/servers", watchlist("Address\n192.0.2.2\n192.0.2.3\n192.0.2.3\n"))
    only = lists("PUT", "/servers", watchlist(None, description="Said."))

    assert [answer.status_code for answer in (first, again, only)] == [201, 200, 200]
    assert "Azure-AsyncOperation" in first.headers
    assert values(lists) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
    assert only.json()["properties"]["description"] == "Said."
    assert lists("GET", "/SERVERS").json()["name"] == "servers"


def test_items_come_in_pages(lists: Client, control: Client) -> None:
    control("POST", "/settings", {"page_size": 2})
    lists("PUT", "/servers", watchlist("Address\n" + "".join(f"192.0.2.{number}\n" for number in range(5))))

    found, link = [], "/servers/watchlistItems"
    while link:
        page = lists("GET", link).json()
        found += [one["properties"]["itemsKeyValue"]["Address"] for one in page["value"]]
        link = page.get("nextLink")

    assert found == [f"192.0.2.{number}" for number in range(5)]


def test_content_and_deletions_are_late_and_log_queries_later(
    emulator: Emulator, lists: Client, logs: Client, control: Client
) -> None:
    emulator.set_clock(NOW)
    control("POST", "/settings", {"watchlist_seconds": 60.0, "watchlist_query_seconds": 120.0})

    def at(seconds: int) -> tuple[Any, ...]:
        control("POST", "/clock", {"now": NOW.replace(minute=seconds // 60).isoformat(), "frozen": True})
        answer = lists("GET", "/servers")
        state = answer.json()["properties"]["provisioningState"] if answer.ok else answer.status_code
        return state, values(lists) if answer.ok else [], seen(logs)

    lists("PUT", "/servers", watchlist())
    early = lists("DELETE", "/servers")
    assert at(0) == ("InProgress", [], ["BadArgumentError"])
    assert at(60) == ("Succeeded", ["192.0.2.1", "192.0.2.2"], ["BadArgumentError"])
    assert at(180) == ("Succeeded", ["192.0.2.1", "192.0.2.2"], ["192.0.2.1", "192.0.2.2"])
    [first, _] = lists("GET", "/servers/watchlistItems").json()["value"]
    lists("DELETE", f"/servers/watchlistItems/{first['name']}")
    assert at(240) == ("Succeeded", ["192.0.2.2"], ["192.0.2.1", "192.0.2.2"])
    assert at(300) == ("Succeeded", ["192.0.2.2"], ["192.0.2.2"])
    gone, again = lists("DELETE", "/servers"), lists("PUT", "/servers", watchlist())
    assert at(300)[0] == "Deleting"
    assert at(360)[0] == 404
    assert at(480)[2] == ["BadArgumentError"]
    assert [early.status_code, gone.status_code, again.status_code] == [409, 202, 409]
    assert "Delete is currently in progress" in again.json()["error"]["message"]


def test_a_rule_that_reads_a_list_which_no_query_sees_is_refused(
    emulator: Emulator, lists: Client, control: Client
) -> None:
    rules = arm_client(emulator.url)
    query = "DeviceNetworkEvents | where RemoteIP in ((_GetWatchlist('servers') | project SearchKey))"
    rule = scheduled_rule(query=query)

    absent = rules("PUT", "/r", rule)
    lists("PUT", "/servers", watchlist())
    there = rules("PUT", "/r", rule)
    lists("DELETE", "/servers")
    disabled = rules("PUT", "/r", scheduled_rule(query=query, enabled=False))
    rules.session.close()

    assert [absent.status_code, there.status_code, disabled.status_code] == [400, 201, 200]
    assert "Failed to resolve scalar expression named 'SearchKey'" in absent.json()["error"]["message"]


def test_a_list_has_the_columns_of_its_content(lists: Client, emulator: Emulator) -> None:
    logs = logs_client(emulator.url)
    lists("PUT", "/servers", watchlist("Address,Note\n192.0.2.1,a\n"))
    answer = logs("POST", "", {"query": "_GetWatchlist('servers') | project SearchKey, Address, Note"})
    logs.session.close()

    assert answer.json()["tables"][0]["rows"] == [["192.0.2.1", "192.0.2.1", "a"]]
