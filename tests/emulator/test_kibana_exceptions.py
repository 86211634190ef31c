"""Exception lists and their items."""

from typing import Any

import pytest

from deployer.emulator import Emulator
from tests.emulator.make import Client
from tests.emulator.make import entry
from tests.emulator.make import exception_item
from tests.emulator.make import exception_list
from tests.emulator.make import kibana_client
from tests.emulator.make import threshold_rule

LISTS = "/api/exception_lists"
ITEMS = f"{LISTS}/items"
FIND = f"{ITEMS}/_find"


@pytest.fixture
def lists(kibana: Client) -> Client:
    """Kibana with one list."""
    assert kibana("POST", LISTS, exception_list()).status_code == 200
    return kibana


def test_a_list_comes_back_as_it_was_made(lists: Client) -> None:
    read = lists("GET", LISTS, list_id="proxies").json()

    assert lists("GET", LISTS, id=read["id"]).json() == read
    for name in ("id", "tie_breaker_id", "_version", "created_at", "updated_at"):
        assert read.pop(name)
    who = {"created_by": "deployer", "updated_by": "deployer"}
    server = {"namespace_type": "single", "tags": [], "os_types": [], "version": 1, "immutable": False}
    assert read == {**exception_list(), **server, **who}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "n", "description": "d"}, "type: Required"),
        (exception_list(list_id=5), "list_id: Expected string, received number"),
        (exception_list(type="allowlist"), "type: Invalid enum value. Expected"),
        (
            exception_list(namespace_type="blob"),
            "namespace_type: Invalid enum value. Expected 'agnostic' | 'single', received 'blob'",
        ),
    ],
)
def test_a_list_that_breaks_the_schema_is_refused(kibana: Client, body: dict[str, Any], message: str) -> None:
    answer = kibana("POST", LISTS, body)

    assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)
    assert answer.json()["message"].startswith(f"[request body]: {message}")


def test_a_list_exists_once(lists: Client) -> None:
    answer = lists("POST", LISTS, exception_list())

    assert answer.json() == {"message": 'exception list id: "proxies" already exists', "status_code": 409}
    assert answer.status_code == 409


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        (LISTS, {"list_id": "x"}, 'exception list list_id: "x" does not exist'),
        (LISTS, {"id": "x"}, 'exception list id: "x" does not exist'),
        (ITEMS, {"item_id": "x"}, 'exception list item item_id: "x" does not exist'),
        (FIND, {"list_id": "x"}, 'exception list list_id: "x" does not exist'),
    ],
)
def test_what_is_not_there_is_404(kibana: Client, path: str, query: dict[str, str], message: str) -> None:
    answer = kibana("GET", path, **query)

    assert (answer.status_code, answer.json()) == (404, {"message": message, "status_code": 404})


def test_an_agnostic_list_is_seen_from_every_space_and_is_not_the_single_one(emulator: Emulator, lists: Client) -> None:
    agnostic = lists("POST", LISTS, exception_list(namespace_type="agnostic")).json()
    other = kibana_client(emulator.url, "other")

    assert other("GET", LISTS, list_id="proxies", namespace_type="agnostic").json() == agnostic
    assert other("GET", LISTS, list_id="proxies").status_code == 404
    found = lists("GET", f"{LISTS}/_find", namespace_type="single,agnostic").json()
    assert [item["namespace_type"] for item in found["data"]] == ["single", "agnostic"]


def test_find_lists_pages_and_filters(kibana: Client) -> None:
    for number in range(3):
        kibana("POST", LISTS, exception_list(list_id=f"l{number}", tags=[f"t{number}"]))
    page = kibana("GET", f"{LISTS}/_find", page=2, per_page=2).json()
    text = 'exception-list.attributes.list_id: "l1"'
    one = kibana("GET", f"{LISTS}/_find", filter=text).json()

    assert ([item["list_id"] for item in page["data"]], page["total"]) == (["l2"], 3)
    assert [item["list_id"] for item in one["data"]] == ["l1"]
    assert kibana("GET", f"{LISTS}/_find", filter="name: x").status_code == 400


