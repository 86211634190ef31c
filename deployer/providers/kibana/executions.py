"""What a rule's last execution tells: whether it ran since it was written, and how that ended. Pure.

`execution_summary` is the public field of the rule. It is absent until the first run has ended; while a run is under
way it has that status and the date of the run before; a PUT keeps it (create_rule_execution_summary.ts).
"""

import re
from collections.abc import Iterator
from collections.abc import Mapping
from datetime import datetime
from datetime import timedelta
from typing import Any

from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.state import Key
from deployer.state import Resource

_ENDED = {"succeeded": Answer.PASS, "failed": Answer.FAIL, "partial failure": Answer.FAIL}


_SLACK = timedelta(hours=1)
_LENGTH = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def levels(live: Resource, now: datetime) -> tuple[Level, Level]:
    """ran and healthy, at `now` by Kibana's clock. Only a run that is newer than the last write counts, and only one
    that has ended. One that is long past proves that the rule ran, and not that it still runs.
    """
    key = live.key
    if live.body.get("enabled") is not True:
        return _both(key, "the rule is disabled, so it does not run", "enabled: true, with `deployer apply`")
    last = _last(live)
    date = _moment(last.get("date"))
    if date is None:
        return _both(key, "it has not run yet", awaited=True)
    if live.edited_at is None:
        return _both(key, f"Kibana does not say when it was written; it ran at {date:%Y-%m-%d %H:%M:%S %Z}")
    if last.get("status") == "running":
        return _both(key, "it is running", awaited=True)
    if date <= live.edited_at:
        return _both(key, "it has not run since it was written", awaited=True)
    healthy = _healthy(key, last)
    if healthy.answer is Answer.PASS and (every := _interval(live)) and now - date > 2 * every + _SLACK:
        said = f"its last run, at {date:%Y-%m-%d %H:%M:%S %Z}, ended well, and it is to run every {_every(live)}"
        healthy = Level(key, "healthy", Answer.UNKNOWN, said, "see in Kibana that it still runs")
    return Level(key, "ran", Answer.PASS), healthy


def _every(live: Resource) -> str:
    return str(live.body.get("interval"))


def _interval(live: Resource) -> timedelta | None:
    found = _LENGTH.fullmatch(_every(live))
    return timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else None


def _healthy(key: Key, last: Mapping[str, Any]) -> Level:
    status = str(last.get("status"))
    said = "; ".join(_words(last))
    answer = _ENDED.get(status, Answer.UNKNOWN)
    if answer is Answer.PASS:
        return Level(key, "healthy", answer, "; ".join(_gap(last)))
    ended = "its last run ended" if answer is Answer.FAIL else "this version does not know how its last run ended"
    return Level(key, "healthy", answer, f"{ended}: {status}{': ' if said else ''}{said}")


def _words(last: Mapping[str, Any]) -> Iterator[str]:
    if message := str(last.get("message") or "").strip():
        yield message
    yield from _gap(last)


def _gap(last: Mapping[str, Any]) -> Iterator[str]:
    """The time that no run has looked at, because runs came late."""
    metrics = last.get("metrics")
    seconds = metrics.get("execution_gap_duration_s") if isinstance(metrics, Mapping) else None
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0:
        yield f"a gap of {seconds:.0f} s before it was not looked at"


def _both(key: Key, reason: str, setting: str = "", *, awaited: bool = False) -> tuple[Level, Level]:
    ran, healthy = (Level(key, name, Answer.UNKNOWN, reason, setting, awaited) for name in ("ran", "healthy"))
    return ran, healthy


def _last(live: Resource) -> Mapping[str, Any]:
    summary = live.observed.get("execution_summary")
    last = summary.get("last_execution") if isinstance(summary, Mapping) else None
    return last if isinstance(last, Mapping) else {}


def _moment(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None
