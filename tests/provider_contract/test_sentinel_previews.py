"""What a rule would have found in the past, asked of the emulator's logs run by run: a part is never shown as all."""

from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import Refused
from deployer.model import Entry
from deployer.model import Platform
from deployer.previews import Gap
from deployer.previews import PastAlert
from deployer.previews import Preview
from deployer.providers.codecs import encode
from deployer.providers.sentinel.alerts import ALL
from deployer.providers.sentinel.alerts import chosen
from deployer.providers.sentinel.alerts import raised
from deployer.state import Key
from deployer.state import Kind
from tests import make
from tests.bench import Bench

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = Key(Kind.RULE, "example")
EACH = "DeviceNetworkEvents | where TimeGenerated > ago(1h) | summarize Count = count() by DeviceName"
HOURLY: dict[str, Any] = {"queryFrequency": "PT1H", "queryPeriod": "PT1H"}
PER_RESULT: dict[str, Any] = {"eventGroupingSettings": {"aggregationKind": "AlertPerResult"}}
QUERIES = "/query$"


@pytest.fixture
def bench(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    emulator.set_clock(NOW + timedelta(days=40))
    made = Bench(Platform.SENTINEL, emulator)
    yield made
    made.provider.close()


def at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def load(bench: Bench, *events: tuple[float, str], table: str = "DeviceNetworkEvents", **fields: Any) -> None:
    """Events at so many hours after noon, each of a device."""
    target = make.sentinel_target(workspace=bench.place)
    group = f"/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"
    workspace = f"{group}/providers/Microsoft.OperationalInsights/workspaces/{target.workspace}"
    rows = [{"TimeGenerated": at(hours).isoformat(), "DeviceName": device, **fields} for hours, device in events]
    bench.emulator.load(sentinel={workspace: {table: rows}})


def preview(
    bench: Bench, query: str = EACH, *, since: float = -3, until: float = 0, entries: Any = (), **fields: Any
) -> Preview:
    half = make.sentinel_half(query, **{**HOURLY, **fields})
    allowlists = ("servers",) if "AllowedServers" in query else ()
    desired = encode(bench.assignment(make.rule(sentinel=half, allowlists=allowlists), entries=entries))
    return bench.provider.preview(desired, KEY, at(since), at(until))


def told(found: Preview) -> list[tuple[float, dict[str, Any]]]:
    return [((alert.at - NOW) / timedelta(hours=1), dict(alert.about)) for alert in found.alerts]


def asked(bench: Bench) -> list[Any]:
    return [one["body"] for one in bench.emulator.requests if one["path"].endswith("/query")]


def test_every_run_of_the_schedule_is_asked_with_its_own_clock_and_its_own_span(bench: Bench) -> None:
    load(bench, (-2.5, "a"), (-0.5, "a"), (-0.25, "a"), (-0.5, "b"), (-4, "early"), (0.1, "late"))

    found = preview(bench, **PER_RESULT)

    assert found == Preview(
        alerts=(
            PastAlert(at(-2), {"DeviceName": "a"}, {"Count": 1}),
            PastAlert(at(0), {"DeviceName": "a"}, {"Count": 2}),
            PastAlert(at(0), {"DeviceName": "b"}, {"Count": 1}),
        ),
        runs=3,
        requests=4,  # one more asks whether there were events at all
    )
    first = next(
        body for body in asked(bench) if body["timespan"] == "2026-11-20T09:00:00.000Z/2026-11-20T10:00:00.000Z"
    )
    assert first["query"] == EACH.replace("ago(1h)", "(datetime(2026-11-20T10:00:00.000000Z) - (1h))")


def test_a_run_sees_its_period_whatever_the_query_asks_for(bench: Bench) -> None:
    load(bench, (-2.5, "a"), (-1.5, "b"), (-0.5, "c"))

    found = preview(bench, "DeviceNetworkEvents | summarize by DeviceName", since=-1, queryPeriod="PT2H", **PER_RESULT)

    assert sorted(str(about["DeviceName"]) for _, about in told(found)) == ["b", "c"]


def test_what_is_found_is_what_the_rules_own_runs_find(bench: Bench) -> None:
    """The emulator plays the schedule of the applied rule; the backtest asks for the same time."""
    load(bench, *((-hours / 3, f"d{hours % 4}") for hours in range(1, 30)))
    half = make.sentinel_half(EACH, **HOURLY, **PER_RESULT, suppressionEnabled=True, suppressionDuration="PT2H")
    assignment = bench.assignment(make.rule(sentinel=half, allowlists=()))
    bench.apply(assignment)
    bench.emulator.set_clock(NOW)

    played = bench.emulator.run(since=at(-7.5).isoformat())
    found = bench.provider.preview(encode(assignment), KEY, at(-7.5), NOW)

    [entries] = played["sentinel"].values()
    made = {entry["at"]: entry["alerts"] for entry in entries if entry["alerts"]}
    times = [alert.at.strftime("%Y-%m-%dT%H:%M:%S.000Z") for alert in found.alerts]
    assert {time: times.count(time) for time in times} == made
    assert len(entries) == 8
    assert found.notes == ("4 runs would not have been made: an alert stops the rule for 2 hours",)


def test_the_allowlist_is_that_of_the_desired_state_and_expires_by_the_clock_of_the_run(bench: Bench) -> None:
    load(bench, *((-hours, "a") for hours in (0.5, 1.5, 2.5)), RemoteIP="192.0.2.7", RemotePort=6667)
    query = make.KQL.replace("TimeGenerated > ago(Window)", "TimeGenerated > ago(1h)")

    def hours_with_alerts(*entries: Entry) -> list[float]:
        return [hours for hours, _ in told(preview(bench, query, entries=entries))]

    assert hours_with_alerts() == [-2, -1, 0]
    assert hours_with_alerts(make.entry("192.0.2.0/24")) == []
    # It is long over by the emulator's clock, but was in force in the first two runs.
    assert hours_with_alerts(make.entry("192.0.2.0/24", expires="2026-11-20T11:30:00+00:00")) == [0]
    assert hours_with_alerts(make.entry("192.0.2.0/24", hosts=("a",), expires="2026-11-20T10:30:00Z")) == [-1, 0]


def test_the_trigger_counts_the_results_of_each_run(bench: Bench) -> None:
    load(bench, (-2.5, "a"), (-0.5, "a"), (-0.5, "b"))

    def hours(operator: str) -> list[float]:
        return [when for when, _ in told(preview(bench, triggerOperator=operator, triggerThreshold=1))]

    assert {name: hours(name) for name in ("GreaterThan", "LessThan", "Equal", "NotEqual")} == {
        "GreaterThan": [0],
        "LessThan": [-1],
        "Equal": [-2],
        "NotEqual": [-1, 0],
    }


def test_a_rule_that_groups_all_events_makes_one_alert_a_run(bench: Bench) -> None:
    load(bench, (-0.5, "a"), (-0.4, "b"), (-0.3, "b"))

    assert preview(bench, since=-1).alerts == (PastAlert(NOW, ALL, {"DeviceName": ["a", "b"], "results": 2}),)


def test_of_many_results_the_last_alert_stands_for_all(bench: Bench) -> None:
    load(bench, *((-0.5, f"d{number:03}") for number in range(151)))
    query = f"{EACH} | sort by DeviceName asc"

    found = preview(bench, query, since=-1, **PER_RESULT)

    assert len(found.alerts) == 150
    assert found.alerts[148].about == {"DeviceName": "d148"}
    assert (found.alerts[149].about, found.alerts[149].measures["results"]) == (ALL, 151)
    assert found.notes == ("1 run had more than 150 results: the last alert of a run stands for all of them then",)


def test_a_disabled_rule_is_looked_at_as_if_it_were_enabled(bench: Bench) -> None:
    load(bench, (-0.5, "a"))

    found = preview(bench, enabled=False)

    assert len(found.alerts) == 1


def test_a_near_real_time_rule_runs_every_minute_and_says_what_it_goes_by(bench: Bench) -> None:
    load(bench, (-0.055, "a"), (-0.01, "b"))
    half: dict[str, Any] = dict.fromkeys(("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold"))

    found = preview(bench, "DeviceNetworkEvents | project DeviceName", since=-0.1, kind="NRT", **half, **PER_RESULT)

    assert (found.runs, [about for _, about in told(found)]) == (6, [{"DeviceName": "a"}, {"DeviceName": "b"}])
    assert found.notes[0].startswith("an NRT rule goes by the time at which events were taken in")


def test_more_runs_than_can_be_looked_at_are_refused_with_the_way_out_before_anything_is_asked(bench: Bench) -> None:
    with pytest.raises(Refused, match=r"every 5 minutes, so 2,016 times .*at most 1,500 .*: ask for at most 5 days"):
        preview(bench, since=-7 * 24, queryFrequency="PT5M")
    assert asked(bench) == []


def test_an_incomplete_result_is_a_gap_and_never_a_result(bench: Bench) -> None:
    load(bench, (-1.5, "a"), (-0.5, "a"), (-0.5, "b"))
    bench.emulator.set("query_row_limit", 1)

    found = preview(bench, **PER_RESULT)

    assert told(found) == [(-1, {"DeviceName": "a"})]
    assert (found.runs, found.whole) == (2, False)
    [gap] = found.gaps
    assert (gap.since, gap.until) == (at(-1), at(0))
    assert "the result is incomplete, and so tells nothing" in gap.reason


def test_a_run_that_is_not_answered_is_a_gap_and_the_others_count(bench: Bench) -> None:
    load(bench, (-2.5, "a"), (-1.5, "a"), (-0.5, "a"))
    preview(bench, since=-3, until=-2)
    bench.emulator.fault(path=QUERIES, status=504, times=4)

    found = preview(bench, since=-3, until=-1)

    assert told(found) == [(-2, ALL)]
    assert [(gap.since, gap.until, gap.reason[:14]) for gap in found.gaps] == [(at(-2), at(-1), "504: log query")]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429, "headers": {"Retry-After": "1"}}, Overloaded),
        ({"status": 403}, Denied),
        ({"status": 504}, Overloaded),
        ({"kind": "garbage", "status": 502}, Overloaded),
    ],
)
def test_nothing_answered_is_an_error_and_is_given_up_soon(bench: Bench, fault: Any, error: type[Exception]) -> None:
    bench.emulator.fault(path=QUERIES, **fault)

    with pytest.raises(error):
        preview(bench, since=-48)
    assert len(asked(bench)) <= 4 * 7  # three runs in a row and those under way beside them, each with its retries


