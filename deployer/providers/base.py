"""What every provider promises, and what providers share: confirming a write by reading it back."""

import time
from collections.abc import Callable
from typing import Protocol

from deployer.diff import field_changes
from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Unreachable
from deployer.outcome import Level
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.state import DesiredState
from deployer.state import LiveState
from deployer.state import Resource

CONFIRM_WAITS_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0)
"""How long a write may take to be seen by reads. Azure answers late: 5 of 50 rules in azurerm issue 21231."""


class Provider(Protocol):
    """One target of one platform. Every method may raise `ProviderError`; encoding is the codec's (`codecs.encode`)."""

    def read(self, desired: DesiredState) -> LiveState:
        """The whole live state, or raise: a part that could not be read is never left out."""

    def ready(self, plan: Plan) -> None:
        """Raise unless the target can take the plan's writes; asked once, before the first of them."""

    def apply(self, change: Change) -> None:
        """Carry out one change, exactly as planned; raise `Conflict` when the object moved since it was read."""

    def health(self, live: Resource) -> Level:
        """Whether the rule has run since it was last written, as far as the platform tells."""

    def close(self) -> None:
        """Let go of connections."""


def carry_out(
    change: Change,
    write: Callable[[], object],
    find: Callable[[], Resource | None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """One write between two looks: the object must be the one that was planned for, and then the one that was planned.

    A write without a clear answer may have happened all the same (kibana issue 213624: 409 although applied), so it is
    looked for before its error is believed.
    """
    if not isinstance(change, Create):
        _require_unmoved(change.live, find())
    try:
        write()
    except (Conflict, Overloaded, Unreachable) as error:
        if not _seen(change, find):
            raise error
        return
    _confirm(change, find, sleep)


def _confirm(change: Change, find: Callable[[], Resource | None], sleep: Callable[[float], None]) -> None:
    found: Resource | None = None
    for wait in CONFIRM_WAITS_SECONDS:
        sleep(wait)
        found = find()
        if _done(change, found):
            return
    if isinstance(change, Delete) or found is None:
        raise BadAnswer(f"{change.key} was written, but reads do not show it {sum(CONFIRM_WAITS_SECONDS):.0f} s later")
    paths = ", ".join(field.path for field in field_changes(found.body, change.desired.body)) or "its mark"
    raise BadAnswer(f"{change.key} was written, but reads back differently: {paths}")


def _require_unmoved(read: Resource, found: Resource | None) -> None:
    if found is None:
        raise Conflict(f"{read.key} was deleted since it was read; plan again")
    if found.version != read.version or found.digest != read.digest:
        by = f" by {found.edited_by}" if found.edited_by else ""
        raise Conflict(f"{read.key} was changed{by} since it was read; plan again")


def _seen(change: Change, find: Callable[[], Resource | None]) -> bool:
    try:
        return _done(change, find())
    except ProviderError:
        return False


def _done(change: Change, found: Resource | None) -> bool:
    if isinstance(change, Delete):
        return found is None
    return found is not None and found.digest == change.desired.digest and found.mark == change.mark
