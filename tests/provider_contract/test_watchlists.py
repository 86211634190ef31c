"""What is too long for a query goes into a watchlist: first the list, waited for and seen, then the rule."""

import itertools
from dataclasses import replace
from datetime import UTC
from datetime import datetime
from pathlib import Path

import pytest
import requests

from deployer.apply import apply
from deployer.errors import Untrusted
from deployer.outcome import Answer
from deployer.outcome import Place
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Update
from deployer.plan import make_plan
from deployer.providers.codecs import encode
from deployer.providers.connect import Connections
from deployer.providers.sentinel import watchlists as waiting
from deployer.providers.sentinel.codec import rule_uuid
from deployer.state import Key
from deployer.state import Kind
from deployer.verify import verify
from tests import make
from tests import watchlists
from tests.watchlists import ALIAS

KEY = Key(Kind.WATCHLIST, ALIAS)
MANY = 100
"""Entries that do not fit into a query."""


@pytest.fixture(autouse=True)
def patience(emulator, monkeypatch):
    """Waits that are short, and few pages."""
    requests.post(f"{emulator.url}/_emulator/settings", json={"page_size": 1000}, timeout=10).raise_for_status()
    monkeypatch.setattr(waiting, "WAITS_SECONDS", (0.0, 0.01, 0.02, 0.05, 0.1))


def settings(bench, **values):
    answer = requests.post(f"{bench.emulator.url}/_emulator/settings", json=values, timeout=10)
    answer.raise_for_status()


def control(bench, method, path, body=None):
    requests.request(method, f"{bench.emulator.url}/_emulator{path}", json=body, timeout=10).raise_for_status()


def hands(bench, method, path, body=None):
    """The portal's view of the watchlists."""
    target = bench.target
    url = (
        f"{bench.emulator.url}/arm/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"
        f"/providers/Microsoft.OperationalInsights/workspaces/{target.workspace}"
        f"/providers/Microsoft.SecurityInsights/watchlists{path}"
    )
    headers = {"Authorization": "Bearer portal", "x-emulator-user": "night-shift"}
    arguments = {"api-version": "2025-10-01-preview"}
    answer = requests.request(method, url, json=body, params=arguments, headers=headers, timeout=10)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def items(bench):
    found = hands(bench, "GET", f"/{ALIAS}/watchlistItems")["value"]
    return {one["properties"]["itemsKeyValue"]["Address"]: one["name"] for one in found}


def asked(bench):
    """Method and last part of the path of every request, equal ones that follow each other counted."""
    words = [f"{one['method']} {one['path'].rstrip('/').rsplit('/', 1)[-1]}" for one in bench.emulator.requests]
    short = [word.replace(rule_uuid("example"), "rule") for word in words]
    return [(word, len(list(group))) for word, group in itertools.groupby(short)]


def changes(plan):
    return [(type(change), change.key.kind) for change in plan.changes]


def test_ten_thousand_entries_plan_and_apply_in_few_requests(sentinel):
    settings(sentinel, page_size=5000)
    assignment = watchlists.assignment(watchlists.entries(10_000))
    control(sentinel, "DELETE", "/requests")

    plan = sentinel.plan(assignment)
    planned = asked(sentinel)
    applied = apply(Place("acme"), plan, sentinel.provider)
    written = asked(sentinel)[len(planned) :]
    control(sentinel, "DELETE", "/requests")
    again = sentinel.plan(assignment)

    assert changes(plan) == [(Create, Kind.WATCHLIST), (Create, Kind.RULE)]
    assert applied.failures == ()
    assert planned == [("GET alertRules", 1), ("GET watchlists", 1)]
    assert written == [
        (f"GET {ALIAS}", 1),  # nobody made it meanwhile
        (f"PUT {ALIAS}", 1),
        (f"GET {ALIAS}", 2),  # worked in; and as it was sent
        ("GET watchlistItems", 2),
        ("POST query", 1),
        ("GET rule", 1),
        ("PUT rule", 1),
        ("GET rule", 1),
    ]
    assert again.changes == ()
    assert asked(sentinel) == [("GET alertRules", 1), ("GET watchlists", 1), ("GET watchlistItems", 2)]


def test_a_workspace_without_a_watchlist_of_ours_is_asked_nothing_about_them(sentinel):
    assignment = watchlists.assignment(watchlists.entries(3))
    sentinel.apply(assignment)
    control(sentinel, "DELETE", "/requests")

    assert sentinel.plan(assignment).changes == ()
    assert asked(sentinel) == [("GET alertRules", 1)]