def test_a_fault_that_stays_makes_one_gap_of_all_that_is_left(bench: Bench) -> None:
    load(bench, (-47.5, "a"))
    preview(bench, since=-48, until=-47)
    bench.emulator.fault(path=QUERIES, status=429, headers={"Retry-After": "1"})

    found = preview(bench, since=-48)

    assert (found.runs, len(found.alerts)) == (1, 1)
    assert [(gap.since, gap.until) for gap in found.gaps] == [(at(-47), at(0))]
    assert "429" in found.gaps[0].reason


def test_throttling_that_passes_leaves_no_gap(bench: Bench) -> None:
    load(bench, (-2.5, "a"))
    bench.emulator.fault(path=QUERIES, status=429, headers={"Retry-After": "1"}, times=3)

    assert preview(bench).whole


def test_a_table_that_is_not_there_is_said_with_the_way_out(bench: Bench) -> None:
    with pytest.raises(Refused, match=r"no such table or function: connect its source, or take it out .*'Nope'"):
        preview(bench, "Nope | take 1")
    assert len(asked(bench)) <= 4


def test_a_wrong_query_is_an_error_and_no_gap(bench: Bench) -> None:
    load(bench, (-0.5, "a"))

    with pytest.raises(Refused, match="scalar expression named 'Nope'"):
        preview(bench, "DeviceNetworkEvents | where Nope == 1")
    with pytest.raises(Refused, match="declares now itself"):
        preview(bench, "let now = () { 1 }; DeviceNetworkEvents | where now() == 1")


