"""`deployer backtest` on Kibana: what a rule would have raised, and what each entry hid."""

import json
from collections.abc import Callable
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from deployer.cli.main import run
from deployer.emulator import Emulator
from tests.cli.past import AGENT
from tests.cli.past import ATTACK
from tests.cli.past import PROXY
from tests.cli.past import RULE
from tests.cli.past import TENANT
from tests.cli.past import Past
from tests.cli.past import Run
from tests.cli.past import event
from tests.cli.past import settle
from tests.cli.past import two_days

GOLDEN = Path(__file__).parent.parent / "cases" / "cli"
PREVIEW = "/api/detection_engine/rules/preview"
RULES = "/api/detection_engine/rules"
ITEMS = "/api/exception_lists/items"
HIDING = {"vendors": ["203.0.113.0/24", "192.0.2.200"], "proxies": [PROXY]}
NUMBERS = count()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.fixture
def past(tmp_path: Path, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Iterator[Past]:
    """Every test has a space of its own."""
    monkeypatch.setenv("SITE_KIBANA_KEY", "c2l0ZTprZXk=")
    monkeypatch.setattr("deployer.providers.kibana.previewing.REFRESH_SECONDS", 0.0)
    space = f"acme-{next(NUMBERS)}"
    settle(tmp_path, emulator, space)

    def call(*arguments: str) -> Run:
        code = run(["--root", str(tmp_path), *arguments])
        out, err = capsys.readouterr()
        return Run(code, out, err)

    emulator.clear_requests()
    yield Past(tmp_path, emulator, space, call)
    emulator.clear_faults()
    emulator.set("preview_runs", 0)


@pytest.fixture
def acme(past: Past) -> Past:
    """With what happened, and three entries that nobody has applied."""
    past.load(two_days())
    past.allow(**HIDING)
    return past


def hidden(rule: Any) -> dict[str, tuple[str, int]]:
    return {one["entry"]: (one["standing"], one["hidden"]) for one in rule["entries"]}


def by_hand(past: Past, path: str, body: Any, method: str = "POST") -> Any:
    """What an analyst writes in the space."""
    url = f"{past.emulator.url}/kibana/s/{past.space}{path}"
    answer = requests.request(method, url, json=body, auth=("jo", "pw"), headers={"kbn-xsrf": "x"}, timeout=10)
    assert answer.ok, answer.text
    return answer.json()


def test_the_report_shows_days_groups_and_what_each_entry_hides(acme: Past, golden: Callable[[Path, str], None]):
    told = acme.backtest()

    assert (told.code, told.err) == (0, "Running 1 rule over 2 days: at most 5 previews.\n")
    golden(GOLDEN / "backtest.txt", told.out)


def test_an_entry_could_go_only_if_no_rule_at_all_needs_it(acme: Past):
    acme.write("rules/other/rule.yaml", RULE.replace("id: beacon", "id: other").replace("[host.name, ", "["))
    acme.write("rules/other/kibana.kuery", "destination.port : 6667\n")
    could = "  could go: hid nothing in 2 days, in any rule and target of acme:\n    . 192.0.2.200 (vendors)"

    whole, part = acme.backtest(), acme.backtest("--rule", "other")

    assert could in whole.out
    assert f"{AGENT[:-1]}0/24 (vendors)" not in whole.out.partition("could go")[2]
    assert "hid nothing of this rule in 2 days (there is no alert to hide):" in part.out
    assert "could go" not in part.out


def test_entries_count_before_they_are_applied_and_nothing_is_written(acme: Past):
    [rule] = acme.rules()

    assert (rule["alerts"], rule["whole"]) == ({"with": 1, "without": 27}, True)
    assert hidden(rule) == {
        "203.0.113.0/24": ("hid", 24),
        "192.0.2.200": ("hid nothing", 0),
        PROXY: ("hid", 2),
    }
    assert [one["line"] for one in rule["entries"]] == [acme.line_of(one) for one in hidden(rule)]
    wrote = {one["path"] for one in acme.asked("") if one["method"] not in ("GET", "HEAD")}
    assert all(path.endswith((PREVIEW, "/_search")) for path in wrote)
    assert [one["body"]["exceptions_list"] for one in acme.asked(PREVIEW)] == [[]] * 4
    assert [len(one["body"].get("filters", ())) for one in acme.asked(PREVIEW)] == [3, 0, 1, 1]


def test_lists_that_are_live_as_in_git_are_referred_to_and_say_the_same(acme: Past):
    [before] = acme.rules()
    assert acme.call("apply", "site", "--yes").code == 0
    acme.emulator.clear_requests()

    [after] = acme.rules()

    assert {**after, "requests": 0} == {**before, "requests": 0}
    [first, *others] = [one["body"] for one in acme.asked(PREVIEW)]
    assert [one["list_id"] for one in first["exceptions_list"]] == ["deployer-proxies", "deployer-vendors"]
    assert "filters" not in first
    assert [(one["exceptions_list"], len(one.get("filters", ()))) for one in others] == [([], 0), ([], 1), ([], 1)]


def test_a_list_that_goes_into_a_value_list_says_the_same_before_and_after(acme: Past):
    many = [f"198.18.{number}.0/25" for number in range(205)]
    acme.allow(vendors=[*many, "203.0.113.0/24"], proxies=[PROXY])
    [before] = acme.rules()
    assert acme.call("apply", "site", "--yes").code == 0
    acme.emulator.clear_requests()

    [after] = acme.rules()

    assert (before["alerts"], hidden(before)["203.0.113.0/24"]) == ({"with": 1, "without": 27}, ("hid", 24))
    assert {**after, "requests": 0} == {**before, "requests": 0}
    assert len(acme.asked(PREVIEW)[0]["body"]["exceptions_list"]) == 2


def test_what_analysts_have_added_stays_in_force(acme: Past):
    assert acme.call("apply", "site", "--yes").code == 0
    item = {
        "list_id": "deployer-vendors", "item_id": "by-hand", "type": "simple", "name": "Jo's", "description": "x",
        "entries": [{"field": "host.name", "operator": "included", "type": "match", "value": "app-1"}],
    }  # fmt: skip
    by_hand(acme, ITEMS, item)

    [rule] = acme.rules()

    # The agent on app-1 is hidden by the analyst's item, whatever Git says.
    assert rule["alerts"] == {"with": 1, "without": 19}
    assert hidden(rule)["203.0.113.0/24"] == ("hid", 16)


def test_an_analysts_own_list_on_the_rule_holds_as_it_does_there(acme: Past):
    assert acme.call("apply", "site", "--yes").code == 0
    made = by_hand(
        acme, "/api/exception_lists", {"list_id": "jo", "name": "Jo", "description": "x", "type": "detection"}
    )
    entry = {"field": "host.name", "operator": "included", "type": "match", "value": "app-1"}
    item = {"list_id": "jo", "item_id": "j", "type": "simple", "name": "Jo", "description": "x", "entries": [entry]}
    by_hand(acme, ITEMS, item)
    lists = [{"id": made["id"], "list_id": "jo", "type": "detection", "namespace_type": "single"}]
    by_hand(acme, RULES, {"rule_id": "beacon", "exceptions_list": lists}, "PATCH")

    [rule] = acme.rules()

    assert rule["alerts"] == {"with": 1, "without": 19}


def test_an_analysts_item_that_no_filter_says_is_named_and_nothing_is_concluded(acme: Past):
    assert acme.call("apply", "site", "--yes").code == 0
    entry = {"field": "source.ip", "operator": "included", "type": "list", "list": {"id": "vpn", "type": "ip"}}
    item = {
        "list_id": "deployer-vendors", "item_id": "v", "type": "simple", "name": "VPN", "description": "x",
        "entries": [entry],
    }  # fmt: skip
    by_hand(acme, ITEMS, item)

    acme.allow(vendors=[AGENT])
    told = acme.backtest()

    assert told.code == 1
    why = "the exception item 'VPN' refers to the value list vpn, whose values are not in Git, so that no filter can"
    assert f"beacon: not looked at: {why}" in told.out


def test_an_expired_entry_hides_nothing_any_more(acme: Past):
    acme.allow(vendors=[{"value": "203.0.113.0/24", "expires": "2025-11-01"}])

    [rule] = acme.rules()

    assert rule["alerts"] == {"with": 27, "without": 27}
    assert hidden(rule) == {"203.0.113.0/24": ("hid nothing", 0)}


def test_an_entry_that_ended_within_the_days_is_named_because_kibana_takes_it_for_ended_all_the_time(acme: Past):
    acme.allow(vendors=[{"value": "203.0.113.0/24", "expires": "2025-11-19"}])
    why = "note: 203.0.113.0/24 ended at 2025-11-20T00:00:00.000Z: Kibana takes exceptions as they are now"

    assert why in acme.backtest().out
    assert acme.call("apply", "site", "--yes").code == 0
    assert why in acme.backtest().out


def test_an_overlay_is_tried_before_it_is_applied(acme: Past):
    overlay = {"beacon": {"kibana": {"threshold": {"value": 9}}}}
    acme.change(TENANT, lambda tenant: tenant.update(overlay=overlay))

    [rule] = acme.rules()

    assert rule["alerts"] == {"with": 1, "without": 1}
    assert {one["reason"] for one in rule["entries"]} == {"all entries together changed no alert"}


def test_an_entry_that_takes_only_a_part_makes_an_alert_smaller(past: Past):
    past.load([event("ws-1", ATTACK, hours=8 + n / 10, process=f"p{n % 2}.exe") for n in range(12)])
    past.allow(vendors=[{"value": ATTACK, "processes": ["p0.exe"]}])

    [rule] = past.rules()

    assert (rule["alerts"], rule["effect"]) == ({"with": 1, "without": 1}, {"hidden": 0, "smaller": 1, "added": 0})
    assert [(one["standing"], one["smaller"]) for one in rule["entries"]] == [("hid", 1)]
    assert "- 1 alert made smaller: 192.0.2.66 by p0.exe (vendors)" in past.backtest().out


def test_entries_beyond_the_limit_are_not_tried_and_never_said_to_hide_nothing(acme: Past):
    told = acme.backtest("--entries", "1")

    assert told.code == 0
    assert "    not tried: only 1 (--entries):\n      ? 198.51.100.9 (proxies)" in told.out


def test_a_preview_that_takes_too_long_is_split_and_says_the_same(acme: Past):
    [whole] = acme.rules()
    acme.emulator.clear_requests()
    acme.emulator.set("preview_runs", 5)

    [rule] = acme.rules()

    counts = [one["body"]["invocationCount"] for one in acme.asked(PREVIEW)]
    assert counts == [8, 4, 4, *[4, 4] * 3]
    assert {**rule, "requests": 0} == {**whole, "requests": 0}


def test_a_day_that_takes_too_long_is_named_and_nothing_is_concluded(acme: Past):
    acme.emulator.set("preview_runs", 2)

    told = acme.backtest()

    assert told.code == 3
    assert "beacon: at least 0 alerts, at least 14 without allowlists" in told.out
    gap = "x not looked at, or not wholly: 2025-11-19 00:00 to 2025-11-19 12:00: Kibana ran out of time (60 s)"
    assert gap in told.out
    assert "    2025-11-19   0 .......  without allowlists  7  (not whole)" in told.out
    assert "what these hide is not known: parts of the span were not looked at" in told.out
    assert "hid nothing" not in told.out
    [target] = json.loads(acme.backtest("--format", "json").out)["targets"]
    assert (target["outcome"], [one["standing"] for one in target["rules"][0]["entries"]]) == (
        "partial",
        ["unknown"] * 3,
    )


def test_runs_that_raise_as_many_alerts_as_they_may_are_no_whole(acme: Past):
    acme.change("rules/beacon/rule.yaml", lambda rule: rule["kibana"].update(max_signals=2))

    told = acme.backtest()

    assert told.code == 3
    assert "at least 1 alert, at least" in told.out
    assert "This rule reached the maximum alert limit" in told.out


def test_no_index_to_read_is_not_a_quiet_week(past: Past):
    past.allow(vendors=[AGENT])
    told = past.backtest()

    assert told.code == 3
    assert "beacon: at least 0 alerts" in told.out
    assert "no index matching" in told.out
    assert "could go" not in told.out


def test_a_span_before_the_first_event_is_no_quiet_one(acme: Past):
    told = acme.call("backtest", "site", "--until", "2025-11-16", "--days", "1")

    assert told.code == 3
    assert "beacon: at least 0 alerts" in told.out
    assert "logs-endpoint.events.network-* has no event from then" in told.out
    assert "hid nothing" not in told.out


def test_days_without_events_are_named_and_no_entry_is_said_to_be_of_no_use_by_them(acme: Past):
    told = acme.backtest("--days", "5")

    assert told.code == 0
    assert "has no event from 3 of 5 days, such as 2025-11-15 12:00 to 2025-11-16 12:00 UTC: nothing could" in told.out
    assert "hid nothing of this rule in 5 days, where there were events: see above (no alert is about an" in told.out
    assert "could go" not in told.out
    assert json.loads(acme.backtest("--days", "5", "--format", "json").out)["targets"][0]["rules"][0]["quiet"] is True


def test_where_events_cannot_be_counted_no_entry_is_said_to_be_of_no_use(acme: Past):
    acme.emulator.fault(path=r"network-\*/_search", status=403)

    told = acme.backtest()

    assert told.code == 0
    assert "note: whether logs-endpoint.events.network-* had events then could not be asked: 403" in told.out
    assert "could go" not in told.out


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        (
            {"path": "rules/preview", "status": 200, "body": {"logs": [{"errors": ["needs read"], "warnings": []}]}},
            1,
            "beacon: not looked at: Kibana could not preview it: needs read",
        ),
        ({"path": "preview.alerts", "status": 403}, 1, "give the credential `read` on .preview.alerts-security"),
        ({"path": "rules/preview", "status": 200, "body": {"logs": []}}, 1, "Kibana answered a preview without its id"),
        ({"path": "rules/preview", "status": 403}, 1, "acme/kibana: not looked at: 403"),
    ],
)
def test_what_cannot_be_looked_at_is_said(acme: Past, fault: Any, code: int, message: str):
    acme.emulator.fault(**fault)

    told = acme.backtest()

    assert told.code == code
    assert message in told.out


