"""Our kuery query finds what the EQL filter of its source finds, by Elastic's own EQL engine for Python.

That engine is AGPL: only tests import it. It differs from kuery, and from Elasticsearch's EQL, in ways that are pinned
one by one below; the generated events stay clear of them.
"""

import re
from functools import lru_cache
from typing import Any

import eql
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.engines import kuery
from deployer.engines import tables
from deployer.engines.kibana import Events

# At and around every border of the query: first and last address of each range, and their neighbours.
ADDRESSES = (
    "9.255.255.255 10.0.0.0 10.255.255.255 11.0.0.0 172.15.255.255 172.16.0.0 172.31.255.255 172.32.0.0 "
    "192.167.255.255 "
    "192.168.0.0 192.168.255.255 192.169.0.0 126.255.255.255 127.0.0.0 127.255.255.255 128.0.0.0 169.253.255.255 "
    "169.254.0.0 169.254.255.255 169.255.0.0 0.0.0.0 255.255.255.255 8.8.8.8 203.10.5.6 8.127.0.1 "
    "::1 ::2 ::0 fbff::ffff fc00:: fdff::1 fe00:: fe80::1 2001:db8::1"
).split()
PORTS = (6660, 6667, 6669, 6659, 6670, 6697, 1080, 4444, 80, 443, 53, 25, 587, 22, 21, 3389, 445, 139, 8080, 8443)
SOMETIMES_MISSING = {
    "process": st.sampled_from([{"name": "x"}, {"name": "powershell.exe"}, {"name": ""}, {}]),
    "source": st.sampled_from([{"bytes": size} for size in (0, 1, 999, 1000, 1001, 10**9)] + [{}]),
}
EVENTS = st.fixed_dictionaries(
    {
        "event": st.fixed_dictionaries(
            {
                "category": st.sampled_from([["network"]] * 6 + [["process"], ["process", "network"]]),
                "action": st.sampled_from(
                    ["connection_attempted", "connection_accepted", "disconnect_received", "connection", ""]
                ),
            }
        ),
        "network": st.sampled_from([{"direction": "egress"}] * 4 + [{"direction": "ingress"}, {}]),
        "destination": st.fixed_dictionaries(
            {
                "ip": st.sampled_from(ADDRESSES) | st.ip_addresses(v=4).map(str) | st.ip_addresses(v=6).map(str),
                "port": st.sampled_from(PORTS) | st.integers(1, 65535),
            }
        ),
    },
    optional=SOMETIMES_MISSING,
)
# What an event needs to be found by its port alone, or by its size.
IRC = {
    "event": {"category": ["network"], "action": "connection_attempted"},
    "network": {"direction": "egress"},
    "destination": {"ip": "8.8.8.8", "port": 6667},
}
SMALL = IRC | {
    "destination": {"ip": "8.8.8.8", "port": 9999},
    "source": {"bytes": 999},
    "process": {"name": "x"},
}


