"""The report of a backtest: a chart that fits, numbers that are not whole, text from outside that does nothing."""

import json
from datetime import UTC
from datetime import datetime
from datetime import timedelta

from deployer.outcome import Backtested
from deployer.outcome import Place
from deployer.previews import Gap
from deployer.previews import PastAlert
from deployer.previews import Preview
from deployer.report import as_json
from deployer.report import as_markdown
from deployer.report import as_text
from deployer.report import summed
from deployer.report.given import Given
from deployer.trials import Attempt
from deployer.trials import Effect
from deployer.trials import Standing
from deployer.trials import Trial
from deployer.trials import Unit
from tests import make

UNTIL = datetime(2025, 11, 20, 12, tzinfo=UTC)
SINCE = UNTIL - timedelta(days=1)
HOSTILE = "\x1b[2J::error::x\n| `a` | @team ##vso[task]\u202e"


def alerts(number: int, hours: float = 1, who: str = "ws-1") -> tuple[PastAlert, ...]:
    return tuple(PastAlert(UNTIL - timedelta(hours=hours), {"host.name": who}, {}) for _ in range(number))


def backtested(*trials: Trial) -> Backtested:
    return Backtested(Place("acme", "kibana"), trials, SINCE, UNTIL)


def test_bars_are_as_wide_as_there_is_room_and_one_alert_is_always_seen():
    found, without = Preview(alerts(1), 24), Preview((*alerts(999), *alerts(400, 13)), 24)

    lines = as_text.lines(backtested(Trial("r", found, without)), "prod")

    assert lines[2:4] == [
        f"    2025-11-19    0 {'.' * 16:<40}  without allowlists 400",
        f"    2025-11-20    1 #{'.' * 39}  without allowlists 999",
    ]
    assert all(line.isascii() for line in lines)


def test_a_run_at_midnight_belongs_to_the_day_that_it_looks_at():
    day = datetime(2025, 11, 20, tzinfo=UTC)
    found = Preview((PastAlert(day, {"host.name": "ws-1"}, {}),), 24)
    outcome = Backtested(Place("acme", "kibana"), (Trial("r", found, found),), day - timedelta(days=1), day)

    assert as_text.lines(outcome, "prod")[2:] == ["    2025-11-19   1 #", "    ! 1 x ws-1"]


def test_numbers_with_a_gap_are_at_least_so_many_in_every_form():
    gap = Gap(SINCE, SINCE + timedelta(hours=2), "too slow")
    outcome = backtested(Trial("r", Preview(alerts(2), 20, (gap,)), Preview(alerts(3), 24)))

    text, markdown = as_text.render([outcome]), as_markdown.render("backtest", "prod", [outcome])
    [target] = json.loads(as_json.render("backtest", "prod", [outcome]))["targets"]

    assert "r: at least 2 alerts, at least 3 without allowlists" in text
    assert "1 rule run, at least 2 alerts, at least 3 without allowlists" in text
    assert "| **1 rule run, at least 2 alerts** |" in markdown
    assert (target["outcome"], target["rules"][0]["whole"]) == ("partial", False)
    assert [day["partial"] for day in target["rules"][0]["days"]] == [True, False]


def test_text_from_outside_does_nothing():
    unit = Unit("servers", HOSTILE, make.HERE)
    attempts = (Attempt(unit, Standing.HID, Effect(1)), Attempt(unit, Standing.UNKNOWN, reason=HOSTILE))
    gap = Gap(SINCE, UNTIL, HOSTILE)
    ran = Trial("r", Preview(alerts(1, who=HOSTILE), 1, (gap,), (HOSTILE,)), Preview((), 1), None, attempts)
    outcome = backtested(ran, Trial("s", error=HOSTILE), Trial("t", note=HOSTILE))

    for told in (as_text.render([outcome]), as_markdown.render("backtest", "prod", [outcome])):
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert "##vso[" not in told
        assert not any(line.lstrip().startswith(("::", "| `a`")) for line in told.split("\n"))
    assert as_json.render("backtest", "prod", [outcome]).isascii()


def test_what_an_entry_made_smaller_or_otherwise_is_said():
    attempt = Attempt(Unit("servers", "192.0.2.1", make.HERE, "2026-01-31"), Standing.HID, Effect(0, 2, 1))
    whole = Preview(alerts(2), 24)

    lines = as_text.lines(backtested(Trial("r", whole, whole, Effect(), (attempt,))), "prod")

    place = "192.0.2.1 (servers, expires 2026-01-31) rules/example/rule.yaml:1"
    assert lines[-1] == f"      - 2 alerts made smaller, 1 raised otherwise: {place}"


def test_the_summary_counts_rules_and_those_that_were_not_looked_at():
    outcome = backtested(Trial("r", Preview((), 24), Preview((), 24)), Trial("s", error="504"))

    summary = json.loads(as_json.render("backtest", "prod", [outcome]))["summary"]

    assert (summary["rules"], summary["failed"]) == (2, 1)


def test_a_document_is_summed_up_in_the_words_of_its_run():
    gap = Gap(SINCE, SINCE + timedelta(hours=2), "too slow")
    partly = Trial("r", Preview(alerts(2), 20, (gap,)), Preview(alerts(3), 24))
    for trials in ([partly], [Trial("r", Preview((), 24), Preview((), 24)), Trial("s", error="504")], []):
        outcome = backtested(*trials)
        file = Given.read("x", as_json.render("backtest", "prod", [outcome]))

        assert file.fault == ""
        assert list(summed.lines(file.document)) == as_text.summary([outcome])