def test_what_is_known_of_a_rule_outlives_what_stops_the_target_later(acme: Past):
    acme.emulator.fault(path="rules/preview", status=403, after=2)

    told = acme.backtest()

    assert told.code == 3
    assert "beacon: 1 alert, 27 without allowlists" in told.out
    assert "what these hide is not known: 403" in told.out


def test_without_elasticsearch_there_is_nothing_to_read(acme: Past):
    acme.change(TENANT, lambda tenant: tenant["targets"]["kibana"].pop("elasticsearch"))

    told = acme.backtest()

    assert told.code == 1
    assert "name `elasticsearch: {url, credential}` in the target" in told.out
    assert acme.asked("") == []


def test_rules_with_nothing_to_run_are_named(acme: Past):
    acme.write("rules/disabled/rule.yaml", RULE.replace("id: beacon", "id: disabled\nenabled: false"))
    acme.write("rules/disabled/kibana.kuery", 'event.category : "network"\n')
    acme.write("rules/elsewhere/rule.yaml", RULE.replace("id: beacon", "id: elsewhere\ntenants: [globex]"))
    acme.write("rules/elsewhere/kibana.kuery", 'event.category : "network"\n')
    acme.write("rules/idle/rule.yaml", RULE.replace("id: beacon", "id: idle").replace("[endpoint.e", "[dns.e"))
    acme.write("rules/idle/kibana.kuery", 'event.category : "network"\n')

    told = acme.backtest("--rule", "*", "--days", "1", "--entries", "0")

    assert "  disabled: 1 alert" not in told.out
    assert "    note: disabled: it raises nothing until it is enabled" in told.out
    assert "  idle: not applicable: needs dataset dns.events.network, which the tenant does not have" in told.out
    assert "  elsewhere: it does not go to this target" in told.out


