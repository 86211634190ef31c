"""What guards a rule in a preview: the exceptions that it would have if `desired` were applied now.

Lists that are live and hold just that are referred to, so that Kibana's own executor honours them. Otherwise they are
left out, and their items are given to the rule as filters, with the items that analysts added and that would stay.
"""

from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from deployer.errors import Refused
from deployer.providers.kibana import codec
from deployer.providers.kibana import exempting
from deployer.providers.kibana.api import Document
from deployer.providers.kibana.api import KibanaApi
from deployer.providers.kibana.value_lists import ValueLists
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Resource

_VIEW = ("title", "timeFieldName", "runtimeFieldMap")
"""What a rule's run takes from its data view."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What to put into the rule."""

    lists: Sequence[Document]
    filters: Sequence[Document]
    notes: Sequence[str] = ()


class Space:
    """What is live in one space, asked for once each."""

    def __init__(self, api: KibanaApi) -> None:
        self._api = api
        self._rules: dict[str, Document | None] = {}
        self._lists: dict[str, Document | None] = {}
        self._items: dict[str, list[Document]] = {}
        self._held: dict[str, Sequence[str] | None] = {}
        self._views: dict[str, Document | None] = {}
        # Items that Git names, whoever made them: they are no analyst's any more. Seen before those without entries.
        self._named: set[Key] = set()
        self._own: dict[Key, set[str]] = {}
        self.requests = 0

    def guards(self, desired: DesiredState, wanted: Resource, since: datetime) -> Guards:
        """What guards the rule over a span that begins at `since`. Raises `Refused` where that cannot be said,
        `ProviderError` where it is not known."""
        # Lists that an earlier state wanted hold analysts' items, whether this one has entries for them or not.
        self._own.setdefault(wanted.key, set()).update(wanted.body.get("exceptions_list", ()))
        own = sorted(self._own[wanted.key])
        self._named |= {key for key in desired.resources if key.kind is Kind.ITEM}
        live = self._rule(wanted.key.id)
        foreign = [one for one in (live or {}).get("exceptions_list") or () if not self._is_ours(one, desired, own)]
        kept, ours = self._split(own, desired)
        wish = {key: one for key, one in desired.resources.items() if _stands_in(one, own)}
        same = set(ours) == set(wish) and all(ours[key].digest == wish[key].digest for key in wish)
        if same and self._holds(desired, wish.values()):
            there = [found for list_id in own if (found := self._list(list_id)) is not None]
            return Guards([*map(_reference, there), *foreign], (), [*self._over(wish.values(), since)])
        items = [*({**one.body, "item_id": key.id} for key, one in wish.items()), *kept]
        return Guards(foreign, self._filters(desired, wanted, items), [*self._over(wish.values(), since)])

    def _over(self, wish: Iterable[Resource], since: datetime) -> Iterator[str]:
        """What to know of items that held in a part of the span: a preview, too, takes exceptions as of now."""
        for one in wish:
            end = one.body.get("expire_time")
            if exempting.expired(one.body, self._api.now) and datetime.fromisoformat(str(end)) > since:
                told = "Kibana takes exceptions as they are now, so it hides nothing before its end either"
                yield f"{one.body.get('name')} ended at {end}: {told}"

    def require_view(self, desired: DesiredState, wanted: Resource) -> None:
        """Raise `Refused` unless the rule's data view is live and computes what it is to compute."""
        key = Key(Kind.DATA_VIEW, str(wanted.body.get("data_view_id")))
        view = desired.resources.get(key)
        if view is None:
            return
        if key.id not in self._views:
            self._views[key.id] = self._asked(self._api.data_view(key.id))
        found = self._views[key.id]
        why = "is not there yet"
        if found is not None:
            live = codec.decode_data_view(found, desired).body
            if not (odd := [name for name in _VIEW if live.get(name) != view.body.get(name)]):
                return
            why = f"differs in {' and '.join(odd)} from the one in Git"
        way_out = f"deployer apply {desired.environment} --tenant NAME --rule {wanted.known_as} comes first"
        raise Refused(f"Kibana previews a rule only with a data view that is live: {key.id} {why}; {way_out}")

    def _filters(self, desired: DesiredState, wanted: Resource, items: Iterable[Document]) -> list[Document]:
        def values(list_id: str) -> Sequence[str] | None:
            found = desired.resources.get(Key(Kind.VALUE_LIST, list_id))
            return list(found.body.get("values", ())) if found else None

        way_out = f"deployer apply {desired.environment} --tenant NAME --rule {wanted.known_as} comes first"
        try:
            found = exempting.filters(items, self._api.now, values)
        except exempting.Unsayable as error:
            raise Refused(f"{error}, so that no filter can stand for it; {way_out}") from None
        if found and wanted.body.get("type") not in exempting.TAKING:
            why = f"a rule of type {wanted.body.get('type')} takes no filters"
            raise Refused(f"its allowlists are not live as they are in Git, and {why}; {way_out}")
        return found

    def _holds(self, desired: DesiredState, wish: Iterable[Resource]) -> bool:
        """Whether the value lists that these items refer to are live and hold what Git has."""
        wanted = {need for one in wish for need in one.needs if need.kind is Kind.VALUE_LIST}
        return all(self._values(key, desired) == desired.resources[key].body.get("values") for key in wanted)

    def _values(self, key: Key, desired: DesiredState) -> Sequence[str] | None:
        if key.id not in self._held:
            found = self._asked(ValueLists(self._api).find(key, desired))
            self._held[key.id] = found.body.get("values") if found else None
        return self._held[key.id]

    def _is_ours(self, reference: Document, desired: DesiredState, own: Sequence[str]) -> bool:
        """Whether it is a list that Git wants there, or one of ours that an apply would take off the rule."""
        if (reference.get("type"), reference.get("namespace_type")) != ("detection", "single"):
            return False
        list_id = str(reference.get("list_id"))
        found = self._list(list_id)
        return list_id in own or (found is not None and desired.owns(codec.decode_list(found, desired)))

    def _split(self, own: Iterable[str], desired: DesiredState) -> tuple[list[Document], dict[Key, Resource]]:
        """The live items of our lists: those that analysts added, and ours."""
        kept: list[Document] = []
        ours: dict[Key, Resource] = {}
        for list_id in own:
            for document in self._items_of(list_id):
                key = Key(Kind.ITEM, str(document.get("item_id")))
                try:
                    found = codec.decode_item(document, desired)
                except (AttributeError, KeyError, TypeError, ValueError):
                    found = None
                if found is not None and (key in self._named or desired.owns(found)):
                    ours[key] = found
                else:
                    kept.append(document)
        return kept, ours

    def _rule(self, rule_id: str) -> Document | None:
        if rule_id not in self._rules:
            self._rules[rule_id] = self._asked(self._api.rule(rule_id))
        return self._rules[rule_id]

    def _list(self, list_id: str) -> Document | None:
        if list_id not in self._lists:
            self._lists[list_id] = self._asked(self._api.list(list_id))
        return self._lists[list_id]

    def _items_of(self, list_id: str) -> list[Document]:
        if self._list(list_id) is None:
            return []
        if list_id not in self._items:
            self._items[list_id] = self._asked(list(self._api.items([list_id])))
        return self._items[list_id]

    def _asked(self, answer: Any) -> Any:
        self.requests += 1
        return answer


def _stands_in(one: Resource, own: Sequence[str]) -> bool:
    return one.key.kind is Kind.ITEM and any(need.id in own for need in one.needs)


def _reference(found: Document) -> Document:
    return {"id": found["id"], "list_id": found["list_id"], "type": "detection", "namespace_type": "single"}