def test_a_list_shrinks_item_by_item_and_grows_by_what_is_new(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    before = items(sentinel)
    control(sentinel, "DELETE", "/requests")

    applied = sentinel.apply(watchlists.assignment(watchlists.entries(MANY, first=3)))

    assert applied.failures == ()
    assert [change.key for change in applied.done] == [KEY]  # the rule only names it, and is not written
    gone, new = watchlists.addresses(3), watchlists.addresses(3, first=MANY)
    deleted = {f"DELETE {before[value]}" for value in gone}
    assert {word for word, _ in asked(sentinel) if word.startswith("DELETE")} == deleted
    [put] = [one for one in sentinel.emulator.requests if one["method"] == "PUT"]
    assert put["body"]["properties"]["rawContent"].split() == ["Address", *new]
    assert items(sentinel).keys() == {*before, *new} - {*gone}


def test_edits_by_hand_are_drift_and_are_undone(sentinel):
    assignment = watchlists.assignment(watchlists.entries(MANY))
    sentinel.apply(assignment)
    found = items(sentinel)
    first = watchlists.addresses(1)[0]
    hands(sentinel, "DELETE", f"/{ALIAS}/watchlistItems/{found[first]}")
    body = {"properties": {"itemsKeyValue": {"Address": "0.0.0.0/0"}}}
    hands(sentinel, "PUT", f"/{ALIAS}/watchlistItems/{found[first]}", body)

    (change,) = sentinel.plan(assignment).changes
    levels = verify(encode(assignment), sentinel.read(assignment), {})
    sentinel.apply(assignment)

    assert (type(change), change.key, str(change.cause)) == (Update, KEY, "drift")
    assert change.live.edited_by == "night-shift"
    assert [level.answer for level in levels if level.key == KEY] == [Answer.PASS, Answer.FAIL]
    assert items(sentinel).keys() == found.keys()
    assert sentinel.plan(assignment).changes == ()


def test_labels_of_an_analyst_survive_an_update(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    live = hands(sentinel, "GET", f"/{ALIAS}")["properties"]
    hands(sentinel, "PUT", f"/{ALIAS}", {"properties": {**live, "labels": ["vip"]}})

    plan = sentinel.plan(watchlists.assignment(watchlists.entries(MANY)))
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY + 1)))

    assert (plan.changes, plan.carried) == ((), ((KEY, ("labels",)),))
    assert hands(sentinel, "GET", f"/{ALIAS}")["properties"]["labels"] == ["vip"]


def test_a_list_that_azure_works_in_late_is_waited_for(sentinel):
    settings(sentinel, watchlist_seconds=0.03, watchlist_query_seconds=0.03)

    applied = sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))

    assert applied.failures == ()
    assert len(items(sentinel)) == MANY


def test_a_rule_is_not_written_while_log_queries_do_not_see_its_list(sentinel):
    assignment = watchlists.assignment(watchlists.entries(MANY), watchlists.rule(), watchlists.rule("other"))
    settings(sentinel, watchlist_query_seconds=600.0)

    applied = sentinel.apply(assignment)
    settings(sentinel, watchlist_query_seconds=0.0)

    assert [change.key for change in applied.done] == [KEY]
    assert {failure.change.key.kind for failure in applied.failures} == {Kind.RULE}
    assert "needs watchlist/deployer-servers, and log queries do not see it yet" in applied.failures[0].error
    assert sentinel.arm("GET", "")["value"] == []
    queries = [word for word, _ in asked(sentinel) if word == "POST query"]
    assert len(queries) == 1  # one wait for both rules: its questions follow each other


def test_a_rule_is_not_written_while_log_queries_see_half_of_its_list(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    settings(sentinel, watchlist_query_seconds=600.0)
    grown = watchlists.assignment(watchlists.entries(MANY + 5), watchlists.rule(), watchlists.rule("new"))

    (failure,) = sentinel.apply(grown).failures

    assert failure.change.key.id == "new"
    assert f"log queries see {MANY} of its {MANY + 5} entries" in failure.error


def test_where_the_logs_cannot_be_asked_the_rule_waits_and_says_what_to_do(sentinel):
    def refuse():
        raise Untrusted("credential arm is not bound to api.loganalytics.io")

    sentinel.provider._open_logs = refuse

    applied = sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))

    (failure,) = applied.failures
    assert "whether log queries see its entries cannot be asked: credential arm is not bound" in failure.error
    assert "trusted_hosts" in failure.error


