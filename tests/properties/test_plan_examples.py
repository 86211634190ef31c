"""Values that are easily taken for one another, by example: through the platform's answer, the provider and the plan.

A property test would compare with the comparer that it is to test.
"""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from deployer.emulator import Emulator
from deployer.model import Platform
from deployer.plan import Plan
from tests import every_field
from tests import make
from tests.bench import Bench

RULES = "/api/detection_engine/rules"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


def told(emulator: Emulator, platform: Platform, name: str, value: Any) -> Plan:
    """The plan where the platform answers `value` for one field of a rule that was applied; `...` leaves it out."""
    kind = "threshold" if platform is Platform.KIBANA else "Scheduled"
    bench = Bench(platform, emulator, f"told-{platform}")
    made = every_field.kibana_rule if platform is Platform.KIBANA else every_field.sentinel_rule
    git = bench.assignment(made(kind), entries=[make.entry()])
    bench.apply(git)
    document = bench.document()
    fields = document if platform is Platform.KIBANA else document["properties"]
    steps = name.split(".")
    inner = fields
    for step in steps[:-1]:
        inner = inner[step]
    if value is ...:
        inner.pop(steps[-1], None)
    else:
        inner[steps[-1]] = copy.deepcopy(value)
    if platform is Platform.KIBANA:
        page = {"page": 1, "perPage": 1, "total": 1, "data": [document]}
        emulator.fault(path=f"/s/{bench.place}{RULES}/_find", status=200, body=page, times=1)
    else:
        emulator.fault(path=f"/workspaces/{bench.place}/.*alertRules$", status=200, body={"value": [document]}, times=1)
    plan = bench.plan(git)
    bench.provider.close()
    return plan


def paths(plan: Plan) -> list[str]:
    return [field.path for change in plan.changes for field in change.fields]


@pytest.mark.parametrize(
    ("platform", "name", "value"),
    [
        (Platform.KIBANA, "threshold.value", "20"),  # a text for a number
        (Platform.KIBANA, "threshold.value", True),
        (Platform.KIBANA, "threshold.value", ...),
        (Platform.KIBANA, "threshold.field", ["destination.ip", "host.name"]),  # in another order: another first column
        (Platform.KIBANA, "max_signals", "50"),
        (Platform.KIBANA, "enabled", 1),
        (Platform.KIBANA, "enabled", "true"),
        (Platform.KIBANA, "enabled", None),
        (Platform.KIBANA, "enabled", ...),
        (Platform.KIBANA, "risk_score", False),
        (Platform.KIBANA, "tags", []),
        (Platform.KIBANA, "new_terms_fields", [""]),
        (Platform.KIBANA, "name", "rule example"),  # case
        (Platform.SENTINEL, "triggerThreshold", "5"),
        (Platform.SENTINEL, "triggerThreshold", True),
        (Platform.SENTINEL, "triggerThreshold", None),
        (Platform.SENTINEL, "enabled", 1),
        (Platform.SENTINEL, "enabled", None),
        (Platform.SENTINEL, "suppressionEnabled", 1),
        (Platform.SENTINEL, "suppressionEnabled", None),
        (Platform.SENTINEL, "queryPeriod", "P1M"),
        (Platform.SENTINEL, "severity", "high"),
        (Platform.SENTINEL, "customDetails", {"bytes": "SentBytes", "Port": "RemotePort"}),
    ],
    ids=str,
)
def test_values_that_are_not_the_same_are_drift(emulator, platform, name, value):
    plan = told(emulator, platform, name, value)

    if name == "tags":  # the mark is one of them
        assert [change.cause.value for change in plan.changes] == ["unclaimed"]
    assert {".".join(path.split(".")[: name.count(".") + 1]) for path in paths(plan)} == {name}


@pytest.mark.parametrize(
    ("platform", "name", "value"),
    [
        (Platform.KIBANA, "max_signals", 50.0),  # JSON has one kind of number
        (Platform.KIBANA, "risk_score", 70.0),
        (Platform.KIBANA, "threshold.value", 20.0),
        (Platform.KIBANA, "note", None),
        (Platform.KIBANA, "note", ""),
        (Platform.KIBANA, "outcome", ...),
        (Platform.KIBANA, "saved_id", "saved-1\r\n"),
        (Platform.SENTINEL, "triggerThreshold", 5.0),
        (Platform.SENTINEL, "alertRuleTemplateName", ""),
        (Platform.SENTINEL, "queryPeriod", "PT1440M"),
    ],
    ids=str,
)
def test_values_that_are_the_same_are_none(emulator, platform, name, value):
    assert paths(told(emulator, platform, name, value)) == []
