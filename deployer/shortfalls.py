"""Why tenants are not seen to be as they should be, each different reason once: pure, from the outcomes of a run."""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from typing import NamedTuple

from deployer.outcome import Answer
from deployer.outcome import Applied
from deployer.outcome import Level
from deployer.outcome import Outcome
from deployer.outcome import Place
from deployer.outcome import Stopped
from deployer.outcome import Unreadable
from deployer.outcome import Verified
from deployer.state import Key
from deployer.state import Kind

_FAILED, _UNKNOWN, _AWAITED = range(3)
"""What comes first among the reasons of a tenant: what only time has to bring comes last."""


class _Reason(NamedTuple):
    rank: int
    words: str


def shortfalls(places: Iterable[Place], outcomes: Iterable[Outcome]) -> dict[str, tuple[str, ...]]:
    """The tenants that are not seen to be as they should be, with all their reasons, those that no waiting mends first.

    A place that no outcome tells of is one more of them.
    """
    found: dict[str, list[_Reason]] = {}
    told: set[Place] = set()
    for outcome in outcomes:
        place = outcome.place
        told.add(place)
        for rank, words in _reasons(outcome):
            said = f"{place.target}: {words}" if place.target else words
            found.setdefault(place.tenant, []).append(_Reason(rank, said))
    for place in places:
        if place not in told:
            found.setdefault(place.tenant, []).append(_Reason(_FAILED, f"{place.target}: nothing is known of it"))
    return {tenant: _ordered(reasons) for tenant, reasons in found.items()}


def _ordered(reasons: Sequence[_Reason]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.words for one in sorted(reasons, key=lambda one: one.rank)))


def _reasons(outcome: Outcome) -> Iterator[_Reason]:
    """Why an outcome is none to go on from; nothing of one that is."""
    match outcome:
        case Applied(failures=failures):
            yield from _grouped((_FAILED if one.tried else _AWAITED, "", one.error, one.change.key) for one in failures)
        case Verified(required=required):
            lacking = [one for one in outcome.levels if one.level in required and one.answer is not Answer.PASS]
            yield from _levels(lacking)
        case Unreadable(error=error):
            yield _Reason(_FAILED, f"not looked at: {error}")
        case Stopped(findings=findings):
            yield from (_Reason(_FAILED, str(finding)) for finding in findings)
            if not findings:
                yield _Reason(_FAILED, "stopped")
        case _:
            yield _Reason(_FAILED, "it was neither applied nor verified")


def _levels(levels: Sequence[Level]) -> Iterator[_Reason]:
    """Levels of an object that have the same answer for the same reason are one."""
    names: dict[tuple[int, Answer, str, Key], list[str]] = {}
    for one in levels:
        # What a setting would make known is for people to do, even where time might bring it, too.
        unknown = _AWAITED if one.awaited and not one.setting else _UNKNOWN
        rank = _FAILED if one.answer is Answer.FAIL else unknown
        reason = f"{one.reason}. To know it: {one.setting}" if one.setting else one.reason
        names.setdefault((rank, one.answer, reason, one.key), []).append(one.level)
    yield from _grouped(
        (rank, f"{' and '.join(several)} {answer}: ", reason, key)
        for (rank, answer, reason, key), several in names.items()
    )


def _grouped(found: Iterable[tuple[int, str, str, Key]]) -> Iterator[_Reason]:
    """Each reason once: with its object, or how many objects it is of."""
    keys: dict[tuple[int, str, str], list[Key]] = {}
    for rank, head, reason, key in found:
        keys.setdefault((rank, head, reason), []).append(key)
    for (rank, head, reason), several in keys.items():
        yield _Reason(rank, f"{head}{_objects(several)}: {reason}")


def _objects(keys: Sequence[Key]) -> str:
    if len(keys) == 1:
        return str(keys[0])
    return f"{len(keys)} {'rules' if all(key.kind is Kind.RULE for key in keys) else 'objects'}"
