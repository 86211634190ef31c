"""The limits of the platforms: what one request too many is told, and when there is room again."""

from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
import requests

from deployer.emulator import Emulator
from tests.emulator.make import NOW
from tests.emulator.make import Client
from tests.emulator.make import arm_client
from tests.emulator.make import kibana_client
from tests.emulator.make import logs_client
from tests.emulator.make import scheduled_rule

PREVIEW = "/api/detection_engine/rules/preview"
BULK = "/api/detection_engine/rules/_bulk_action"
LEFT = "x-ms-ratelimit-remaining-subscription-"


@contextmanager
def _held(emulator: Emulator, client: Client, method: str, path: str, times: int) -> Iterator[list[Future[int]]]:
    """So many requests that are under way until the end."""
    emulator.fault(path=path or ".", kind="late", seconds=60, times=times)
    with ThreadPoolExecutor(times) as pool:

        def ask() -> int:
            return client(method, path, {"query": ""}).status_code

        asked = [pool.submit(ask) for _ in range(times)]
        assert emulator.stalled(10, times)
        yield asked
        emulator.clear_faults()


@pytest.mark.parametrize(("path", "limit"), [(PREVIEW, 10), (BULK, 5)])
def test_kibana_takes_so_many_requests_of_a_route_at_a_time(emulator: Emulator, path: str, limit: int) -> None:
    """Whoever asks and for whichever space; it is not even asked who is there (limited_concurrency.ts)."""
    client = kibana_client(emulator.url)
    with _held(emulator, client, "POST", path, limit) as held:
        refused = requests.post(f"{emulator.url}/kibana/s/other{path}", json={}, timeout=10)
        assert refused.status_code == 429
        assert refused.json() == {"statusCode": 429, "error": "Too Many Requests", "message": "Too Many Requests"}
        assert "Retry-After" not in refused.headers
        other = {PREVIEW: BULK, BULK: PREVIEW}[path]
        assert client("POST", other, {}).status_code == 400
    assert {one.result() for one in held} == {400}
    assert client("POST", path, {}).status_code == 400
    client.session.close()

    assert [one["status"] for one in emulator.requests].count(429) == 1


@pytest.mark.parametrize(
    ("method", "kind", "size", "statuses"),
    [("GET", "read", 250, {200, 404}), ("PUT", "write", 200, {200, 201}), ("DELETE", "delete", 200, {200, 204})],
)
def test_azure_has_a_bucket_of_tokens_for_each_kind_of_operation(
    emulator: Emulator, arm: Client, method: str, kind: str, size: int, statuses: set[int]
) -> None:
    first = arm(method, "/r", scheduled_rule() if method == "PUT" else None)
    assert (first.status_code in statuses, first.headers[f"{LEFT}{kind}s"]) == (True, str(size - 1))

    emulator.set(f"arm_{kind}s", [1, 0.001])
    arm(method, "/r")
    refused = arm(method, "/r")

    message = (
        f"Number of '{kind}' requests for subscription 'sub' actor '11111111-2222-4333-8444-555555555555' exceeded. "
        "Please try again after '10' seconds after additional tokens are available. Refer to "
        "https://aka.ms/arm-throttling for additional information."
    )
    assert refused.status_code == 429
    assert refused.json() == {"error": {"code": "SubscriptionRequestsThrottled", "message": message}}
    assert (refused.headers["Retry-After"], refused.headers[f"{LEFT}{kind}s"]) == ("10", "0")
    assert [one["status"] for one in emulator.requests][-1] == 429


def test_each_bucket_is_of_one_subscription_one_principal_and_one_kind(emulator: Emulator, arm: Client) -> None:
    emulator.set("arm_reads", [1, 0.001])
    assert [arm("GET", "").status_code for _ in range(2)] == [200, 429]
    assert arm("PUT", "/r", scheduled_rule()).status_code == 201

    elsewhere = arm.address.replace("/subscriptions/sub/", "/subscriptions/other/")
    assert arm("GET", f"{elsewhere}?api-version=2025-09-01").status_code == 200
    workspace = arm.address.replace("/workspaces/acme/", "/workspaces/initech/")
    assert arm("GET", f"{workspace}?api-version=2025-09-01").status_code == 429
    arm.session.headers["x-emulator-user"] = "somebody else"
    assert arm("GET", "").status_code == 200
    del arm.session.headers["Authorization"]
    assert arm("GET", "").status_code == 401


