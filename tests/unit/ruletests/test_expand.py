"""From a series of events to the events."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.cases import AddressesFrom
from deployer.cases import Cycle
from deployer.cases import EventSeries
from deployer.cases import NumbersFrom
from deployer.cases import TextOf
from deployer.findings import Location
from deployer.model import Platform
from deployer.ruletests.expand import expand

HERE = Location("rules/example/tests.yaml")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def series(source: str = "DeviceNetworkEvents", **change: Any) -> EventSeries:
    return EventSeries(**{"source": source, "fields": {}, "starts": (NOON,), "location": HERE, **change})


def test_one_event_has_its_fields_and_its_time() -> None:
    assert expand([series(fields={"RemotePort": 6667})], Platform.SENTINEL) == {
        "DeviceNetworkEvents": [{"RemotePort": 6667, "TimeGenerated": "2026-11-20T12:00:00Z"}]
    }


def test_kibana_keeps_the_time_in_another_field() -> None:
    assert expand([series("logs-x-default", fields={"host.name": "ws-1"})], Platform.KIBANA) == {
        "logs-x-default": [{"host.name": "ws-1", "@timestamp": "2026-11-20T12:00:00Z"}]
    }


def test_a_repeated_event_begins_at_its_start_and_goes_on_at_its_distance() -> None:
    found = expand([series(times=3, every=timedelta(minutes=9))], Platform.SENTINEL)

    assert [event["TimeGenerated"] for event in found["DeviceNetworkEvents"]] == [
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:09:00Z",
        "2026-11-20T12:18:00Z",
    ]


def test_each_of_several_instants_is_one_event() -> None:
    starts = (NOON - timedelta(hours=3), NOON - timedelta(hours=1))

    found = expand([series(starts=starts, vary={"RemotePort": NumbersFrom(5)})], Platform.SENTINEL)

    assert found["DeviceNetworkEvents"] == [
        {"RemotePort": 5, "TimeGenerated": "2026-11-20T09:00:00Z"},
        {"RemotePort": 6, "TimeGenerated": "2026-11-20T11:00:00Z"},
    ]


def test_a_varied_field_wins_over_the_one_that_is_written() -> None:
    vary = {
        "RemoteIP": AddressesFrom("203.0.113.255"),
        "LocalIP": AddressesFrom("2001:db8::ffff"),
        "RemotePort": NumbersFrom(1024),
        "RemoteUrl": TextOf("q{n}.example/{n}"),
        "DeviceName": Cycle(("a", "b")),
    }

    found = expand([series(fields={"RemotePort": 1}, times=3, vary=vary)], Platform.SENTINEL)

    names = ("RemoteIP", "LocalIP", "RemotePort", "RemoteUrl", "DeviceName")
    assert [tuple(event[name] for name in names) for event in found["DeviceNetworkEvents"]] == [
        ("203.0.113.255", "2001:db8::ffff", 1024, "q0.example/0", "a"),
        ("203.0.114.0", "2001:db8::1:0", 1025, "q1.example/1", "b"),
        ("203.0.114.1", "2001:db8::1:1", 1026, "q2.example/2", "a"),
    ]


def test_events_of_one_table_stay_in_the_order_written() -> None:
    written = [series(fields={"n": 1}), series("CommonSecurityLog"), series(fields={"n": 2})]

    found = expand(written, Platform.SENTINEL)

    assert list(found) == ["DeviceNetworkEvents", "CommonSecurityLog"]
    assert [event["n"] for event in found["DeviceNetworkEvents"]] == [1, 2]
