"""The query API of Log Analytics: answers, spans of time, errors, and what is refused rather than answered empty."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from deployer.emulator import Emulator
from tests.descriptions import log_analytics_check
from tests.emulator.make import TABLE
from tests.emulator.make import Client
from tests.emulator.make import ago
from tests.emulator.make import arm_id
from tests.emulator.make import control_client
from tests.emulator.make import device_rows
from tests.emulator.make import logs_client
from tests.emulator.make import scheduled_rule

COUNT = f"{TABLE} | count"
WORKSPACE = {"subscription": "sub", "group": "group", "workspace": "acme"}


@pytest.fixture
def held(stopped: Emulator) -> Emulator:
    """A workspace with ten events, one a minute."""
    stopped.load(sentinel={arm_id(): {TABLE: device_rows(10)}})
    return stopped


def _rows(logs: Client, query: str, **body: Any) -> Any:
    answer = logs("POST", "", {"query": query, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()["tables"][0]["rows"]


def _error(logs: Client, query: str) -> Any:
    answer = logs("POST", "", {"query": query})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["message"]) == ("BadArgumentError", "The request had some invalid properties")
    return error["innererror"]


def _customer_id(emulator: Emulator) -> str:
    url = f"{emulator.url}/arm{arm_id()}?api-version=2022-10-01"
    answer = requests.get(url, headers={"Authorization": "Bearer made-up"}, timeout=10).json()
    return str(answer["properties"]["customerId"])


def test_an_answer_is_a_table_with_typed_columns(held: Emulator, logs: Client) -> None:
    query = f"""{TABLE} | where TimeGenerated == datetime({ago(minutes=1)})
        | project TimeGenerated, DeviceName, RemotePort, Half = 0.5, Known = true, Own = dynamic({{"a": [1]}}), Age = 5m
    """
    assert logs("POST", "", {"query": query}).json() == {
        "tables": [
            {
                "name": "PrimaryResult",
                "columns": [
                    {"name": "TimeGenerated", "type": "datetime"},
                    {"name": "DeviceName", "type": "string"},
                    {"name": "RemotePort", "type": "int"},
                    {"name": "Half", "type": "real"},
                    {"name": "Known", "type": "bool"},
                    {"name": "Own", "type": "dynamic"},
                    {"name": "Age", "type": "timespan"},
                ],
                "rows": [[ago(minutes=1), "ws-17.acme.example", 6667, 0.5, True, '{"a":[1]}', "00:05:00"]],
            }
        ],
        "emulated": True,
    }


def test_a_workspace_is_found_by_its_guid(held: Emulator) -> None:
    url = f"{held.url}/loganalytics/v1/workspaces/{_customer_id(held).upper()}/query"
    answer = requests.post(url, headers={"Authorization": "Bearer x"}, json={"query": COUNT}, timeout=10)

    assert answer.json()["tables"][0]["rows"] == [[10]]


def test_the_guid_of_a_workspace_that_was_only_looked_at_can_be_queried(emulator: Emulator) -> None:
    url = f"{emulator.url}/loganalytics/v1/workspaces/{_customer_id(emulator)}/query"
    answer = requests.post(url, headers={"Authorization": "Bearer x"}, json={"query": COUNT}, timeout=10)

    assert answer.json()["tables"][0]["rows"] == [[0]]


def test_resource_names_ignore_case(held: Emulator) -> None:
    client = logs_client(held.url, "ACME")
    assert _rows(client, COUNT) == [[10]]
    client.session.close()


def test_a_query_may_come_as_arguments(held: Emulator, logs: Client) -> None:
    answer = logs("GET", "", None, query=COUNT, timespan="PT5M")

    assert answer.json()["tables"][0]["rows"] == [[5]]


def test_preferences_are_taken(held: Emulator, logs: Client) -> None:
    logs.session.headers["Prefer"] = "wait=30,include-statistics=true"

    assert _rows(logs, COUNT) == [[10]]


def test_workspaces_are_apart(held: Emulator) -> None:
    other = logs_client(held.url, "globex")
    assert _rows(other, COUNT) == [[0]]
    other.session.close()


@pytest.mark.parametrize(
    ("timespan", "count"),
    [
        (None, 10),
        ("P1D", 10),
        ("PT5M", 5),
        ("PT300.0S", 5),
        (f"{ago(minutes=7)}/{ago(minutes=5)}", 3),
        (f"{ago(minutes=7)}/PT2M", 3),
        (f"PT2M/{ago(minutes=5)}", 3),
        (f"{ago(hours=2)}/{ago(hours=1)}", 0),
    ],
)
def test_the_timespan_limits_the_data_both_ends_included(
    held: Emulator, logs: Client, timespan: str | None, count: int
) -> None:
    assert _rows(logs, COUNT, timespan=timespan) == [[count]]


def test_a_timespan_holds_beside_the_querys_own(held: Emulator, logs: Client) -> None:
    assert _rows(logs, f"{TABLE} | where TimeGenerated < ago(3m) | count", timespan="PT5M") == [[2]]


@pytest.mark.parametrize("timespan", ["yesterday", "P1Y", "PT5M/PT5M", "/", 5, f"{ago(hours=1)}/"])
def test_a_timespan_that_is_none_is_refused(held: Emulator, logs: Client, timespan: Any) -> None:
    answer = logs("POST", "", {"query": COUNT, "timespan": timespan})

    assert (answer.status_code, answer.json()["error"]["innererror"]["code"]) == (400, "InvalidTimespanError")


def test_the_querys_clock_is_the_emulators(held: Emulator, logs: Client) -> None:
    assert _rows(logs, "print Now = now()") == [["2026-11-20T12:00:00Z"]]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("Nope | take 1", "'take' operator: Failed to resolve table or column expression named 'Nope'"),
        (f"{TABLE} | where Nope == 1", "'where' operator: Failed to resolve scalar expression named 'Nope'"),
        (
            f"{TABLE}\n| where RemotePort > 1\n| summarize count() by Nope",
            "'summarize' operator: Failed to resolve scalar expression named 'Nope'",
        ),
    ],
)
def test_a_name_that_is_not_there_is_a_semantic_error(held: Emulator, logs: Client, query: str, message: str) -> None:
    assert _error(logs, query) == {
        "code": "SemanticError",
        "message": "A semantic error occurred.",
        "innererror": {"code": "SEM0100", "message": message},
    }


def test_a_function_that_is_not_there_is_a_semantic_error(held: Emulator, logs: Client) -> None:
    assert _error(logs, f"{TABLE} | extend A = nofunction(1)")["innererror"] == {
        "code": "SEM0260",
        "message": "Unknown function: 'nofunction'.",
    }


def test_a_query_that_cannot_be_read_is_a_syntax_error_with_its_place(held: Emulator, logs: Client) -> None:
    assert _error(logs, "completely invalid syntax") == {
        "code": "SyntaxError",
        "message": "A recognition error occurred in the query.",
        "innererror": {
            "code": "SYN0002",
            "message": "Query could not be parsed at 'invalid' on line [1,11]",
            "line": 1,
            "pos": 11,
            "token": "invalid",
        },
    }


@pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": 5}, [], None])
def test_a_body_without_a_query_is_refused(held: Emulator, logs: Client, body: Any) -> None:
    assert logs("POST", "", body).status_code == 400


@pytest.mark.parametrize(
    ("query", "named"),
    [
        (f"{TABLE} | evaluate autocluster()", "evaluate"),
        (f"{TABLE} | make-series count() on TimeGenerated step 1h", "make-series"),
        (f"{TABLE} | extend a = geo_info_from_ip_address(RemoteIP)", "geo_info_from_ip_address"),
    ],
)
def test_what_the_engine_cannot_run_is_refused_by_name(held: Emulator, logs: Client, query: str, named: str) -> None:
    answer = logs("POST", "", {"query": query})

    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotEmulated")
    assert named in answer.json()["error"]["message"]


def test_a_query_over_several_workspaces_is_refused(held: Emulator, logs: Client) -> None:
    answer = logs("POST", "", {"query": COUNT, "workspaces": ["globex"]})

    assert (answer.status_code, answer.json()["error"]["code"]) == (501, "NotEmulated")


def test_tables_that_a_workspace_does_not_have_are_not_there(held: Emulator, logs: Client, control: Client) -> None:
    control("POST", "/arm/workspace", {**WORKSPACE, "tables": ["Heartbeat"]})

    assert _rows(logs, COUNT) == [[10]]
    assert "named 'CommonSecurityLog'" in _error(logs, "CommonSecurityLog | count")["innererror"]["message"]
    undescribed = logs("POST", "", {"query": "Heartbeat | count"})
    assert (undescribed.status_code, "Heartbeat" in undescribed.text) == (501, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/v1/workspaces/00000000-0000-4000-8000-000000000000/query", 404),
        ("POST", "/v1/workspaces/acme/query", 404),
        ("POST", f"/v1{arm_id()}", 404),
        ("PUT", f"/v1{arm_id()}/query", 404),
        ("POST", "/v2/workspaces/acme/query", 404),
    ],
)
def test_what_is_not_there_is_not_found(held: Emulator, method: str, path: str, status: int) -> None:
    url = f"{held.url}/loganalytics{path}"
    answer = requests.request(method, url, headers={"Authorization": "Bearer x"}, json={"query": COUNT}, timeout=10)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, "PathNotFoundError")


def test_without_a_token_nothing_is_answered(held: Emulator, logs: Client) -> None:
    del logs.session.headers["Authorization"]
    answer = logs("POST", "", {"query": COUNT})

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthorizationRequiredError")


@pytest.mark.parametrize(
    ("status", "code"), [(403, "InsufficientAccessError"), (429, "ThrottledError"), (503, "InternalServerError")]
)
def test_failures_can_be_injected(held: Emulator, logs: Client, status: int, code: str) -> None:
    held.fault(path="/query$", status=status, times=1)
    failed, fine = logs("POST", "", {"query": COUNT}), logs("POST", "", {"query": COUNT})

    assert (failed.status_code, failed.json()["error"]["code"], fine.status_code) == (status, code, 200)


def test_too_many_rows_are_a_partial_result(held: Emulator, logs: Client, control: Client) -> None:
    """200 with an error beside the rows: easily mistaken for success."""
    control("POST", "/settings", {"query_row_limit": 3})
    answer = logs("POST", "", {"query": TABLE})

    assert (answer.status_code, len(answer.json()["tables"][0]["rows"])) == (200, 3)
    assert answer.json()["error"]["code"] == "PartialError"
    [detail] = answer.json()["error"]["details"]
    assert "exceed the set limit of 3 records" in detail["innererror"]["message"]


def test_just_as_many_rows_are_a_whole_result(held: Emulator, logs: Client) -> None:
    held.set("query_row_limit", 10)

    assert "error" not in logs("POST", "", {"query": TABLE}).json()


def test_queries_are_logged(held: Emulator, logs: Client) -> None:
    logs("POST", "", {"query": COUNT})

    [entry] = held.requests
    assert (entry["path"], entry["status"], entry["body"]) == (
        f"/loganalytics/v1{arm_id()}/query",
        200,
        {"query": COUNT},
    )


def test_the_same_data_is_loaded_into_the_engine_once(held: Emulator, logs: Client) -> None:
    from deployer.engines import kusto

    made = []

    class Counted(kusto.Kusto):
        def __init__(self, *args: Any) -> None:
            made.append(args)
            super().__init__(*args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kusto, "Kusto", Counted)
        for _ in range(3):
            _rows(logs, COUNT)
        assert len(made) == 1
    held.load(sentinel={arm_id(): {TABLE: device_rows(1)}})
    assert _rows(logs, COUNT) == [[11]]


@pytest.fixture(scope="session")
def check(shared: Path) -> Callable[[Any, str], None]:
    return log_analytics_check(shared)


def test_answers_are_as_described(held: Emulator, logs: Client, check: Callable[[Any, str], None]) -> None:
    held.set("query_row_limit", 3)
    check(logs("POST", "", {"query": COUNT, "timespan": "P1D"}).json(), "queryResults")
    check(logs("POST", "", {"query": TABLE}).json(), "queryResults")
    check(logs("POST", "", {"query": TABLE}).json(), "errorResponse")
    for query in ("Nope", "not a query", f"{TABLE} | evaluate autocluster()", ""):
        check(logs("POST", "", {"query": query}).json(), "errorResponse")


def test_the_published_example_has_the_keys_of_our_answer(held: Emulator, logs: Client, shared: Path) -> None:
    folder = "specs/sentinel/azure-rest-api-specs/specification/operationalinsights/data-plane"
    file = shared / folder / "Microsoft.OperationalInsights/stable/v1/examples/oms-post-example.json"
    published = json.loads(file.read_text())["responses"]["200"]["body"]
    answer = logs("POST", "", {"query": COUNT}).json()

    assert set(published) <= set(answer)
    assert {name: type(value) for name, value in published["tables"][0].items()} == {
        name: type(value) for name, value in answer["tables"][0].items()
    }


def test_an_enabled_rule_is_still_taken_without_telemetry(arm: Client) -> None:
    """Telemetry has no say in which rules are taken: only what a control call told of the workspace's tables has."""
    assert arm("PUT", "/r", scheduled_rule()).status_code == 201


