"""What alerts have become with an entry: gone, smaller, later, or other ones."""

from datetime import UTC
from datetime import datetime
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from deployer.previews import Gap
from deployer.previews import PastAlert
from deployer.previews import Preview
from deployer.trials import Attempt
from deployer.trials import Effect
from deployer.trials import Standing
from deployer.trials import Trial
from deployer.trials import Unit
from deployer.trials import effect
from deployer.trials import subject
from tests import make

NOON = datetime(2025, 11, 20, 12, tzinfo=UTC)


def alert(hours: float = 0, who: str = "ws-1", events: int = 9) -> PastAlert:
    return PastAlert(NOON + timedelta(hours=hours), {"host.name": who}, {"events": events})


def preview(*alerts: PastAlert, gaps: tuple[Gap, ...] = ()) -> Preview:
    return Preview(alerts, 24, gaps)


def test_an_alert_that_is_gone_is_hidden():
    assert effect(preview(alert(), alert(1, "ws-2")), preview(alert())) == Effect(hidden=1)


def test_an_alert_of_fewer_events_is_smaller():
    assert effect(preview(alert(events=9)), preview(alert(events=5))) == Effect(smaller=1)


def test_an_alert_that_comes_a_run_later_is_not_gone():
    assert effect(preview(alert(0)), preview(alert(1))) == Effect(smaller=1)


def test_an_alert_days_later_is_another_one():
    assert effect(preview(alert(0)), preview(alert(30))) == Effect(hidden=1, added=1)


def test_alerts_of_one_run_about_the_same_are_counted_one_by_one():
    both = preview(alert(events=9), alert(events=5))

    assert effect(both, preview(alert(events=5))) == Effect(hidden=1)
    assert effect(both, both).none


ALERTS = st.lists(
    st.builds(alert, st.integers(0, 40), st.sampled_from(["ws-1", "ws-2", "ws-3"]), st.integers(1, 3)), max_size=12
)


@given(ALERTS, st.data())
def test_what_is_left_and_what_is_hidden_are_all_there_was(alerts: list[PastAlert], data: st.DataObject):
    kept = [one for one in alerts if data.draw(st.booleans())]

    found = effect(preview(*alerts), preview(*kept))

    assert found == Effect(hidden=len(alerts) - len(kept))


def test_what_is_computed_tells_alerts_apart_and_is_not_shown():
    one = PastAlert(NOON, {"host.name": "ws-1", "deployer.epoch_hour": 4}, {})
    other = PastAlert(NOON, {"host.name": "ws-1", "deployer.epoch_hour": 5}, {})

    assert subject(one) == subject(other) == "ws-1"
    assert effect(preview(one), preview(other)) == Effect(hidden=1, added=1)


def test_a_trial_is_whole_only_if_all_of_it_was_looked_at():
    unit = Unit("servers", "192.0.2.1", make.HERE)
    gap = Gap(NOON, NOON, "too slow")
    whole = preview(alert())

    assert Trial("r", whole, whole).whole
    assert not Trial("r", preview(gaps=(gap,)), whole).whole
    assert not Trial("r", whole, whole, attempts=(Attempt(unit, Standing.UNKNOWN),)).whole
    assert not Trial("r", error="no answer").whole
    assert Trial("r", whole, whole, attempts=(Attempt(unit, Standing.UNTRIED),)).whole
