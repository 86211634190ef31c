"""The watchlists of ours in one workspace: read with their items, filled, shrunk item by item, waited for.

Azure is late in two ways: a list that was sent is worked in by itself, and what stands in it is seen by log queries
within the five minutes that its logs take (learn.microsoft.com/azure/sentinel/watchlists). A rule whose query reads a
list that log queries do not see yet is refused (Azure-Sentinel issues 12032 and 8187), or lets nothing through.
"""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from deployer.errors import BadAnswer
from deployer.errors import Denied
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.errors import Untrusted
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.providers import base
from deployer.providers.sentinel import watchlist
from deployer.providers.sentinel.api import Document
from deployer.providers.sentinel.api import SentinelApi
from deployer.providers.sentinel.watchlist import Item
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import find_marks

WAITS_SECONDS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0, 60.0, 60.0)
"""Between looks at what Azure does by itself; together the five minutes that it may take, as its documents say."""
_AT_WORK = frozenset({"new", "inprogress", "uploading"})
_FAILED = frozenset({"failed", "canceled"})

Ask = Callable[[str], Sequence[Mapping[str, Any]]]
"""Runs a query over the workspace's logs."""
Pause = Callable[[float], bool]
"""Waits so many seconds; whether the run goes on after that."""


class Watchlists:
    """Those that one target is to hold, or has held."""

    def __init__(self, api: SentinelApi, ask: Ask, way_out: Callable[[ProviderError], str], pause: Pause) -> None:
        """`way_out` names the setting that would let the logs be asked."""
        self._api = api
        self._ask = ask
        self._way_out = way_out
        self._pause = pause
        self._items: dict[str, list[Item]] = {}
        self._unseen: dict[str, str | None] = {}

    def read(self, desired: DesiredState, others: Sequence[Document]) -> list[Resource]:
        """Ours, and those that stand where one of ours belongs: one request a page of lists, one a page of their items.

        `others` are the rules that are not ours: what one of them may read is kept.
        """
        self._unseen.clear()
        documents = [one for one in list(self._api.watchlists()) if not watchlist.is_gone(one)]
        found = [self._decoded(one, desired) for one in documents if _may_be_ours(one, desired)]
        return [
            replace(one, keep=f"the rule {user!r}, which is not ours, reads it") if user else one
            for one in found
            if desired.concerns(one)
            for user in [_user(one.key.id, others)]
        ]

    def find(self, key: Key, desired: DesiredState) -> Resource | None:
        """One of them with its items; None where there is none, or it is being deleted."""
        document = self._api.watchlist(key.id)
        if document is None or watchlist.is_gone(document):
            return None
        return self._decoded(document, desired)

    def apply(self, change: Change, desired: DesiredState) -> None:
        """Carry out one change of a list."""
        self._unseen.pop(change.key.id, None)
        base.carry_out(change, lambda _: self._write(change), lambda: self.find(change.key, desired), upserts=True)

    def require_seen(self, needs: Iterable[Key]) -> None:
        """Raise `Refused` unless log queries see these lists as they are; waits for it. Each is waited for once."""
        for key in needs:
            if key.kind is Kind.WATCHLIST and key.id not in self._unseen:
                self._unseen[key.id] = self._why_unseen(key.id)
            if key.kind is Kind.WATCHLIST and (why := self._unseen[key.id]):
                raise Refused(f"not written: it needs {key}, and {why}")

    def _why_unseen(self, alias: str) -> str | None:
        if alias not in self._items:
            return "it is not there"
        wanted = {one.value for one in self._items[alias]}
        said = ""
        for wait in WAITS_SECONDS:
            goes_on = self._pause(wait)
            try:
                seen = {str(row["SearchKey"]) for row in self._ask(watchlist.content(alias))}
            except (Denied, Unreachable, Untrusted) as error:
                way = self._way_out(error)
                return f"whether log queries see its entries cannot be asked: {error}{f'; {way}' if way else ''}"
            except (ProviderError, KeyError) as error:
                said = f"log queries do not see it yet: {error}"
            else:
                if seen == wanted:
                    return None
                said = f"log queries see {len(seen & wanted):,} of its {len(wanted):,} entries" + (
                    f" and {len(seen - wanted):,} that are gone" if seen - wanted else ""
                )
            if not goes_on:
                return f"{said}; nobody waited, since the run was interrupted"
        return f"{said}, {sum(WAITS_SECONDS):.0f} s later; apply again in a few minutes"

    def _decoded(self, document: Document, desired: DesiredState) -> Resource:
        alias = watchlist.name_of(document)
        try:
            self._items[alias] = [watchlist.item(one) for one in self._api.watchlist_items(alias)]
            return watchlist.decode(document, self._items[alias], desired)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadAnswer(f"watchlist {alias!r} is not as documented: {type(error).__name__}: {error}") from None

    def _write(self, change: Change) -> None:
        alias = change.key.id
        if isinstance(change, Delete):
            self._require_unused(alias)
            self._api.delete_watchlist(alias)
            return
        live = None if isinstance(change, Create) else change.live
        if live is not None:
            self._require_ours(alias)
        missing = dict.fromkeys(change.desired.body["values"])
        gone: list[Item] = []
        for one in self._items.get(alias, []) if live else []:
            if one.value in missing:
                del missing[one.value]
            else:
                gone.append(one)
        # First what is to go: whatever stops this run, nothing is let through longer than it must. But what a range
        # that comes takes the place of, goes after that has come.
        replaced = watchlist.overlapping((one.value for one in gone), missing)
        self._take_out(alias, (one for one in gone if one.value not in replaced))
        if live is not None and replaced:
            held = live.mark if isinstance(live.mark, Mark) else None
            self._api.put_watchlist(alias, watchlist.document(change.desired, held, live, [*missing]))
            self._wait(alias)
            self._take_out(alias, (one for one in gone if one.value in replaced))
            missing = {}
        self._api.put_watchlist(alias, watchlist.document(change.desired, change.mark, live, [*missing]))
        self._wait(alias)

    def _take_out(self, alias: str, items: Iterable[Item]) -> None:
        for one in items:
            self._api.delete_watchlist_item(alias, one.id)

    def _wait(self, alias: str) -> None:
        """Until what was sent is worked in."""
        state = ""
        for wait in WAITS_SECONDS:
            goes_on = self._pause(wait)
            document = self._api.watchlist(alias)
            state = watchlist.state(document) if document else "absent"
            if state in _FAILED:
                raise BadAnswer(f"watchlist {alias}: Sentinel could not take its entries in: its state is {state}")
            if document and state not in _AT_WORK:
                return
            if not goes_on:
                raise BadAnswer(f"watchlist {alias}: it is still {state}; nobody waited, since the run was interrupted")
        raise BadAnswer(f"watchlist {alias}: it is still {state} {sum(WAITS_SECONDS):.0f} s later")

    def _require_ours(self, alias: str) -> None:
        document = self._api.watchlist(alias)
        if document and (column := watchlist.search_key(document)) != watchlist.COLUMN:
            raise Refused(
                f"watchlist {alias}: its search key is {column}, not {watchlist.COLUMN}: somebody made it by hand; "
                "delete it in the portal, and the next apply makes it anew"
            )

    def _require_unused(self, alias: str) -> None:
        """No rule of anybody reads it, by what is live now."""
        if user := _user(alias, self._api.rules()):
            raise Refused(f"watchlist {alias}: the rule {user!r} reads it, so it is kept")


def _user(alias: str, rules: Iterable[Document]) -> str | None:
    """The first of these rules that reads the list, or may."""
    found = (one for one in rules if watchlist.mentions((one.get("properties") or {}).get("query"), alias))
    return next((str((one.get("properties") or {}).get("displayName") or one["name"]) for one in found), None)


def _may_be_ours(document: Document, desired: DesiredState) -> bool:
    """Whether it is worth a look at its items: it stands where one of ours belongs, or says that it is ours."""
    if Key(Kind.WATCHLIST, watchlist.name_of(document)) in desired.resources:
        return True
    marks = find_marks(str((document.get("properties") or {}).get("description") or ""))
    return any(isinstance(mark, Mark) and mark.owner == desired.owner for mark in marks)
