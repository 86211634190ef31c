"""`deployer backtest` on a workspace: the noise, the entry that takes it away, and what the command does not know."""

from collections.abc import Callable
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any

import pytest

from tests.cli.conftest import Run
from tests.cli.conftest import Site

RULE = "t1584.005-botnet-node"
UNTIL = datetime(2026, 11, 20, 18, tzinfo=UTC)
WORKSPACE = (
    "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups/soc"
    "/providers/Microsoft.OperationalInsights/workspaces/acme"
)


def connections(device: str, address: str, process: str, port: int, hours: int) -> list[dict[str, Any]]:
    """Ten an hour, the last of them at 17:00."""
    return [
        {
            "TimeGenerated": (UNTIL - timedelta(hours=hours + 1, minutes=-6 * number)).isoformat(),
            "DeviceName": device,
            "ActionType": "ConnectionSuccess",
            "RemoteIP": address,
            "RemotePort": port,
            "RemoteIPType": "Public",
            "InitiatingProcessAccountName": "svc",
            "InitiatingProcessFileName": process,
        }
        for number in range(10 * hours)
    ]


@pytest.fixture
def noisy(site: Site) -> Site:
    """An agent that reports to its vendor, and a bot that talks to its server; only one of two tenants and targets."""
    site.tenant("globex").unlink()
    logs = {"logs_endpoint": f"{site.emulator.url}/loganalytics"}
    seldom = {"queryFrequency": "PT4H", "parameters": {"RunFrequency": "4h"}}
    site.edit(site.tenant("acme"), lambda document: document.update(overlay={RULE: {"sentinel": seldom}}))
    site.edit(site.tenant("acme"), lambda document: document["targets"]["sentinel"].update(logs))
    site.edit(site.tenant("acme"), lambda document: document["targets"].pop("kibana"))
    agent = connections("ws-1", "203.0.113.7", "agent.exe", 6667, 4)
    bot = connections("ws-9", "198.51.100.66", "svchosts.exe", 6667, 4)
    site.emulator.load(sentinel={WORKSPACE: {"DeviceNetworkEvents": [*agent, *bot]}})
    return site


def allow(site: Site, value: str) -> None:
    entry = {"value": value, "reason": "The vendor's range", "owner": "soc@acme.example"}
    site.edit(site.tenant("acme"), lambda document: document.update(allowlists={"apm_vendors": [entry]}))


def backtest(deployer: Callable[..., Run], *more: str) -> Run:
    return deployer("backtest", "site", "--rule", RULE, "--days", "1", "--until", "2026-11-20T18:00Z", *more)


def test_an_entry_is_tried_before_it_is_committed(noisy: Site, deployer: Callable[..., Run]) -> None:
    before = backtest(deployer)
    allow(noisy, "203.0.113.0/24")
    after = backtest(deployer)

    assert (before.code, after.code) == (0, 0), before.out + after.out
    assert "botnet-node: 2 alerts\n" in before.out
    assert "1 x ws-1 svc 203.0.113.7 6667" in before.out
    assert "botnet-node: 1 alert, 2 without allowlists\n" in after.out
    assert "! 1 x ws-1" not in after.out
    assert "1 x ws-9 svc 198.51.100.66 6667" in after.out
    assert "- 1 alert: 203.0.113.0/24 (apm_vendors) environments/site/tenants/acme.yaml:" in after.out


def test_nothing_is_written_and_the_rule_need_not_be_there(noisy: Site, deployer: Callable[..., Run]) -> None:
    backtest(deployer)

    assert {(one["method"], one["path"].rsplit("/", 1)[-1]) for one in noisy.emulator.requests} == {("POST", "query")}


def test_a_part_is_never_shown_as_the_whole(
    noisy: Site, deployer: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("azure.core.pipeline.policies.RetryPolicy.sleep", lambda *args, **options: None)
    noisy.emulator.fault(path="/query$", status=504, after=3)

    found = backtest(deployer)

    assert found.code == 3, found.out
    assert "at least" in found.out
    assert "504: log query" in " ".join(found.out.split())


def test_a_span_before_the_first_event_is_not_shown_as_quiet(noisy: Site, deployer: Callable[..., Run]) -> None:
    found = backtest(deployer)

    assert "DeviceNetworkEvents has no event from" in found.out


def test_a_host_of_log_queries_that_the_credential_is_not_for_is_named_with_the_way_out(
    noisy: Site, deployer: Callable[..., Run]
) -> None:
    noisy.edit(noisy.tenant("acme"), lambda document: document["targets"]["sentinel"].pop("logs_endpoint"))

    found = backtest(deployer)

    assert found.code == 1
    assert "name the host of the log queries in the credential's `hosts`" in " ".join(found.out.split())
