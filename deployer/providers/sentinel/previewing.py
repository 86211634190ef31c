"""What a rule would have found in the past: its query, asked of the workspace's logs once for each run of its schedule.

A run sees the clock at its moment and the rows whose `TimeGenerated` lies within `queryPeriod` before it. Both are what
Sentinel does: an alert that it recorded carries the query with `set query_now = datetime(...)` in front, the end of the
period at that very time, and came five minutes later, which is the delay of scheduled rules
(learn.microsoft.com/azure/sentinel/scheduled-rules-overview; the alert: rows of SecurityAlert, of 2023, in a public
repository of connectors). Here the clock is written into the query (`queries.at`) and the period is the request's
timespan. `set query_now` itself is not used: until 2024 the page of `set` said that Azure Monitor does not support it,
now it lists Azure Monitor, and no page promises that property to the query API. When the schedule of a live rule began
is told nowhere, so runs are counted back from the end of the time asked for.

What a backtest cannot set back is named in `notes`. Beyond that: an event that came late is found by runs that were
over when it came; an allowlist entry counts in the runs before its expiry, also if it has expired since, because the
rule would have let it through then.
"""

import re
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from datetime import timedelta
from math import ceil

from deployer import queries
from deployer.errors import Denied
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Untrusted
from deployer.previews import Gap
from deployer.previews import PastAlert
from deployer.previews import Preview
from deployer.providers.sentinel import alerts
from deployer.providers.sentinel import arrival
from deployer.providers.sentinel import canonical
from deployer.providers.sentinel.alerts import Row
from deployer.state import Resource

Span = tuple[datetime, datetime]
Ask = Callable[[str, Span], Sequence[Row]]
"""A query's rows within a span of `TimeGenerated`, all of them; or raises `ProviderError`."""

