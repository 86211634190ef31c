"""Whether a JSON document is one that deployer wrote, as far as reports made from documents rely on it."""

from collections.abc import Callable
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from deployer.outcome import Answer
from deployer.plan import Cause
from deployer.report.as_json import SCHEMA
from deployer.state import Kind

Check = Callable[[Any], bool]

_ACTIONS = ("create", "update", "delete", "claim")


def fault(document: Any) -> str:
    """What is wrong with it; empty for a document that can be used."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return "it is no report of deployer (`--format json`)"
    if document.get("verb") == "show" or "targets" not in document:
        return "it is no report of what came of targets: there is nothing to merge"
    if wrong := _misfit(document, _DOCUMENT):
        return f"{wrong} is not as deployer writes it: it was damaged"
    for number, target in enumerate(document["targets"]):
        if "exit_code" not in target:
            return "it was written by an earlier version of deployer"
        if wrong := _misfit(target, _TARGET | (_VERIFIED if target.get("outcome") == "verified" else {})):
            return f"targets[{number}].{wrong} is not as deployer writes it: it was damaged"
    return ""


def _misfit(told: Mapping[str, Any], shape: Mapping[str, Check]) -> str:
    """The first field that is missing or wrong."""
    return next((name for name, fits in shape.items() if not fits(told.get(name, _ABSENT))), "")


_ABSENT = object()


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _code(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 3


def _number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _perhaps(fits: Check) -> Check:
    return lambda value: value is None or value is _ABSENT or fits(value)


def _if_there(fits: Check) -> Check:
    return lambda value: value is _ABSENT or fits(value)


def _list(fits: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(fits, value))


def _object(**shape: Check) -> Check:
    return lambda value: isinstance(value, dict) and not _misfit(value, shape)


def _one_of(*values: str) -> Check:
    return lambda value: isinstance(value, str) and value in values


def _moment(value: Any) -> bool:
    try:
        return bool(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return False


def _instant(value: Any) -> bool:
    return isinstance(value, str) and _moment(value) and datetime.fromisoformat(value).tzinfo is not None


def _counts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_number, value.values()))


def _shard(value: Any) -> bool:
    told = {"git": _if_there(_text), "ci_run": _perhaps(_text), "began": _if_there(_instant)}
    told |= {"tenants": _if_there(_number), "names": _if_there(_list(_text)), "targets": _if_there(_number)}
    fits = _object(index=_number, of=_number, **told)(value)
    return fits and 1 <= value["index"] <= value["of"] <= 9999


_KINDS = tuple(kind.value for kind in Kind)
_FINDING = _object(
    code=_text,
    severity=_one_of("error", "warning"),
    message=_text,
    path=_perhaps(_text),
    line=_perhaps(_number),
    column=_perhaps(_number),
)
_CHANGE = _object(
    action=_one_of(*_ACTIONS),
    kind=_one_of(*_KINDS),
    id=_text,
    cause=_one_of(*(cause.value for cause in Cause)),
    fields=_list(_object(path=_text)),
    edited_by=_perhaps(_text),
    edited_at=_perhaps(_moment),
    blocked=_perhaps(_text),
    note=_perhaps(_text),
    error=_perhaps(_text),
    name=_perhaps(_text),
    reason=_perhaps(_text),
    source=_perhaps(_text),
)
_KEYED = {"kind": _text, "id": _text}
_PLACE = _object(path=_text, line=_number)
_SAID = _object(voice=_text, key=_perhaps(_text), path=_perhaps(_text), line=_perhaps(_number))
_ASIDES: dict[str, Check] = {
    "platform": _perhaps(_text),
    "carried": _perhaps(_list(_object(**_KEYED, names=_list(_text)))),
    "not_applicable": _perhaps(_list(_object(rule=_text, reason=_text))),
    "notes": _perhaps(_list(_object(**_KEYED, note=_text))),
    "waiting": _perhaps(_list(_object(**_KEYED, note=_text))),
    "accepted": _perhaps(_list(_object(**_KEYED, path=_text, until=_text, reason=_text, owner=_text))),
    "accepted_in_vain": _perhaps(_list(_object(object=_text, path=_text, accepted_at=_PLACE))),
    "remarks": _perhaps(_list(_object(**_KEYED, remark=_text))),
    "unmanaged_objects": _perhaps(_list(_object(**_KEYED, name=_text, note=_text))),
    "keeps": _perhaps(_list(_object(**_KEYED, path=_text, origin=_perhaps(_object(said=_list(_SAID)))))),
}
"""What stands beside the changes of a plan."""
_LEVEL = _object(
    kind=_one_of(*_KINDS),
    id=_text,
    level=_text,
    answer=_one_of(*(answer.value for answer in Answer)),
    reason=_text,
    setting=_text,
)
_WAVE = _object(
    name=_text,
    number=_number,
    outcome=_text,
    tenants=_list(_text),
    failed=_list(_text),
    failures=_list(_object(tenant=_text, reason=_text)),
    reason=_text,
)
_DOCUMENT: dict[str, Check] = {
    "verb": _text,
    "environment": _text,
    "exit_code": _code,
    "error": _perhaps(_text),
    "findings": _perhaps(_list(_FINDING)),
    "digest": _perhaps(_text),
    "asked": _if_there(_object()),
    "shard": _if_there(_shard),
    "waves": _perhaps(_list(_WAVE)),
    "targets": _list(_object()),
    "summary": _counts,
}
_TARGET: dict[str, Check] = {
    "tenant": _text,
    "target": lambda value: value is None or _text(value),
    "outcome": _text,
    "exit_code": _code,
    "fails_run": lambda value: isinstance(value, bool),
    "changes": _list(_CHANGE),
    "findings": _list(_FINDING),
    "unchanged": _number,
    "error": _perhaps(_text),
    **_ASIDES,
}
_VERIFIED: dict[str, Check] = {
    "levels": _list(_LEVEL),
    "required": _list(_text),
    "emulated": lambda value: isinstance(value, bool),
}
"""Of a target that was verified, besides."""
