"""One Sentinel workspace: read its analytics rules whole, write one at a time."""

from deployer.outcome import Answer
from deployer.outcome import Level
from deployer.plan import Change
from deployer.plan import Create
from deployer.plan import Delete
from deployer.plan import Plan
from deployer.providers import base
from deployer.providers.sentinel import codec
from deployer.providers.sentinel.api import SentinelApi
from deployer.state import DesiredState
from deployer.state import Key
from deployer.state import LiveState
from deployer.state import Resource
from deployer.state import Unmanaged


class SentinelProvider:
    """Implements `Provider` for a workspace."""

    def __init__(self, api: SentinelApi, *, emulated: bool = False) -> None:
        self._api = api
        self._emulated = emulated
        self._desired = DesiredState("", "", {})

    def close(self) -> None:
        self._api.close()

    def read(self, desired: DesiredState) -> LiveState:
        """Every analytics rule, one request a page."""
        self._desired = desired
        found = [codec.decode(document, desired) for document in self._api.rules()]
        concerned = {one.key: one for one in found if _concerns(one, desired)}
        others = tuple(Unmanaged(one.key.kind, one.key.id, one.name) for one in found if one.key not in concerned)
        return LiveState(concerned, others, emulated=self._emulated)

    def ready(self, plan: Plan) -> None:
        """ARM has nothing to ask beforehand: it answers each write by itself."""

    def apply(self, change: Change) -> None:
        base.carry_out(change, lambda: self._write(change), lambda: self._find(change.key))

    def health(self, live: Resource) -> Level:
        """ARM's alert rule does not tell whether it ran; only the workspace's health table does."""
        why = "ARM does not tell when a rule ran; the workspace's SentinelHealth table does and is not asked yet"
        return Level(live.key, "ran", Answer.UNKNOWN, why)

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


def _concerns(resource: Resource, desired: DesiredState) -> bool:
    return resource.key in desired.resources or resource.owned_by(desired.owner, desired.environment)