def test_a_rule_that_is_not_desired_cannot_be_looked_at(bench: Bench) -> None:
    desired = encode(bench.assignment(make.rule("other")))

    with pytest.raises(Refused, match="rule/example is no rule that the workspace is to hold"):
        bench.provider.preview(desired, KEY, at(-1), at(0))


def test_what_was_asked_once_is_not_asked_again(bench: Bench) -> None:
    load(bench, (-2.5, "a"))
    once = preview(bench)
    bench.emulator.clear_requests()

    again = preview(bench, since=-5)

    assert (once.requests, again.requests) == (4, 4)  # two more runs, and when events began
    assert len(asked(bench)) == 4
    assert told(again) == told(once)


def test_a_time_before_the_first_event_is_not_taken_for_a_quiet_one(bench: Bench) -> None:
    load(bench, (-1.5, "a"))

    late = preview(bench, since=-30)
    never = preview(bench, since=-30, until=-28)

    begin = "DeviceNetworkEvents has no event from 2026-11-18 07:00 UTC to"
    assert late.notes == (f"{begin} 2026-11-20 10:30 UTC: 28 runs of 30 saw none",)
    assert late.quiet
    reason = f"{begin} 2026-11-19 08:00 UTC: nothing could be found in it"
    assert (never.notes, never.gaps) == ((), (Gap(at(-30), at(-28), reason),))


