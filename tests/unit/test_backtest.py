"""What is said of entries that hide nothing alone, by a platform that is made up: only `backtest` itself is real."""

from collections.abc import Callable
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.backtest import Wish
from deployer.backtest import _Bench
from deployer.model import Entry
from deployer.model import Exemption
from deployer.model import Platform
from deployer.model import Rule
from deployer.model import Tenant
from deployer.previews import PastAlert
from deployer.previews import Preview
from deployer.trials import Standing
from deployer.trials import Trial
from tests import make

UNTIL = datetime(2025, 11, 20, 12, tzinfo=UTC)
WISH = Wish(UNTIL - timedelta(days=1), UNTIL)
NOISE = PastAlert(UNTIL, {"DeviceName": "ws-1"}, {})
BOT = PastAlert(UNTIL, {"DeviceName": "ws-2"}, {})


class Platforms:
    """A provider whose rule finds what a function makes of the text that guards it."""

    def __init__(self, found: Callable[[str], Sequence[PastAlert]]) -> None:
        self._found = found
        self.asked: list[str] = []

    def preview(self, desired: Any, key: Any, since: datetime, until: datetime) -> Preview:
        text = str({str(one.key): dict(one.body) for one in desired.resources.values()})
        self.asked.append(text)
        return Preview(tuple(self._found(text)), 24)


def trial(provider: Any, entries: Sequence[Entry], rule: Rule, exemptions: Sequence[Exemption] = ()) -> Trial:
    allowed = {"servers": tuple(entries)}
    where = make.entry().location
    tenant = Tenant("acme", (), {}, ("DeviceNetworkEvents",), allowed, {}, where, exemptions=tuple(exemptions))
    assignment = make.assignment(Platform.SENTINEL, [rule], entries, exemptions=tuple(exemptions))
    [found] = _Bench(provider, assignment, tenant, WISH, lambda: False).trials([rule])
    return found


def test_entries_that_hide_only_together_are_not_said_to_hide_nothing():
    provider = Platforms(lambda text: [BOT] if "192.0.2.1" in text and "192.0.2.5" in text else [BOT, NOISE])
    entries = [make.entry(value) for value in ("192.0.2.1", "192.0.2.5")]

    found = trial(provider, entries, make.rule(sentinel=make.sentinel_half(), allowlists=("servers",)))

    assert [one.standing for one in found.attempts] == [Standing.JOINTLY] * 2
    assert (len(provider.asked), found.previews) == (5, 5)


def test_entries_that_hide_nothing_in_company_either_hide_nothing():
    provider = Platforms(lambda text: [BOT] if "192.0.2.1" in text else [BOT, NOISE])
    entries = [make.entry(value) for value in ("192.0.2.1", "192.0.2.5", "192.0.2.9")]

    found = trial(provider, entries, make.rule(sentinel=make.sentinel_half(), allowlists=("servers",)))

    assert [one.standing for one in found.attempts] == [Standing.HID, Standing.NOTHING, Standing.NOTHING]


def test_an_exception_for_a_let_that_the_rule_does_not_have_is_none_of_its_own():
    where = make.entry().location
    exemption = Exemption(("*",), (), "ExcludedProcesses", ("a.exe",), "Known.", "soc", where)
    provider = Platforms(lambda text: [BOT])

    found = trial(provider, (), make.rule(sentinel=make.sentinel_half()), [exemption])

    assert (found.attempts, found.previews) == ((), 1)
