"""One Sentinel workspace: read its analytics rules whole, write one at a time."""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from deployer.drift import History
from deployer.outcome import Answer
from deployer.outcome import Health
from deployer.outcome import Level
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.providers import base
from deployer.providers.base import Asked
from deployer.providers.sentinel import codec
from deployer.providers.sentinel.api import Document
from deployer.providers.sentinel.api import SentinelApi
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import Kind
from deployer.state import LiveState
from deployer.state import Resource
from deployer.state import Unmanaged
from deployer.state import unmanaged

if TYPE_CHECKING:
    from deployer.providers.sentinel.logs import WorkspaceLogs


class SentinelProvider:
    """Implements `Provider` for a workspace."""

    def __init__(self, api: SentinelApi, logs: Callable[[], "WorkspaceLogs"]) -> None:
        """`logs` gives what asks the workspace's logs, or raises `ProviderError`; it is called when that is needed."""
        self._api = api
        self._open_logs = logs
        self._logs: WorkspaceLogs | None = None
        self._desired = DesiredState("", "", {})

    def close(self) -> None:
        self._api.close()
        if self._logs is not None:
            self._logs.close()

    def read(self, desired: DesiredState) -> LiveState:
        """Every analytics rule, one request a page."""
        self._desired = desired
        found = [self._decoded(document) for document in self._api.rules()]
        ours = {one.key: one for one in found if isinstance(one, Resource) and desired.concerns(one)}
        others = [one for one in found if isinstance(one, Unmanaged) or one.key not in ours]
        return LiveState(
            ours,
            tuple(one if isinstance(one, Unmanaged) else unmanaged(one) for one in others),
        )

    def everything(self, desired: DesiredState) -> Sequence[Resource | Unmanaged]:
        """Every analytics rule, of whatever kind."""
        self._desired = desired
        return [self._named(document) for document in self._api.rules()]

    def ready(self, plan: Plan) -> Mapping[Key, str]:
        """ARM has nothing to ask beforehand: it answers each write by itself."""
        return {}

    def apply(self, change: Change) -> None:
        base.carry_out(change, lambda: self._write(change), lambda: self._find(change.key), upserts=True)

    def edits(self, keys: Collection[Key], since: datetime | None) -> History:
        """The workspace is not asked yet."""
        return History()

    def health(self, rules: Sequence[Asked]) -> Mapping[Key, Health]:
        """ARM's alert rule does not tell whether it ran; only the workspace's health table does."""
        ran = "ARM does not tell when a rule ran; the workspace's SentinelHealth table does and is not asked yet"
        data = "the workspace's tables are not asked yet"
        return {
            live.key: Health(
                (
                    Level(live.key, "ran", Answer.UNKNOWN, ran),
                    Level(live.key, "healthy", Answer.UNKNOWN, ran),
                    Level(live.key, "data", Answer.UNKNOWN, data),
                )
            )
            for _, live in rules
        }

    def _decoded(self, document: Document) -> Resource | Unmanaged:
        """The rule in a document; somebody else's that cannot be read is named all the same."""
        foreign = None
        if not codec.may_be_ours(document, self._desired):
            foreign = Unmanaged(Kind.RULE, str(document["name"]), str(document["name"]), "it could not be read")
        return base.decoded(document, lambda: codec.decode(document, self._desired), foreign)

    def _named(self, document: Document) -> Resource | Unmanaged:
        name = str(document["name"])
        return base.named(lambda: codec.decode(document, self._desired), Unmanaged(Kind.RULE, name, name))

    def _find(self, key: Key) -> Resource | None:
        document = self._api.rule(codec.rule_uuid(key.id))
        return codec.decode(document, self._desired) if document else None

    def _write(self, change: Change) -> None:
        uuid = codec.rule_uuid(change.key.id)
        if isinstance(change, Delete):
            self._api.delete_rule(uuid)
        else:
            live = None if isinstance(change, Create) else change.live
            self._api.put_rule(uuid, codec.document(change.desired, change.mark, live))
