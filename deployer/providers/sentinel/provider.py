"""One Sentinel workspace: read its analytics rules, and our watchlists, whole; write one at a time."""

import threading
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING
from typing import Any

from deployer.drift import History
from deployer.errors import Denied
from deployer.errors import Overloaded
from deployer.errors import ProviderError
from deployer.errors import Refused
from deployer.errors import Unreachable
from deployer.errors import Untrusted
from deployer.outcome import Answer
from deployer.outcome import Health
from deployer.outcome import Level
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.previews import Preview
from deployer.providers import base
from deployer.providers.base import Asked
from deployer.providers.sentinel import arrival
from deployer.providers.sentinel import codec
from deployer.providers.sentinel import costs
from deployer.providers.sentinel import edits
from deployer.providers.sentinel import previewing
from deployer.providers.sentinel import runs
from deployer.providers.sentinel import watchlist
from deployer.providers.sentinel.api import Document
from deployer.providers.sentinel.api import SentinelApi
from deployer.providers.sentinel.watchlists import Pause
from deployer.providers.sentinel.watchlists import Watchlists
from deployer.state import DesiredState
from deployer.state import Edit
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Resource
from deployer.state import Unmanaged
from deployer.state import unmanaged
from deployer.tally import Ahead

if TYPE_CHECKING:
    from deployer.providers.sentinel.logs import WorkspaceLogs