@pytest.fixture(scope="session")
def queries(repo_root, shared):
    """The EQL filter as its source has it, and our kuery."""
    [source] = shared.glob("seeds/000*")
    found = re.search(
        r"^network where .*?^\)(?= Elastic EQL)", source.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    assert found
    return found[0], (repo_root / "rules/t1584.005-botnet-node/kibana.kuery").read_text(encoding="utf-8")


@given(events=st.lists(EVENTS, min_size=1, max_size=60))
def test_both_find_the_same_events(queries, events):
    # The addresses that Elasticsearch takes for IPv4, and the EQL engine does not, have their own test.
    events = [event for event in events if "::ffff:" not in event["destination"]["ip"]]
    assert _by_kuery(queries[1], events) == _by_eql(queries[0], events)


def test_the_generated_events_reach_both_branches_and_both_answers(queries):
    """So that the property above is not kept by finding nothing."""
    events: list[dict[str, Any]] = []
    for action in ("connection_attempted", "connection_accepted", "disconnect_received"):
        for address in ADDRESSES:
            for port in PORTS:
                for size in (999, 1000):
                    destination = {"ip": address, "port": port}
                    event = {"category": ["network"], "action": action}
                    events.append(SMALL | {"event": event, "destination": destination, "source": {"bytes": size}})
    found = _by_kuery(queries[1], events)
    assert found == _by_eql(queries[0], events)
    assert 500 < len(found) < len(events) / 2
    assert {events[number]["source"]["bytes"] for number in found} == {999, 1000}


@pytest.mark.parametrize("event", [IRC, SMALL], ids=["by its port", "by its size"])
def test_the_plain_events_are_found_by_both(queries, event):
    assert _both(queries, event) == (True, True)


def test_case_matters_in_kuery_only(queries):
    """Elasticsearch's EQL `==` and `in` go by case, as keyword fields do; the EQL engine for Python does not."""
    assert _both(queries, IRC | {"network": {"direction": "Egress"}}) == (False, True)
    shouted = {"category": ["network"], "action": "CONNECTION_ATTEMPTED"}
    assert _both(queries, IRC | {"event": shouted}) == (False, True)


def test_a_missing_address_is_found_by_both(queries):
    """Elasticsearch's EQL would not find it: there `not` of null is null. The rule's grouping drops it all the same."""
    assert _both(queries, IRC | {"destination": {"port": 6667}}) == (True, True)


def test_a_missing_port_is_found_by_size_in_kuery_only(queries):
    """In kuery `not destination.port: …` holds where the port is missing. The rule's grouping drops the event."""
    assert _both(queries, SMALL | {"destination": {"ip": "8.8.8.8"}}) == (True, False)
    assert _both(queries, IRC | {"destination": {"ip": "8.8.8.8"}}) == (False, False)


def test_missing_bytes_and_missing_processes_are_found_by_neither(queries):
    assert _both(queries, SMALL | {"source": {}}) == (False, False)
    assert _both(queries, SMALL | {"process": {}}) == (False, False)


def test_one_private_address_in_an_array_keeps_the_event_out_in_kuery_only(queries):
    """Kuery asks whether any value fits; the EQL engine looks into no array."""
    assert _both(queries, IRC | {"destination": {"ip": ["8.8.8.8", "10.0.0.1"], "port": 6667}}) == (False, True)
    assert _both(queries, IRC | {"destination": {"ip": ["8.8.8.8"], "port": 6667}}) == (True, True)


def test_a_port_in_an_array_is_found_in_kuery_and_breaks_the_eql_engine(queries):
    event = IRC | {"destination": {"ip": "8.8.8.8", "port": [1, 6667]}}
    assert _by_kuery(queries[1], [event]) == {0}
    with pytest.raises(TypeError, match="unhashable"):
        _by_eql(queries[0], [event])


def test_a_private_address_written_as_ipv6_is_private_in_kuery_only(queries):
    """Elasticsearch's type ip takes ::ffff:10.0.0.1 for 10.0.0.1."""
    assert _both(queries, IRC | {"destination": {"ip": "::ffff:10.0.0.1", "port": 6667}}) == (False, True)
    assert _both(queries, IRC | {"destination": {"ip": "::ffff:8.8.8.8", "port": 6667}}) == (True, True)


def test_an_event_without_a_category_is_found_by_neither(queries):
    assert _both(queries, IRC | {"event": {"action": "connection_attempted"}}) == (False, False)


def _both(queries, event):
    """Whether kuery finds it, and whether EQL does."""
    eql_query, kuery_query = queries
    return bool(_by_kuery(kuery_query, [event])), bool(_by_eql(eql_query, [event]))


def _by_kuery(query, events):
    table = tables.kibana("endpoint.events.network")
    assert table
    expression = kuery.parse(query)
    with Events({name: table.columns[name] for name in kuery.fields(expression)}) as database:
        database.load("logs", events)
        condition = kuery.sql(expression, database.fields)
        rows = database.connection.execute(f"select _id from events where {condition}").fetchall()  # noqa: S608
    return {number for (number,) in rows}


def _by_eql(query, events):
    found: set[int] = set()
    engine = eql.PythonEngine()
    engine.add_query(_parsed(query))
    engine.add_output_hook(lambda results: found.update(each.data["number"] for each in results.events))
    for number, event in enumerate(events):
        # The engine knows one category an event; ECS has a list of them.
        for category in event["event"].get("category", ()):
            engine.stream_event(eql.Event(category, 0, event | {"number": number}))
    engine.finalize()
    return found


@lru_cache(maxsize=1)
def _parsed(query):
    return eql.parse_query(query, implied_any=True)
