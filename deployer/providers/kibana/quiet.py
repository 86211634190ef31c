"""Days without any event in what a rule reads: that a preview found nothing then says nothing of rule and entries.

Asked of Elasticsearch once for a rule and a span, with one search that counts the days side by side. What the
credential may not read is left out of every answer (`Elastic.may_read`), so of such data it is only said what is seen.
"""

from dataclasses import replace
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import TYPE_CHECKING
from typing import Any

from deployer.errors import BadAnswer
from deployer.errors import ProviderError
from deployer.previews import Gap
from deployer.previews import Preview
from deployer.providers.kibana import arrival
from deployer.state import Resource

if TYPE_CHECKING:
    from deployer.providers.kibana.elastic import Elastic

Span = tuple[datetime, datetime]

_DAY = timedelta(days=1)
_CLOCK = "@timestamp"
_READ = "give the credential `read` and `view_index_metadata` on the rule's indices"


class Quiet:
    """What is known of the events of one cluster."""

    def __init__(self, elastic: "Elastic") -> None:
        self._elastic = elastic
        self._known: dict[tuple[tuple[str, ...], str, Span], Preview] = {}

    def over(self, found: Preview, wanted: Resource, span: Span) -> Preview:
        """The same preview with what was quiet: a note and `quiet`; a span without any event at all is a gap."""
        sources = wanted.reads.sources if wanted.reads else ()
        if not sources:
            return replace(found, quiet=True)  # where it reads is not in Git: in its query, or in a data view
        clock = str(wanted.body.get("timestamp_override") or _CLOCK)
        asked = (sources, clock, span)
        requests = found.requests
        if asked not in self._known:
            self._known[asked] = self._looked(sources, clock, span)
            requests += self._known[asked].requests
        told = self._known[asked]
        gaps = found.gaps or told.gaps
        return replace(found, gaps=gaps, notes=(*found.notes, *told.notes), quiet=told.quiet, requests=requests)

    def _looked(self, sources: tuple[str, ...], clock: str, span: Span) -> Preview:
        where = ", ".join(sources)
        days = _days(span)
        try:
            counts = self._counts(sources, clock, days)
            empty = [day for day, number in zip(days, counts, strict=True) if not number]
            if not empty:
                return Preview((), 0, requests=1)
            seen = "" if self._elastic.may_read(sources) else f", as far as the credential may read ({_READ})"
        except ProviderError as error:
            return Preview((), 0, (), (f"whether {where} had events then could not be asked: {error}",), 1, quiet=True)
        if len(empty) == len(days):
            return Preview((), 0, (Gap(*span, f"{where} has no event from then{seen}"),), (), 2, quiet=True)
        told = f"{where} has no event from {len(empty)} of {len(days)} days, such as {_shown(empty[0])}{seen}"
        return Preview((), 0, (), (f"{told}: nothing could be found in them",), 2, quiet=True)

    def _counts(self, sources: tuple[str, ...], clock: str, days: list[Span]) -> list[int]:
        filters = {str(number): _within(clock, day) for number, day in enumerate(days)}
        body: dict[str, Any] = {"size": 0, "aggs": {"days": {"filters": {"filters": filters}}}}
        answer = self._elastic.search(sources, body)
        if why := arrival.incomplete(answer):
            raise BadAnswer(why)
        if "aggregations" not in answer:
            return [0] * len(days)  # no index matches
        try:
            buckets = answer["aggregations"]["days"]["buckets"]
            return [int(buckets[name]["doc_count"]) for name in filters]
        except (KeyError, TypeError, ValueError):
            raise BadAnswer("Elasticsearch's answer is not as documented: it has no counts") from None


def _days(span: Span) -> list[Span]:
    """The span in whole days, counted back from its end as the command does."""
    since, until = span
    number = max(1, -((since - until) // _DAY))
    return [(max(since, until - step * _DAY), until - (step - 1) * _DAY) for step in range(number, 0, -1)]


def _within(clock: str, span: Span) -> dict[str, Any]:
    """Events of the span; without the rule's own clock, those that Kibana takes by their `@timestamp` instead."""
    clocks = dict.fromkeys((clock, _CLOCK))
    first, last = (moment.astimezone(UTC).isoformat() for moment in span)
    ranges = [{"range": {name: {"gte": first, "lt": last}}} for name in clocks]
    return {"bool": {"should": ranges, "minimum_should_match": 1}}


def _shown(span: Span) -> str:
    first, last = (f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" for moment in span)
    return f"{first} to {last} UTC"
