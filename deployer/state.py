"""Desired and live state in the platform's own form, and the mark that says which objects are ours.

A body is the provider's canonical document: every managed field, nothing else. Two bodies are compared as JSON.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any
from typing import Literal

from deployer.findings import Location
from deployer.model import Acceptance
from deployer.model import Json
from deployer.model import NotApplicable

FORMAT = 1
"""Version of the mark. It changes whenever the canonical form does, because a digest would no longer compare."""


class Kind(StrEnum):
    """What an object is. The order of definition is the order of writes."""

    DATA_VIEW = "data_view"
    VALUE_LIST = "value_list"
    LIST = "list"
    ITEM = "item"
    WATCHLIST = "watchlist"
    RULE = "rule"


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """The identity of an object within its target."""

    kind: Kind
    id: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.id}"

    def __hash__(self) -> int:
        # Hundreds of thousands are looked up in a run, and the hash of a member of an enum takes as long as the rest.
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class Mark:
    """Who wrote an object, as which object, with what body."""

    owner: str
    environment: str
    key: Key
    digest: str

    def __str__(self) -> str:
        return f"deployer:{FORMAT}:{self.owner}:{self.environment}:{self.key}:{self.digest}"


@dataclass(frozen=True, slots=True)
class UnknownMark:
    """A mark of a format version that this program does not know: nothing may be concluded from it."""

    text: str

    def __str__(self) -> str:
        return self.text


_NAME = r"[A-Za-z0-9._-]+"
MARK_PATTERN = re.compile(
    rf"deployer:(\d{{1,9}}):(?:({_NAME}):({_NAME}):([a-z_]+)/({_NAME}):([0-9a-f]{{16}})(?![\w:])|\S*)"
)


def whole_mark(text: str) -> Mark | UnknownMark | None:
    """The mark that `text` is, if it is nothing else: a tag that merely mentions a mark is somebody's tag."""
    match = MARK_PATTERN.fullmatch(text.strip())
    return _mark(match) if match else None


def find_marks(text: str) -> tuple[Mark | UnknownMark, ...]:
    """Every mark in `text`, in order."""
    return tuple(_mark(match) for match in MARK_PATTERN.finditer(text))


def choose_mark(
    marks: Iterable[Mark | UnknownMark], owner: str, environment: str, key: Key
) -> Mark | UnknownMark | None:
    """The mark that speaks for the object at `key`: ours if there is one, else the first that is there."""
    found = tuple(marks)
    for mark in found:
        if isinstance(mark, Mark) and (mark.owner, mark.environment, mark.key) == (owner, environment, key):
            return mark
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Reads:
    """What a desired rule reads, for `verify` to ask whether it arrives. Pure: taken from Git, asked of nobody."""

    sources: tuple[str, ...]
    """Index patterns (Kibana) or tables (Sentinel)."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """Fields or columns that the query needs, each with its type in the platform's words; "" if Git does not say."""
    computed: tuple[str, ...] = ()
    """Fields that the target computes itself, such as a data view's runtime fields: nothing has to bring them."""
    look_back: str = ""
    """How far back a run looks, as the platform writes it: `now-24h`, `P1D`."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One object, desired or live."""

    key: Key
    body: Mapping[str, Any]
    name: str = ""
    version: str | None = None
    """What the platform calls this state of the object (revision, `_version`, etag); live only."""
    mark: Mark | UnknownMark | None = None
    edited_by: str | None = None
    edited_at: datetime | None = None
    carried: Mapping[str, Any] = field(default_factory=dict)
    """Live values that Git does not manage; every update sends them back."""
    observed: Mapping[str, Any] = field(default_factory=dict)
    """What the platform says of the object and nobody can set, e.g. its last execution."""
    source: Location | None = None
    """Where a desired object was written."""
    written: Location | None = None
    """Where the value of it stands in a shared list, which `source` then includes."""
    git_id: str = ""
    """Of a rule: its id in Git, which differs from `key.id` after a rename."""
    needs: tuple[Key, ...] = ()
    """Objects that this one stands on: they must be in place before it is written."""
    keep: str | None = None
    """Why a live object must not be deleted although it is ours, e.g. because somebody else's rule uses it."""
    halted: str | None = None
    """What the platform says of a rule that it switched off by itself; written again only when asked for."""
    reads: Reads | None = None
    """Of a desired rule: what it reads."""

    @property
    def digest(self) -> str:
        """Digest of the body; the mark is no part of it."""
        return digest(self.body)

    def owned_by(self, owner: str, environment: str) -> bool:
        """Whether its mark names this very object as `owner`'s in `environment`. A copy never does."""
        mark = self.mark
        return isinstance(mark, Mark) and (mark.owner, mark.environment, mark.key) == (owner, environment, self.key)

    @property
    def as_marked(self) -> bool:
        """Whether it is as whoever wrote its mark left it."""
        return isinstance(self.mark, Mark) and self.mark.digest == self.digest

    @property
    def known_as(self) -> str:
        """What `--rule` and messages call a rule."""
        return self.git_id or self.key.id


