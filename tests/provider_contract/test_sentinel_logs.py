"""Log queries: every row or an error, and each error says what it was."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from deployer.errors import BadAnswer
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.providers.connect import LOG_QUERIES
from deployer.providers.secrets import Secret
from deployer.providers.sentinel.credentials import StaticBearer
from deployer.providers.sentinel.logs import NoTable
from deployer.providers.sentinel.logs import WorkspaceLogs
from deployer.providers.traffic import Traffic
from tests import make

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
TOKEN = Secret("arm", "planted-logs-token")
SUBSCRIPTION = make.sentinel_target().subscription_id


@pytest.fixture
def logs(emulator, monkeypatch):
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    emulator.set_clock(NOW)
    workspace = (
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/soc/providers/Microsoft.OperationalInsights/workspaces/acme"
    )
    events = [{"TimeGenerated": NOW.isoformat(), "DeviceName": f"d{n}", "AdditionalFields": {"n": n}} for n in range(3)]
    emulator.load(sentinel={workspace: {"DeviceNetworkEvents": events}})
    return reader(f"{emulator.url}/loganalytics")


def reader(endpoint, workspace="acme", group="soc", slots=None):
    policy = StaticBearer(TOKEN)
    slots = slots or threading.BoundedSemaphore(LOG_QUERIES)
    options = {"authentication": policy, "redact": TOKEN.redact, "who": "credential arm", "slots": slots}
    return WorkspaceLogs(endpoint, SUBSCRIPTION, group, workspace, traffic=Traffic(), **options)


def test_rows_come_by_column_name_with_times_as_times(logs):
    rows = logs.rows(
        "DeviceNetworkEvents | where DeviceName == 'd1' | project TimeGenerated, DeviceName, AdditionalFields"
    )

    assert rows == [{"TimeGenerated": NOW, "DeviceName": "d1", "AdditionalFields": '{"n":1}'}]


def test_no_rows_are_no_rows_and_a_missing_table_is_an_error(logs):
    assert logs.rows("DeviceNetworkEvents | where DeviceName == 'nobody'") == []
    with pytest.raises(NoTable, match="Failed to resolve table") as caught:
        logs.rows("_SentinelHealth() | count")
    assert caught.value.name == "SentinelHealth"


def test_a_function_that_the_workspace_does_not_have_is_like_a_table_that_it_does_not_have(logs, emulator):
    innermost = {"code": "SEM0260", "message": "Unknown function: '_SentinelHealth'."}
    inner = {"code": "SemanticError", "message": "A semantic error occurred.", "innererror": innermost}
    error = {"code": "BadArgumentError", "message": "bad", "innererror": inner}
    emulator.fault(path="/query$", status=400, body={"error": error})

    with pytest.raises(NoTable) as caught:
        logs.rows("_SentinelHealth() | count")
    assert caught.value.name == "_SentinelHealth"


def test_a_span_of_time_holds_beside_the_querys_own(logs, emulator):
    hour = timedelta(hours=1)

    assert len(logs.rows("DeviceNetworkEvents", timespan=(NOW - hour, NOW))) == 3
    assert logs.rows("DeviceNetworkEvents", timespan=(NOW - 2 * hour, NOW - hour)) == []
    assert [one["body"]["timespan"] for one in emulator.requests if "timespan" in one.get("body", {})][-1] == (
        "2026-11-21T08:00:00.000Z/2026-11-21T09:00:00.000Z"
    )


def test_a_missing_column_is_no_missing_table(logs):
    with pytest.raises(Refused, match=r"400: log query .*scalar expression named 'SentBytes'") as caught:
        logs.rows("DeviceNetworkEvents | where SentBytes > 1")
    assert not isinstance(caught.value, NoTable)


def test_an_incomplete_result_is_an_error_and_never_a_success(logs, emulator):
    requests.post(f"{emulator.url}/_emulator/settings", json={"query_row_limit": 2}, timeout=10).raise_for_status()

    with pytest.raises(BadAnswer, match="the result is incomplete, and so tells nothing"):
        logs.rows("DeviceNetworkEvents")


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        ({"status": 401}, Denied, "401: log query .*credential arm, whose token must be for the query API"),
        (
            {"status": 403},
            Denied,
            "403: log query .*no permission to query logs: credential arm; it needs Microsoft Sent",
        ),
        ({"status": 404}, Refused, "404: log query"),
        ({"status": 429}, Overloaded, "429: log query .*throttled"),
        ({"status": 500}, Overloaded, "500: log query"),
        ({"status": 504}, Overloaded, "504: log query"),
        ({"kind": "close"}, Unreachable, "no answer: log query .*: the connection failed or was closed"),
        ({"kind": "garbage"}, BadAnswer, "not that of a log query"),
        ({"kind": "garbage", "status": 502}, Overloaded, "502: log query"),
        ({"kind": "garbage", "status": 403}, Denied, "no permission to query logs"),
        ({"status": 200, "body": {}}, BadAnswer, "not that of a log query"),
        ({"status": 200, "body": []}, BadAnswer, "not that of a log query"),
        ({"status": 200, "body": {"tables": []}}, BadAnswer, "not that of a log query"),
        (
            {
                "status": 200,
                "body": {"tables": [{"name": "T", "columns": [{"name": "A", "type": "long"}], "rows": [[]]}]},
            },
            BadAnswer,
            "not that of a log query",
        ),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, BadAnswer, "a redirect, which is never foll"),
    ],
    ids=lambda value: "-".join(map(str, value.values()))[:40] if isinstance(value, dict) else "",
)
def test_no_answer_and_a_no_are_told_apart_and_neither_is_no_rows(logs, emulator, fault, error, said):
    emulator.fault(path="/query$", **fault)

    with pytest.raises(error, match=said) as caught:
        logs.rows("DeviceNetworkEvents")
    assert type(caught.value) is error


def test_a_slow_answer_is_given_up(logs, emulator, monkeypatch):
    monkeypatch.setattr("deployer.providers.sentinel.logs.READ_SECONDS", 1)
    impatient = reader(f"{emulator.url}/loganalytics")
    emulator.fault(path="/query$", kind="timeout", seconds=3)

    with pytest.raises(Unreachable, match="timed out"):
        impatient.rows("DeviceNetworkEvents")


def test_a_passing_fault_is_overcome_by_bounded_retries(logs, emulator):
    emulator.fault(path="/query$", status=503, times=1)
    emulator.fault(path="/query$", status=429, times=1)
    emulator.clear_requests()

    assert len(logs.rows("DeviceNetworkEvents")) == 3
    assert len(emulator.requests) == 3


def test_retries_end(logs, emulator):
    emulator.fault(path="/query$", status=429, headers={"Retry-After": "3600"})
    emulator.clear_requests()

    with pytest.raises(Overloaded):
        logs.rows("DeviceNetworkEvents")
    assert len(emulator.requests) == 4


def test_names_are_parts_of_the_path_whatever_they_hold(emulator):
    odd = reader(f"{emulator.url}/loganalytics/v1/", workspace="ac{me}?x=1#y", group="so/c")
    emulator.clear_requests()

    with pytest.raises(Refused):
        odd.rows("DeviceNetworkEvents")
    (asked,) = emulator.requests
    assert asked["path"].endswith("/workspaces/ac{me}?x=1#y/query")


def test_a_netrc_file_does_not_replace_the_token(logs, emulator, monkeypatch, tmp_path):
    file = tmp_path / "netrc"
    file.write_text("machine 127.0.0.1 login mallory password stolen\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))

    assert len(logs.rows("DeviceNetworkEvents")) == 3  # a Basic header would be refused with 401


def test_a_proxy_of_the_environment_sees_nothing_of_loopback(logs, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert len(logs.rows("DeviceNetworkEvents")) == 3


def test_a_token_that_a_server_repeats_is_not_said_again(logs, emulator):
    error = {"code": "X", "message": f"bad token {TOKEN.reveal()}"}
    emulator.fault(path="/query$", status=403, body={"error": error})

    with pytest.raises(Denied) as caught:
        logs.rows("DeviceNetworkEvents")
    assert TOKEN.reveal() not in str(caught.value)
    assert "***" in str(caught.value)


def test_no_more_queries_run_at_a_time_than_there_are_slots(emulator, logs):
    slots = Counted(2)
    readers = [reader(f"{emulator.url}/loganalytics", slots=slots) for _ in range(6)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: one.rows("DeviceNetworkEvents"), readers))

    assert slots.most == 2


class Counted:
    """Slots that remember how many were taken at once."""

    def __init__(self, number):
        self._slots = threading.BoundedSemaphore(number)
        self._lock = threading.Lock()
        self._taken = self.most = 0

    def __enter__(self):
        self._slots.acquire()
        with self._lock:
            self._taken += 1
            self.most = max(self.most, self._taken)

    def __exit__(self, *failure):
        with self._lock:
            self._taken -= 1
        self._slots.release()


def test_nothing_of_the_client_is_imported_before_it_is_needed():
    source = Path(__file__).parents[2] / "deployer" / "providers" / "connect.py"
    assert "\nfrom deployer.providers.sentinel" not in source.read_text()
