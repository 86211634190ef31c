"""Between two waves: waiting for what time will tell, being interrupted, being asked."""

import pytest
import requests
import yaml

from deployer.errors import Declined
from deployer.fleet import Fleet
from deployer.journal import Journal
from deployer.manifest.load import load
from deployer.report import in_waves
from deployer.request import ORDINARY
from deployer.rollout import apply
from deployer.verify import Waiting
from deployer.waves import Verdict
from tests.cli.conftest import KEY
from tests.cli.small import RULE
from tests.cli.small import make_small
from tests.cli.small import set_waves

PASSED, STOPPED, NOT_BEGUN = Verdict.PASSED, Verdict.STOPPED, Verdict.NOT_BEGUN


@pytest.fixture
def estate(site):
    """Two tenants with a space each and one rule; the first must have run it before the second is begun."""
    make_small(site)
    set_waves(
        site, {"name": "canary", "tenants": ["acme"], "verify": {"levels": ["ran"], "minutes": 1}}, {"name": "rest"}
    )
    return site


class Clock:
    """Time that passes by sleeping only; `then` is what happens meanwhile."""

    def __init__(self, then=lambda: None, say=lambda line: None):
        self.now = 0.0
        self.then = then
        self.say = say

    def sleep(self, seconds):
        self.now += seconds
        self.then()

    @property
    def waiting(self):
        return Waiting(0.0, self.say, self.sleep, lambda: self.now)


def rolled_out(site, clock, approve=None):
    fleet = Fleet(load(site.root, "site"), site.root)
    with Journal(site.root / "journal", "site") as journal, fleet.crew:
        outcomes, waves = apply(fleet, ORDINARY, approve, journal, None, clock.waiting)
    return {one.place.tenant: type(one).__name__ for one in outcomes}, waves


def interrupt():
    raise KeyboardInterrupt


def test_a_wave_is_waited_for_while_its_answers_are_awaited(estate):
    def run_rule():
        body = {"rule_id": RULE, "status": "succeeded", "message": "m"}
        requests.post(f"{estate.emulator.url}/_emulator/kibana/acme/run", json=body, timeout=10).raise_for_status()

    clock = Clock(run_rule)
    outcomes, waves = rolled_out(estate, clock)

    assert outcomes == {"acme": "Applied", "globex": "Applied"}
    assert [wave.outcome for wave in waves] == [PASSED, PASSED]
    assert clock.now == 5.0


def test_when_the_minutes_are_over_the_wave_has_not_passed(estate):
    clock = Clock()
    outcomes, waves = rolled_out(estate, clock)

    assert outcomes == {"acme": "Applied", "globex": "Stopped"}
    assert [wave.outcome for wave in waves] == [STOPPED, NOT_BEGUN]
    assert clock.now == 60.0
    assert estate.asked("globex") == []


def test_an_interruption_while_it_waits_begins_no_other_wave(estate):
    """Nor where those whose answers are awaited might as well fail: nobody was seen to be fine."""
    estate.tenant("hooli").write_text(yaml.safe_dump(
        {**yaml.safe_load(estate.tenant("acme").read_text()), "data_sources": {"kibana": {"other.data": []}}}
    ).replace("space: acme", "space: hooli"))  # fmt: skip
    gate = {"levels": ["ran"], "minutes": 1, "may_fail": 1}
    set_waves(estate, {"name": "canary", "tenants": ["acme", "hooli"], "verify": gate}, {"name": "rest"})

    outcomes, waves = rolled_out(estate, Clock(interrupt))

    assert outcomes == {"acme": "Applied", "hooli": "Applied", "globex": "Stopped"}
    assert [(wave.outcome, list(wave.failed)) for wave in waves] == [(STOPPED, ["acme"]), (NOT_BEGUN, [])]
    assert waves[0].reason == "1 of 2 tenants are not seen to pass; interrupted before it was verified"
    assert waves[1].reason == "the run was interrupted"
    assert in_waves.lines(waves, "site")[-2:] == [
        "Wave 2 (rest), 1 tenant: not begun: the run was interrupted: globex",
        "To go on, run the same again: deployer apply site (what is done is found equal and only verified again)",
    ]
    assert estate.asked("globex") == []


@pytest.mark.parametrize(
    ("word", "expected"),
    [("Wave 1 (canary) begins.", [STOPPED, NOT_BEGUN]), ("Wave 1 (canary) passed.", [PASSED, NOT_BEGUN])],
)
def test_an_interruption_between_two_waves_begins_no_other(word, expected, estate):
    set_waves(estate, {"name": "canary", "tenants": ["acme"]}, {"name": "rest"})

    def say(line):
        if line == word:
            interrupt()

    outcomes, waves = rolled_out(estate, Clock(say=say))

    assert [wave.outcome for wave in waves] == expected
    assert waves[1].reason == "the run was interrupted"
    assert in_waves.onward(waves, "site")[0].startswith("To go on, run the same again: ")
    assert outcomes == {"acme": "Applied" if expected[0] is PASSED else "Unreadable", "globex": "Stopped"}
    assert estate.asked("globex") == []


def test_all_waves_are_shown_and_asked_about_once(estate):
    shown = []

    def approve(outcomes):
        shown.append([(one.place.tenant, type(one).__name__) for one in outcomes])
        return True

    set_waves(estate, {"name": "canary", "tenants": ["acme"]}, {"name": "rest"})
    outcomes, _ = rolled_out(estate, Clock(), approve)

    assert shown == [[("acme", "Planned"), ("globex", "Planned")]]
    assert outcomes == {"acme": "Applied", "globex": "Applied"}


def test_a_target_that_changes_after_it_was_shown_fails_its_wave(estate):
    set_waves(estate, {"name": "canary", "tenants": ["acme"]}, {"name": "rest"})

    def approve(outcomes):
        url = f"{estate.emulator.url}/kibana/s/acme/api/exception_lists"
        body = {"list_id": "deployer-proxies", "name": "n", "description": "d", "type": "detection"}
        headers = {"kbn-xsrf": "x", "Authorization": f"ApiKey {KEY}"}
        requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()
        return True

    outcomes, waves = rolled_out(estate, Clock(), approve)

    assert outcomes == {"acme": "Stopped", "globex": "Stopped"}
    assert "it is not as it was when the plan was shown" in waves[0].failed["acme"][0]


def test_a_no_begins_no_wave(estate):
    with pytest.raises(Declined):
        rolled_out(estate, Clock(), lambda outcomes: False)

    assert {one["method"] for one in (*estate.asked("acme"), *estate.asked("globex"))} == {"GET"}


def test_a_wave_that_failed_before_it_was_interrupted_is_what_stopped_the_run(estate):
    """Whoever interrupts while that is said changes nothing of it."""

    def say(line):
        if line.startswith("Wave 1 (canary) stopped"):
            interrupt()

    estate.emulator.fault(path="/s/acme/api/detection_engine/rules$", method="POST", status=400)
    _, waves = rolled_out(estate, Clock(say=say))

    assert [(wave.outcome, wave.interrupted) for wave in waves] == [(STOPPED, False), (NOT_BEGUN, False)]
    assert waves[1].reason == "wave 1 (canary) stopped the run"
