"""From an exception item back to the entry that it was made from, and from one that was made by hand."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer.manifest import allowlists
from deployer.manifest.document import Document
from deployer.model import Entry
from deployer.providers.kibana import items
from deployer.state import Resource
from tests import make

CATEGORY = make.category(ports=())
NAMES = st.lists(st.from_regex(r"\A[a-z][a-z0-9.-]{0,8}\Z"), max_size=3, unique=True).map(sorted)
LINES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9 ,:-]{0,20}[a-z]\Z")
DAYS = st.dates(min_value=date(2001, 1, 1), max_value=date(2998, 1, 1))
WRITTEN: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "value": st.ip_addresses(v=4).map(str) | st.just("192.0.2.0/24"),
        "reason": LINES,
        "owner": st.sampled_from(["soc", "jo@acme.example", "A. Person"]),
    },
    optional={
        "hosts": NAMES.filter(bool),
        "processes": NAMES.filter(bool),
        "ports": st.lists(st.integers(1, 65535), min_size=1, max_size=3, unique=True).map(sorted),
        "ticket": st.sampled_from(["ACME-1", "INC 7. of 9"]),
        "expires": st.dates(min_value=date(2001, 1, 1), max_value=date(2998, 1, 1)).map(str)
        | st.just("2031-02-03T04:05:06Z"),
        "reviewed": st.just("2026-01-31"),
    },
)


def read(written: Any) -> Entry:
    found, findings = allowlists.entries(Document("f", {"servers": [written]}).root, {"servers": CATEGORY})
    assert not findings, findings
    return found["servers"][0]


def item(**change: Any) -> Resource:
    made = items.item(CATEGORY, make.entry("192.0.2.1"))
    return replace(made, body={**made.body, **change})


@given(written=WRITTEN)
def test_an_entry_is_read_back_from_the_item_that_was_made_of_it(written: Any) -> None:
    assert items.entry_of(CATEGORY, items.item(CATEGORY, read(written))) == written


def test_a_description_of_another_form_is_the_reason() -> None:
    said = items.entry_of(CATEGORY, item(description="Asked for\n  by the  build team"))

    assert said == {"value": "192.0.2.1", "reason": "Asked for by the build team"}


def test_the_id_of_an_item_that_was_made_by_hand_is_kept() -> None:
    own = items.item(CATEGORY, make.entry())

    assert items.item(CATEGORY, make.entry(item="by-hand")).key.id == "by-hand"
    assert items.item(CATEGORY, make.entry(item="by-hand")).digest == own.digest


def test_the_ports_of_a_category_are_no_scope_of_an_entry() -> None:
    category = make.category(ports=(6667, 6697))
    made = items.item(category, make.entry("192.0.2.1"))
    everywhere = replace(made, body={**made.body, "entries": made.body["entries"][:1]})

    assert "ports" not in items.entry_of(category, made)
    with pytest.raises(ValueError, match="counts on 6667, 6697"):
        items.entry_of(category, replace(everywhere, body={**made.body, "entries": [address("192.0.2.1")]}))


def address(value: Any, **change: Any) -> dict[str, Any]:
    return {"field": "destination.ip", "operator": "included", "type": "match", "value": value, **change}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "endpoint"}, "items of type endpoint"),
        ({"os_types": ["linux"]}, "operating systems"),
        ({"entries": []}, "names no values"),
        ({"entries": [address(["192.0.2.1", "192.0.2.2"], type="match_any")]}, "names 2 values"),
        ({"entries": [address("x", type="exists")]}, "of type exists"),
        ({"entries": [address("x", operator="excluded")]}, "excludes"),
        ({"entries": [address("192.0.2.1"), address("192.0.2.2")]}, "each once"),
        ({"entries": [address("192.0.2.1"), address("x", field="user.name")]}, "a condition on user.name"),
        ({"entries": [address("192.0.2.1"), address("http", field="destination.port")]}, "'http' is no port"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_entry_can_say_is_named(change: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        items.entry_of(CATEGORY, item(**change))


def test_items_are_alike_by_what_they_let_through() -> None:
    one = item()

    assert items.alike(one, item(name="Other", description="Other"))
    assert items.alike(one, item(entries=[address(["192.0.2.1"], type="match_any")]))
    assert not items.alike(one, item(entries=[address("192.0.2.2")]))
    assert not items.alike(one, item(expire_time="2030-01-01T00:00:00.000Z"))