MOST_RUNS = 1500
"""Runs of one preview: a day of a rule that runs every minute. At 200 queries in half a minute, the service's limit for
one user, they take four minutes."""
AT_ONCE = 4
"""Queries under way at once; the slots of the whole run (`connect.LOG_QUERIES`) hold beside that."""
FAILURES = 3
"""Runs in a row that fail before the rest is not asked any more."""
_NEAR_REAL_TIME = timedelta(minutes=1)
_DAY = timedelta(days=1)
_STAYS_NOW: Sequence[tuple[str, str]] = (
    (r"\bingestion_time\s*\(", "the query goes by the time at which events were taken in, which is not set back"),
    (r"\b_GetWatchlist\s*\(", "watchlists are as they are now, not as they were then"),
    (r"\bexternaldata\b", "data from outside the workspace is as it is now, not as it was then"),
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_FUNCTION = re.compile(r"(?<![\w.])(_\w+)\s*\(")
_WATCHLIST = "_GetWatchlist"


class Memory:
    """Remembers the rows of what was asked: the same query over the same span is asked once in a run of the program."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, Span], Sequence[Row]] = {}

    def ask(self, ask: Ask, query: str, span: Span) -> tuple[Sequence[Row], bool]:
        """The rows, and whether they had to be asked for. An error is not remembered."""
        known = self._rows.get((query, span))
        if known is not None:
            return known, False
        self._rows[query, span] = rows = ask(query, span)
        return rows, True


def preview(rule: Resource, since: datetime, until: datetime, ask: Ask, memory: Memory) -> Preview:
    """Every run after `since` and up to `until`, UTC.

    A disabled rule is looked at as if it were enabled. Raises `Refused` for a rule without a query, for more than
    `MOST_RUNS` runs and for a query whose clock cannot be set; and what a run came to if none was answered.
    """
    moments = _moments(rule, since, until)
    asking = _Asking(rule, ask, memory)
    answers = asking.all(moments)
    found = _judged(rule, moments, answers)
    if not found.runs and found.gaps:
        raise next(answer for answer in answers if isinstance(answer, ProviderError))
    quiet = tuple(asking.quiet(moments))
    told = tuple(note for note, _ in quiet)
    gaps = found.gaps
    if quiet and all(never for _, never in quiet) and len(quiet) == len(asking.tables):
        gaps, told = gaps or (Gap(since, until, "; ".join(told)),), told if gaps else ()
    notes = tuple(dict.fromkeys((*_settings(rule), *found.notes, *_clock(rule), *told)))
    return replace(found, gaps=gaps, notes=notes, requests=asking.requests, quiet=bool(quiet))


class _Asking:
    """The runs of one preview, several at a time."""

    def __init__(self, rule: Resource, ask: Ask, memory: Memory) -> None:
        self._rule, self._ask, self._memory = rule, ask, memory
        self._period = _period(rule)
        self.tables = [name for name in (rule.reads.sources if rule.reads else ()) if _NAME.fullmatch(name)]
        self._answered, self._failed = False, 0
        self._over: ProviderError | None = None
        self.requests = 0

    def all(self, moments: Sequence[datetime]) -> list[Sequence[Row] | ProviderError]:
        """The rows of each run, or why there are none."""
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            return list(pool.map(self._run, moments))
        finally:
            pool.shutdown(cancel_futures=True)

    def quiet(self, moments: Sequence[datetime]) -> Iterator[tuple[str, bool]]:
        """Which tables had nothing when the runs began, and whether they never had: retention is over, or the source
        was connected later."""
        if not moments or self._over:
            return
        first, last = moments[0], moments[-1]
        begin = first - max(self._period, _DAY)
        for table in self.tables:
            source = f"{table}()" if table in arrival.PARSERS else table
            try:
                if self._rows(f"{source} | take 1 | project TimeGenerated", (begin, first)):
                    continue
                oldest = self._rows(f"{source} | summarize Oldest = min(TimeGenerated)", (begin, last))[0]["Oldest"]
            except (ProviderError, LookupError) as error:
                yield f"whether {table} had events then could not be asked: {error}", False
                continue
            if not isinstance(oldest, datetime):
                yield f"{table} has no event from {_shown(begin)} to {_shown(last)}: nothing could be found in it", True
                continue
            blind = f"{_runs(sum(moment < oldest for moment in moments))} of {len(moments)} saw none"
            yield f"{table} has no event from {_shown(begin)} to {_shown(oldest)}: {blind}", False

    def _run(self, moment: datetime) -> Sequence[Row] | ProviderError:
        if self._over is not None:
            return self._over
        try:
            query = queries.at(str(self._rule.body["query"]), moment)
            rows = self._rows(query, (moment - self._period, moment))
        except ValueError as error:
            return self._ended(Refused(f"{self._rule.key}: {error}"))
        except (Denied, Untrusted) as error:
            return self._ended(error)
        except Refused as error:
            # What is refused at once is refused for good: a table that is not there, a column.
            return self._missed(error) if self._answered else self._ended(error)
        except ProviderError as error:
            return self._missed(error)
        self._answered, self._failed = True, 0
        return rows

    def _rows(self, query: str, span: Span) -> Sequence[Row]:
        rows, asked = self._memory.ask(self._ask, query, span)
        self.requests += asked
        return rows

    def _missed(self, error: ProviderError) -> ProviderError:
        self._failed += 1
        return self._ended(error) if self._failed >= FAILURES else error

    def _ended(self, error: ProviderError) -> ProviderError:
        self._over = self._over or error
        return error


def _judged(rule: Resource, moments: Sequence[datetime], answers: Sequence[Sequence[Row] | ProviderError]) -> Preview:
    """The alerts of the runs, by the rule's trigger, grouping and suppression; a run without an answer is a gap.

    Whether such a run would have suppressed later ones is not known; they count as made.
    """
    body = rule.body
    pause = timedelta(seconds=_seconds(body.get("suppressionDuration")) if body.get("suppressionEnabled") else 0)
    every, most = _frequency(rule), alerts.MOST_ALERTS[str(body["kind"])]
    found: list[PastAlert] = []
    gaps: list[Gap] = []
    runs = suppressed = full = 0
    quiet_until: datetime | None = None
    for moment, answer in zip(moments, answers, strict=True):
        if quiet_until is not None and moment < quiet_until:
            suppressed += 1
        elif isinstance(answer, ProviderError):
            _add(gaps, Gap(moment - every, moment, str(answer)))
        else:
            runs += 1
            raised = alerts.raised(body, answer, moment)
            full += len(raised) == most and len(answer) > most
            found += raised
            quiet_until = moment + pause if raised else quiet_until
    notes = []
    if suppressed:
        notes.append(f"{_runs(suppressed)} would not have been made: an alert stops the rule for {_words(pause)}")
    if full:
        notes.append(f"{_runs(full)} had more than {most} results: the last alert of a run stands for all of them then")
    return Preview(tuple(found), runs, tuple(gaps), tuple(notes))


def _add(gaps: list[Gap], gap: Gap) -> None:
    """Add a gap to the one before it, where that ends as this one begins and has the same reason."""
    if gaps and gaps[-1].until >= gap.since and gaps[-1].reason == gap.reason:
        gaps[-1] = replace(gaps[-1], until=gap.until)
    else:
        gaps.append(gap)


def _moments(rule: Resource, since: datetime, until: datetime) -> list[datetime]:
    """When the rule runs, in the order of time."""
    if rule.body.get("kind") not in alerts.MOST_ALERTS:
        raise Refused(f"{rule.key}: a rule of kind {rule.body.get('kind')} has no query of its own")
    every = _frequency(rule)
    count = max(0, ceil((until - since) / every))
    if count > MOST_RUNS:
        raise Refused(
            f"{rule.key} runs every {_words(every)}, so {count:,} times from {_shown(since)} to {_shown(until)}; "
            f"at most {MOST_RUNS:,} runs are looked at at once: ask for at most {_words(_whole(MOST_RUNS * every))}"
        )
    return [until - step * every for step in range(count - 1, -1, -1)]


def _frequency(rule: Resource) -> timedelta:
    return _NEAR_REAL_TIME if rule.body["kind"] == "NRT" else timedelta(seconds=_seconds(rule.body["queryFrequency"]))


def _period(rule: Resource) -> timedelta:
    return _NEAR_REAL_TIME if rule.body["kind"] == "NRT" else timedelta(seconds=_seconds(rule.body["queryPeriod"]))


def _seconds(duration: object) -> int:
    seconds = canonical.duration_seconds(str(duration))
    if not seconds:
        raise Refused(f"{duration!r} is no length of time that a rule can have")
    return seconds


def _settings(rule: Resource) -> Iterator[str]:
    """What of the rule's own settings a reader should know."""
    if rule.body["kind"] == "NRT":
        yield "an NRT rule goes by the time at which events were taken in; here each run sees a minute of TimeGenerated"


def _clock(rule: Resource) -> Iterator[str]:
    """What of the query is as of now although its clock is set back."""
    code = queries.code(str(rule.body["query"]))
    for pattern, note in _STAYS_NOW:
        if re.search(pattern, code):
            yield note
    own = set(re.findall(r"\blet\s+(\w+)", code)) | {_WATCHLIST}
    names = sorted({name for name in _FUNCTION.findall(code) if name not in own})
    if names:
        yield f"a clock that functions of the workspace read within themselves is not set back: {', '.join(names)}"


def _whole(length: timedelta) -> timedelta:
    """The length cut to whole days, or to hours where it is less than one."""
    unit = _DAY if length >= _DAY else timedelta(hours=1)
    return length // unit * unit


def _words(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            return f"{minutes // size} {name}s" if minutes != size else f"1 {name}"
    return str(length)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count:,} runs"


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