def test_a_data_view_that_is_not_live_is_said_and_never_written(acme: Past):
    field = {"deployer.hour": {"type": "long", "script": {"source": HOUR}}}
    view = {"name": "deployer: beacon", "timeFieldName": "@timestamp", "runtimeFieldMap": field}
    acme.change("rules/beacon/rule.yaml", lambda rule: rule["kibana"].update(data_view=view))

    told = acme.backtest()
    way_out = "deployer-beacon is not there yet; deployer apply site --tenant NAME --rule beacon comes first"

    assert (told.code, way_out in told.out) == (1, True)
    assert acme.call("apply", "site", "--yes").code == 0
    assert "beacon: 1 alert, 27 without allowlists" in acme.backtest().out

    acme.change("rules/beacon/rule.yaml", lambda rule: rule["kibana"].update(index=["logs-endpoint.*"]))
    assert "deployer-beacon differs in title from the one in Git" in acme.backtest().out


HOUR = "if (doc['@timestamp'].size() > 0) { emit(doc['@timestamp'].value.toInstant().toEpochMilli() / 3600000L); }"


def test_a_rule_that_runs_too_often_for_the_span_is_refused_with_the_way_out(acme: Past):
    acme.change("rules/beacon/rule.yaml", lambda rule: rule["kibana"].update(interval="30s"))

    told = acme.backtest()

    assert told.code == 1
    assert "every 30s, 6,480 times in all, and at most 5,000 runs are previewed; ask for --days 1 at most" in told.out


@pytest.mark.parametrize(
    "moment",
    ["yesterday", "2125-01-01", "2125-01-01T00:00Z", "0001-01-01", "0001-01-01T00:00+23:00", "9999-12-31T23:59-23:00"],
)
def test_an_end_that_is_none_is_a_usage_error(acme: Past, moment: str):
    told = acme.call("backtest", "site", "--until", moment)

    assert told.code == 64
    assert "--until" in told.err


@pytest.mark.parametrize("day", ["2025-11-19", "20251119", "2025-W47-3"])
def test_a_day_is_meant_to_its_end(acme: Past, day: str):
    told = acme.call("backtest", "site", "--until", day, "--days", "1", "--format", "markdown")

    assert "acme/kibana: 2025-11-19 00:00 to 2025-11-20 00:00 UTC" in told.out
    assert "\n    2025-11-19   1 #............." in told.out