def test_settings_are_checked(emulator: Emulator) -> None:
    control = control_client(emulator.url)
    assert control("POST", "/settings", {"query_row_limit": "3"}).status_code == 400
    control.session.close()
    with pytest.raises(ValueError, match="no such setting"):
        emulator.set("rows", 3)


def test_the_end_of_the_span_written_into_a_query_is_that_time_and_nothing_else(held: Emulator, logs: Client) -> None:
    """It is run with the clock at that moment instead, which neither texts nor a real clock may show."""
    end = ago(minutes=3)
    moment = f"datetime({end})"
    span = {"timespan": f"{ago(minutes=7)}/{end}"}

    assert _rows(logs, f"{TABLE} | where TimeGenerated > ({moment} - 2m) | count", **span) == [[2]]
    assert _rows(logs, f"print A = '{moment}', B = {moment} // {moment}", **span) == [[moment, end]]
    assert _rows(logs, f"print A = now() - {moment}", **span) == [["00:03:00"]]
    assert _rows(logs, f"datatable(at: datetime)[{moment}, datetime(2020-01-01)]", **span) == [
        [end],
        ["2020-01-01T00:00:00Z"],
    ]


def test_a_span_of_one_query_is_not_that_of_the_next(held: Emulator, logs: Client) -> None:
    assert _rows(logs, COUNT, timespan=f"{ago(minutes=7)}/{ago(minutes=5)}") == [[3]]
    assert _rows(logs, COUNT) == [[10]]
    assert _rows(logs, COUNT, timespan="PT5M") == [[5]]
