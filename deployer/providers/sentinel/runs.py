"""What a workspace's SentinelHealth tells of its rules: did each run since it was written, and how did that end. Pure.

The table is there once health monitoring is switched on and has recorded something. Columns and texts:
learn.microsoft.com/azure/sentinel/health-table-reference and monitor-analytics-rule-integrity. The resource type is
spelled in two ways there, and `ExtendedProperties` may come as text: hence `=~` and `parse_json(tostring(...))`.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.providers.sentinel import canonical
from deployer.state import Key
from deployer.state import Resource

Row = Mapping[str, Any]

DAYS = 30
"""How far back runs are looked for: twice the longest interval that a rule may have."""
QUERY = f"""_SentinelHealth()
| where TimeGenerated > ago({DAYS}d)
| where SentinelResourceType =~ "Analytics Rule"
| extend Details = parse_json(tostring(ExtendedProperties))
| extend RuleId = tolower(tostring(Details.RuleId)), Issues = tostring(Details.Issues),
    Dropped = tolong(Details.EntitiesDroppedDueToMappingIssuesAmount)
| summarize arg_max(TimeGenerated, Status, Reason, Description, Issues, Dropped) by RuleId
| extend Now = now()"""
SETTING = "switch on health monitoring in the workspace: Settings > Auditing and health monitoring"
DISABLED = "The analytics rule is disabled and was not executed."
_ENABLE = "enabled: true, with `deployer apply`"
_DELAY = timedelta(minutes=5)
"""What Sentinel waits for late data before a scheduled run (scheduled-rules-overview)."""
_SLACK = timedelta(hours=1)
_NEAR_REAL_TIME = timedelta(minutes=1)
_NOTHING = frozenset({"", "[]", "{}", "null", "None"})


def by_rule(rows: Iterable[Row]) -> dict[str, Row]:
    """The newest record of each rule, by the rule's uuid."""
    return {str(row.get("RuleId")): row for row in rows}


def levels(live: Resource, last: Row | None) -> tuple[Level, Level]:
    """ran and healthy, from the newest record of a rule. Only one that is newer than the rule's last write counts."""
    key, written = live.key, live.edited_at
    at = last.get("TimeGenerated") if last else None
    if last is None or not isinstance(at, datetime) or (written is not None and at <= written):
        if live.body.get("enabled") is not True:
            return both(key, "the rule is disabled, so it does not run", _ENABLE)
        return both(key, _waiting(live), awaited=True)
    if written is None:
        return both(key, f"ARM does not say when it was written; it ran at {_shown(at)}")
    if DISABLED in (last.get("Reason"), last.get("Description")):
        why = Level(key, "healthy", Answer.UNKNOWN, "nothing was executed", _ENABLE)
        return Level(key, "ran", Answer.FAIL, f"{DISABLED} ({_shown(at)})"), why
    return Level(key, "ran", Answer.PASS), _healthy(live, last, at)


def both(key: Key, reason: str, setting: str = "", *, awaited: bool = False) -> tuple[Level, Level]:
    """Neither is known, for the same reason."""
    ran, healthy = (Level(key, name, Answer.UNKNOWN, reason, setting, awaited) for name in ("ran", "healthy"))
    return ran, healthy


def _healthy(live: Resource, last: Row, at: datetime) -> Level:
    status = str(last.get("Status"))
    if status.lower() == "failure":
        said = ": ".join(dict.fromkeys(str(text) for text in (last.get("Description"), last.get("Reason")) if text))
        return Level(live.key, "healthy", Answer.FAIL, f"its last run failed at {_shown(at)}: {said}")
    if status.lower() != "success":
        said = f"this version does not know how its last run ended: {status}: {last.get('Description')}"
        return Level(live.key, "healthy", Answer.UNKNOWN, said)
    now, every = last.get("Now"), _interval(live)
    if isinstance(now, datetime) and now - at > 2 * every + _SLACK:
        said = f"its last recorded run, at {_shown(at)}, ended well, and it is to run every {_words(every)}"
        return Level(live.key, "healthy", Answer.UNKNOWN, said, f"see that it still runs, and {SETTING}")
    return Level(live.key, "healthy", Answer.PASS, "; ".join(_remarks(last)))


def _remarks(last: Row) -> Iterator[str]:
    """What went wrong in a run that ended well all the same."""
    if str(last.get("Issues") or "") not in _NOTHING:
        yield f"its last run had issues: {last['Issues']}"
    dropped = last.get("Dropped")
    if isinstance(dropped, int) and dropped > 0:
        yield f"its last run dropped {dropped} entities because of how they are mapped"


def _waiting(live: Resource) -> str:
    if live.edited_at is None:
        return f"the workspace's SentinelHealth has no run of it in {DAYS} days"
    expected = live.edited_at + _interval(live) + _DELAY
    return f"it has not run since {_shown(live.edited_at)}; its next run is expected by {_shown(expected)}"


def _interval(live: Resource) -> timedelta:
    if live.body.get("kind") == "NRT":
        return _NEAR_REAL_TIME
    return timedelta(seconds=canonical.duration_seconds(str(live.body.get("queryFrequency"))) or 86400)


def _words(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            return f"{minutes // size} {name}s" if minutes != size else name
    return str(length)


def _shown(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"