def test_what_is_not_set_back_is_named(bench: Bench) -> None:
    load(bench, (-2.5, "10.0.0.1"))
    query = "_Im_Dns(starttime=ago(1h)) // _GetWatchlist('x') and ingestion_time()\n| where DnsQuery has 'externaldata'"

    found = preview(bench, query)

    assert found.notes == ("a clock that functions of the workspace read within themselves is not set back: _Im_Dns",)


def test_no_time_has_no_runs(bench: Bench) -> None:
    assert preview(bench, since=0) == Preview((), 0)


RULE: dict[str, Any] = {
    "kind": "Scheduled",
    "query": "T | project DeviceName, Ports, Seen",
    "triggerOperator": "GreaterThan",
    "triggerThreshold": 0,
    "entityMappings": [{"entityType": "Host", "fieldMappings": [{"identifier": "X", "columnName": "DeviceName"}]}],
    "customDetails": {"Ports": "Ports", "Seen": "Seen"},
    **PER_RESULT,
}


@pytest.mark.parametrize(
    ("query", "about"),
    [
        # Rows are events: what they say is theirs whatever else there is.
        ("T | project DeviceName, Ports, Seen", {"DeviceName": "a", "Ports": 5}),
        ("T | summarize Seen = max(t) by DeviceName, Ports", {"DeviceName": "a", "Ports": 5}),
        ("T | summarize Ports = count(), Seen = max(t) by DeviceName", {"DeviceName": "a"}),
        ("T | summarize by Host, Ports | project DeviceName = Host, Ports", {"DeviceName": "a", "Ports": 5}),
        # Not to be told: the entities stand for it, and of the details what can be no count.
        ("T | summarize Ports = count() by tolower(X) | join U on Y", {"DeviceName": "a"}),
        ("T | summarize count() by Ports | extend Ports = Ports + 1", {"DeviceName": "a"}),
    ],
)
def test_an_alert_is_known_by_what_its_query_groups_by(query: str, about: dict[str, Any]) -> None:
    rows = [{"DeviceName": "a", "Ports": 5, "Seen": NOW}]

    [alert] = raised({**RULE, "query": query}, rows, NOW)

    assert alert.about == about
    assert alert.measures["Seen"] == "2026-11-20T12:00:00Z"
    assert {**alert.about, **alert.measures}.keys() == rows[0].keys()


def test_what_kusto_may_choose_anew_says_nothing_of_an_alert() -> None:
    query = """let Sample = take_any; T
        | summarize n = count(), A = take_any(X), arg_max(Pairs, Source, Target), take_any(Free), S = make_set(Y, 10)
            by Host
        | extend Many = array_length(S), Name = strcat(A, "n"), Twice = n * 2
        | project Host, n, A, Top = Source, Many, Name, Twice, Free"""

    found = chosen(query)

    assert {"A", "Source", "Target", "Free", "S", "Many", "Name", "Top"} <= found
    assert found.isdisjoint({"Host", "n", "Twice", "Pairs"})


def test_columns_that_kusto_may_choose_are_left_out_of_alerts(bench: Bench) -> None:
    load(bench, (-0.5, "a"), (-0.4, "a"), RemotePort=22)
    query = EACH.replace(
        "Count = count()", "Count = count(), Port = take_any(RemotePort), Ports = make_set(RemotePort)"
    )

    assert preview(bench, query, since=-1, **PER_RESULT).alerts == (PastAlert(NOW, {"DeviceName": "a"}, {"Count": 2}),)