def test_the_rule_runs_with_what_stands_in_its_list(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    now, target = datetime.now(UTC).isoformat(), sentinel.target
    workspace = (
        f"/subscriptions/{target.subscription_id}/resourceGroups/{target.resource_group}"
        f"/providers/Microsoft.OperationalInsights/workspaces/{target.workspace}"
    )
    events = [{"TimeGenerated": now, "RemoteIP": address} for address in ("10.0.0.2", "10.0.0.3", "10.0.0.4")]
    sentinel.emulator.load(sentinel={workspace: {"DeviceNetworkEvents": events}})

    ran = requests.post(f"{sentinel.emulator.url}/_emulator/run", json={}, timeout=10).json()

    [[outcome]] = ran["sentinel"].values()
    assert (outcome["outcome"], outcome["results"]) == ("succeeded", 1)


def test_a_run_killed_between_list_and_rule_is_finished_by_the_next(sentinel):
    assignment = watchlists.assignment(watchlists.entries(MANY))
    plan = sentinel.plan(assignment)
    settings(sentinel, watchlist_seconds=0.05)
    sentinel.provider.apply(plan.changes[0])

    again = sentinel.plan(assignment)
    applied = sentinel.apply(assignment)

    assert changes(again) == [(Create, Kind.RULE)]
    assert applied.failures == ()
    assert "_GetWatchlist" in sentinel.document()["properties"]["query"]


def test_an_upload_that_was_cut_off_is_completed(sentinel):
    assignment = watchlists.assignment(watchlists.entries(MANY))
    half = sentinel.plan(watchlists.assignment(watchlists.entries(MANY - 50))).changes[0]
    sentinel.provider.apply(half)

    applied = sentinel.apply(assignment)

    assert applied.failures == ()
    assert len(items(sentinel)) == MANY


def test_a_list_that_nobody_needs_any_more_goes_after_its_rule(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    few = watchlists.assignment(watchlists.entries(3))

    plan = sentinel.plan(few)
    applied = apply(Place("acme"), plan, sentinel.provider)

    assert changes(plan) == [(Update, Kind.RULE), (Delete, Kind.WATCHLIST)]
    assert applied.failures == ()
    assert hands(sentinel, "GET", "")["value"] == []
    assert sentinel.plan(few).changes == ()


def test_a_list_that_could_not_be_deleted_is_not_forgotten(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    few = watchlists.assignment(watchlists.entries(3))
    rule, removal = sentinel.plan(few).changes
    sentinel.provider.apply(rule)  # killed here

    (left,) = sentinel.plan(few).changes
    sentinel.apply(few)

    assert (type(left), left.key) == (Delete, removal.key)
    assert hands(sentinel, "GET", "")["value"] == []


def test_a_deletion_that_takes_its_time_is_done_all_the_same(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    settings(sentinel, watchlist_seconds=600.0)

    applied = sentinel.apply(watchlists.assignment(watchlists.entries(3)))

    assert applied.failures == ()
    assert sentinel.plan(watchlists.assignment(watchlists.entries(3))).changes == ()


def test_a_list_that_somebody_elses_rule_reads_is_kept(sentinel):
    sentinel.apply(watchlists.assignment(watchlists.entries(MANY)))
    document = sentinel.document()
    query = f'let Name = "{ALIAS}"; _GetWatchlist(Name)'
    theirs = {**document["properties"], "displayName": "Theirs", "query": query}
    few = watchlists.assignment(watchlists.entries(3))
    removal = sentinel.plan(few).changes[-1]

    sentinel.arm("PUT", "11111111-1111-4111-8111-111111111111", {"kind": "Scheduled", "properties": theirs})
    planned = sentinel.plan(few).changes[-1]
    applied = apply(Place("acme"), replace(sentinel.plan(few), changes=(removal,)), sentinel.provider)

    assert planned.blocked == "the rule 'Theirs', which is not ours, reads it"
    assert "reads it, so it is kept" in applied.failures[0].error
    assert len(items(sentinel)) == MANY


def test_a_list_under_our_alias_that_somebody_made_is_taken_over_only_when_asked_for(sentinel):
    theirs = {"displayName": "Theirs", "provider": "x", "itemsSearchKey": "Address"}
    theirs |= {"rawContent": "Address\n192.0.2.1\n", "contentType": "text/csv"}
    hands(sentinel, "PUT", f"/{ALIAS}", {"properties": theirs})
    assignment = watchlists.assignment(watchlists.entries(MANY))

    held = sentinel.apply(assignment)
    untouched = items(sentinel).keys()
    agreed = sentinel.apply(assignment, adopt=True)

    assert [failure.tried for failure in held.failures] == [False, False]
    assert untouched == {"192.0.2.1"}
    assert agreed.failures == ()
    assert len(items(sentinel)) == MANY


def test_a_list_with_another_search_key_is_never_filled(sentinel):
    theirs = {"displayName": "Theirs", "provider": "x", "itemsSearchKey": "Ip"}
    hands(sentinel, "PUT", f"/{ALIAS}", {"properties": theirs})

    applied = sentinel.apply(watchlists.assignment(watchlists.entries(MANY)), adopt=True)

    assert "its search key is Ip, not Address" in applied.failures[0].error
    assert not applied.done


def test_versions_of_the_api_that_answer_otherwise_will_do(emulator):
    target = make.sentinel_target(api_version="2024-03-01")
    provider = Connections({}, (), Path(), emulator.url).provider(target)

    def applied(count):
        desired = encode(watchlists.assignment(watchlists.entries(count), target=target))
        return apply(Place("acme"), make_plan(desired, provider.read(desired)), provider)

    assert [applied(MANY).failures, applied(3).failures] == [(), ()]
    provider.close()
