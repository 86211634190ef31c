"""Which documents are of one run: what was left over from an earlier one is named, and is in no report."""

import json
from collections import Counter
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import NamedTuple

from deployer.findings import Finding
from deployer.report.given import Given
from deployer.report.given import shard_of
from deployer.report.wording import flag

Document = Mapping[str, Any]
Sorted = tuple[list[Given], list[Finding]]
"""Those that belong together, and a finding for each of the others."""

_LONGEST = timedelta(hours=6)
"""Between the beginnings of the first shard and of the last: GitHub ends a job after it."""
_FIELDS = ("git", "ci_run", "began")
_NEVER = datetime.min.replace(tzinfo=UTC)


class _Aspect(NamedTuple):
    """What the documents of one run have in common."""

    of: Callable[[Document], Any]
    """Where it stands. None where a document does not say."""
    words: Callable[[Any, Any], str]
    """What is said of one that differs, from what it says and what most say."""


_SETTINGS = (
    _Aspect(lambda document: document["verb"], lambda own, _: f"is of `{own}`, and the others are not"),
    _Aspect(
        lambda document: document["environment"], lambda own, _: f"is of the environment {own}, and the others are not"
    ),
    _Aspect(lambda document: shard_of(document)[1], lambda own, _: f"is one of {own} shards, and the others are not"),
    _Aspect(
        lambda document: _options(document["asked"]) if "asked" in document else None,
        lambda own, others: f"is asked for {_differing(own, others)}, and the others {_differing(others, own)}",
    ),
    _Aspect(
        lambda document: document.get("shard", {}).get("dealt"),
        lambda own, _: f"is dealt out of other tenants ({own}), so of another commit, and the others are not",
    ),
)
_ORIGINS = (
    _Aspect(
        lambda document: (document["shard"]["ci_run"],) if "shard" in document else None,
        lambda own, others: f"is of {_ci_run(own)}, and the others of {_ci_run(others)}",
    ),
    _Aspect(
        lambda document: document.get("shard", {}).get("git"),
        lambda own, others: f"is of another state of Git ({own}) than the others ({others})",
    ),
)
"""What tells two runs apart that were asked for the same."""


def of_one_run(found: Sequence[Given]) -> Sorted:
    """Where some are of another run than the others, the run is that of most of them, and of as many the newest."""
    found, findings = _untold(found)
    for aspect in _SETTINGS:
        found, foreign = _alike(found, aspect, _nothing)
        findings += foreign
    found, foreign = _of_one_time(found)
    findings += foreign
    for aspect in _ORIGINS:
        found, foreign = _alike(found, aspect, _again)
        findings += foreign
    return list(found), findings


def _untold(found: Sequence[Given]) -> Sorted:
    """Those of shards that do not say of which run they are: nobody can tell that it is this one."""
    told = [one for one in found if set(_FIELDS) <= one.document.get("shard", dict.fromkeys(_FIELDS)).keys()]
    words = "was written by an earlier version of deployer, and does not say of which run it is"
    findings = [_foreign(one, words, _again(one)) for one in found if one not in told]
    return told, findings


def _alike(found: Sequence[Given], aspect: _Aspect, way_out: Callable[[Given], str]) -> Sorted:
    """Those that are as most of them are."""
    told = [(one, aspect.of(one.document)) for one in found]
    tally = Counter(json.dumps(value) for _, value in told if value is not None)
    if len(tally) < 2:
        return list(found), []
    newest = {text: max(_began(one) for one, value in told if json.dumps(value) == text) for text in tally}
    most = max(tally, key=lambda text: (tally[text], newest[text]))
    [shared, *_] = (value for _, value in told if json.dumps(value) == most)
    others = [(one, value) for one, value in told if value is not None and json.dumps(value) != most]
    findings = [_foreign(one, aspect.words(value, shared), way_out(one)) for one, value in others]
    left = {id(one) for one, _ in others}
    return [one for one in found if id(one) not in left], findings


def _of_one_time(found: Sequence[Given]) -> Sorted:
    """Those that were begun no longer before the newest than the jobs of one run can be."""
    last = max(found, key=_began, default=None)
    if last is None:
        return [], []
    old = [one for one in found if _NEVER < _began(one) < _began(last) - _LONGEST]
    findings = [
        _foreign(one, f"was begun {_when(one)}, more than 6 hours before {last.name} ({_when(last)})", _again(one))
        for one in old
    ]
    return [one for one in found if one not in old], findings


def _foreign(one: Given, words: str, way_out: str) -> Finding:
    return Finding("shard-foreign", f"{one.name} {words}: it was left out of the report{way_out}")


def _nothing(_: Given) -> str:
    return ""


def _again(one: Given) -> str:
    index, of = shard_of(one.document)
    return f"; run shard {index}/{of} again, with the others"


def _ci_run(told: Sequence[str | None]) -> str:
    return f"CI run {told[0]}" if told[0] else "no CI run"


def _began(one: Given) -> datetime:
    told = one.document.get("shard", {}).get("began")
    return datetime.fromisoformat(told) if told else _NEVER


def _when(one: Given) -> str:
    return f"{_began(one).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _options(asked: Document) -> dict[str, Any]:
    """The options that were given, but for the shard."""
    given = {name: asked[name] for name in sorted(asked) if name != "shard"}
    return {name: value for name, value in given.items() if value not in (None, []) and value is not False}


def _differing(own: Document, others: Document) -> str:
    """What is different in one of them, as it would be written."""
    names = [name for name in sorted({*own, *others}) if own.get(name) != others.get(name)]
    return " and ".join(
        f"with {_written(name, own[name])}" if name in own else f"without {flag(name)}" for name in names
    )


def _written(name: str, value: Any) -> str:
    if value is True:
        return flag(name)
    return " ".join(f"{flag(name)} {one}" for one in (value if isinstance(value, list) else [value]))
