"""Whatever a rule holds, and in whatever other words the platform says it: what was applied is not drift."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.emulator import Emulator
from deployer.emulator import reshaping
from deployer.model import Platform
from deployer.providers import base
from tests import every_field
from tests import make
from tests.bench import Bench

NUMBERS = itertools.count()
WAYS = st.lists(st.sampled_from(sorted(reshaping.WAYS)), unique=True)
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]) | st.just("\n"), min_size=1, max_size=30)
TEXTS = TEXTS.filter(lambda text: bool(text.strip()) and "deployer:" not in text)
WORDS = st.text("abcdefgh.*-", min_size=1, max_size=6).filter(lambda text: bool(text.strip()))
DAYS = st.integers(1, 14)
KIBANA_VALUES: dict[str, Any] = {
    "index": st.lists(WORDS, min_size=1, max_size=4, unique=True),
    "author": st.lists(TEXTS, max_size=3, unique=True),
    "tags": st.lists(TEXTS, max_size=3, unique=True),
    "threat_index": st.lists(WORDS, min_size=1, max_size=4, unique=True),
    "setup": TEXTS,
    "note": TEXTS,
    "threat_query": TEXTS,
    "machine_learning_job_id": WORDS | st.lists(WORDS, min_size=1, max_size=3, unique=True),
    "interval": st.builds("{}{}".format, st.integers(1, 59), st.sampled_from("smh")),
    "from": st.builds("now-{}d".format, st.integers(3, 14)),
    "max_signals": st.integers(1, 1000),
    "risk_score": st.integers(0, 100),
}
SENTINEL_VALUES: dict[str, Any] = {
    "queryFrequency": st.builds("PT{}H".format, st.integers(1, 24)),
    "queryPeriod": st.builds("P{}D".format, DAYS),
    "suppressionDuration": st.builds("PT{}M".format, st.integers(5, 1440)),
    "suppressionEnabled": st.booleans(),
    "triggerThreshold": st.integers(0, 10_000),
    "customDetails": st.dictionaries(WORDS, WORDS, max_size=5),
}
NEEDED = {
    "type", "language", "from", "index", "data_view_id", "threshold", "saved_id", "new_terms_fields", "kind",
    "machine_learning_job_id", "anomaly_threshold", "threat_query", "threat_mapping", "threat_index",
    "queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "history_window_start",
}  # fmt: skip
"""What some kind cannot be without."""


@st.composite
def rules(draw: st.DrawFn, platform: Platform) -> Any:
    """A rule of any kind with any part of the fields that it can have."""
    if platform is Platform.KIBANA:
        kind, values = draw(st.sampled_from(every_field.KIBANA_KINDS)), KIBANA_VALUES
        rule = every_field.kibana_rule(kind)
        half = rule.kibana
    else:
        kind, values = draw(st.sampled_from(every_field.SENTINEL_KINDS)), SENTINEL_VALUES
        rule = every_field.sentinel_rule(kind)
        half = rule.sentinel
    assert half is not None
    optional = sorted(half.fields.keys() - NEEDED)
    left_out = draw(st.sets(st.sampled_from(optional)))
    # `note` is the one field that a rule may declare and that is not in the example of every kind.
    drawn = {name: draw(values[name]) for name in sorted(values) if name in half.fields or name == "note"}
    fields = {**half.fields, **drawn, **dict.fromkeys(left_out)}
    suppression = fields.get("alert_suppression")
    if suppression and draw(st.booleans()):
        fields["alert_suppression"] = {
            one: part for one, part in suppression.items() if one != "missing_fields_strategy"
        }
    neutral = {
        "name": draw(TEXTS),
        "description": draw(TEXTS),
        "enabled": draw(st.booleans()),
        "references": tuple(draw(st.lists(TEXTS, max_size=3, unique=True))),
    }
    made = every_field.kibana_rule if platform is Platform.KIBANA else every_field.sentinel_rule
    fields.pop("type" if platform is Platform.KIBANA else "kind")
    return made(kind, neutral=neutral, **fields)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.mark.parametrize("platform", list(Platform), ids=str)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_what_was_applied_is_no_drift_in_whatever_words(platform, emulator, monkeypatch, data):
    monkeypatch.setattr(base, "CONFIRM_WAITS_SECONDS", (0.0, 0.01))
    bench = Bench(platform, emulator, f"words-{next(NUMBERS)}")
    entries = [make.entry(hosts=("b", "a"), expires="2030-01-31"), make.entry("2001:db8::/32")]
    git = bench.assignment(data.draw(rules(platform)), entries=entries)
    applied = bench.apply(git)
    ways = data.draw(WAYS)
    emulator.set("reshape", ways)
    try:
        plan = bench.plan(git)
    finally:
        emulator.set("reshape", [])
        bench.provider.close()

    assert [failure.error for failure in applied.failures] == []
    assert [(str(change.key), list(change.fields)) for change in plan.changes] == []
