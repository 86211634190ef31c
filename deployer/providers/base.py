"""What every provider promises, and what providers share: confirming a write by reading it back."""

import time
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from typing import NamedTuple
from typing import Protocol

from deployer.diff import field_changes
from deployer.drift import History
from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.errors import Denied
from deployer.errors import ProviderError
from deployer.errors import Untrusted
from deployer.outcome import Health
from deployer.plan import Change
from deployer.plan import Claim
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.plan import Update
from deployer.previews import Preview
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import LiveState
from deployer.state import Resource
from deployer.state import Unmanaged
from deployer.state import as_json
from deployer.tally import Ahead

CONFIRM_WAITS_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""How long a write may take to be seen by reads. Azure answers late: 5 of 50 rules in azurerm issue 21231."""


class Asked(NamedTuple):
    """A rule to answer `health` of."""

    wanted: Resource
    """As Git has it: what it reads (`reads`) is there."""
    live: Resource


class Provider(Protocol):
    """One target of one platform. Every method may raise `ProviderError`; encoding is the codec's (`codecs.encode`).

    `read` comes first: `apply` looks at objects through the desired state that `read` was given.
    """

    @property
    def writes_at_once(self) -> int:
        """How many changes may be carried out side by side; for so many threads `apply` is safe."""

    def read(self, desired: DesiredState) -> LiveState:
        """The whole live state, or raise: a part that could not be read is never left out."""

    def everything(self, desired: DesiredState) -> Sequence[Resource | Unmanaged]:
        """Every rule that the platform's vendor did not ship, and what guards such rules, ours or not; or raise.

        Decoded as `read` would decode it. What cannot be decoded is named with the reason.
        """

    def ready(self, plan: Plan) -> Mapping[Key, str]:
        """The objects that this version of the platform cannot take, and why; raise if it can take none.

        Asked once, before the first write.
        """

    def cost(self, plan: Plan) -> Ahead:
        """The requests that carrying out the plan will take, if all goes well. Asks nothing."""

    def apply(self, change: Change) -> None:
        """Carry out one change, exactly as planned; raise `Conflict` when the object moved since it was read."""

    def health(self, rules: Sequence[Asked]) -> Mapping[Key, Health]:
        """The levels ran, healthy and data of each of these rules; what the platform does not tell is unknown.

        All at once, because some platforms tell it of all rules in one answer. Only rules that Git wants enabled are
        asked about. An unknown names its reason, and the setting that would make it known if there is one; a source
        that refuses or does not answer (an index, a table) is such a reason, and raises nothing.
        """

    def edits(self, keys: Collection[Key], since: datetime | None = None) -> History:
        """Who wrote or deleted these objects last (since then), by records that outlive the object; raises nothing."""

    def preview(self, desired: DesiredState, key: Key, since: datetime, until: datetime) -> Preview:
        """What the rule, as `desired` holds it, would have found between two moments (UTC). Changes nothing there.

        What guards the rule (allowlists, data view) is taken from `desired`, too, and need not be live yet; exceptions
        that analysts have added to the live rule hold as they do there. What could not be looked at is a gap of the
        answer; raises `ProviderError` where nothing could be.
        """

    def close(self) -> None:
        """Let go of connections."""


def decoded(
    document: Mapping[str, Any], decode: Callable[[], Resource], unmanaged: Callable[[], Unmanaged | None]
) -> Resource | Unmanaged:
    """The object in a document. One that cannot be read is none of ours if `unmanaged`, asked then alone, says so, and
    else an error.

    So a strange object of somebody else's stops nobody, and one of ours never looks absent.
    """
    try:
        return decode()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if (foreign := unmanaged()) is not None:
            return foreign
        what = document.get("displayName") or document.get("name") or document.get("id")
        raise BadAnswer(f"{what!r} is not as documented: {type(error).__name__}: {error}") from None


def named(decode: Callable[[], Resource], unmanaged: Unmanaged) -> Resource | Unmanaged:
    """The object in a document, or `unmanaged` with the reason why it cannot be read."""
    try:
        return decode()
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return replace(unmanaged, note=f"it is not as documented: {type(error).__name__}: {error}")


def carry_out(
    change: Change,
    write: Callable[[Resource | None], object],
    find: Callable[[], Resource | None],
    *,
    upserts: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """One write between two looks: the object must be the one that was planned for, and then the one that was planned.

    `write` is given the object as it was just seen; None where it was not looked at or not there.

    Where the platform's create is an upsert, a create is looked at before, too: lists can be late (azurerm issue
    21231), and what came up since then must not be replaced. A write without a clear answer may have happened all the
    same (kibana issue 213624: 409 although applied), so it is looked for before its error is believed.
    """
    found: Resource | None = None
    if not isinstance(change, Create):
        found = find()
        _require_unmoved(change, found)
    elif upserts and (found := find()) is not None:
        if _done(change, found):
            return
        raise Conflict(f"{change.key} was not there when the target was read, and is there now; plan again")
    try:
        write(found)
    except (Denied, Untrusted):
        raise
    except ProviderError as error:
        if not _seen(change, find):
            raise error
        return
    _confirm(change, find, sleep)


def _confirm(change: Change, find: Callable[[], Resource | None], sleep: Callable[[float], None]) -> None:
    found: Resource | None = None
    for wait in CONFIRM_WAITS_SECONDS:
        sleep(wait)
        try:
            found = find()
        except ProviderError as error:
            raise BadAnswer(f"{change.key} was written, but it could not be confirmed: {error}") from None
        if _done(change, found):
            return
    if isinstance(change, Delete) or found is None:
        raise BadAnswer(f"{change.key} was written, but reads do not show it {sum(CONFIRM_WAITS_SECONDS):.0f} s later")
    paths = ", ".join(field.path for field in field_changes(found.body, change.desired.body)) or "its mark"
    raise BadAnswer(f"{change.key} was written, but reads back differently: {paths}")


def _require_unmoved(change: Update | Claim | Delete, found: Resource | None) -> None:
    read = change.live
    if found is None:
        if isinstance(change, Delete):
            return
        raise Conflict(f"{read.key} was deleted since it was read; plan again")
    if _content(change, found) != _content(change, read):
        by = f" by {found.edited_by}" if found.edited_by else ""
        raise Conflict(f"{read.key} was changed{by} since it was read; plan again")


def _content(change: Update | Claim | Delete, one: Resource) -> str:
    """Everything that a write would replace or lose.

    Not the version: Kibana raises a rule's revision when an exception is added somewhere (kibana issues 203012,
    232378), and that may have been us. Nor, for a delete, whether the rule is enabled: it is switched off before.
    """
    body = {name: value for name, value in one.body.items() if name != "enabled" or not isinstance(change, Delete)}
    return as_json([body, one.carried, str(one.mark)])


def _seen(change: Change, find: Callable[[], Resource | None]) -> bool:
    try:
        return _done(change, find())
    except ProviderError:
        return False


def _done(change: Change, found: Resource | None) -> bool:
    if isinstance(change, Delete):
        return found is None
    return found is not None and found.digest == change.desired.digest and found.mark == change.mark
