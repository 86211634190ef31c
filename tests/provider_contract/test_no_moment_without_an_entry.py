"""From one allowlist to another: what both let through is let through at every moment between."""

import ipaddress
import re
from dataclasses import replace

import pytest
import requests

from deployer.apply import apply
from deployer.narrowing import narrow
from deployer.outcome import Place
from deployer.plan import make_plan
from deployer.providers.codecs import encode
from deployer.providers.sentinel import watchlists as waiting
from deployer.providers.sentinel.watchlist import item
from tests import make
from tests import watchlists

LATER = "2027-12-31"
ADDRESS = re.compile(r'"(\d+\.\d+\.\d+\.\d+(?:/\d+)?)"')


@pytest.fixture(autouse=True)
def patience(emulator, monkeypatch):
    requests.post(f"{emulator.url}/_emulator/settings", json={"page_size": 1000}, timeout=10).raise_for_status()
    monkeypatch.setattr(waiting, "WAITS_SECONDS", (0.0, 0.01, 0.02, 0.05, 0.1))


class Watcher:
    """A record that looks at the target after every write."""

    def __init__(self, look):
        self.look = look
        self.seen = []

    def writing(self, place, change, switched_off=()):
        pass

    def written(self, place, change):
        self.seen.append((f"{change.action} {change.key}", self.look()))

    def failed(self, place, change, error):
        self.written(place, change)


def fault(bench, **what):
    requests.post(f"{bench.emulator.url}/_emulator/faults", json=what, timeout=10).raise_for_status()


def kibana_lists(bench):
    """Every value of the items and value lists, whoever it is for."""
    found = set()
    path, all_of_it = "/api/exception_lists/items/_find", {"list_id": "deployer-servers", "per_page": 999}
    for document in bench.kibana("GET", path, **all_of_it)["data"]:
        [value] = [one for one in document["entries"] if one["field"] == "destination.ip"]
        if value["type"] == "list":
            rows = bench.kibana("GET", "/api/lists/items/_find", list_id=value["list"]["id"], per_page=9_999)["data"]
            found |= {one["value"].removesuffix("/32") for one in rows}
        else:
            found |= set(value["value"]) if isinstance(value["value"], list) else {value["value"]}
    return found


def sentinel_lists(bench, *rules):
    """For each rule every value of its query, and of the watchlist where it reads that."""
    items = [item(one).value for one in bench.provider._lists._api.watchlist_items(watchlists.ALIAS)]
    queries = [bench.document(rule)["properties"]["query"] for rule in rules or ("example",)]
    return [{*ADDRESS.findall(query), *(items if "_GetWatchlist" in query else ())} for query in queries]


def holds(values, address):
    return any(ipaddress.IPv4Network(address).subnet_of(ipaddress.IPv4Network(one)) for one in values)


def addresses(count):
    return [f"198.51.{number // 100}.{number % 100 * 2}" for number in range(count)]


def vendor(values, name="vendor", **change):
    """What a shared list brings: one item in Kibana where that holds it."""
    return [make.entry(value, shared=name, **change) for value in values]


def kibana_state(bench, entries):
    return bench.assignment(entries=entries, categories={"servers": make.category(ports=())})


def moved(bench, before, after, look):
    """Apply one state after the other: what was let through after every write of the second."""
    assert bench.apply(before).failures == ()
    desired = encode(after)
    watcher = Watcher(look)
    applied = apply(Place("acme"), make_plan(desired, bench.provider.read(desired)), bench.provider, record=watcher)
    assert (applied.failures, make_plan(desired, bench.provider.read(desired)).changes) == ((), ())
    return watcher.seen


def missing(bench, before, after):
    """What Kibana does not let through at some moment although both states do; and that it never lets more through."""
    seen = moved(bench, kibana_state(bench, before), kibana_state(bench, after), lambda: kibana_lists(bench))
    old, new = {one.value for one in before}, {one.value for one in after}
    assert (seen[-1][1], [where for where, allowed in seen if allowed - old - new]) == (new, [])
    return [(where, sorted((old & new) - allowed)) for where, allowed in seen if (old & new) - allowed]


def test_an_entry_of_a_value_list_that_gets_an_end_is_let_through_at_every_moment(kibana):
    first, *others = addresses(210)
    more = make.entry("203.0.113.9", shared="vendor")

    assert missing(kibana, vendor([first, *others]), [make.entry(first, expires=LATER), *vendor(others), more]) == []


