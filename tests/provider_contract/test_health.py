"""What every provider's `health` promises: three levels for each rule that is asked about, and nothing else."""

from dataclasses import replace

import pytest
import requests

from deployer.errors import Unreachable
from deployer.model import Acceptance
from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.providers import http
from deployer.providers.codecs import encode
from deployer.providers.kibana.arrivals import Arrivals
from deployer.verify import asked
from deployer.verify import verify
from tests import make


def test_every_rule_is_told_ran_healthy_and_data_once(bench):
    assignment = bench.assignment(make.rule(), make.rule("second"))
    bench.apply(assignment)
    desired = encode(assignment)
    rules = asked(desired, bench.provider.read(desired))

    health = bench.provider.health(rules)

    assert {key.id: [level.level for level in one.levels] for key, one in health.items()} == {
        "example": ["ran", "healthy", "data"],
        "second": ["ran", "healthy", "data"],
    }
    assert {level.key == key for key, one in health.items() for level in one.levels} == {True}


def test_no_rule_costs_no_request(bench):
    bench.emulator.clear_requests()

    assert bench.provider.health([]) == {}
    assert bench.emulator.requests == []


def test_an_unknown_level_says_why(bench):
    assignment = bench.assignment()
    bench.apply(assignment)
    desired = encode(assignment)

    health = bench.provider.health(asked(desired, bench.provider.read(desired)))

    unknown = [level for one in health.values() for level in one.levels if level.answer is Answer.UNKNOWN]
    assert unknown
    assert all(level.reason for level in unknown)


def test_rules_that_git_wants_disabled_or_that_are_not_there_are_not_asked_about(bench):
    bench.apply(bench.assignment(make.rule(), make.rule("resting", enabled=False)))
    desired = encode(bench.assignment(make.rule(), make.rule("resting", enabled=False), make.rule("missing")))
    live = bench.provider.read(desired)

    rules = asked(desired, live)
    levels = verify(desired, live, bench.provider.health(rules))

    assert [one.wanted.key.id for one in rules] == ["example"]
    assert {level.level for level in levels if level.key.id == "resting"} == {"present", "equal", "enabled"}
    assert {level.level for level in levels if level.key.id == "missing"} == {"present"}


def test_a_rule_that_may_rest_for_a_while_is_not_asked_whether_it_runs(bench):
    bench.apply(bench.assignment())
    bench.edit(enabled=False)
    rest = Acceptance("rule/example", {"enabled": False}, "2099-12-31", "Trial.", "jo@acme.example", make.HERE)
    desired = encode(bench.assignment())
    live = bench.provider.read(desired)

    assert len(asked(desired, live)) == 1
    assert asked(replace(desired, accepted=(rest,)), live) == []


def test_a_rule_that_somebody_disabled_does_not_run(kibana):
    kibana.apply(kibana.assignment())
    url = f"{kibana.emulator.url}/_emulator/kibana/acme/run"
    requests.post(url, json={"rule_id": "example", "status": "succeeded"}, timeout=10).raise_for_status()
    kibana.edit(enabled=False)
    desired = encode(kibana.assignment())

    (one,) = kibana.provider.health(asked(desired, kibana.provider.read(desired))).values()

    ran, healthy, _ = one.levels
    assert (ran.answer, healthy.answer) == (Answer.UNKNOWN, Answer.UNKNOWN)
    assert (ran.reason, ran.awaited) == ("the rule is disabled, so it does not run", False)


def test_a_cluster_that_does_not_answer_is_not_asked_for_every_rule(kibana, monkeypatch):
    monkeypatch.setattr(http, "_backoff", lambda left: 0.0)
    assignment = kibana.assignment(*[make.rule(f"r{number}") for number in range(3)])
    kibana.apply(assignment)
    kibana.emulator.fault(path="/elasticsearch/", kind="close")
    desired = encode(assignment)
    live = kibana.provider.read(desired)

    health = kibana.provider.health(asked(desired, live))

    tried = [one for one in kibana.emulator.requests if one["path"].startswith("/elasticsearch/")]
    data: list[Level] = [level for one in health.values() for level in one.levels if level.level == "data"]
    assert len(tried) == http.TRIES
    assert [(level.answer, level.awaited) for level in data] == [(Answer.UNKNOWN, True)] * 3


def test_a_cluster_that_was_silent_is_asked_again_by_the_next_look():
    tries = []

    def connect():
        tries.append(1)
        raise Unreachable("no answer")

    arrivals = Arrivals(connect)
    for _ in range(2):
        arrivals.of(make.resource())
    arrivals.close()
    arrivals.of(make.resource())

    assert len(tries) == 2


@pytest.mark.parametrize("answers", [{"api_key_owner": None}, {"api_key_owner": 7}, {}], ids=str)
def test_a_rule_whose_owner_is_not_told_is_not_known(kibana, answers):
    kibana.apply(kibana.assignment())
    kibana.emulator.fault(path="/api/alerting/rule/", status=200, body={"id": "x", **answers})
    desired = encode(kibana.assignment())

    (one,) = kibana.provider.health(asked(desired, kibana.provider.read(desired))).values()

    assert one.runs_as is not None
    assert (one.runs_as.owner, one.runs_as.warning) == (None, "")
    assert "it has no API key" in one.runs_as.note
