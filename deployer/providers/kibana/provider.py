"""One Kibana space: read it whole, write one object at a time."""

from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import assert_never

from deployer.errors import Denied
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.providers import base
from deployer.providers.kibana import codec
from deployer.providers.kibana.api import Document
from deployer.providers.kibana.api import KibanaApi
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Mark
from deployer.state import Resource
from deployer.state import Unmanaged


class KibanaProvider:
    """Implements `Provider` for a space. `read` comes before `apply`: it learns which lists are ours."""

    def __init__(self, api: KibanaApi, *, status: Callable[[], Document] | None = None, emulated: bool = False) -> None:
        self._api = api
        self._status = status or api.status
        self._emulated = emulated
        self._desired = DesiredState("", "", {})
        self._list_ids: dict[str, str] = {}
        self._ours: frozenset[str] = frozenset()

    def close(self) -> None:
        self._api.close()

    def read(self, desired: DesiredState) -> LiveState:
        """Rules, lists, items, data views: 3 requests, one per page beyond the first, one per data view."""
        self._desired = desired
        documents = list(self._api.rules())
        lists = [codec.decode_list(document, desired) for document in self._api.lists()]
        managed = {found.key.id: found for found in lists if _concerns(found, desired)}
        self._list_ids = {list_id: str(found.observed["id"]) for list_id, found in managed.items()}
        self._ours = frozenset(managed) | {key.id for key in desired.resources if key.kind is Kind.LIST}
        items = [codec.decode_item(document, desired) for document in self._api.items(sorted(managed))]
        rules = [codec.decode_rule(document, desired, self._ours) for document in documents]
        found = [*self._data_views(rules), *lists, *items, *rules]
        kept = _kept(rules, items, desired)
        return LiveState(
            resources={
                one.key: replace(one, keep=kept[one.key]) if one.key in kept else one
                for one in found
                if _concerns(one, desired)
            },
            unmanaged=tuple(
                Unmanaged(one.key.kind, one.key.id, one.name) for one in found if not _concerns(one, desired)
            ),
            emulated=self._emulated,
        )

    def ready(self, plan: Plan) -> None:
        """Kibana is up, can run rules, takes this credential, and takes as many group-by fields as the rules have."""
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
        _require_groups(plan, str((status.get("version") or {}).get("number", "")))

    def apply(self, change: Change) -> None:
        base.carry_out(change, lambda: self._write(change), lambda: self._find(change.key))

    def health(self, live: Resource) -> Level:
        """By the rule's last execution. A PUT keeps the execution of before, so only a newer one counts."""
        key = live.key
        if live.body.get("enabled") is not True:
            return Level(key, "ran", Answer.UNKNOWN, "the rule is disabled")
        summary = live.observed.get("execution_summary")
        last = summary.get("last_execution") if isinstance(summary, Mapping) else None
        if not isinstance(last, Mapping):
            return Level(key, "ran", Answer.UNKNOWN, "it has not run yet")
        status, date = str(last.get("status")), str(last.get("date"))
        if live.edited_at is None or datetime.fromisoformat(date) <= live.edited_at or status == "running":
            return Level(key, "ran", Answer.UNKNOWN, f"it has not run since it was written; it ran at {date}")
        message = f"{status} at {date}: {last.get('message')}"
        answers = {"succeeded": Answer.PASS, "failed": Answer.FAIL, "partial failure": Answer.FAIL}
        return Level(key, "ran", answers.get(status, Answer.UNKNOWN), message)

    def _data_views(self, rules: Iterable[Resource]) -> list[Resource]:
        """The data views that are wanted, and those that rules of ours still point to."""
        wanted = {key.id for key in self._desired.resources if key.kind is Kind.DATA_VIEW}
        used = {
            str(rule.body["data_view_id"])
            for rule in rules
            if "data_view_id" in rule.body and rule.owned_by(self._desired.owner, self._desired.environment)
        }
        found = [self._api.data_view(view_id) for view_id in sorted(wanted | used)]
        return [codec.decode_data_view(document, self._desired) for document in found if document is not None]

    def _find(self, key: Key) -> Resource | None:
        match key.kind:
            case Kind.RULE:
                document = self._api.rule(key.id)
                return codec.decode_rule(document, self._desired, self._ours) if document else None
            case Kind.LIST:
                document = self._api.list(key.id)
                return codec.decode_list(document, self._desired) if document else None
            case Kind.ITEM:
                document = self._api.item(key.id)
                return codec.decode_item(document, self._desired) if document else None
            case Kind.DATA_VIEW:
                document = self._api.data_view(key.id)
                return codec.decode_data_view(document, self._desired) if document else None
        assert_never(key.kind)

    def _write(self, change: Change) -> None:
        if isinstance(change, Delete):
            self._delete(change.key)
        elif isinstance(change, Create):
            self._put(change.desired, change.mark, None)
        else:
            self._put(change.desired, change.mark, change.live)

    def _put(self, wanted: Resource, mark: Mark, live: Resource | None) -> None:
        match wanted.key.kind:
            case Kind.RULE:
                body = codec.rule_document(wanted, mark, self._list_ids, live)
                self._api.replace_rule(body) if live else self._api.create_rule(body)
            case Kind.LIST:
                body = codec.list_document(wanted, mark)
                stored = self._api.replace_list(body) if live else self._api.create_list(body)
                self._list_ids[wanted.key.id] = str(stored["id"])
            case Kind.ITEM:
                body = codec.item_document(wanted, mark, live)
                self._api.replace_item(body) if live else self._api.create_item(body)
            case Kind.DATA_VIEW:
                body = codec.data_view_document(wanted, mark)
                if live:
                    self._api.update_data_view(wanted.key.id, body)
                else:
                    self._api.create_data_view({**body, "id": wanted.key.id})

    def _delete(self, key: Key) -> None:
        deletes = {
            Kind.RULE: self._api.delete_rule,
            Kind.LIST: self._api.delete_list,
            Kind.ITEM: self._api.delete_item,
            Kind.DATA_VIEW: self._api.delete_data_view,
        }
        deletes[key.kind](key.id)


