"""Value lists: what is in them is read whole, and made equal by one import and single removals.

A value list cannot be written at once, so its mark says last what it holds: a run that was cut short leaves a list
that is not as its mark says, and the next run goes on from there.
"""

import time
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.errors import BadAnswer
from deployer.errors import Conflict
from deployer.providers import base
from deployer.providers.kibana import canonical
from deployer.providers.kibana import carry
from deployer.providers.kibana.api import KibanaApi
from deployer.providers.kibana.carry import SPILLED
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import choose_mark
from deployer.state import digest
from deployer.state import find_marks

Document = dict[str, Any]


class ValueLists:
    """The value lists of one space."""

    def __init__(self, api: KibanaApi, sleep: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._sleep = sleep

    def read(self, desired: DesiredState, found: Iterable[Resource]) -> list[Resource]:
        """Those that are wanted, those that the objects in `found` still refer to, and those that an exception list
        says it had: one request for each, and one more per 5,000 values. A space that never had any is asked nothing:
        value lists need rights of their own.
        """
        wanted = {key.id for key in desired.resources if key.kind is Kind.VALUE_LIST}
        used = {need.id for one in found for need in one.needs if need.kind is Kind.VALUE_LIST}
        used |= {one.key.id for one in found if one.key.kind is Kind.LIST and SPILLED in one.observed}
        lists = [self.find(Key(Kind.VALUE_LIST, id), desired) for id in sorted(wanted | used)]
        return [one for one in lists if one is not None]

    def find(self, key: Key, desired: DesiredState) -> Resource | None:
        """One of them, whole."""
        document = self._api.value_list(key.id)
        if document is None:
            return None
        contents = self._api.value_list_items(key.id)
        try:
            return decode(document, contents, desired)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise BadAnswer(f"{key} is not as documented: {type(error).__name__}: {error}") from None

    def put(self, wanted: Resource, mark: Mark | None, live: Resource | None) -> None:
        """Additions first, then removals, and what it is called, the mark within, when all of it is there."""
        held: dict[str, Sequence[str]] = dict(live.observed["ids"]) if live else {}
        values = list(wanted.body["values"])
        if live is None:
            begun = replace(mark, digest=digest({**wanted.body, "values": []})) if mark else None
            self._api.prepare_value_lists()
            self._api.create_value_list(document(wanted, begun, None))
        if more := [value for value in values if value not in held]:
            self._api.import_values(wanted.key.id, more)
        kept = set(values)
        gone = [id for value, ids in held.items() if value not in kept for id in ids]
        for number, id in enumerate(gone, start=1):
            self._api.delete_value(id, refresh=number == len(gone))
        if more or gone:
            before = sum(map(len, held.values()))
            self._settled(wanted.key, before + len(more) - len(gone))
        self._api.replace_value_list(document(wanted, mark, live or wanted))

    def delete(self, key: Key) -> None:
        """With all that is in it; never while an exception item refers to it, whoever's."""
        try:
            self._api.delete_value_list(key.id)
        except Conflict:
            why = "an exception item that is not ours refers to it: take it out there, or adopt what it lets through"
            raise Conflict(f"{key} is not deleted: {why}") from None

    def _settled(self, key: Key, size: int) -> None:
        """Wait until so many values are there: Kibana answers an import before all of it can be seen. Whether they are
        the right ones is seen when the write is confirmed."""
        found = 0
        for wait in base.CONFIRM_WAITS_SECONDS:
            self._sleep(wait)
            found = self._api.value_list_size(key.id)
            if found == size or found == _COUNTED < size:
                return
        raise BadAnswer(f"{key} was written, but it holds {found:,} values and not {size:,}")


_COUNTED = 10_000
"""Up to which Kibana's totals count without `track_total_hits`."""


def decode(document: Document, contents: Sequence[Document], desired: DesiredState) -> Resource:
    """A live value list. Who edited it last is told by its last edit, its values' included."""
    key = Key(Kind.VALUE_LIST, document["id"])
    body = canonical.value_list(document, [one["value"] for one in contents])
    last = max((document, *contents), key=lambda one: str(one.get("updated_at") or ""))
    ids: dict[str, list[str]] = {}
    for one in contents:
        ids.setdefault(canonical.spelled(one["value"]), []).append(str(one["id"]))
    marks = find_marks(str(document.get("description") or ""))
    return Resource(
        key,
        body,
        name=document.get("name", ""),
        version=document.get("_version"),
        mark=choose_mark(marks, desired.owner, desired.environment, key),
        edited_by=last.get("updated_by"),
        edited_at=_moment(last.get("updated_at")),
        carried=carry.of_value_list(document),
        observed={"ids": ids},
        needs=canonical.needs(key, body),
    )


def document(wanted: Resource, mark: Mark | None, live: Resource | None) -> Document:
    """The body of a POST or PUT, without what is in it. A PUT takes no type, and names the version that was read."""
    said = {name: wanted.body[name] for name in canonical.VALUE_LIST}
    body = {**carry.kept(live or wanted), **said, "id": wanted.key.id}
    if mark is not None:
        body["description"] = f"{said['description']}\n{mark}"
    if live is None:
        return body
    del body["type"]
    return {**body, **({"_version": live.version} if live.version else {})}


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None
