"""The alerts of a preview are read whole: page by page, once they do not grow any more, or not at all."""

from typing import Any

import pytest

from deployer.errors import BadAnswer
from deployer.errors import Denied
from deployer.providers.kibana import previewed
from deployer.providers.kibana.previewed import Previewed

RULE = {"type": "threshold", "threshold": {"field": ["host.name", "destination.ip"], "value": 5}}


class Index:
    """An index whose alerts are found by and by, as searches refresh it."""

    def __init__(self, *counts: int, lost: int = 0, shards: int = 0) -> None:
        self._counts = list(counts)
        self._lost = lost
        self._shards = shards
        self._now = 0

    def close(self) -> None:
        pass

    def alerts(self, index: str, body: Any) -> Any:
        assert index == ".preview.alerts-security.alerts-acme"
        start = body["search_after"][1] + 1 if "search_after" in body else 0
        if start == 0:
            self._now = self._counts.pop(0) if len(self._counts) > 1 else self._counts[0]
        numbers = range(start, min(start + body["size"], self._now - self._lost))
        hits = [{"_source": source(number), "sort": [0, number]} for number in numbers]
        shards = {"total": 3, "failed": self._shards}
        return {"_shards": shards, "hits": {"total": {"value": self._now}, "hits": hits}}


def source(number: int) -> dict[str, Any]:
    """As Elasticsearch keeps it: some names with dots, some as steps."""
    terms = [{"field": "host.name", "value": f"ws-{number}"}, {"field": "destination.ip", "value": "192.0.2.1"}]
    return {
        "@timestamp": "2025-11-20T06:00:00.000Z",
        "host": {"name": f"ws-{number}"},
        "kibana.alert.threshold_result": {"count": 7, "from": "2025-11-20T01:00:00Z", "terms": terms},
        "kibana.alert.original_time": "2025-11-20T05:00:00Z",
    }


def read(index: Index, refresh: float = 0.0, rule: Any = RULE) -> list[Any]:
    return Previewed(index, "acme", refresh).of("some-id", rule)  # type: ignore[arg-type]


def test_more_than_a_page_is_read_page_by_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(previewed, "_PAGE", 4)

    found = read(Index(10))

    assert [alert.about["host.name"] for alert in found] == [f"ws-{number}" for number in range(10)]
    assert found[0].measures == {"events": 7, "from": "2025-11-20T01:00:00Z", "last": "2025-11-20T05:00:00Z"}


def test_alerts_that_are_found_late_are_waited_for():
    assert len(read(Index(0, 3, 7, 7), refresh=0.001)) == 7


def test_alerts_that_never_stop_growing_are_no_answer():
    with pytest.raises(BadAnswer, match="were still growing"):
        read(Index(*range(1, 40)), refresh=0.001)


def test_fewer_alerts_than_there_are_said_to_be_are_no_answer():
    with pytest.raises(BadAnswer, match="has 9 alerts of the preview and gave 8"):
        read(Index(9, lost=1))


def test_shards_that_failed_are_no_answer():
    with pytest.raises(BadAnswer, match="1 of 3 shards failed"):
        read(Index(9, shards=1))


def test_an_index_that_is_not_there_holds_no_alerts():
    class Nothing(Index):
        def alerts(self, index: str, body: Any) -> Any:
            return None

    assert read(Nothing(0)) == []


def test_an_index_that_may_not_be_read_says_what_to_give():
    class Closed(Index):
        def alerts(self, index: str, body: Any) -> Any:
            raise Denied("403")

    with pytest.raises(Denied, match=r"403; give the credential `read` on \.preview\.alerts-security\.alerts-acme"):
        read(Closed(0))


def test_an_alert_for_an_event_is_about_whom_the_event_names():
    event = {"@timestamp": "2025-11-20T06:00:00.000Z", "host": {"name": "ws-1"}, "destination": {"ip": "192.0.2.1"}}

    class One(Index):
        def alerts(self, index: str, body: Any) -> Any:
            hits = [{"_source": event, "sort": [0, "a"]}]
            return {"hits": {"total": {"value": 1}, "hits": hits}}

    [alert] = read(One(1), rule={"type": "query"})
    assert (dict(alert.about), dict(alert.measures)) == ({"host.name": "ws-1", "destination.ip": "192.0.2.1"}, {})