def test_an_update_of_a_list_keeps_what_is_not_sent(kibana: Client) -> None:
    kibana("POST", LISTS, exception_list(tags=["a"], meta={"m": 1}, os_types=["linux"]))
    updated = kibana("PUT", LISTS, exception_list(name="New")).json()

    assert (updated["name"], updated["tags"], updated["meta"], updated["os_types"]) == ("New", ["a"], {"m": 1}, [])
    assert kibana("PUT", LISTS, exception_list(list_id="x")).status_code == 404


def test_a_stale_version_is_a_conflict(lists: Client) -> None:
    version = lists("GET", LISTS, list_id="proxies").json()["_version"]
    assert lists("PUT", LISTS, {**exception_list(), "_version": version}).status_code == 200
    assert lists("PUT", LISTS, {**exception_list(), "_version": version}).status_code == 409
    item = lists("POST", ITEMS, exception_item()).json()
    body = {**exception_item(list_id=None), "_version": item["_version"]}
    assert lists("PUT", ITEMS, body).status_code == 200
    assert lists("PUT", ITEMS, body).status_code == 409


def test_deleting_a_list_takes_its_items_and_leaves_references(lists: Client) -> None:
    reference = {"id": "1", "list_id": "proxies", "type": "detection", "namespace_type": "single"}
    lists("POST", "/api/detection_engine/rules", threshold_rule(exceptions_list=[reference]))
    lists("POST", ITEMS, exception_item())
    assert lists("DELETE", LISTS, list_id="proxies").status_code == 200

    assert lists("GET", ITEMS, item_id="proxy-1").status_code == 404
    rule = lists("GET", "/api/detection_engine/rules", rule_id="beacon").json()
    assert rule["exceptions_list"] == [reference]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "entries: Array must contain at least 1 element(s)"),
        (
            [entry(type="cidr")],
            (
                "entries.0.type: Invalid discriminator value. Expected 'match' | 'match_any' | 'list' | "
                "'exists' | 'nested' | 'wildcard'"
            ),
        ),
        (
            [entry(operator="is")],
            "entries.0.operator: Invalid enum value. Expected 'excluded' | 'included', received 'is'",
        ),
        ([entry(operator=None)], "entries.0.operator: Required"),
        ([entry(value="")], "entries.0.value: String must contain at least 1 character(s)"),
        ([entry(value=443)], "entries.0.value: Expected string, received number"),
        ([entry(value=None)], "entries.0.value: Required"),
        ([entry(field="")], "entries.0.field: String must contain at least 1 character(s)"),
        ([entry(type="match_any", value=[])], "entries.0.value: Array must contain at least 1 element(s)"),
        ([entry(type="match_any", value="x")], "entries.0.value: Expected array, received string"),
        ([entry(type="list", value=None)], "entries.0.list: Required"),
        (
            [{"field": "f", "type": "nested", "entries": []}],
            "entries.0.entries: Array must contain at least 1 element(s)",
        ),
        (
            [{"field": "f", "type": "nested", "entries": [entry(type="wildcard")]}],
            "entries.0.entries.0.type: Invalid discriminator value. Expected 'match' | 'match_any' | 'exists'",
        ),
    ],
)
def test_an_entry_that_breaks_the_schema_is_refused(lists: Client, entries: list[Any], message: str) -> None:
    answer = lists("POST", ITEMS, exception_item(entries=entries))

    assert answer.status_code == 400
    assert answer.json()["message"] == f"[request body]: {message}"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"list_id": "nowhere"}, 404),
        ({"type": "complex"}, 400),
        ({"expire_time": "tomorrow"}, 400),
        ({"expire_time": "2027-01-01"}, 400),
        ({"comments": [{"comment": ""}]}, 400),
        ({"os_types": ["beos"]}, 400),
        ({"name": None}, 400),
        ({"expire_time": "2027-01-01T00:00:00.000Z"}, 200),
    ],
)
def test_an_item_is_checked(lists: Client, changes: dict[str, Any], status: int) -> None:
    assert lists("POST", ITEMS, exception_item(**changes)).status_code == status


def test_an_item_id_is_taken_for_all_lists(lists: Client) -> None:
    lists("POST", LISTS, exception_list(list_id="other"))
    lists("POST", ITEMS, exception_item())
    answer = lists("POST", ITEMS, exception_item(list_id="other"))

    assert answer.json() == {"message": 'exception list item id: "proxy-1" already exists', "status_code": 409}