def _require_groups(plan: Plan, version: str) -> None:
    """A threshold rule groups by up to 5 fields since 9.2, by up to 3 before (kibana pull request 227465)."""
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    limit = 3 if numbers and numbers < (9, 2) else 5
    for change in plan.changes:
        if isinstance(change, Delete) or change.key.kind is not Kind.RULE:
            continue
        groups = len((change.desired.body.get("threshold") or {}).get("field", ()))
        if groups > limit:
            why = f"{change.key} groups by {groups} fields, Kibana {version} takes {limit}"
            raise Refused(f"{why}; nothing was written")


def _concerns(resource: Resource, desired: DesiredState) -> bool:
    """Whether the object stands where one of ours belongs, or is ours."""
    return resource.key in desired.resources or resource.owned_by(desired.owner, desired.environment)


def _kept(rules: Iterable[Resource], items: Iterable[Resource], desired: DesiredState) -> dict[Key, str]:
    """Lists and data views that others rely on: deleting them would lose or widen what is not ours."""
    kept: dict[Key, str] = {}
    for item in items:
        if not _concerns(item, desired):
            kept[Key(Kind.LIST, str(item.body["list_id"]))] = f"it holds the item {item.name!r}, added by hand"
    for rule in rules:
        if not _concerns(rule, desired):
            used = rule.body.get("exceptions_list")
            for list_id in used if isinstance(used, list) else ():
                kept[Key(Kind.LIST, str(list_id))] = f"the rule {rule.name!r}, which is not ours, uses it"
            if "data_view_id" in rule.body:
                view = Key(Kind.DATA_VIEW, str(rule.body["data_view_id"]))
                kept[view] = f"the rule {rule.name!r}, which is not ours, uses it"
    return kept
