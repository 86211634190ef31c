"""One Kibana space: read it whole, write one object at a time."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from deployer.drift import History
from deployer.errors import Conflict
from deployer.errors import Denied
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.outcome import Health
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.previews import Preview
from deployer.providers import base
from deployer.providers.base import Asked
from deployer.providers.kibana import codec
from deployer.providers.kibana import costs
from deployer.providers.kibana import executions
from deployer.providers.kibana.api import Document
from deployer.providers.kibana.api import KibanaApi
from deployer.providers.kibana.arrivals import Arrivals
from deployer.providers.kibana.arrivals import Connect
from deployer.providers.kibana.previewing import Previewer
from deployer.providers.kibana.previewing import PreviewSettings
from deployer.providers.kibana.rights import Rights
from deployer.providers.kibana.value_lists import ValueLists
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import Unmanaged
from deployer.state import unmanaged
from deployer.tally import Ahead


class KibanaProvider:
    """Implements `Provider` for a space. `read` comes before `apply`: it learns which lists are ours."""

    writes_at_once = 4

    def __init__(
        self,
        api: KibanaApi,
        *,
        status: Callable[[], Document] | None = None,
        elastic: Connect | None = None,
        previews: PreviewSettings | None = None,
    ) -> None:
        """`elastic`, if Elasticsearch may be asked at all, connects to it; it may raise `ProviderError`."""
        self._api = api
        self._values = ValueLists(api)
        self._arrivals = Arrivals(elastic)
        self._previewer = Previewer(api, elastic, previews or PreviewSettings())
        self._status = status or api.status
        self._desired = DesiredState("", "", {})
        self._unused: set[Key] = set()
        self._ours: frozenset[str] = frozenset()

    def close(self) -> None:
        self._api.close()
        self._arrivals.close()
        self._previewer.close()

    def read(self, desired: DesiredState) -> LiveState:
        """Rules, lists, items, data views: 3 requests, one per page beyond the first, one per data view; and what
        `ValueLists.read` says for the value lists that are wanted or that items of ours refer to."""
        self._desired = desired
        documents = list(self._api.rules())
        lists = [self._decoded(Kind.LIST, document) for document in self._api.lists()]
        managed = {
            found.key.id: found for found in lists if isinstance(found, Resource) and self._desired.concerns(found)
        }
        self._unused.clear()
        self._ours = self._lists_of_ours(lists)
        items = [self._decoded(Kind.ITEM, document) for document in self._api.items(sorted(managed))]
        rules = [self._decoded(Kind.RULE, document) for document in documents]
        owned = [one for one in (*lists, *items) if isinstance(one, Resource) and self._desired.owns(one)]
        found = [*self._data_views(rules), *self._values.read(desired, owned), *lists, *items, *rules]
        ours = [one for one in found if isinstance(one, Resource) and self._desired.concerns(one)]
        kept = self._kept(zip(documents, rules, strict=True), items)
        return LiveState(
            resources={one.key: replace(one, keep=kept[one.key]) if one.key in kept else one for one in ours},
            unmanaged=tuple(
                one if isinstance(one, Unmanaged) else _unmanaged(one)
                for one in found
                if isinstance(one, Unmanaged) or not self._desired.concerns(one)
            ),
        )

    def everything(self, desired: DesiredState) -> Sequence[Resource | Unmanaged]:
        """Every rule that Elastic did not ship, every exception list of the space and every item in one."""
        self._desired = desired
        documents = list(self._api.rules())
        lists = [self._named(Kind.LIST, document) for document in self._api.lists()]
        known = sorted(one.key.id if isinstance(one, Resource) else one.id for one in lists)
        batches = [known[start : start + _LISTS_AT_ONCE] for start in range(0, len(known), _LISTS_AT_ONCE)]
        items = [self._named(Kind.ITEM, document) for batch in batches for document in self._api.items(batch)]
        self._ours = self._lists_of_ours(lists)
        return [*(self._named(Kind.RULE, document) for document in documents), *lists, *items]

    def ready(self, plan: Plan) -> Mapping[Key, str]:
        """Kibana is up, can run rules and takes this credential; what this version does not take is named."""
        status = self._status()
        level = str(((status.get("status") or {}).get("overall") or {}).get("level", "unknown"))
        if level in ("critical", "unavailable"):
            raise Unreachable(f"Kibana says that it is {level}; nothing was written")
        privileges = self._api.privileges()
        if privileges["is_authenticated"] is not True:
            raise Denied("Kibana does not take the credential as a user; nothing was written")
        if privileges.get("has_encryption_key") is False:
            why = "it has no encryption key (xpack.encryptedSavedObjects.encryptionKey)"
            raise Refused(f"Kibana cannot run rules: {why}; nothing was written")
        return _too_many_groups(plan, str((status.get("version") or {}).get("number", "")))

    def cost(self, plan: Plan) -> Ahead:
        return costs.cost(plan, self._api.host)

    def apply(self, change: Change) -> None:
        base.carry_out(change, lambda found: self._write(change, found), lambda: self._find(change.key))

    def health(self, rules: Sequence[Asked]) -> Mapping[Key, Health]:
        """By each rule's last execution, by its alerting rule (whose rights it has), and by Elasticsearch if it may be
        asked: per rule one request to Kibana and two to Elasticsearch.
        """
        if not rules:
            return {}
        rights, now = Rights(self._api), self._api.now
        return {
            live.key: Health((*executions.levels(live, now), self._arrivals.of(wanted)), rights.of(live))
            for wanted, live in rules
        }

    def edits(self, keys: Collection[Key], since: datetime | None = None) -> History:
        """Kibana says who on the object itself, and keeps no records that are open to an API key."""
        return History({})

    def preview(self, desired: DesiredState, key: Key, since: datetime, until: datetime) -> Preview:
        return self._previewer.preview(desired, key, since, until)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _decoded(self, kind: Kind, document: Document) -> Resource | Unmanaged:
        """The object in a document; somebody else's that cannot be read is named all the same."""

        def foreign() -> Unmanaged | None:
            key = Key(kind, str(document.get(_IDS[kind])))
            if key in self._desired.resources or str(key) in str(document.get("tags")):
                return None
            return Unmanaged(kind, key.id, str(document.get("name")), "it could not be read")

        return base.decoded(document, lambda: self._decode(kind, document), foreign)

    def _lists_of_ours(self, lists: Iterable[Resource | Unmanaged]) -> frozenset[str]:
        """Ids of the lists that are ours or wanted: of a rule, only these are managed, others are carried over."""
        live = {one.key.id for one in lists if isinstance(one, Resource) and self._desired.concerns(one)}
        return frozenset(live | {key.id for key in self._desired.resources if key.kind is Kind.LIST})

    def _named(self, kind: Kind, document: Document) -> Resource | Unmanaged:
        id = str(document.get(_IDS[kind]))
        return base.named(lambda: self._decode(kind, document), Unmanaged(kind, id, str(document.get("name"))))

    def _decode(self, kind: Kind, document: Document) -> Resource:
        match kind:
            case Kind.RULE:
                return codec.decode_rule(document, self._desired, self._ours)
            case Kind.LIST:
                return codec.decode_list(document, self._desired)
            case Kind.ITEM:
                return codec.decode_item(document, self._desired)
            case Kind.DATA_VIEW:
                return codec.decode_data_view(document, self._desired)
            case Kind.VALUE_LIST:
                raise ValueError("a value list is read with what is in it")
            case Kind.WATCHLIST:
                raise LookupError(f"Kibana has no {kind}")

    def _data_views(self, rules: Iterable[Resource | Unmanaged]) -> list[Resource]:
        """The data views that are wanted, and those that rules of ours still point to."""
        wanted = {key.id for key in self._desired.resources if key.kind is Kind.DATA_VIEW}
        used = {
            need.id
            for rule in rules
            if isinstance(rule, Resource) and self._desired.owns(rule)
            for need in rule.needs
            if need.kind is Kind.DATA_VIEW
        }
        found = [self._api.data_view(view_id) for view_id in sorted(wanted | used)]
        return [self._decode(Kind.DATA_VIEW, document) for document in found if document is not None]

    def _find(self, key: Key) -> Resource | None:
        if key.kind is Kind.VALUE_LIST:
            return self._values.find(key, self._desired)
        look: Mapping[Kind, Callable[[str], Document | None]] = {
            Kind.RULE: self._api.rule,
            Kind.LIST: self._api.list,
            Kind.ITEM: self._api.item,
            Kind.DATA_VIEW: self._api.data_view,
        }
        document = look[key.kind](key.id)
        return self._decode(key.kind, document) if document is not None else None

    def _kept(
        self, rules: Iterable[tuple[Document, Resource | Unmanaged]], items: Iterable[Resource | Unmanaged]
    ) -> dict[Key, str]:
        """Lists and data views that others rely on: deleting them would lose or widen what is not ours."""
        kept: dict[Key, str] = {}
        for item in items:
            if isinstance(item, Resource) and not self._desired.concerns(item):
                guard, *used = item.needs
                kept[guard] = f"it holds the item {item.name!r}, added by hand"
                kept |= dict.fromkeys(used, f"the item {item.name!r}, added by hand to {guard}, refers to it")
        for document, found in rules:
            if isinstance(found, Unmanaged) or not self._desired.concerns(found):
                kept |= dict.fromkeys(codec.uses(document), _used_by(document))
        return kept

    # -- writing ------------------------------------------------------------------------------------------------------

    def _write(self, change: Change, found: Resource | None) -> None:
        if isinstance(change, Delete):
            self._delete(change.key)
        elif isinstance(change, Create):
            self._put(change.desired, change.mark, None)
        else:
            # What is in it is as it was planned for; its version and ids may be those of a write of ours meanwhile.
            live = replace(change.live, version=found.version, observed=found.observed) if found else change.live
            self._put(change.desired, change.mark, live)

    def _put(self, wanted: Resource, mark: Mark | None, live: Resource | None) -> None:
        match wanted.key.kind:
            case Kind.RULE:
                ids = {list_id: self._list_id(list_id) for list_id in wanted.body.get("exceptions_list", ())}
                if live is None:
                    wanted = replace(wanted, carried=self._attached(wanted.carried))
                body = codec.rule_document(wanted, mark, ids, live)
                self._api.replace_rule(body) if live else self._api.create_rule(body)
            case Kind.LIST:
                body = codec.list_document(wanted, mark, live)
                self._api.replace_list(body) if live else self._api.create_list(body)
            case Kind.ITEM:
                body = codec.item_document(wanted, mark, live)
                self._api.replace_item(body) if live else self._api.create_item(body)
            case Kind.VALUE_LIST:
                self._values.put(wanted, mark, live)
            case Kind.DATA_VIEW:
                body = codec.data_view_document(wanted, mark, live)
                if live:
                    self._api.update_data_view(wanted.key.id, body)
                else:
                    self._api.create_data_view({**body, "id": wanted.key.id})
            case Kind.WATCHLIST:
                raise LookupError(f"Kibana has no {wanted.key}")

    def _list_id(self, list_id: str, namespace: str = "single") -> str:
        """The space's own id of a list, asked for now: a rule is never written with a list that is gone."""
        document = self._api.list(list_id, namespace)
        if document is None:
            raise Conflict(f"the exception list {list_id} is gone; plan again")
        return str(document["id"])

    def _attached(self, carried: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a rule that is made again carries, its foreign lists with the ids that they have now."""
        lists = [
            {**one, "id": self._list_id(str(one["list_id"]), str(one.get("namespace_type", "single")))}
            for one in carried.get("exceptions_list", ())
        ]
        return {**carried, "exceptions_list": lists} if lists else carried

    def _delete(self, key: Key) -> None:
        match key.kind:
            case Kind.RULE:
                self._api.delete_rule(key.id)
            case Kind.ITEM:
                self._require_list_unused(key)
                self._api.delete_item(key.id)
            case Kind.LIST:
                self._require_no_users(key)
                self._api.delete_list(key.id)
            case Kind.VALUE_LIST:
                self._values.delete(key)
            case Kind.DATA_VIEW:
                # Our own rule that uses it goes next; switched off, it cannot fail for want of its data view.
                users = self._users(key)
                for user in users:
                    if user in self._desired.resources:
                        raise Conflict(f"{key} is not deleted: {user} uses it by now; plan again")
                for user in users:
                    self._api.disable_rule(user.id)
                self._api.delete_data_view(key.id)
            case Kind.WATCHLIST:
                raise LookupError(f"Kibana has no {key}")

    def _require_list_unused(self, item: Key) -> None:
        """An item of a list that is to go altogether goes only when nobody uses the list any more."""
        document = self._api.item(item.id)
        guard = Key(Kind.LIST, str(document["list_id"])) if document else None
        if guard and guard not in self._desired.resources and guard not in self._unused:
            self._require_no_users(guard)
            self._unused.add(guard)

    def _require_no_users(self, key: Key) -> None:
        if users := self._users(key):
            raise Conflict(f"{key} is not deleted: {users[0]} still uses it")

    def _users(self, key: Key) -> list[Key]:
        """Our rules that use a list or data view; raise if anybody else does by now, prebuilt rules included."""
        ours: list[Key] = []
        for document in self._api.every_rule():
            if key in codec.uses(document):
                found = self._decoded(Kind.RULE, document)
                if isinstance(found, Unmanaged) or not self._desired.owns(found):
                    raise Conflict(f"{key} is not deleted: {_used_by(document)}")
                ours.append(found.key)
        for document in self._api.items([key.id]) if key.kind is Kind.LIST else ():
            item = self._decoded(Kind.ITEM, document)
            if isinstance(item, Unmanaged) or not self._desired.owns(item):
                raise Conflict(f"{key} is not deleted: it holds the item {document.get('name')!r}, added by hand")
        return ours


_LISTS_AT_ONCE = 50
"""Lists whose items are asked for in one request: their ids stand in its address, which servers limit to some KB."""
_IDS = {Kind.RULE: "rule_id", Kind.LIST: "list_id", Kind.ITEM: "item_id", Kind.DATA_VIEW: "id"}


def _used_by(document: Document) -> str:
    return f"the rule {document.get('name')!r}, which is not ours, uses it"


def _unmanaged(found: Resource) -> Unmanaged:
    note = ""
    if found.key.kind is Kind.ITEM:
        by = f" by {found.edited_by}" if found.edited_by else ""
        at = f" at {found.edited_at:%Y-%m-%d %H:%M}" if found.edited_at else ""
        note = f"added by hand to {found.needs[0]}, last edited{by}{at}"
    return unmanaged(found, note)


def _too_many_groups(plan: Plan, version: str) -> dict[Key, str]:
    """A threshold rule groups by up to 5 fields since 9.2, by up to 3 before (kibana pull request 227465)."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    limit = 3 if numbers and numbers < (9, 2) else 5
    found: dict[Key, str] = {}
    for change in plan.changes:
        if not isinstance(change, Delete) and change.key.kind is Kind.RULE:
            groups = len((change.desired.body.get("threshold") or {}).get("field", ()))
            if groups > limit:
                found[change.key] = f"it groups by {groups} fields, Kibana {version} takes {limit}"
    return found
