"""A query reads neither less nor more than the period that the service reads for it."""

import pytest

from deployer.check import lookback
from deployer.findings import Location
from tests.subjects import said
from tests.subjects import sentinel

READS = "DeviceNetworkEvents | where TimeGenerated > ago({})"


def found(query, period="P1D", parameters=None, **fields):
    return list(lookback.findings(sentinel(query, queryPeriod=period, **fields), parameters or {}))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("24h", 86400.0),
        ("1.5d", 129600.0),
        ("90minutes", 5400.0),
        ("Window", 7200.0),
        ("Frequency + Delay", 4500.0),
        ("(Frequency + Delay) * 2 - 30m", 7200.0),
        ("Sum", 4500.0),
        ("Frequency/4", 900.0),
        ("timespan(2h)", 7200.0),
        ("Unknown", None),
        ("Frequency +", None),
        ("Frequency / 0", None),
        ("Itself", None),
        ("totimespan(Window)", None),
        ("7 fortnights", None),
    ],
)
def test_a_length_of_time_is_worked_out_from_literals_and_lets(text, seconds):
    values = {"Window": "2h", "Frequency": "1h", "Delay": "15m", "Sum": "Frequency + Delay", "Itself": "Itself + 1h"}

    assert lookback.seconds(text, values) == seconds


@pytest.mark.parametrize("period", ["P1D", "PT24H"])
def test_a_query_that_reads_its_period_is_said_nothing_of(period):
    assert found("let Window = 24h;\n" + READS.format("Window"), period) == []


def test_events_beyond_the_period_are_an_error_at_their_ago():
    [finding] = found("let Window = 2d;\n" + READS.format("Window + 1h"))

    assert said([finding]) == [("window-cut", "error", "sentinel.kql:2:45")]
    assert finding.message == (
        "example: ago(Window + 1h) reaches back 49h, queryPeriod is 1d: the service leaves older events out; "
        "set both alike"
    )


def test_a_moment_before_now_is_an_ago():
    query = "let Window = 2d;\nDeviceNetworkEvents | where TimeGenerated >= {}"

    assert said(found(query.format("now(-Window)"))) == [("window-cut", "error", "sentinel.kql:2:46")]
    assert said(found(query.format("now( -1h)"))) == [("window-unused", "warning", "sentinel.kql:2:46")]
    assert found(query.format("now(-1d)")) == []


def test_a_parsers_own_start_reads_events_too():
    assert said(found("_Im_Dns(starttime=ago(2d))")) == [("window-cut", "error", "sentinel.kql:1:19")]


def test_an_ago_that_may_be_about_something_else_is_a_warning():
    query = READS.format("1d") + " | where FirstSeen > ago(30d)"

    assert said(found(query)) == [("window-cut", "warning", "sentinel.kql:1:73")]


def test_a_query_that_reads_less_than_its_period_is_a_warning():
    [finding] = found(READS.format("1h") + " | where LastSeen > ago(5m)")

    assert said([finding]) == [("window-unused", "warning", "sentinel.kql:1:45")]
    assert finding.message == "example: the query looks back 1h, queryPeriod is 1d: set both alike"


@pytest.mark.parametrize(
    "query",
    [
        "DeviceNetworkEvents | take 1",
        "let Long = DeviceNetworkEvents; DeviceNetworkEvents | where TimeGenerated > ago(1h) | join Long on DeviceName",
        "DeviceNetworkEvents | where TimeGenerated > ago(1h) or TimeGenerated > now() - 1d",
        "let Read = (Back: timespan) { DeviceNetworkEvents | where TimeGenerated > ago(Back) }; Read(1d)",
        'DeviceNetworkEvents // | where TimeGenerated > ago(1h)\n| where Note == "TimeGenerated > ago(9d)"',
    ],
)
def test_what_cannot_be_told_is_not_said(query):
    assert found(query) == []


def test_parameters_and_periods_of_overlays_count_and_are_where_the_fault_is():
    there = Location("environments/test/tenants/acme.yaml", 7, 5)
    query = "let Window = 1d;\n" + READS.format("Window")
    longer = sentinel(query, queryPeriod="P1D", origins={"sentinel.parameters.Window": there})
    shorter = sentinel(query, queryPeriod="PT1H", origins={"sentinel.queryPeriod": there})

    assert said(lookback.findings(longer, {"Window": "2d"})) == [("window-cut", "error", str(there))]
    assert said(lookback.findings(shorter, {})) == [("window-cut", "error", str(there))]
    assert said(lookback.findings(longer, {"Window": "1h"})) == [("window-unused", "warning", str(there))]


def test_what_the_codec_says_by_name_is_not_said_twice():
    query = "let LookbackPeriod = 2d;\n" + READS.format("LookbackPeriod")

    assert list(lookback.findings(sentinel(query, queryPeriod="P1D", deployed=True), {})) == []
    assert said(found(query)) == [("window-cut", "error", "sentinel.kql:2:45")]


def test_a_rule_in_near_real_time_has_no_period():
    assert found(READS.format("2d"), kind="NRT") == []