def test_a_bucket_fills_again_with_time_and_never_above_its_size(emulator: Emulator, arm: Client) -> None:
    """Time is the real one, and what the clock is moved ahead by; that a clock stands still does not stop it."""
    arm("PUT", "/r", scheduled_rule())
    emulator.set_clock(NOW)
    emulator.set("arm_writes", [3, 0.001])
    assert _writes(arm) == [200, 200, 200, 429]
    emulator.set_clock(NOW + timedelta(seconds=999))
    assert _writes(arm) == [429] * 4
    emulator.set_clock(NOW + timedelta(seconds=2001))
    assert _writes(arm) == [200, 200, 429, 429]
    emulator.set_clock(NOW + timedelta(days=1))
    assert _writes(arm) == [200, 200, 200, 429]
    emulator.set_clock(NOW)
    assert _writes(arm) == [429] * 4


def _writes(arm: Client) -> list[int]:
    """How four writes are answered, of a rule that is there."""
    return [arm("PUT", "/r", scheduled_rule()).status_code for _ in range(4)]


def test_the_seconds_to_wait_can_be_set(emulator: Emulator, arm: Client) -> None:
    emulator.set("arm_reads", [0, 0])
    emulator.set("arm_retry_after", 1)

    assert arm("GET", "").headers["Retry-After"] == "1"


@pytest.mark.parametrize("value", [[], [1], [1, -1], ["1", 1], [True, 1]])
def test_a_bucket_that_is_none_is_refused(emulator: Emulator, value: list[object]) -> None:
    with pytest.raises(ValueError, match="arm_reads is the size of a bucket"):
        emulator.set("arm_reads", value)


def test_so_many_log_queries_of_one_user_run_and_so_many_wait(emulator: Emulator, logs: Client) -> None:
    """What is refused for its text takes its place too."""
    emulator.set("log_queries_at_once", 2)
    emulator.set("log_queries_waiting", 1)
    with _held(emulator, logs, "POST", "", 2) as held, ThreadPoolExecutor(1) as pool:
        third = pool.submit(lambda: logs("POST", "", {"query": ""}).status_code)
        assert emulator.queued(10)
        refused = logs("POST", "", {"query": ""})
        assert (third.done(), refused.status_code, refused.json()["error"]["code"]) == (False, 429, "ThrottledError")
        emulator.clear_faults()
        assert third.result(10) == 400
    assert {one.result() for one in held} == {400}


def test_one_user_asks_so_many_log_queries_in_30_seconds(emulator: Emulator, logs: Client) -> None:
    emulator.set("log_queries_in_30_seconds", 2)
    emulator.set_clock(NOW)
    other = logs_client(emulator.url)
    other.session.headers["x-emulator-user"] = "somebody else"

    def ask(client: Client) -> int:
        return client("POST", "", {"query": ""}).status_code

    assert [ask(logs), ask(logs), ask(logs), ask(other)] == [400, 400, 429, 400]
    emulator.set_clock(NOW + timedelta(seconds=31))
    assert ask(logs) == 400
    other.session.close()


def test_the_log_lets_one_count_requests_by_target_route_and_credential(emulator: Emulator) -> None:
    kibana, arm, logs = kibana_client(emulator.url), arm_client(emulator.url, "initech"), logs_client(emulator.url)
    for path in ("/api/exception_lists/_find", "/api/exception_lists/_find", "/api/exception_lists/items/_find"):
        kibana("GET", path)
    arm("PUT", "/r", scheduled_rule())
    logs("POST", "", {"query": ""})
    requests.get(f"{emulator.url}/kibana/api/status", timeout=10)
    for client in (kibana, arm, logs):
        client.session.close()

    asked = [
        (one["target"], one["method"], (one["route"] or "").rpartition("/")[2], one["credential"])
        for one in emulator.requests
    ]
    assert asked == [
        ("acme", "GET", "_find", 1),
        ("acme", "GET", "_find", 1),
        ("acme", "GET", "_find", 1),
        ("initech", "PUT", "{rule}", 2),
        ("acme", "POST", "query", 2),
        (None, "GET", "status", None),
    ]
