"""Every Sentinel query, run by the engine at the time of a case, finds what its rewritten text finds at any other time.

For all cases: `EXAMPLES=100 pytest tests/unit/rules/test_the_clock_of_every_query_can_be_set.py`.
"""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from deployer import queries
from deployer.cases import Case
from deployer.emulator import logs
from deployer.engines import tables
from deployer.engines.kusto import Kusto
from deployer.engines.kusto import Result
from deployer.manifest import rules
from deployer.manifest import tests
from deployer.model import Platform
from deployer.model import Rule
from deployer.providers.sentinel.alerts import grouped_by
from deployer.providers.sentinel.canonical import duration_seconds
from deployer.ruletests import deployed
from deployer.ruletests.compare import Found
from deployer.ruletests.compare import difference
from deployer.ruletests.expand import expand
from deployer.ruletests.sentinel import PARSERS
from deployer.state import Kind

ROOT = Path(__file__).parents[3]
BOOK = rules.read(ROOT)
EACH = int(os.environ.get("EXAMPLES", "1"))
"""Cases of each rule, those that find something first; as many with an entry that expires come on top, of all rules."""


def chosen() -> list[Any]:
    found, expiring = [], []
    for name, test in tests.read(ROOT, BOOK).tests.items():
        cases = [case for case in test.cases if Platform.SENTINEL in case.halves]
        cases.sort(key=lambda case: case.halves[Platform.SENTINEL].matches.count == 0)
        found += [pytest.param(BOOK.rules[name], case, id=f"{name}-{case.name}") for case in cases[:EACH]]
        rest = [case for case in cases[EACH:] if expires(case)]
        expiring += [pytest.param(BOOK.rules[name], case, id=f"{name}-{case.name}") for case in rest]
    return [*found, *expiring[:EACH]]


def expires(case: Case) -> bool:
    return any(entry.expires for entries in case.allowlists.values() for entry in entries)


@pytest.mark.parametrize(("rule", "case"), chosen())
def test_case(rule: Rule, case: Case) -> None:
    state = deployed.desired(rule, case, Platform.SENTINEL, BOOK.categories)
    [body] = [one.body for key, one in state.resources.items() if key.kind is Kind.RULE]
    half, wanted = rule.on(Platform.SENTINEL), case.halves[Platform.SENTINEL]
    assert half is not None
    rows = expand(wanted.events, Platform.SENTINEL)
    names = sorted({*(PARSERS.get(each, each) for each in half.data), *rows})
    period = timedelta(seconds=duration_seconds(body["queryPeriod"]) or 0)
    rewritten = queries.at(body["query"], case.now)
    assert not re.search(r"\b(now|ago)\s*\(", queries.code(rewritten))

    with Kusto(table for name in names if (table := tables.sentinel(name))) as database:
        for name, events in rows.items():
            database.load(name, events)
        database.see(case.now - period, case.now)
        then = database.run(body["query"], case.now)
        later = database.run(rewritten, case.now + timedelta(days=400))
        # The emulator turns it back, so that it translates one text for all runs of a backtest.
        again = database.run(str(logs.by_clock(rewritten, case.now)), case.now)

    for found in (then, later, again):
        assert difference(wanted.matches, Found(found.rows, tuple(found.columns), whole=True)) == ""
        assert settled(found, body["query"]) == settled(then, body["query"])


def settled(result: Result, query: str) -> list[str]:
    """What tells the rows apart, in order; of the rest Kusto may choose some, such as `take_any`."""
    names = grouped_by(query)
    assert names
    return sorted(str([row[name] for name in names]) for row in result.rows)
