"""What was changed in a target, for people: who, when, which field, and what to do about it.

Past tense: a plan says what will be done, this says what has been.
"""

from collections.abc import Iterator
from collections.abc import Sequence

from deployer.diff import FieldChange
from deployer.drift import DRIFT
from deployer.drift import Difference
from deployer.drift import is_last
from deployer.outcome import Drifted
from deployer.outcome import Outcome
from deployer.plan import Cause
from deployer.plan import Change
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Update
from deployer.report import parts
from deployer.report import value_sets
from deployer.report.wording import count
from deployer.report.wording import plain
from deployer.report.wording import value
from deployer.state import Kind

_WORDS = {
    Cause.DRIFT: "has been changed in the target, Git has not",
    Cause.BOTH: "has been changed in the target, and in Git",
    Cause.UNCLAIMED: "stands there without our mark",
    Cause.CONFLICT: "stands there with somebody else's mark",
    Cause.UNKNOWN: "its mark is of a later version of deployer",
    Cause.PENDING: "is changed in Git and not applied yet",
}


def lines(outcome: Drifted, environment: str) -> Iterator[str]:
    """The section of one target: what drifted, what nobody can tell, what is only pending, what is accepted."""
    place, drift = outcome.place, outcome.drift
    drifted = [one for one in drift.differences if one.cause in DRIFT]
    untold = [one for one in drift.differences if one.cause is Cause.UNKNOWN]
    pending = [one for one in drift.differences if one.cause is Cause.PENDING]
    yield f"{place}: {sentence(outcome)}"
    for one in drifted:
        yield from _difference(one)
    yield from _untold(untold)
    for one in pending:
        yield f"  pending: {parts.title(one.change)}: {_pending(one)}"
    for finding in drift.findings:
        yield f"  {plain(str(finding))}"
    yield from parts.asides(outcome.plan)
    yield from _ways_out(outcome, drifted, environment)


def tally(outcomes: Sequence[Outcome]) -> str:
    """`1 object drifted, 2 pending, 49 in sync`."""
    seen = [outcome for outcome in outcomes if isinstance(outcome, Drifted)]
    return words(
        [one.cause for outcome in seen for one in outcome.drift.differences],
        accepted=len({(outcome.place, one.key) for outcome in seen for one in outcome.drift.accepted}),
        lapsed=sum(outcome.drift.lapsed for outcome in seen),
        unchanged=sum(len(outcome.plan.unchanged) for outcome in seen),
    )


def words(causes: Sequence[str], *, accepted: int, lapsed: int, unchanged: int) -> str:
    """The same of the cause of each difference, and numbers."""
    drifted = sum(cause in DRIFT for cause in causes)
    untold, pending = (sum(cause == one for cause in causes) for one in (Cause.UNKNOWN, Cause.PENDING))
    words = [f"{count(drifted, 'object')} drifted" if drifted else "no drift"]
    words += [f"{accepted} accepted"] if accepted else []
    words += [f"{count(lapsed, 'target')} with an acceptance that has run out"] if lapsed else []
    words += [f"of {untold} it cannot be told"] if untold else []
    words += [f"{pending} pending"] if pending else []
    return ", ".join([*words, f"{unchanged} in sync"])


def sentence(outcome: Drifted) -> str:
    """What there is to say of a target, in one."""
    drift, unchanged = outcome.drift, len(outcome.plan.unchanged)
    drifted = sum(one.cause in DRIFT for one in drift.differences)
    untold = sum(one.cause is Cause.UNKNOWN for one in drift.differences)
    if drifted or untold:
        words = [f"{count(drifted, 'object has', 'objects have')} drifted"] if drifted else []
        words += [f"of {count(untold, 'object')} it cannot be told"] if untold else []
        return ", ".join(words)
    if drift.lapsed:
        return "what was accepted is still there, and its time is over"
    clean = "no drift, but for what is accepted" if drift.accepted else "no drift. Nothing was changed there"
    return f"{clean} ({count(unchanged, 'object')} in sync)."


