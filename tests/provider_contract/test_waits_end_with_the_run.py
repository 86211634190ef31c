"""Ctrl-C: what waits for Azure, or for a budget, waits no more."""

import threading
from pathlib import Path

import pytest
import requests

from deployer.providers.connect import Connections
from deployer.providers.sentinel import watchlists as waiting
from deployer.providers.traffic import ARM
from deployer.providers.traffic import Traffic
from tests import watchlists
from tests.watchlists import ALIAS

HOUR = 3600.0


@pytest.fixture
def stopping(sentinel):
    """What is set when the run is to stop: a moment after the test begins to wait."""
    stopping = threading.Event()
    traffic = Traffic(stopping=stopping)
    sentinel.provider = Connections({}, (), Path(), sentinel.emulator.url, traffic).provider(sentinel.target)
    return stopping


def late(sentinel, **settings):
    requests.post(f"{sentinel.emulator.url}/_emulator/settings", json=settings, timeout=10).raise_for_status()


@pytest.mark.parametrize(
    ("slow", "said"),
    [("watchlist_seconds", f"watchlist {ALIAS}: it is still"), ("watchlist_query_seconds", "not see it yet")],
)
def test_a_watchlist_is_waited_for_until_the_run_is_to_stop_and_the_rule_is_not_written(
    sentinel, stopping, monkeypatch, slow, said
):
    monkeypatch.setattr(waiting, "WAITS_SECONDS", (0.0, HOUR))
    late(sentinel, **{slow: HOUR})
    threading.Timer(0.1, stopping.set).start()

    applied = sentinel.apply(watchlists.assignment(watchlists.entries(100)))

    assert said in applied.failures[0].error
    assert "the run was interrupted" in applied.failures[0].error
    assert sentinel.arm("GET", "")["value"] == []


def test_a_budget_is_waited_for_until_the_run_is_to_stop(sentinel, stopping, monkeypatch):
    monkeypatch.setitem(ARM, "reads", (1, 1 / HOUR))
    threading.Timer(0.1, stopping.set).start()

    sentinel.read(sentinel.assignment())
    assert not stopping.is_set()
    sentinel.read(sentinel.assignment())

    assert stopping.is_set()
