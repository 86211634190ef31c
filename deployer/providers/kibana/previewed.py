"""The alerts of a preview, read from the index that Kibana keeps them in: all of them, or an error.

They stand in `.preview.alerts-security.alerts-SPACE` under the preview's id, and their `@timestamp` is when the rule
would have run (build_alert.ts, `alertTimestampOverride`).
"""

import time
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import UTC
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from deployer.errors import BadAnswer
from deployer.errors import Denied
from deployer.previews import PastAlert
from deployer.providers.kibana import arrival

if TYPE_CHECKING:
    from deployer.model import Json
    from deployer.providers.kibana.elastic import Elastic

_PAGE = 1000
_LOOKS = 6
_RESULT = "kibana.alert.threshold_result"
_WHO = ("host.name", "user.name", "process.name", "source.ip", "destination.ip", "destination.port")
"""What an alert for an event is about, as far as the event says."""
_TIMES = ("kibana.alert.original_time",)


class Previewed:
    """The index of one space."""

    def __init__(self, elastic: "Elastic", space: str, refresh: float) -> None:
        """`refresh` is how long alerts may take to be found, in seconds."""
        self._elastic = elastic
        self._index = f".preview.alerts-security.alerts-{space}"
        self._refresh = refresh
        self.requests = 0

    def close(self) -> None:
        """Let go of connections."""
        self._elastic.close()

    def of(self, preview: str, rule: Mapping[str, Any]) -> list[PastAlert]:
        """Every alert, as soon as their number does not change any more."""
        grouped = _grouped(rule)
        fields = ["@timestamp", _RESULT, *_TIMES, *(grouped or _WHO)]
        found = self._read(preview, fields)
        if self._refresh:
            for _ in range(_LOOKS):
                time.sleep(self._refresh)
                again = self._read(preview, fields)
                if len(again) == len(found):
                    break
                found = again
            else:
                raise BadAnswer(f"the alerts of a preview in {self._index} were still growing; run again")
        return [_alert(one, grouped) for one in found]

    def _read(self, preview: str, fields: list[str]) -> list[Mapping[str, Any]]:
        """Page by page, and as many as there are said to be."""
        body: dict[str, Any] = {
            "size": _PAGE,
            "track_total_hits": True,
            "query": {"term": {"kibana.alert.rule.uuid": preview}},
            "sort": [{"@timestamp": "asc"}, {"kibana.alert.uuid": "asc"}],
            "_source": fields,
        }
        found: list[Mapping[str, Any]] = []
        while True:
            answer = self._asked(body)
            if answer is None:
                return []  # Kibana makes the index with the first alert
            if why := arrival.incomplete(answer):
                raise BadAnswer(f"{why} ({self._index})")
            hits = answer["hits"]["hits"]
            found += [hit["_source"] for hit in hits]
            total = int(answer["hits"]["total"]["value"])
            if len(found) >= total or not hits:
                break
            body = {**body, "search_after": hits[-1]["sort"]}
        if len(found) != total:
            raise BadAnswer(f"{self._index} has {total} alerts of the preview and gave {len(found)}; run again")
        return found

    def _asked(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        self.requests += 1
        try:
            return self._elastic.alerts(self._index, body)
        except Denied as error:
            raise Denied(f"{error}; give the credential `read` on {self._index}") from None


def _grouped(rule: Mapping[str, Any]) -> list[str]:
    """The fields that a threshold rule groups by."""
    if rule.get("type") != "threshold":
        return []
    field = (rule.get("threshold") or {}).get("field") or []
    return [field] if isinstance(field, str) else list(field)


def _alert(source: Mapping[str, Any], grouped: list[str]) -> PastAlert:
    [at] = list(_values(source, "@timestamp"))[:1] or [None]
    try:
        moment = datetime.fromisoformat(str(at)).astimezone(UTC)
    except ValueError:
        raise BadAnswer(f"an alert of the preview has the time {at!r}") from None
    told = next(iter(_values(source, _RESULT)), None)
    if not isinstance(told, Mapping):
        about = {name: _one(list(_values(source, name))) for name in _WHO}
        return PastAlert(moment, {name: value for name, value in about.items() if value is not None}, {})
    terms = {str(term["field"]): term["value"] for term in told.get("terms") or ()}
    about = {name: terms[name] for name in grouped if name in terms}
    measures: dict[str, Json] = {"events": told.get("count")}
    measures |= {f"different {one['field']}": one["value"] for one in told.get("cardinality") or ()}
    measures |= {"from": told.get("from"), "last": _one(list(_values(source, _TIMES[0])))}
    return PastAlert(moment, about, {name: value for name, value in measures.items() if value is not None})


def _one(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values or None


def _values(document: Mapping[str, Any], name: str) -> Iterator[Any]:
    """Every value of a field, wherever the dots of its name are keys or steps."""
    for key, value in document.items():
        if key == name:
            yield from value if isinstance(value, list) else [value]
        elif name.startswith(f"{key}."):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, Mapping):
                    yield from _values(part, name.removeprefix(f"{key}."))