def test_keys_that_a_schema_does_not_name_are_dropped(lists: Client) -> None:
    item = lists("POST", ITEMS, {**exception_item(entries=[entry(odd=1)]), "odd": 1}).json()

    assert "odd" not in item
    assert item["entries"] == [entry()]


def test_put_writes_an_item_anew(lists: Client) -> None:
    made = lists(
        "POST",
        ITEMS,
        exception_item(expire_time="2027-01-01T00:00:00.000Z", meta={"m": 1}, tags=["a"], os_types=["linux"]),
    ).json()
    updated = lists("PUT", ITEMS, exception_item(list_id=None, name="New")).json()

    assert {name for name in made if name not in updated} == {"expire_time", "meta"}
    assert (updated["name"], updated["tags"], updated["os_types"]) == ("New", ["a"], [])
    assert (updated["id"], updated["list_id"]) == (made["id"], "proxies")
    assert lists("GET", FIND, list_id="proxies").json()["total"] == 1


def test_put_needs_to_know_the_item(lists: Client) -> None:
    assert lists("PUT", ITEMS, exception_item(item_id=None)).status_code == 404
    assert lists("PUT", ITEMS, exception_item(item_id="x")).status_code == 404


def test_comments_only_grow(lists: Client) -> None:
    made = lists("POST", ITEMS, exception_item(comments=[{"comment": "first"}])).json()
    [first] = made["comments"]
    grown = lists(
        "PUT",
        ITEMS,
        exception_item(comments=[{"id": first["id"], "comment": "first"}, {"comment": "second"}]),
    ).json()

    assert grown["comments"][0] == first
    assert [comment["comment"] for comment in grown["comments"]] == ["first", "second"]
    assert lists("PUT", ITEMS, exception_item()).status_code == 403
    assert lists("PUT", ITEMS, exception_item(comments=[{"comment": "first"}])).status_code == 403
    assert lists("GET", ITEMS, item_id="proxy-1").json() == grown


def test_find_items_of_several_lists(lists: Client) -> None:
    lists("POST", LISTS, exception_list(list_id="shared", namespace_type="agnostic"))
    for number in range(3):
        lists("POST", ITEMS, exception_item(item_id=f"i{number}"))
    lists("POST", ITEMS, exception_item(item_id="all", list_id="shared", namespace_type="agnostic"))
    both = lists("GET", FIND, list_id="proxies,shared", namespace_type="single,agnostic", per_page=3).json()
    last = lists("GET", FIND, list_id="proxies,shared", namespace_type="single,agnostic", per_page=3, page=2).json()

    assert [item["item_id"] for item in both["data"] + last["data"]] == ["i0", "i1", "i2", "all"]
    assert (both["total"], both["page"], both["per_page"]) == (4, 1, 3)
    assert lists("GET", FIND, list_id="proxies,shared", namespace_type="single").status_code == 400
    assert lists("GET", FIND).status_code == 400
    assert lists("GET", FIND, list_id="proxies", search="x").status_code == 400


def test_a_copied_rule_has_its_own_copy_of_a_default_list(lists: Client) -> None:
    own = lists("POST", LISTS, exception_list(list_id="own", type="rule_default")).json()
    lists("POST", ITEMS, exception_item(item_id="by-hand", list_id="own"))
    reference = {"id": own["id"], "list_id": "own", "type": "rule_default", "namespace_type": "single"}
    rule = lists("POST", "/api/detection_engine/rules", threshold_rule(exceptions_list=[reference])).json()
    bulk = {"action": "duplicate", "ids": [rule["id"]]}
    answer = lists("POST", "/api/detection_engine/rules/_bulk_action", bulk).json()
    [copied] = answer["attributes"]["results"]["created"][0]["exceptions_list"]

    assert copied["list_id"] != "own"
    assert lists("GET", FIND, list_id=copied["list_id"]).json()["total"] == 1


@pytest.mark.parametrize(
    ("path", "key"), [("/api/exception_lists", "list_id"), ("/api/exception_lists/items", "item_id")]
)
def test_a_read_that_names_nothing_is_refused(kibana: Client, path: str, key: str) -> None:
    answer = kibana("GET", path)

    assert (answer.status_code, answer.json()["message"]) == (400, f"id or {key} required")
