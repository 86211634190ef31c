"""The first sentence of a report counts what was looked at, and nothing else: text and Markdown, verb by verb."""

import pytest

from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.outcome import Place
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.report import as_text
from deployer.state import Key
from deployer.state import Kind

LOST = "1 target was not looked at: nothing is known of it."


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("deployer.providers.http._backoff", lambda left: 0.0)


@pytest.fixture
def lost(site, deployer):
    """Of two targets, both as Git says, one gives no answer any more."""
    path = site.root / "environments/site/environment.yaml"
    site.edit(path, lambda one: one.update(rules=["t1584.005-botnet-node"]))
    for name in ("acme", "globex"):
        site.edit(site.tenant(name), lambda one: one["targets"].pop("sentinel"))
    deployer("apply", "site")
    site.emulator.fault(path="/s/acme/", status=401)
    return site


def summary(run):
    return run.out.splitlines()[-2:]


def test_a_target_that_was_not_looked_at_is_not_counted_among_those_that_are_fine(deployer, lost):
    said = {
        "verify": "1 of 2 targets passes what is required (present, equal, enabled).",
        "plan": "1 of 2 targets: no changes, 5 unchanged.",
        "apply": "1 of 2 targets: no changes, 5 unchanged.",
        "drift": "1 of 2 targets: no drift, 5 in sync.",
    }
    for verb, sentence in said.items():
        text = deployer(verb, "site")
        page = deployer(verb, "site", "--format", "markdown")

        assert (text.code, page.code) == (3, 3)
        assert summary(text) == [sentence, LOST]
        assert page.out.splitlines()[3:5] == [sentence, LOST]


def test_a_tenant_whose_file_is_broken_is_not_counted_either(deployer, lost):
    lost.emulator.clear_faults()
    lost.tenant("acme").write_text("targets: 3\n")

    assert summary(deployer("verify", "site")) == [
        "1 target passes what is required (present, equal, enabled).",
        "1 tenant's file cannot be used, as is said above.",
    ]


def verified(name, *answers):
    levels = tuple(Level(Key(Kind.RULE, name), "equal", answer) for answer in answers)
    return Verified(Place(name, "kibana"), levels, ("equal",))


def test_where_something_fails_too_the_numbers_add_up():
    outcomes = [
        verified("a", Answer.PASS),
        verified("b", Answer.PASS, Answer.FAIL),
        verified("c", Answer.UNKNOWN),
        verified("d", Answer.PASS),
        Unreadable(Place("e", "kibana"), "interrupted before it was looked at"),
    ]

    assert as_text.summary(outcomes) == [
        "4 of 5 targets: 1 fail, 1 cannot be told, 2 pass what is required (equal).",
        LOST,
    ]
    assert as_text.summary(outcomes[:4]) == ["4 targets: 1 fail, 1 cannot be told, 2 pass what is required (equal)."]
    assert as_text.summary([outcomes[0], outcomes[3]]) == ["2 targets: all that is required passes (equal)."]
    assert as_text.summary(outcomes[4:]) == ["1 target.", LOST]
