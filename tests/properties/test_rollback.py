"""Whatever people did before a run and after it: undoing it puts back what nobody touched since, and nothing else."""

import itertools
from collections.abc import Iterator
from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from hypothesis import HealthCheck
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st

from deployer.apply import apply
from deployer.crew import Job
from deployer.emulator import Emulator
from deployer.journal import Journal
from deployer.model import Platform
from deployer.outcome import Place
from deployer.providers import base
from deployer.providers.codecs import encode
from deployer.providers.sentinel.codec import rule_uuid
from deployer.rollback.runs import read
from deployer.rollback.undo import seen_again
from deployer.rollback.undo import undo
from deployer.state import Key
from deployer.state import Kind
from tests import make
from tests.bench import Bench
from tests.cli.test_rollback import whole
from tests.properties.test_convergence import ANALYSTS
from tests.properties.test_convergence import ENTRIES

NUMBERS = itertools.count()
GIFTS = {"note", "unknown", "attach list"}
SEVERITIES = st.sampled_from(["high", "low"])
_KINDS = {Kind.RULE: "rule", Kind.LIST: "list", Kind.ITEM: "item", Kind.DATA_VIEW: "view"}


def assignment(bench, rules, entries, severity):
    made = (make.rule(f"r{index}", severity=severity) for index in range(1, rules + 1))
    return bench.assignment(*made, entries=ENTRIES[:entries])


def name_of(bench, key):
    """What `whole` calls an object."""
    return f"sentinel {rule_uuid(key.id)}" if bench.platform is Platform.SENTINEL else f"{_KINDS[key.kind]} {key.id}"


def act(bench, names):
    # what cannot be done to a rule that is gone is done before it goes
    for name in sorted(names, key=lambda name: name == "delete"):
        ANALYSTS[bench.platform][name](bench)


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running


@pytest.mark.parametrize("platform", list(Platform), ids=str)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_undoing_a_run_puts_back_what_nobody_touched_and_nothing_else(platform, emulator, tmp_path, monkeypatch, data):
    monkeypatch.setattr(base, "CONFIRM_WAITS_SECONDS", (0.0, 0.01))
    number = next(NUMBERS)
    emulator.set_clock(datetime.now(UTC) + timedelta(days=2 * number))
    bench = Bench(platform, emulator, f"undo-{number}")
    analysts = st.lists(st.sampled_from(sorted(ANALYSTS[platform])), max_size=3, unique=True)
    place = Place("acme", bench.target.name)
    bench.apply(assignment(bench, 2, 2, "high"))
    earlier = data.draw(analysts, label="before the run")
    act(bench, earlier)
    before = whole(bench)

    wanted = assignment(bench, data.draw(st.integers(1, 3)), data.draw(st.integers(0, 3)), data.draw(SEVERITIES))
    with Journal(tmp_path, make.ENVIRONMENT) as journal:
        ran = apply(place, bench.plan(wanted, adopt=True), bench.provider, record=journal)
    later = data.draw(analysts, label="after the run")
    if "rule r1" in whole(bench) or platform is Platform.SENTINEL:
        act(bench, later)
    touched = whole(bench)
    if not ran.done and not ran.failures:
        return
    emulator.set_clock(datetime.now(UTC) + timedelta(days=2 * number + 1, hours=2))
    run = read([journal.path], make.ENVIRONMENT, make.OWNER)
    (writes,) = run.writes.values()
    job = Job(bench.target, encode(wanted))
    plan, live = undo(bench.provider, job, writes)
    undone = apply(place, seen_again(bench.provider, job, plan, live), bench.provider)
    after = whole(bench)

    done = {name_of(bench, change.key) for change in undone.done}
    same = {name_of(bench, key) for key in plan.unchanged}
    left = {name_of(bench, failure.change.key): failure.error for failure in undone.failures}
    # what analysts gave to the rule since then stays with it, whatever becomes of its body
    given_to = {name_of(bench, Key(Kind.RULE, "r1"))} if GIFTS & set(later) else set()
    exact = (done | same) - given_to
    assert {name: after.get(name) for name in exact} == {name: before.get(name) for name in exact}
    others = (after.keys() | touched.keys()) - done
    assert {name: after.get(name) for name in others} == {name: touched.get(name) for name in others}
    if not later and not {"delete view", "delete"} & set(earlier):
        assert left == {}
        assert after == before
    known = ("left alone", "need", "added by hand", "which is not ours, uses it", "which it uses, could not be deleted")
    assert [error for error in left.values() if not any(word in error for word in known)] == []
