"""A rule test with more entries than fit into a query runs with the watchlist that a workspace would get."""

from datetime import UTC
from datetime import datetime

from deployer.providers.codecs import encode
from deployer.ruletests.sentinel import find
from deployer.state import Kind
from tests import watchlists

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_a_case_sees_what_stands_in_the_watchlist() -> None:
    state = encode(watchlists.assignment(watchlists.entries(150)))
    half = watchlists.rule().sentinel
    assert half is not None
    rows = [{"TimeGenerated": NOW.isoformat(), "RemoteIP": one} for one in ("10.0.0.2", "10.0.0.3")]

    found = find(state, half, {"DeviceNetworkEvents": rows}, NOW)

    assert any(key.kind is Kind.WATCHLIST for key in state.resources)
    assert [row["RemoteIP"] for row in found.rows] == ["10.0.0.3"]
