"""The columns that our files give a table are the vendor's own, with the vendor's types."""

import json

import pytest

from deployer.engines import tables
from deployer.engines.kusto_events import TYPES
from deployer.engines.tables import Table


def sentinel(name: str) -> Table:
    table = tables.sentinel(name)
    assert table
    return table


@pytest.mark.parametrize("name", tables.sentinel_names())
def test_a_sentinel_table_has_only_columns_that_are_documented(name, shared):
    documented = json.loads((shared / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    table = sentinel(name)
    assert dict(table.columns) == {column: documented.get(column) for column in table.columns}


@pytest.mark.parametrize("name", tables.sentinel_names())
def test_a_sentinel_table_has_its_time_and_names_its_source(name):
    table = sentinel(name)
    assert table.columns["TimeGenerated"] == "datetime"
    assert set(table.columns.values()) <= TYPES.keys()
    assert table.source == f"https://learn.microsoft.com/azure/azure-monitor/reference/tables/{name.lower()}"


def test_device_network_events_has_no_byte_counters_and_no_timestamp():
    """Both are columns that rules of others read; the documented table in a workspace has neither."""
    columns = sentinel("DeviceNetworkEvents").columns
    assert [name for name in ("SentBytes", "ReceivedBytes", "Timestamp") if name in columns] == []


@pytest.mark.parametrize("name", tables.kibana_names())
def test_a_kibana_dataset_has_its_time_and_names_its_source(name):
    table = tables.kibana(name)
    assert table
    assert table.columns["@timestamp"] == "date"
    assert table.source.startswith("https://")


def test_a_table_that_no_file_describes_is_none():
    assert tables.sentinel("Nothing") is None
    assert tables.kibana("nothing") is None
    assert tables.sentinel("../kibana/endpoint.events.network") is None


def test_more_columns_leave_the_table_as_it_was():
    table = sentinel("DeviceNetworkEvents")
    wider = table.with_columns({"SentBytes_CF": "long"})
    assert dict(wider.columns) == {**table.columns, "SentBytes_CF": "long"}
    assert "SentBytes_CF" not in sentinel("DeviceNetworkEvents").columns