class SentinelProvider:
    """Implements `Provider` for a workspace."""

    writes_at_once = 4

    def __init__(self, api: SentinelApi, logs: Callable[[], "WorkspaceLogs"], pause: Pause) -> None:
        """`logs` gives what asks the workspace's logs, or raises `ProviderError`; it is called when that is needed.
        `pause` waits."""
        self._api = api
        self._open_logs = logs
        self._logs: WorkspaceLogs | None = None
        self._unasked: ProviderError | None = None
        self._desired = DesiredState("", "", {})
        self._names: Mapping[str, str] = {}
        self._memory = previewing.Memory()
        self._seeing = threading.Lock()
        self._lists = Watchlists(api, self._ask, lambda error: _way_out(error)[0], pause)

    def preview(self, desired: DesiredState, key: Key, since: datetime, until: datetime) -> Preview:
        """By the workspace's logs, one query for each run; what was asked once is not asked again by this provider."""
        rule = desired.resources.get(key)
        if rule is None or key.kind is not Kind.RULE:
            raise Refused(f"{key} is no rule that the workspace is to hold")
        try:
            logs = self._asking()
            query = watchlist.inlined(str(rule.body["query"]), desired)
            rule = replace(rule, body={**rule.body, "query": query})
            return previewing.preview(rule, since, until, logs.rows, self._memory)
        except Refused as error:
            if _is_missing(error):
                way_out = "connect its source, or take it out of the tenant's `tables`"
                raise Refused(f"the workspace has no such table or function: {way_out}: {error}") from None
            raise
        except Untrusted as error:
            raise Untrusted(f"{error}: {_way_out(error)[0]}") from None

    def close(self) -> None:
        """The connections are the run's."""

    def read(self, desired: DesiredState) -> LiveState:
        """Every analytics rule, one request a page; and our watchlists, where there may be any.

        There may be where Git wants one, or where a rule of ours reads one or has read one. A workspace without is
        asked nothing more.
        """
        self._know(desired)
        documents = list(self._api.rules())
        found = [self._decoded(document) for document in documents]
        ours = {one.key: one for one in found if isinstance(one, Resource) and desired.concerns(one)}
        others = [one for one in found if isinstance(one, Unmanaged) or one.key not in ours]
        if any(key.kind is Kind.WATCHLIST for key in desired.resources) or any(map(codec.reads_lists, ours.values())):
            strange = {id(one) for one in others}
            rules = [document for document, one in zip(documents, found, strict=True) if id(one) in strange]
            ours |= {one.key: one for one in self._lists.read(desired, rules)}
        return LiveState(
            ours,
            tuple(one if isinstance(one, Unmanaged) else unmanaged(one) for one in others),
        )

    def everything(self, desired: DesiredState) -> Sequence[Resource | Unmanaged]:
        """Every analytics rule, of whatever kind."""
        self._know(desired)
        return [self._named(document) for document in self._api.rules()]

    def ready(self, plan: Plan) -> Mapping[Key, str]:
        """ARM has nothing to ask beforehand: it answers each write by itself."""
        return {}

    def cost(self, plan: Plan) -> Ahead:
        return costs.cost(plan)

    def apply(self, change: Change) -> None:
        """One change. A rule that runs is written only once log queries see the watchlists that it reads."""
        if change.key.kind is Kind.WATCHLIST:
            self._lists.apply(change, self._desired)
            return
        if not isinstance(change, Delete) and change.desired.body.get("enabled") is not False:
            with self._seeing:
                self._lists.require_seen(change.desired.needs)
        base.carry_out(change, lambda _: self._write(change), lambda: self._find(change.key), upserts=True)

    def health(self, rules: Sequence[Asked]) -> Mapping[Key, Health]:
        """By the workspace's logs: one query for the runs of all rules, and one for each table that they read."""
        if not rules:
            return {}
        runs, data = self._runs(rules), self._data(rules)
        return {live.key: Health((*runs[live.key], data[live.key])) for _, live in rules}

    def edits(self, keys: Collection[Key], since: datetime | None = None) -> History:
        """By Sentinel's own audit, and for what that does not have by the subscription's activity log."""
        wanted = [key for key in keys if key.kind is Kind.RULE]
        found: dict[Key, Edit] = {}
        audited = True
        try:
            if wanted:
                found |= edits.of_audit(self._ask(edits.audit_query(since)), wanted)
        except ProviderError as error:
            if not _is_missing(error):
                return History({}, f"who changed it could not be asked: {error}")
            audited = False
        if not (left := [key for key in wanted if key not in found]):
            return History(found)
        try:
            rows = self._ask(edits.activity_query(since))
        except ProviderError as error:
            if not _is_missing(error):
                return History(found, f"who changed it could not be asked: {error}")
        else:
            found |= edits.of_activity(rows, left, self._asking().resource)
        unrecorded = not audited and any(key not in found for key in left)
        return History(found, f"the workspace keeps no record of it: {edits.SETTING}" if unrecorded else "")

    def _runs(self, rules: Sequence[Asked]) -> Mapping[Key, tuple[Level, Level]]:
        """ran and healthy of each rule."""
        try:
            last = runs.by_rule(self._ask(runs.QUERY))
        except ProviderError as error:
            why, setting, awaited = str(error), *_way_out(error)
            if _is_missing(error):
                why, setting = "the workspace has no table SentinelHealth, where runs are recorded", runs.SETTING
                # The table comes with its first record.
                awaited = True
            return {live.key: runs.both(live.key, why, setting, awaited=awaited) for _, live in rules}
        return {live.key: runs.levels(live, last.get(codec.rule_uuid(live.key.id))) for _, live in rules}

    def _data(self, rules: Sequence[Asked]) -> Mapping[Key, Level]:
        """data of each rule."""
        levels: dict[Key, Level] = {}
        questions: dict[Key, arrival.Question] = {}
        for wanted, live in rules:
            try:
                questions[live.key] = arrival.question(wanted)
            except arrival.Untold as error:
                levels[live.key] = Level(live.key, "data", Answer.UNKNOWN, str(error))
        asked = list(questions.values())
        tables = sorted({table for one in asked for table in one.tables})
        told = {table: self._told(table, asked) for table in tables}
        return levels | {key: arrival.judge(key, one, told) for key, one in questions.items()}

    def _told(self, table: str, asked: Sequence[arrival.Question]) -> arrival.Told:
        try:
            return arrival.found(table, asked, self._ask(arrival.query(table, asked)))
        except ProviderError as error:
            return arrival.Missing() if _is_missing(error) else arrival.Untellable(str(error), *_way_out(error))
        except (KeyError, TypeError, ValueError):
            return arrival.Untellable(f"what the workspace says of {table} is not what was asked")

    def _ask(self, query: str) -> list[dict[str, Any]]:
        """A query's rows. Logs that do not answer, or not us, are asked once and not for every table."""
        if self._unasked is not None:
            raise self._unasked
        try:
            return self._asking().rows(query)
        except (Denied, Unreachable, Untrusted) as error:
            self._unasked = error
            raise

    def _asking(self) -> "WorkspaceLogs":
        if self._logs is None:
            self._logs = self._open_logs()
        return self._logs

    def _decoded(self, document: Document) -> Resource | Unmanaged:
        """The rule in a document; somebody else's that cannot be read is named all the same."""

        def foreign() -> Unmanaged | None:
            if codec.may_be_ours(document, self._desired):
                return None
            return Unmanaged(Kind.RULE, str(document["name"]), str(document["name"]), "it could not be read")

        return base.decoded(document, lambda: self._decode(document), foreign)

    def _named(self, document: Document) -> Resource | Unmanaged:
        name = str(document["name"])
        return base.named(lambda: self._decode(document), Unmanaged(Kind.RULE, name, name))

    def _know(self, desired: DesiredState) -> None:
        self._desired, self._names = desired, codec.names(desired)

    def _find(self, key: Key) -> Resource | None:
        document = self._api.rule(codec.rule_uuid(key.id))
        return self._decode(document) if document else None

    def _decode(self, document: Document) -> Resource:
        return codec.decode(document, self._desired, self._names)

    def _write(self, change: Change) -> None:
        uuid = codec.rule_uuid(change.key.id)
        if isinstance(change, Delete):
            self._api.delete_rule(uuid)
        else:
            live = None if isinstance(change, Create) else change.live
            self._api.put_rule(uuid, codec.document(change.desired, change.mark, live))


def _is_missing(error: ProviderError) -> bool:
    """Whether the workspace has no such table."""
    from deployer.providers.sentinel.logs import NoTable

    return isinstance(error, NoTable)


def _way_out(error: ProviderError) -> tuple[str, bool]:
    """The setting that lets the logs be asked, and whether time alone may."""
    if isinstance(error, Untrusted):
        host = "the host of the log queries"
        return (
            f"name {host} in the credential's `hosts` and in `trusted_hosts`, or set the target's `logs_endpoint`",
            False,
        )
    if isinstance(error, Denied):
        return "give the credential the role Microsoft Sentinel Reader on the workspace", False
    return "", isinstance(error, Overloaded | Unreachable)