def _untold(differences: Sequence[Difference]) -> Iterator[str]:
    """What nobody can tell, the reason once for all that share it."""
    for note in dict.fromkeys(one.note for one in differences):
        yield f"  cannot be told: {plain(note or _WORDS[Cause.UNKNOWN])}"
        yield from (f"    ? {parts.title(one.change)}" for one in differences if one.note == note)


def _difference(one: Difference) -> Iterator[str]:
    change = one.change
    gone = isinstance(change, Create)
    words = one.note if gone else _WORDS[one.cause]
    yield f"  {'x' if gone else '~'} {parts.title(change)} {plain(words)}"
    if one.note and not gone:
        yield f"      {plain(one.note)}"
    yield f"      {_who(one)}"
    for field in () if gone else change.fields:
        yield from field_lines(field)


def _who(one: Difference) -> str:
    if not (one.by or one.at):
        return "by whom and when the platform does not tell"
    by = f"by {plain(one.by)}" if one.by else "by somebody"
    at = f", {one.at:%Y-%m-%d %H:%M:%S %Z}" if one.at else ""
    return f"{by}{at}{f' (says {plain(one.source)})' if one.source else ''}"


def field_lines(field: FieldChange) -> Iterator[str]:
    """A field as Git has it, and as it is in the target."""
    if sets := value_sets.changed_sets(FieldChange(field.path, field.after, field.before)):
        for one in sets:
            yield f"      {plain(one.path)} (- in Git, + in the target): {one.tally}"
            yield from (f"        {line}" for line in one.lines)
        return
    if isinstance(field.before, str) and isinstance(field.after, str) and "\n" in field.before + field.after:
        yield f"      {plain(field.path)} (- in Git, + in the target)"
        yield from parts.text_change(field.after, field.before)
        return
    yield f"      {plain(field.path)}"
    for where, side in (("Git   ", field.after), ("target", field.before)):
        yield f"        {where}  {value(side) if side is not None else 'has none'}"


def _pending(one: Difference) -> str:
    change = one.change
    if isinstance(change, Create):
        return "new in Git, not there yet"
    if is_last(change):
        return "no longer in Git, still there"
    paths = ", ".join(plain(field.path) for field in change.fields[:5])
    more = f" and {len(change.fields) - 5} more" if len(change.fields) > 5 else ""
    return f"changed in Git: {paths}{more}"


def _ways_out(outcome: Drifted, drifted: Sequence[Difference], environment: str) -> Iterator[str]:
    """The decisions there are, as commands."""
    if not drifted:
        return
    which = f"{environment} --tenant {outcome.place.tenant}"
    if len(drifted) == 1 and drifted[0].change.key.kind is Kind.RULE and not isinstance(drifted[0].change, Delete):
        which += f" --rule {drifted[0].change.desired.known_as}"
    edited = [one for one in drifted if one.cause in (Cause.DRIFT, Cause.BOTH) and _is_wanted(one.change)]
    gone = [one for one in drifted if isinstance(one.change, Create)]
    if edited or gone or any(one.cause in (Cause.DRIFT, Cause.BOTH) for one in drifted):
        yield f"  to put Git's state back:      deployer apply {which}"
    if edited:
        yield f"  to take it into Git:          deployer pull {which}"
        yield f"  to leave it until a day:      deployer pull {which} --accept-until DATE --reason WHY --owner WHO"
    if any(one.change.key.kind is Kind.ITEM for one in gone):
        yield f"  to take the entry out of Git: deployer pull {which} --removed VALUE"
    if any(one.cause is Cause.UNCLAIMED for one in drifted):
        yield f"  to make it ours:              deployer apply {which} --adopt"


def _is_wanted(change: Change) -> bool:
    """Whether the object is there and Git wants it: what leaves Git cannot be taken into it."""
    return isinstance(change, Claim) or (isinstance(change, Update) and not change.retires)
