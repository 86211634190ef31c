"""Telemetry: what is let in, what is refused, how long it stays."""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.emulator.store import Store
from tests.emulator.make import INDEX
from tests.emulator.make import NOW
from tests.emulator.make import TABLE
from tests.emulator.make import Client
from tests.emulator.make import arm_id
from tests.emulator.make import device_rows
from tests.emulator.make import documents
from tests.emulator.make import logs_client
from tests.emulator.make import scheduled_rule

COUNT = {"query": f"{TABLE} | count"}


def test_what_is_loaded_is_counted(control: Client) -> None:
    body = {"kibana": {"acme": {INDEX: documents(2)}}, "sentinel": {arm_id(): {TABLE: device_rows(3)}}}
    answer = control("POST", "/telemetry", body)

    assert answer.status_code == 200
    assert answer.json() == {
        "emulated": True,
        "kibana": {"acme": {INDEX: 2}},
        "sentinel": {arm_id(): {TABLE: 3}},
    }


def test_more_is_added_to_what_is_there(emulator: Emulator, logs: Client) -> None:
    counts = []
    for _ in range(2):
        emulator.load(sentinel={arm_id(): {TABLE: device_rows(3)}})
        counts.append(logs("POST", "", COUNT).json()["tables"][0]["rows"])

    assert counts == [[[3]], [[6]]]


def test_what_does_not_fit_what_is_there_is_refused_and_everything_goes_on(emulator: Emulator, logs: Client) -> None:
    """A field without a mapping has the type of its first value: kept, a text would break every later run."""
    [document], [row] = documents(1), device_rows(1)
    emulator.load(kibana={"acme": {INDEX: [{**document, "custom.x": 5}]}})
    emulator.load(sentinel={arm_id(): {TABLE: [{**row, "Own_CF": 5}]}})

    with pytest.raises(ValueError, match=r"custom\.x is of type long"):
        emulator.load(kibana={"acme": {INDEX: [{**document, "custom.x": "abc"}]}})
    with pytest.raises(ValueError, match="Own_CF has values of several types"):
        emulator.load(sentinel={arm_id(): {TABLE: [{**row, "Own_CF": "abc"}]}})

    assert logs("POST", "", COUNT).json()["tables"][0]["rows"] == [[1]]
    emulator.load(kibana={"acme": {INDEX: [document]}})


def test_a_workspace_that_holds_rules_goes_by_its_name(emulator: Emulator, arm: Client, logs: Client) -> None:
    with pytest.raises(ValueError, match=r"no workspace called 'acme' is held; name it by its resource id, /subscr"):
        emulator.load(sentinel={"acme": {TABLE: device_rows(1)}})
    arm("PUT", "/r", scheduled_rule())
    emulator.load(sentinel={"Acme": {TABLE: device_rows(1)}})

    assert logs("POST", "", COUNT).json()["tables"][0]["rows"] == [[1]]


def test_two_workspaces_of_one_name_are_told_apart(emulator: Emulator) -> None:
    for group in ("one", "two"):
        emulator.load(sentinel={arm_id().replace("/group/", f"/{group}/"): {TABLE: []}})
    with pytest.raises(ValueError, match="2 workspaces are called 'acme'"):
        emulator.load(sentinel={"acme": {TABLE: []}})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"splunk": {}}, "unknown: splunk"),
        ({"kibana": []}, "kibana must be an object"),
        ({"kibana": {"acme": {INDEX: {}}}}, f"kibana.acme.{INDEX} must be a list of objects"),
        ({"kibana": {"acme": {"logs-own.thing-default": []}}}, "index logs-own.thing-default: no such dataset"),
        ({"kibana": {"acme": {"events": []}}}, "index events: no such dataset"),
        ({"kibana": {"acme": {INDEX: [{"host.name": "a"}]}}}, "event 1: @timestamp must be a date and time, not None"),
        ({"kibana": {"acme": {INDEX: documents(1, **{"destination.ip": "nowhere"})}}}, "destination.ip is of type ip"),
        ({"sentinel": {arm_id(): {"DeviceNetworkEvent": []}}}, "table DeviceNetworkEvent: no such table"),
        ({"sentinel": {arm_id(): {TABLE: device_rows(1, RemotePorts=1)}}}, "no column RemotePorts; RemotePort is one"),
        ({"sentinel": {arm_id(): {TABLE: device_rows(1, RemotePort="6667")}}}, "a whole number from"),
        ({"sentinel": {arm_id(): {TABLE: [{"DeviceName": "a"}]}}}, "event 1: TimeGenerated must be a date and time"),
        ({"sentinel": {"/subscriptions/sub": {TABLE: []}}}, "no workspace called '/subscriptions/sub' is held"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_and_nothing_is_kept(
    emulator: Emulator, control: Client, logs: Client, body: dict[str, Any], message: str
) -> None:
    good = {"sentinel": {arm_id(): {TABLE: device_rows(1)}}}
    both = {"kibana": body.get("kibana", {}), "sentinel": {**good["sentinel"], **body.get("sentinel", {})}}
    answer = control("POST", "/telemetry", body if "splunk" in body else both)

    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert logs("POST", "", COUNT).json()["tables"][0]["rows"] == [[0]]


def test_a_workspaces_own_columns_are_taken(emulator: Emulator, logs: Client) -> None:
    emulator.load(sentinel={arm_id(): {TABLE: device_rows(2, SentBytes_CF=10)}})
    answer = logs("POST", "", {"query": f"{TABLE} | summarize Sent = sum(SentBytes_CF)"})

    assert answer.json()["tables"][0]["rows"] == [[20]]


def test_clearing_takes_telemetry_and_alerts(stopped: Emulator, arm: Client, control: Client, logs: Client) -> None:
    arm("PUT", "/r", scheduled_rule(query=TABLE))
    stopped.load(sentinel={"acme": {TABLE: device_rows(1)}})
    stopped.run()
    before = logs("POST", "", {"query": "SecurityAlert | count"}).json()["tables"][0]["rows"]
    assert control("DELETE", "/telemetry").status_code == 204
    after = logs("POST", "", {"query": f"union SecurityAlert, {TABLE} | count"}).json()["tables"][0]["rows"]

    assert (before, after) == ([[1]], [[0]])


def test_telemetry_outlives_the_emulator(tmp_path: Path) -> None:
    for expected in ([[0]], [[2]], [[4]]):
        with Emulator(tmp_path) as emulator:
            emulator.set_clock(NOW)
            logs = logs_client(emulator.url)
            assert logs("POST", "", COUNT).json()["tables"][0]["rows"] == expected
            logs.session.close()
            emulator.load(sentinel={arm_id(): {TABLE: device_rows(2)}})


def test_no_engine_is_loaded_until_one_is_needed(repo_root: Path) -> None:
    engines = ("duckdb", "duckdb_kql", "lark", "quickjs")
    code = f"import sys; import deployer.emulator.app; print([name for name in {engines} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], cwd=repo_root, capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_an_edition_is_never_that_of_other_rows(tmp_path: Path) -> None:
    """What is kept by edition would otherwise outlive a run that failed and was undone."""
    store = Store(tmp_path / "emulator.sqlite")
    editions = [store.edition("telemetry", "acme")]
    for rows, fails in (([{"a": 1}], True), ([{"a": 2}], False)):
        with contextlib.suppress(RuntimeError), store.transaction():
            store.append("telemetry", "acme", "table", rows)
            editions.append(store.edition("telemetry", "acme"))
            if fails:
                raise RuntimeError
    store.discard("telemetry")
    editions.append(store.edition("telemetry", "acme"))
    store.close()

    assert len(set(editions)) == 4