@dataclass(frozen=True, slots=True)
class Edit:
    """What a platform's own records say was last done to an object: who, when, by whose word."""

    by: str | None
    at: datetime | None
    action: Literal["write", "delete"]
    source: str
    """The record, e.g. SentinelAudit."""


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """A live object that this repository does not own. It is counted, named and left alone."""

    kind: Kind
    id: str
    name: str
    note: str = ""
    """Why it is worth a line of its own, e.g. because it was added by hand to a list of ours."""


def unmanaged(found: Resource, note: str = "") -> Unmanaged:
    """A live object that is not ours, with what its mark says of it."""
    return Unmanaged(found.key.kind, found.key.id, found.name, whose(found) if found.mark else note)


def whose(found: Resource) -> str:
    """What the mark of an object that is not ours says."""
    match found.mark:
        case Mark(owner=owner, environment=environment, key=key):
            return f"marked as {key} of owner {owner}, environment {environment}"
        case mark:
            return f"its mark is of a format that this version does not know ({mark})"


@dataclass(frozen=True, slots=True)
class DesiredState:
    """What Git wants in one target."""

    owner: str
    environment: str
    resources: Mapping[Key, Resource]
    not_applicable: tuple[NotApplicable, ...] = ()
    accepted: tuple[Acceptance, ...] = ()
    """Drift that is accepted here."""
    grace_days: int = 0
    """How long a rule that is no longer in Git stays, disabled, before it is deleted."""
    keyed: bool = False
    """Whether the platform runs a rule with the API key of whoever wrote it last (Kibana)."""
    notes: tuple[tuple[Key, str], ...] = ()
    """What is to be known of how an object is made, e.g. that a list was too long for the place it belongs in."""

    def mark(self, resource: Resource) -> Mark:
        """The mark that `resource` carries once it is written."""
        return Mark(self.owner, self.environment, resource.key, resource.digest)

    def git_id(self, key: Key) -> str:
        """What Git calls the rule of a live object, wanted or not applicable here; empty if Git does not know it."""
        if key in self.resources:
            return self.resources[key].git_id
        return next((item.rule for item in self.not_applicable if item.live_id == key.id), "")

    def owns(self, found: Resource) -> bool:
        """Whether a live object's mark names it as ours, as this very object."""
        return found.owned_by(self.owner, self.environment)

    def concerns(self, found: Resource) -> bool:
        """Whether a live object stands where one of ours belongs, or is ours."""
        return found.key in self.resources or self.owns(found)


@dataclass(frozen=True, slots=True)
class LiveState:
    """What a target holds, whole: a provider that could not read all of it raises instead."""

    resources: Mapping[Key, Resource]
    """Every object that is ours or stands where one of ours belongs."""
    unmanaged: tuple[Unmanaged, ...] = ()


def digest(body: Json) -> str:
    """16 hexadecimal digits that change when, and only when, the body changes as JSON."""
    return hashlib.sha256(as_json(body).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def as_json(value: Json) -> str:
    """One text per JSON value: keys sorted, `1`, `1.0` and `true` all different."""
    return _JSON.encode(value)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, tuple | list):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_KINDS = {kind.value: kind for kind in Kind}
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_plain)


def _mark(match: re.Match[str]) -> Mark | UnknownMark:
    version, owner, environment, kind, id, mark_digest = match.groups()
    if int(version) != FORMAT or mark_digest is None or kind not in _KINDS:
        return UnknownMark(match.group())
    return Mark(owner, environment, Key(_KINDS[kind], id), mark_digest)