def test_an_entry_that_cannot_be_written_in_its_new_place_stays_in_its_old_one(kibana):
    first, *others = addresses(210)
    after = kibana_state(kibana, [make.entry(first, expires=LATER), *vendor(others)])
    kibana.apply(kibana_state(kibana, vendor([first, *others])))
    fault(kibana, method="POST", path="/exception_lists/items", status=400, times=1)

    applied = kibana.apply(after)

    assert [(str(one.change.key.kind), one.tried) for one in applied.failures] == [
        ("item", True),
        ("value_list", False),
    ]
    assert first in kibana_lists(kibana)
    assert (kibana.apply(after).failures, kibana.plan(after).changes) == ((), ())


@pytest.mark.parametrize(("before", "after"), [(200, 201), (201, 200)])
def test_crossing_the_length_of_an_item_leaves_no_moment_without_a_list(kibana, before, after):
    assert missing(kibana, vendor(addresses(before)), vendor(addresses(after))) == []


def test_values_that_change_places_between_two_items_are_let_through_at_every_moment(kibana):
    one, other = addresses(2)
    scope = {"hosts": ("build-7",)}
    before = [*vendor([one, "203.0.113.1"], "a", **scope), *vendor([other, "203.0.113.5"], "b", **scope)]
    after = [*vendor([other, "203.0.113.1"], "a", **scope), *vendor([one, "203.0.113.5"], "b", **scope)]

    assert missing(kibana, before, after) == []


def test_ranges_that_collapse_into_another_part_of_their_list_are_let_through_at_every_moment(kibana):
    halves = [f"203.0.{number}.0/25" for number in range(0, 40, 2)]
    others = addresses(190)
    before = kibana_state(kibana, vendor([*halves, *others], hosts=("build-7",)))
    after = kibana_state(kibana, vendor([*[one.replace("/25", "/24") for one in halves], *others], hosts=("build-7",)))

    seen = moved(kibana, before, after, lambda: kibana_lists(kibana))

    assert [where for where, allowed in seen if not all(holds(allowed, one) for one in halves)] == []


def test_an_entry_of_a_watchlist_that_gets_an_end_is_let_through_at_every_moment(sentinel):
    entries = watchlists.entries(100)
    first = entries[0].value
    after = [make.entry(first, expires=LATER), *entries[1:], make.entry("203.0.113.9")]

    seen = moved(
        sentinel, watchlists.assignment(entries), watchlists.assignment(after), lambda: sentinel_lists(sentinel)
    )

    assert [where for where, [allowed] in seen if first not in allowed] == []


def test_an_entry_of_a_watchlist_stays_for_a_rule_that_could_not_be_written(sentinel):
    entries = watchlists.entries(100)
    first = entries[0].value
    after = watchlists.assignment([make.entry(first, expires=LATER), *entries[1:]])
    sentinel.apply(watchlists.assignment(entries))
    fault(sentinel, method="PUT", path="/alertRules/", status=400, times=1)

    applied = sentinel.apply(after)

    assert {str(one.change.key.kind) for one in applied.failures} == {"watchlist", "rule"}
    assert first in sentinel_lists(sentinel)[0]
    assert (sentinel.apply(after).failures, sentinel.plan(after).changes) == ((), ())


def test_an_entry_of_a_watchlist_stays_for_a_rule_that_was_not_chosen(sentinel):
    entries = watchlists.entries(100)
    first = entries[0].value
    rules = watchlists.rule("one"), watchlists.rule("two")
    after = watchlists.assignment([make.entry(first, expires=LATER), *entries[1:], make.entry("203.0.113.9")], *rules)
    sentinel.apply(watchlists.assignment(entries, *rules))
    desired = encode(after)

    def chosen(glob):
        live = sentinel.provider.read(desired)
        plan = narrow(make_plan(desired, live), desired, live, [glob])
        assert apply(Place("acme"), plan, sentinel.provider).failures == ()
        return sentinel_lists(sentinel, "one", "two")

    assert [first in allowed for allowed in chosen("one")] == [True, True]
    assert [{first, "203.0.113.9"} <= allowed for allowed in chosen("two")] == [True, True]
    assert sentinel.plan(after).changes == ()


def test_ranges_of_a_watchlist_that_collapse_are_let_through_at_every_moment(sentinel):
    entries = watchlists.entries(100)
    half = make.entry("203.0.113.0/25")
    seen = []
    watched = sentinel.provider._lists._api
    delete = watched.delete_watchlist_item
    sentinel.apply(watchlists.assignment([half, *entries]))

    def look_after(*of):
        delete(*of)
        seen.append(sentinel_lists(sentinel)[0])

    watched.delete_watchlist_item = look_after
    sentinel.apply(watchlists.assignment([replace(half, value="203.0.113.0/24"), *entries]))

    assert [holds(allowed, half.value) for allowed in seen] == [True]
