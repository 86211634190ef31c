"""Data views and their runtime fields."""

from typing import Any

import pytest

from tests.emulator.make import Client
from tests.emulator.make import data_view

VIEWS = "/api/data_views/data_view"
HOUR = {"type": "long", "script": {"source": "emit(1)"}}


@pytest.fixture
def views(kibana: Client) -> Client:
    """Kibana with one data view."""
    assert kibana("POST", VIEWS, data_view()).status_code == 200
    return kibana


def _version(client: Client) -> str:
    return str(client("GET", f"{VIEWS}/network").json()["data_view"]["version"])


def test_a_data_view_comes_back_as_it_was_made(views: Client) -> None:
    view = views("GET", f"{VIEWS}/network").json()["data_view"]

    assert view.pop("version")
    assert view.pop("fields")["hour"]["runtimeField"] == HOUR
    empty = {"sourceFilters": [], "fieldFormats": {}, "fieldAttrs": {}, "allowNoIndex": False}
    assert view == {**data_view()["data_view"], **empty, "namespaces": ["acme"]}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data_view": {}},
        data_view(title=""),
        data_view(title=None),
        data_view(odd=1),
        data_view(runtimeFieldMap={"x": {"type": "integer", "script": {"source": ""}}}),
        data_view(runtimeFieldMap={"x": {"type": "long"}}),
        {**data_view(), "overwrite": True},
    ],
)
def test_a_data_view_that_breaks_the_schema_is_refused(kibana: Client, body: dict[str, Any]) -> None:
    answer = kibana("POST", VIEWS, body)

    assert (answer.status_code, answer.json()["error"]) == (400, "Bad Request")
    assert kibana("GET", "/api/data_views").json() == {"data_view": []}


def test_two_data_views_may_share_a_title(views: Client) -> None:
    assert views("POST", VIEWS, data_view(id="other", name="Another")).status_code == 200


@pytest.mark.parametrize("changes", [{"name": "Another", "title": "x-*"}, {"id": "other", "title": "x-*"}])
def test_an_id_and_a_name_are_taken_once(views: Client, changes: dict[str, str]) -> None:
    answer = views("POST", VIEWS, data_view(**changes))

    assert answer.status_code == 400
    assert answer.json()["message"].startswith("Duplicate data view: ")


def test_two_views_of_one_title_live_side_by_side(views: Client) -> None:
    """The documentation says that a title is taken once, the code compares names."""
    assert views("POST", VIEWS, data_view(id="other", name="Another")).status_code == 200


def test_override_replaces(views: Client) -> None:
    before = _version(views)
    assert views("POST", VIEWS, {**data_view(title="new-*"), "override": True}).status_code == 200
    [listed] = views("GET", "/api/data_views").json()["data_view"]

    assert listed == {"id": "network", "namespaces": ["acme"], "title": "new-*", "name": "Network"}
    assert _version(views) != before


def test_override_deletes_the_view_that_had_the_name(views: Client) -> None:
    views("POST", VIEWS, {**data_view(id="other", title="x-*"), "override": True})

    assert views("GET", f"{VIEWS}/network").status_code == 404


def test_an_update_changes_what_is_sent_and_the_version(views: Client) -> None:
    before = views("GET", f"{VIEWS}/network").json()["data_view"]
    after = views("POST", f"{VIEWS}/network", {"data_view": {"title": "new-*"}}).json()["data_view"]

    assert {name for name in after if after[name] != before[name]} == {"title", "version"}


@pytest.mark.parametrize(
    ("id", "body", "status"),
    [
        ("network", {"data_view": {}}, 400),
        ("network", {"data_view": {"id": "x"}}, 400),
        ("network", {"data_view": {"namespaces": ["x"]}}, 400),
        ("gone", {"data_view": {"title": "x"}}, 404),
    ],
)
def test_an_update_is_checked(views: Client, id: str, body: dict[str, Any], status: int) -> None:
    assert views("POST", f"{VIEWS}/{id}", body).status_code == status


def test_a_deleted_data_view_is_gone(views: Client) -> None:
    assert views("DELETE", f"{VIEWS}/network").status_code == 204
    answer = views("DELETE", f"{VIEWS}/network")
    message = "Saved object [index-pattern/network] not found"
    assert answer.json() == {"statusCode": 404, "error": "Not Found", "message": message}


def test_runtime_fields_come_and_go(views: Client) -> None:
    fields = f"{VIEWS}/network/runtime_field"
    day = {"name": "day", "runtimeField": {"type": "keyword", "script": {"source": "emit('x')"}}}
    assert views("POST", fields, day).status_code == 200
    assert views("POST", fields, day).status_code == 400
    assert views("PUT", fields, day).json()["fields"][0]["name"] == "day"
    assert views("GET", f"{fields}/day").json()["fields"][0]["type"] == "string"
    assert views("DELETE", f"{fields}/day").status_code == 200
    assert views("GET", f"{fields}/day").status_code == 404
    assert views("GET", f"{VIEWS}/network").json()["data_view"]["runtimeFieldMap"] == {"hour": HOUR}
